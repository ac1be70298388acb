"""What the mode of a rule means, in words for people. Pure."""

from __future__ import annotations

from tradewind.fleet import Batch, Buffered, Rule, Versioned


def mode_told(rule: Rule) -> str:
    """Return when and how a rule's changes are brought, and whether it says so or its kind of data does."""
    of = rule.delivers
    match of:
        case Buffered(seconds=seconds, count=count):
            said = f"each changed key once in {seconds:,} s, or when about {count:,} have changed"
        case Batch(cron=cron, compress=compress):
            packed = f"; text is stored as {compress}" if compress else ""
            said = f"what was written goes at the times {cron!r} (UTC){packed}"
        case Versioned():
            said = "at once; nothing that is there is overwritten, and each replica is read back"
        case _:
            said = "at once"
    why = "" if rule.delivery or of.mode == "immediate" else f", as is usual for {rule.kind}"
    return f"{of.mode}{why}: {said}"
