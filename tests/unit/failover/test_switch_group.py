"""What is decided about a group whose director knows no shares."""

from __future__ import annotations

from rigs.judging import CLOUDS, SOUND, all_see, decided, group, routing
from tradewind.failover.deciding.decisions import Restore
from tradewind.failover.routing import Kind
from tradewind.switch_text import text_of

SWITCH = {
    "kind": "switch",
    "site": "aws-use1",
    "zone": "Z1",
    "name": "models.example.com",
    "targets": {name: f"{name}.example.com" for name in CLOUDS},
    "objects": {site: {"bucket": "b", "key": "k", "host": "h", "path": "/k"} for site in ("one", "two", "three")},
}


def test_traffic_comes_back_at_once() -> None:
    """A canary would be a share, which no health check can read; the other policy of the group stays."""
    policy = group(director=SWITCH, failback={"after_seconds": 0, "canary": (5, 25, 100)})
    away = routing({"on-aws": 0, "on-gcp": 100, "on-azure": 0}, kind=Kind.FAILOVER)

    decision = decided(all_see(**dict.fromkeys(("on_aws", "on_gcp", "on_azure"), SOUND)), away, policy)

    assert isinstance(decision, Restore)
    assert text_of("group", 8, decision.weights).on == "on-aws"


def test_other_directors_take_the_steps_that_the_group_says() -> None:
    """Only the switch leaves the canary out."""
    failback = {"canary": (5, 25, 100)}

    assert group(failback=failback).steps == (5, 25, 100)
    assert group(failback=failback, director=SWITCH).steps == (100,)
