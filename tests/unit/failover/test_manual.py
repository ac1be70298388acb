"""What a person may wish, and what speaks against it."""

from __future__ import annotations

import pytest

from rigs.observers import EVERY, GROUP, OBSERVERS, Observatory, fleet_of
from tradewind.errors import ConfigurationError
from tradewind.failover.moving.manual import complete, objections
from tradewind.fleet import Group
from tradewind.registers.outcomes import Unchanged

SWITCH = {
    "kind": "switch",
    "site": "aws-use1",
    "zone": "Z1",
    "name": "models.example.com",
    "targets": {"on-aws": "a.example", "on-gcp": "g.example", "on-azure": "z.example"},
    "objects": {
        site: {"bucket": "public", "key": "switch", "host": f"{site}.example", "path": "/switch"} for site in OBSERVERS
    },
}


@pytest.fixture
def group() -> Group:
    """Return the rig's group."""
    return fleet_of().groups[GROUP]


def test_endpoints_that_are_not_named_get_nothing(group: Group) -> None:
    """A person names who serves, and the rest follows."""
    assert complete(group, {"on-gcp": 100}) == {"on-aws": 0, "on-gcp": 100, "on-azure": 0}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"on-mars": 100}, "no endpoint 'on-mars'"),
        ({"on-aws": 60, "on-gcp": 30}, "90 together"),
        ({"on-aws": 120, "on-gcp": -20}, "none below 0"),
    ],
)
def test_weights_that_are_none_are_refused(group: Group, weights: dict[str, int], said: str) -> None:
    """What no director could show never becomes an epoch."""
    with pytest.raises(ConfigurationError, match=said):
        complete(group, weights)


def test_the_quorum_switch_takes_no_shares(group: Group) -> None:
    """Shares are refused before they are an epoch that could never be shown."""
    switched = Group.model_validate({**group.model_dump(), "director": SWITCH})
    assert complete(switched, {"on-gcp": 100})["on-gcp"] == 100
    with pytest.raises(ConfigurationError, match="no shares"):
        complete(switched, {"on-aws": 50, "on-gcp": 50})


def test_a_move_to_what_is_down_meets_an_objection(group: Group) -> None:
    """Whoever moves traffic to what a majority sees down is told who sees it."""
    sky = Observatory()
    sky.settle()
    sky.down.add("on-gcp")
    [*_, last] = sky.rounds(3)
    [said] = objections(group, {"on-gcp": 100}, last.sights)
    assert said.startswith("on-gcp is down for 3 of 3 observers")
    assert not list(objections(group, {"on-azure": 100}, last.sights))


def test_too_few_that_serve_meet_an_objection(group: Group) -> None:
    """A move below `minimum_serving` is said to be one."""
    careful = group.model_copy(update={"minimum_serving": 2})
    sky = Observatory()
    [*_, last] = sky.rounds(EVERY)
    assert list(objections(careful, {"on-aws": 100}, last.sights)) == ["1 would serve, and `minimum_serving` is 2"]


def test_a_move_to_where_traffic_is_makes_no_epoch() -> None:
    """What is so already is left alone: an epoch would only begin a cooldown."""
    sky = Observatory()
    sky.settle()
    outcome = sky.hand.move({"on-aws": 100}, who="ann", why="to be sure", id="move-1")
    assert isinstance(outcome, Unchanged)
    assert sky.routing.epoch == 1
