"""How the endpoints are, from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from rigs.groups_command_line import GroupsCommandLine, groups_command_line
from rigs.observers import Observatory


@pytest.fixture
def sky() -> Observatory:
    """Return observers of a group that has begun."""
    observatory = Observatory()
    observatory.settle()
    return observatory


@pytest.fixture
def tradewind(sky: Observatory, monkeypatch: pytest.MonkeyPatch) -> Iterator[GroupsCommandLine]:
    """A command line over them."""
    with groups_command_line(sky, monkeypatch) as tradewind:
        yield tradewind


def test_what_every_observer_sees_is_in_one_table(tradewind: GroupsCommandLine) -> None:
    """Each endpoint is a row, each observer a column."""
    ended = tradewind("health")

    assert ended.code == 0
    assert ended.out.count("good 5 in a row, p50 50 ms, p95 50 ms") == 9
    assert "All is well." in ended.out


def test_an_endpoint_that_a_majority_sees_down_needs_a_person(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """What one observer alone sees is told, and raises no alarm."""
    sky.cut.add(("gcp-euw4", "on-azure"))
    sky.down.add("on-aws")
    sky.rounds(3)

    ended = tradewind("health", "--json")

    found = json.loads(ended.out)
    assert (ended.code, found["attention"]) == (1, ["endpoint on-aws is down"])
    assert found["endpoints"]["on-azure"]["health"] == "up"
    seen = found["endpoints"]["on-azure"]["seen"]
    assert (seen["gcp-euw4"]["failing"], seen["gcp-euw4"]["reason"]) == (3, "connection refused")
    assert seen["gcp-euw4"]["breaker"] == "open"
    assert (seen["aws-use1"]["failing"], seen["aws-use1"]["p95_ms"]) == (0, 50.0)
    assert "failed 3 in a row: connection refused, 38% of 8 failed, breaker open" in tradewind("health").out


def test_a_view_that_does_not_go_on_does_not_count(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """An observer that died is named with the age of its view."""
    sky.rounds(4, of=("aws-use1", "gcp-euw4"))

    ended = tradewind("health")

    assert ended.code == 1
    assert "does not count" in ended.out
    assert "observer az-weu: its view is 80 s old, by its own clock" in ended.out


def test_a_control_store_that_is_away_is_named(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """Its observer is heard elsewhere; but with one more away nothing could be moved."""
    sky.away.add("gcp-euw4")
    sky.rounds(2)

    ended = tradewind("health", "--json")

    found = json.loads(ended.out)
    assert (ended.code, list(found["silent"])) == (1, ["gcp-euw4"])
    [said] = found["attention"]
    assert said.startswith("control store gcp-euw4 does not answer: Could not get at gcp-euw4")


def test_without_fresh_views_nothing_is_known(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """When no observer looks any more, no endpoint is called well."""
    sky.now += timedelta(hours=1)

    found = json.loads(tradewind("health", "--json").out)

    assert {each["health"] for each in found["endpoints"].values()} == {"unknown"}
    assert found["observers"]["aws-use1"]["counts"] is False


def test_watching_shows_it_until_the_user_ends_it(
    tradewind: GroupsCommandLine, sky: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --json each look is a line; Ctrl-C ends it with the exit code of the last."""
    looks = iter(range(2))

    def pause(_: float) -> None:
        if next(looks, None) is None:
            raise KeyboardInterrupt
        sky.rounds()

    monkeypatch.setattr("tradewind.cli.following.sleep", pause)

    ended = tradewind("health", "--watch", "--json")

    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert (ended.code, len(lines)) == (0, 3)
    rounds = [line["observers"]["aws-use1"]["round"] for line in lines]
    assert rounds == [rounds[0], rounds[0] + 1, rounds[0] + 2]
