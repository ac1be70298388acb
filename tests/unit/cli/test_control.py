"""The control stores, from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rigs.groups_command_line import GroupsCommandLine, groups_command_line
from rigs.observers import GROUP, OBSERVERS, REGISTER, Observatory
from tradewind.errors import ConfigurationError, StoreUnavailableError


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


def test_each_register_is_shown_at_each_store(tradewind: GroupsCommandLine) -> None:
    """A row for each acceptor: whether it counts, what it promised and accepted, and how far it is behind."""
    ended = tradewind("control", "status", "--json")

    found = json.loads(ended.out)
    assert (ended.code, found["attention"]) == (0, [])
    assert [(row["register"], row["site"]) for row in found["acceptors"]] == [(REGISTER, site) for site in OBSERVERS]
    assert {(row["counts"], row["ready"], row["config"], row["lag"]) for row in found["acceptors"]} == {
        (True, True, 1, 0)
    }
    assert len({row["incarnation"] for row in found["acceptors"]}) == 3
    assert "groups/classifier" in tradewind("control", "status").out


def test_a_store_that_is_away_is_named(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """One away costs nothing but needs a person; with two, nothing can be decided."""
    sky.away.add("gcp-euw4")
    one = tradewind("control", "status")
    sky.away.add("az-weu")
    two = tradewind("control", "status")

    assert (one.code, two.code) == (1, 1)
    assert "groups/classifier at gcp-euw4: Could not get at gcp-euw4" in one.out
    assert "too few stores count" not in one.out
    assert "groups/classifier: too few stores count to decide anything" in two.out


def test_initialising_again_changes_nothing(tradewind: GroupsCommandLine) -> None:
    """What is there is said to be there, by a dry run, too."""
    assert tradewind("control", "init", "--dry-run").out == "groups/classifier: is there\n"
    assert "groups/classifier: was ready at" in tradewind("control", "init").out


def test_initialising_needs_every_store(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """A store that does not answer might hold promises, so nobody goes on without it."""
    sky.away.add("az-weu")

    with pytest.raises(StoreUnavailableError):
        tradewind("control", "init")


def test_a_new_register_is_made_at_every_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run says where, and makes nothing."""
    sky = Observatory()
    for store in sky._stores.values():
        store._objects.clear()
    with groups_command_line(sky, monkeypatch) as tradewind:
        planned = tradewind("control", "init", "--dry-run")
        still = tradewind("control", "init", "--dry-run")
        made = tradewind("control", "init")

    assert planned.out == still.out == "groups/classifier: would be made at aws-use1, gcp-euw4, az-weu\n"
    assert made.out.startswith("groups/classifier: ready at")


def test_a_store_that_lost_everything_is_put_in_its_own_place(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """What is missing is not taken for empty until a person says so; then it takes part again."""
    sky._stores["gcp-euw4"]._objects.clear()

    lost = tradewind("control", "status")
    dry = tradewind("control", "replace", "gcp-euw4", "--dry-run")
    done = tradewind("control", "replace", "gcp-euw4", "--why", "its bucket was deleted", "--yes")

    assert lost.code == 1
    assert "it was lost" in lost.out
    assert dry.out == "groups/classifier: gcp-euw4 would take the place of gcp-euw4\n"
    assert done.out == "groups/classifier: gcp-euw4 is a member; configuration 2\n"
    assert tradewind("control", "status").code == 0
    history = json.loads(tradewind("control", "history", GROUP, "--json").out)
    assert (history[-1]["who"], history[-1]["why"]) == ("ann", "its bucket was deleted")


def test_a_store_that_is_well_is_not_replaced_by_mistake(tradewind: GroupsCommandLine) -> None:
    """It is said that it is well, and without --yes a person is asked."""
    declined = tradewind("control", "replace", "gcp-euw4", typed="n\n")

    assert declined.code == 1
    assert "warning: groups/classifier: the acceptor at gcp-euw4 is well" in declined.err
    assert "Put gcp-euw4 in the place of gcp-euw4 in 1 registers?" in declined.out
    assert "configuration 1" in tradewind("control", "init").out


def test_the_history_says_who_did_what_and_why(tradewind: GroupsCommandLine) -> None:
    """A group's name stands for its register; each change has its revision, time, person, reason and id."""
    tradewind("group", "failover", GROUP, "--to", "on-gcp", "--why", "a try", "--who", "bob", "--yes", "--id", "mine")

    history = json.loads(tradewind("control", "history", REGISTER, "--json").out)

    assert [each["revision"] for each in history] == list(range(1, 8))
    assert history[-1] | {"at": ""} == {
        "revision": 7,
        "at": "",
        "who": "bob",
        "why": "to on-gcp 100 %: a try",
        "operation": "mine",
    }
    assert "bob" in tradewind("control", "history", GROUP).out


def test_the_history_of_a_group_that_is_none_is_wrong_use(tradewind: GroupsCommandLine) -> None:
    """A name that was mistyped is not a register that was lost."""
    with pytest.raises(ConfigurationError, match="no group 'nope'"):
        tradewind("control", "history", "nope")


def test_a_history_that_no_majority_tells_is_not_told(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """One store alone might not know the last change."""
    sky.away |= {"aws-use1", "gcp-euw4"}

    ended = tradewind("control", "history", GROUP)

    assert (ended.code, ended.out) == (1, "")
    assert "Too few control stores answer" in ended.err


def test_a_switch_is_made_of_a_switch_only(tradewind: GroupsCommandLine) -> None:
    """A group that another director directs has nothing to make."""
    with pytest.raises(ConfigurationError, match="no quorum switch"):
        tradewind("control", "switch-init", GROUP)
