"""Asking for the best endpoint from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rigs.groups_command_line import GroupsCommandLine, groups_command_line
from rigs.observers import GROUP, OBSERVERS, Observatory
from tradewind.failover.routing import State


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


def test_the_endpoint_that_has_the_traffic_is_the_answer(tradewind: GroupsCommandLine) -> None:
    """With what to try next, and the same as JSON."""
    ended = tradewind("route", GROUP)

    assert ended.code == 0
    assert ended.out.startswith("on-aws  https://aws.example  (weighted: 100 % of the traffic go there; epoch 1)\n")
    assert "then: on-gcp  https://gcp.example" in ended.out
    found = json.loads(tradewind("route", "--json", "--by", "weighted").out)
    assert (found["endpoint"], found["state"]) == ("on-aws", State.SETTLED)


def test_what_is_down_is_not_answered(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """Whoever asks is sent elsewhere, and told why not there."""
    sky.down.add("on-aws")
    sky.rounds(3)

    ended = tradewind("route", "--site", "gcp-euw4")

    assert ended.out.startswith("on-gcp")
    assert "not:  on-aws: a majority of the observers sees it down" in ended.out


def test_a_place_is_answered_by_the_nearest_of_those_who_serve(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """A caller in Amsterdam is sent to the Netherlands, where traffic goes."""
    sky.hand.move({"on-aws": 50, "on-gcp": 50}, who="ann", why="both", id="both")
    sky.rounds(2)

    ended = tradewind("route", "--lat", "52.4", "--lon", "4.9")

    assert ended.out.startswith("on-gcp")
    assert "europe-west4 is" in ended.out


def test_a_question_that_cannot_be_answered_says_why(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """A place of which half is missing, a group that is not there, and stores of which none answers."""
    half, nobody = tradewind("route", "--lat", "52.4"), tradewind("route", "other")
    sky.away |= set(OBSERVERS)
    silent = tradewind("route")

    assert (half.code, nobody.code, silent.code) == (2, 2, 1)
    assert "`lat` and `lon` go together" in half.err
    assert "There is no group 'other'" in nobody.err
    assert "Nothing is known of the group 'classifier'" in silent.err
