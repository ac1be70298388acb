"""What the delete guards ask, and how a person answers."""

import json
from collections.abc import Iterator

import pytest
import typer

from rigs.memory_runtime import MemoryCommandLine, memory_command_line
from rigs.world import World
from tradewind.ports import Change
from tradewind.replication.decide import Verdict

KEYS = [f"k{number:02}" for number in range(20)]


@pytest.fixture
def tradewind(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryCommandLine]:
    """A command line over a world whose origin lost all its keys, 5 of which were removed at `b` before it shut."""
    world = World({"name": "one", "to": ["b"], "deletes": "propagate", "delete_guard": {"minimum": 0}})
    for key in KEYS:
        world.replicator.replicate(world.write("a", key, b"x"))
    for key in KEYS:
        world.replicator.replicate(world.delete("a", key))
    with memory_command_line(world, monkeypatch) as tradewind:
        yield tradewind


def test_a_shut_guard_is_shown_with_what_to_do(tradewind: MemoryCommandLine) -> None:
    """Whoever asks is told which guard is shut, since when, and how to answer; the exit code says that one is."""
    ended = tradewind("guard", "status")

    assert ended.code == 1
    assert "one at b: SHUT since 2026-01-01 00:00:00 UTC; answer with: tradewind guard allow|reset one" in ended.out
    (row,) = json.loads(tradewind("guard", "status", "--json").out)
    assert row == {
        "rule": "one",
        "site": "b",
        "shut": "2026-01-01T00:00:00+00:00",
        "allowed_until": None,
        "share": 0.25,
        "window_minutes": 60,
    }


def test_allowing_lets_everything_go(tradewind: MemoryCommandLine) -> None:
    """After the answer a look at what was held removes it, and the guard is shown as open."""
    assert tradewind("guard", "allow", "one", "--hours", "2").code == 0

    for key in KEYS:
        tradewind.world.replicator.replicate(tradewind.world.announce("a", key, Change.NOTHING))

    assert not tradewind.world.memory["b"].list().objects
    ended = tradewind("guard", "status")
    assert (ended.code, "everything may go until" in ended.out) == (0, True)


def test_resetting_counts_from_nothing(tradewind: MemoryCommandLine) -> None:
    """After a reset the guard is open, and shuts again at its share of what is left."""
    assert tradewind("guard", "reset", "one").out == "one at b: open\n"
    assert tradewind("guard", "status").code == 0

    looks = [tradewind.world.replicator.replicate(tradewind.world.announce("a", k, Change.NOTHING)) for k in KEYS[5:]]

    assert [outcome.verdict for outcomes in looks for outcome in outcomes].count(Verdict.REMOVED) == 3


def test_a_site_that_a_rule_removes_nothing_from_is_refused(tradewind: MemoryCommandLine) -> None:
    """A typing error does not open another guard than was meant."""
    ended = tradewind("guard", "reset", "one", "--site", "a")

    assert ended.code == typer.BadParameter.exit_code
    assert "it does at: b" in ended.out
