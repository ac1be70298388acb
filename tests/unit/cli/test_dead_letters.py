"""How dead letters are shown to a person."""

from tradewind.cli.dlq import SHOWN, block
from tradewind.replication.dead_letters import DeadLetter

LONG = "UnportableError: " + "a very long reason " * 30 + "ends here. Rename the object at its source"


def test_the_reason_is_shown_in_full() -> None:
    """However long it is, the reason stands on one line that a search finds."""
    shown = block("aws-use1", DeadLetter("id-1", LONG, "body"))

    assert shown.splitlines() == [
        "site:       aws-use1",
        "id:         id-1",
        f"reason:     {LONG}",
        "message:    body",
    ]


def test_advice_that_errors_share_is_shown_once() -> None:
    """Two targets that fail alike are two reasons and one thing to do."""
    advice = "Remove or rename one; or set the rule's `conflict`"
    reason = f"ConflictError: k at b. It differs. {advice}; ConflictError: k at c. It is new. {advice}"

    shown = block("a", DeadLetter("1", reason, ""))

    assert shown.count(advice) == 1
    assert "reason:     ConflictError: k at b. It differs\n" in shown
    assert "reason:     ConflictError: k at c. It is new\n" in shown
    assert f"what to do: {advice}\n" in shown


def test_errors_that_share_no_advice_keep_theirs() -> None:
    """Each reason is then shown with its own advice."""
    shown = block("a", DeadLetter("1", "ConflictError: x. Do this; UnportableError: y. Do that", ""))

    assert "reason:     ConflictError: x. Do this\nreason:     UnportableError: y. Do that\n" in shown
    assert "what to do" not in shown


def test_a_long_message_is_shortened() -> None:
    """The message is there to be recognized, and the cut is visible."""
    shown = block("a", DeadLetter("1", "why", "x" * (SHOWN + 1)))

    assert shown.endswith(f"message:    {'x' * SHOWN}…")


def test_a_message_cannot_disturb_the_terminal() -> None:
    """Line breaks and escape sequences of a poison message are not passed on."""
    shown = block("a", DeadLetter("1", "why", "one\nsite: forged\x1b[2J"))

    assert shown.endswith("message:    one site: forged�[2J")
