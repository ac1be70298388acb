"""A rule with a budget, through the real handlers: the accounts and what waits are records on every cloud."""

from __future__ import annotations

import json

from rigs.announcements import announce
from rigs.command_line import CommandLine
from rigs.platforms import Platform, Ring
from rigs.three_clouds import PAID, ThreeClouds
from tradewind import runtime
from tradewind.replication.budgets import limits

MIB = 1024 * 1024


def turn_the_month(clouds: ThreeClouds, site: str, rule: str) -> None:
    """Let what was spent be of a month that is over."""
    records = clouds.runtime.records(site)
    for listed in list(records.list(f"{limits.ACCOUNTS}{rule}/")):
        records.change(listed.key, lambda held: {**(held or {}), "month": "2026-01"})


def test_what_is_over_budget_waits_and_arrives_when_there_is_room(
    clouds: ThreeClouds, ring: Ring, platform: Platform, site: str, others: list[str], tradewind: CommandLine
) -> None:
    """A small object goes, a larger one waits in sight, and goes when the month has turned and the timer rings."""
    rule, small, large, target = f"paid-{site}", f"paid/{site}/small", f"paid/{site}/large", others[0]
    clouds.upload(site, small)
    clouds.upload(site, large, bytes(6 * MIB))
    assert platform.deliver(announce(site, small)) == [True]
    assert platform.deliver(announce(site, large)) == [True]
    clouds.assert_replicated(small, site, target)
    assert clouds.users[target].look(large) is None
    assert clouds.drain(site) == []

    (status,) = json.loads(tradewind("status", rule, "--json").out)["rules"]
    assert 0 < status["budget"]["spent_usd"] <= PAID == status["budget"]["usd_per_month"]
    assert (status["budget"]["waiting"]["objects"], status["budget"]["waiting"]["bytes"]) == (1, 6 * MIB)
    (told,) = json.loads(tradewind("explain", f"{site}:{large}", "--json").out)["rules"]
    (advice,) = told["advice"]
    assert advice["action"] == "wait"
    assert advice["reason"].startswith("it costs $0.000")

    turn_the_month(clouds, site, rule)
    runtime.forget()
    ring(site)
    asked = [message for message in clouds.drain(site, "notifications") if '"why":"budget"' in message.body]
    assert [json.loads(message.body)["keys"] for message in asked] == [[large]]
    assert platform.deliver(*asked) == [True]

    clouds.assert_replicated(large, site, target)
    assert list(clouds.runtime.records(site).list(limits.WAITING)) == []
