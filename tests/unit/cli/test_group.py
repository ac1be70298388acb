"""Looking after a group from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import cast

import pytest

from rigs.groups_command_line import GroupsCommandLine, groups_command_line
from rigs.observers import GROUP, OBSERVERS, REFUSED, Observatory, fleet_of
from tradewind.clouds.memory.traffic import MemoryDirector
from tradewind.errors import ConfigurationError, SafetyStopError
from tradewind.failover.moving.manual import Hand
from tradewind.failover.routing import Kind, State
from tradewind.fleet import Fleet
from tradewind.ports import Traffic
from tradewind.registers.outcomes import Done, Indeterminate, Operation, Outcome, Reading

MOVE = ("group", "failover", GROUP, "--to", "on-gcp", "--why", "a try", "--yes")


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


def test_a_group_that_is_well_is_shown_with_nothing_to_do(tradewind: GroupsCommandLine) -> None:
    """What the register wants, the director shows, and the exit code says so."""
    ended = tradewind("group", "status")

    assert ended.code == 0
    assert "epoch 1 (initial) is SETTLED: the group is new" in ended.out
    [found] = json.loads(tradewind("group", "status", GROUP, "--json").out)
    assert found["director"]["weights"] == found["routing"]["weights"] == {"on-aws": 100, "on-gcp": 0, "on-azure": 0}
    assert (found["in_step"], found["attention"], found["cooldown_seconds"]) == (True, [], 0.0)
    assert found["endpoints"]["on-aws"] == {"down": False, "degraded": False, "well": True}


def test_a_move_is_an_epoch_that_observers_carry_out(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """The change is done at once, under the person's name; the traffic follows in the next round."""
    ended = tradewind(*MOVE)

    assert ended.code == 0
    assert ended.out.splitlines() == ["Done: revision 7", "classifier: epoch 2 is ELECTED"]
    waiting = tradewind("group", "status")
    assert waiting.code == 1
    assert "epoch 2 is ELECTED" in waiting.out
    sky.rounds()
    assert sky.director.read().weights["on-gcp"] == 100
    after = tradewind("group", "status", "--json")
    [found] = json.loads(after.out)
    assert (after.code, found["routing"]["by"], found["routing"]["reason"]) == (0, "ann", "a try")
    assert found["cooldown_seconds"] == 300.0


def test_wait_follows_the_epoch_to_its_end(
    tradewind: GroupsCommandLine, sky: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each state is told once, and the command ends when nothing is left to do."""
    monkeypatch.setattr("tradewind.cli.group.sleep", lambda _: sky.rounds())

    ended = tradewind(*MOVE, "--wait")

    assert ended.code == 0
    assert ended.out.splitlines()[1:] == ["classifier: epoch 2 is ELECTED", "classifier: epoch 2 is SETTLED"]


class Careful:
    """A director that lets nothing move unless it is forced, because it would be too much of its zone."""

    def __init__(self, inner: MemoryDirector) -> None:
        self.inner = inner

    def read(self) -> Traffic:
        """Return what is published."""
        return self.inner.read()

    def publish(self, weights: Mapping[str, int], *, epoch: int, expect: Traffic, force: bool = False) -> Traffic:
        """Refuse whatever is not there already."""
        now = self.read()
        if force or (now.epoch, dict(now.weights)) == (epoch, dict(weights)):
            return self.inner.publish(weights, epoch=epoch, expect=expect)
        raise SafetyStopError("Refused to change 4 of the 12 records of the zone")

    def stop_ahead(self) -> str:
        """Say so beforehand."""
        return "a move of all shares would be stopped"


def in_a_zone() -> Fleet:
    """Return the fleet with records of Route 53 to direct its group."""
    targets = {name: f"{name}.example.net" for name in ("on-aws", "on-gcp", "on-azure")}
    director = {"kind": "route53", "site": OBSERVERS[0], "zone": "Z1", "name": "x.example.com", "targets": targets}
    return fleet_of(**{GROUP: {"director": director}})


@pytest.fixture
def zoned() -> Observatory:
    """Return observers of a group whose director is stopped unless it is forced, as one of a zone may be."""
    observatory = Observatory(in_a_zone())
    observatory.settle()
    observatory.directors[GROUP] = cast("MemoryDirector", Careful(observatory.director))
    return observatory


@pytest.fixture
def careful(zoned: Observatory, monkeypatch: pytest.MonkeyPatch) -> Iterator[GroupsCommandLine]:
    """A command line over them."""
    with groups_command_line(zoned, monkeypatch) as tradewind:
        tradewind.runtime.failover._directors[GROUP] = zoned.directors[GROUP]
        yield tradewind


def test_a_stop_is_told_before_it_strikes(careful: GroupsCommandLine) -> None:
    """A group at rest whose director would refuse a failover needs a person now, not then."""
    ended = careful("group", "status")

    assert ended.code == 1
    assert "a move of all shares would be stopped" in ended.out
    assert "force-zone" not in ended.out


FORCE = ("group", "force-zone", GROUP, "--why", "it is meant", "--who", "bob")


def test_a_move_that_was_stopped_is_forced_and_comes_to_its_end(careful: GroupsCommandLine, zoned: Observatory) -> None:
    """A person lets one epoch change so much, and that is on record; the observers show it, and stop at the next."""
    careful(*MOVE)
    zoned.rounds(3)
    assert zoned.routing.state is State.DRAINING
    assert "tradewind group force-zone classifier" in careful("group", "status").out

    forced = careful(*FORCE, typed="y\n")

    assert forced.code == 0
    assert "Show epoch 2 of classifier (on-gcp 100 %), however much of its zone that changes?" in forced.out
    status = careful("group", "status").out
    assert "may change more of its zone than others: bob: it is meant" in status
    assert "force-zone" not in status
    zoned.rounds(2)
    assert (zoned.routing.state, zoned.routing.epoch) == (State.SETTLED, 2)
    assert zoned.director.read().epoch == 2
    reading = careful.runtime.failover.register(GROUP).read()
    assert isinstance(reading, Reading)
    assert Operation("forced", "bob", "epoch 2 forced: it is meant") in [
        replace(each.operation, id="forced") for each in reading.history
    ]
    stray = Traffic({"on-azure": 100}, 2, "stray")
    zoned.director.published.append(stray)
    zoned.rounds(3)
    assert zoned.director.read() == stray, "a repair is stopped as ever"
    careful("group", "restore", GROUP, "--yes")
    zoned.rounds(3)
    assert (zoned.routing.epoch, zoned.routing.state, zoned.routing.forced) == (3, State.DRAINING, "")


def test_forcing_is_followed_to_the_end(
    careful: GroupsCommandLine, zoned: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --wait the command ends when the epoch that was held back is settled; forced twice, it stays forced."""
    monkeypatch.setattr("tradewind.cli.group.sleep", lambda _: zoned.rounds())
    careful(*MOVE)
    zoned.rounds(3)

    careful(*FORCE, "--yes")
    again = careful(*FORCE, "--yes", "--wait")

    assert again.code == 0
    assert "Nothing to change" in again.out
    assert again.out.splitlines()[-1] == "classifier: epoch 2 is SETTLED"
    over = careful(*FORCE, "--yes")
    assert (over.code, over.err) == (1, "classifier: no move is held back: epoch 2 is SETTLED\n")


def test_an_epoch_that_was_overtaken_is_not_forced(
    careful: GroupsCommandLine, zoned: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a person was asked about is forced, and nothing that came since."""
    careful(*MOVE)
    zoned.rounds(3)
    asked = zoned.routing
    careful("group", "failover", GROUP, "--to", "on-azure", "--why", "another", "--yes")
    monkeypatch.setattr(type(careful.runtime.failover), "routing", lambda *_: asked)

    late = careful(*FORCE, "--yes")

    assert (late.code, zoned.routing.epoch, zoned.routing.forced) == (1, 3, "")
    assert "epoch 3 has overtaken it: another" in late.err


def test_nothing_is_forced_without_a_majority(careful: GroupsCommandLine, zoned: Observatory) -> None:
    """What nobody can tell to be the present epoch is not forced."""
    zoned.away.update(OBSERVERS[:2])

    ended = careful(*FORCE, "--yes")

    assert ended.code == 1
    assert "too few control stores answer" in ended.err


def test_what_came_of_forcing_may_not_be_known(careful: GroupsCommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is done again: twice is as once, so that nobody needs the id of the first try."""
    careful(*MOVE)
    operation = Operation("manual-1", "bob", "epoch 2 forced: it is meant")
    monkeypatch.setattr(Hand, "force", lambda *_, **__: Indeterminate(operation, 7, "no majority was heard"))

    ended = careful(*FORCE, "--yes")

    assert ended.code == 1
    assert ended.err.splitlines() == [
        "Whether it was done is not known: no majority was heard",
        "what to do: run the same command again; twice is as once",
    ]


def test_a_director_that_stops_nothing_is_not_forced(tradewind: GroupsCommandLine) -> None:
    """The group's Caddy takes whatever an epoch says."""
    tradewind(*MOVE)

    ended = tradewind(*FORCE, "--yes")

    assert (ended.code, ended.err) == (1, "classifier: its director (caddy) holds no move back\n")


def test_a_group_that_has_not_begun_has_nothing_to_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first epoch there is nothing that a director could be held from."""
    with groups_command_line(Observatory(in_a_zone()), monkeypatch) as tradewind:
        ended = tradewind(*FORCE, "--yes")

    assert ended.code == 1
    assert "has no routing yet" in ended.err


def test_an_epoch_that_is_overtaken_is_not_waited_for(
    tradewind: GroupsCommandLine, sky: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When somebody else moves the group meanwhile, whoever waits is told so."""

    def another(_: float) -> None:
        sky.hand.move({"on-azure": 100}, who="bob", why="no, there", id="bob")

    monkeypatch.setattr("tradewind.cli.group.sleep", another)

    ended = tradewind(*MOVE, "--wait")

    assert (ended.code, ended.err) == (1, "classifier: epoch 3 has overtaken it: no, there\n")


def test_several_endpoints_share_what_is_moved(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """--to may be given more than once; the shares are by the endpoints' weights, and 100 together."""
    tradewind(*MOVE, "--to", "on-azure")

    assert sky.routing.weights == {"on-aws": 0, "on-gcp": 50, "on-azure": 50}


def test_a_move_to_what_is_down_needs_force(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """A person may know better than the observers, and must say so."""
    sky.down.add("on-gcp")
    sky.rounds(3)

    refused = tradewind(*MOVE)

    assert refused.code == 1
    assert "refused: on-gcp is down for 3 of 3 observers" in refused.err
    assert sky.routing.epoch == 1
    forced = tradewind(*MOVE, "--force")
    assert forced.code == 0
    assert "warning: on-gcp is down" in forced.err
    assert sky.routing.epoch == 2


def test_a_move_is_asked_about(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """Without --yes nothing happens until a person has agreed."""
    declined = tradewind(*MOVE[:-1], typed="n\n")

    assert (declined.code, sky.routing.epoch) == (1, 1)
    assert "Move the traffic of classifier to on-gcp 100 %?" in declined.out
    assert tradewind(*MOVE[:-1], typed="y\n").code == 0
    assert sky.routing.epoch == 2


def test_an_endpoint_of_another_group_is_refused(tradewind: GroupsCommandLine) -> None:
    """Nothing is moved to where the group, and so its data, may not be."""
    with pytest.raises(ConfigurationError, match="no endpoint 'elsewhere'"):
        tradewind("group", "failover", GROUP, "--to", "elsewhere", "--why", "a try", "--yes", "--force")


def test_restore_brings_traffic_back_to_the_primary(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """After a move by hand, restore is the way home; where it is already, nothing is done."""
    tradewind(*MOVE)
    sky.rounds()

    assert tradewind("group", "restore", GROUP, "--yes").code == 0

    assert sky.routing.weights["on-aws"] == 100
    assert sky.routing.epoch == 3


def test_what_is_so_already_is_no_move(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """It would be an epoch, a notice and a cooldown for nothing; what a failover arranged can still be kept by hand."""
    for command in ((*MOVE[:4], "on-aws", "--why", "a try", "--yes"), ("group", "restore", GROUP, "--yes")):
        ended = tradewind(*command)
        assert (ended.code, ended.out.splitlines()[0][:17]) == (0, "Nothing to change")
    assert sky.routing.epoch == 1

    sky.down.add("on-aws")
    sky.rounds(5)
    assert (sky.routing.epoch, sky.routing.kind) == (2, Kind.FAILOVER)
    tradewind(*MOVE)
    sky.rounds(2)
    assert (sky.routing.epoch, sky.routing.kind, sky.routing.state) == (3, Kind.MANUAL, State.SETTLED)
    assert "Nothing to change" in tradewind(*MOVE).out
    assert sky.routing.epoch == 3


def test_a_frozen_group_says_who_and_why(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """Nothing but persons moves it until it is thawed."""
    assert tradewind("group", "freeze", GROUP, "--why", "a release", "--who", "bob").code == 0

    sky.down.add("on-aws")
    sky.rounds(5)
    shown = tradewind("group", "status")
    assert (shown.code, sky.routing.epoch) == (1, 1)
    assert "it is frozen: bob: a release" in shown.out
    assert tradewind("group", "thaw", GROUP).code == 0
    sky.rounds()
    assert sky.routing.epoch == 2


def test_without_a_majority_nothing_is_done(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """The stores that do not answer are named, with the reason, for a change and for a look."""
    sky.away |= set(OBSERVERS[:2])

    moved, looked = tradewind(*MOVE), tradewind("group", "status")

    assert (moved.code, looked.code) == (1, 1)
    assert "Not done: too few control stores answer" in moved.err
    assert "  aws-use1: Could not get at aws-use1: connection refused" in moved.err
    assert "no majority of the control stores answers, so nothing moves" in looked.out
    sky.away.clear()
    assert sky.routing.epoch == 1


def test_an_unclear_outcome_says_how_to_find_out(
    tradewind: GroupsCommandLine, sky: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command with the id that is named is applied once, whatever became of the first try."""

    def unclear(*_: object, id: str, who: str, why: str, **__: object) -> Outcome:  # noqa: A002 - as it is called
        return Indeterminate(Operation(id, who, why), 5, "gcp-euw4 was not heard to the end")

    with monkeypatch.context() as patch:
        patch.setattr("tradewind.failover.moving.manual.Hand.move", unclear)
        ended = tradewind(*MOVE, "--id", "mine")
    again = [tradewind(*MOVE, "--id", "mine") for _ in range(2)]

    assert ended.code == 1
    assert "not known: gcp-euw4 was not heard to the end" in ended.err
    assert "again with --id mine --since 5, and" in ended.err
    assert [each.out.splitlines()[0] for each in again] == ["Done: revision 7", "Done by an earlier try: revision 7"]
    assert sky.routing.epoch == 2


@pytest.mark.parametrize(
    "command",
    [
        MOVE,
        ("group", "restore", GROUP, "--yes"),
        ("group", "freeze", GROUP, "--why", "a release"),
        ("group", "thaw", GROUP),
    ],
)
def test_what_the_register_has_forgotten_is_never_made_twice(
    tradewind: GroupsCommandLine, sky: Observatory, command: tuple[str, ...]
) -> None:
    """Tried again with the revision that was named, a change that may have been made stays unclear, and says so."""
    sky.hand.move({"on-azure": 100}, who="bob", why="there", id="theirs")
    held = sky.hand.freeze(who="bob", why="meanwhile", id="also-theirs")
    assert isinstance(held, Done)
    for number in range(70):
        sky.hand.move({"on-gcp": 100}, who="bob", why=str(number), id=f"b{number}")
    before = sky.routing

    again = tradewind(*command, "--id", "mine", "--since", "5")

    assert again.code == 1
    assert "so many changes were made since" in again.err
    assert "what to do: see what there is now (`tradewind group status`), and decide anew, without --id" in again.err
    assert sky.routing == before


def test_a_revision_belongs_to_an_id(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """Alone it would look like a try again, and be another change."""
    ended = tradewind(*MOVE, "--since", "5")

    assert (ended.code, sky.routing.epoch) == (2, 1)
    assert "--since belongs to the --id" in ended.err


def test_a_role_may_stand_for_a_name(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """Who does not want the own name in registers at all clouds gives a role."""
    tradewind(*MOVE, "--who", "on-call")

    assert sky.routing.by == "on-call"


def test_long_words_are_cut_and_refuse_nothing(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """A reason that somebody pasted, and whoever says it, has an end in the register and in what it remembers."""
    assert tradewind(*MOVE[:-2], "x" * 70_000, "--yes", "--who", "y" * 70_000).code == 0
    assert tradewind("group", "freeze", GROUP, "--why", "x" * 70_000, "--who", "y" * 70_000).code == 0

    routing = sky.routing
    assert (len(routing.by), len(routing.reason), len(routing.frozen)) == (100, 1000, 100 + 2 + 1000)
    history = json.loads(tradewind("control", "history", GROUP, "--json").out)
    assert {(len(each["who"]), len(each["why"])) for each in history[-2:]} == {(100, 1000)}


def test_a_director_that_shows_something_else_needs_a_person(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """What somebody changed at the director is seen, and so is a director that does not answer."""
    shown = sky.director.read()
    sky.director.publish({"on-aws": 0, "on-gcp": 0, "on-azure": 100}, epoch=1, expect=shown)

    assert "the director does not show what epoch 1 wants" in tradewind("group", "status").out
    sky.director.away = True
    away = tradewind("group", "status")
    assert away.code == 1
    assert "its director could not be asked: Could not reach the director" in away.out


def test_a_director_ahead_of_the_register_needs_a_person(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """Where nothing could be moved any more, equal weights do not hide it, nor does an epoch that is under way."""
    sky.director.publish(sky.director.read().weights, epoch=9, expect=sky.director.read())

    ended = tradewind("group", "status")
    assert ended.code == 1
    assert "which shows epoch 9" in ended.out
    assert "the director shows epoch 9, and the register has 1, so no move can be carried out" in ended.out
    assert "the director does not show" not in ended.out
    [found] = json.loads(tradewind("group", "status", "--json").out)
    assert (found["in_step"], found["director"]["epoch"], len(found["attention"])) == (False, 9, 1)
    tradewind(*MOVE)
    during = tradewind("group", "status").out
    assert "epoch 2 is ELECTED" in during
    assert "the director shows epoch 9, and the register has 2" in during


def test_a_director_behind_the_register_is_named(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """What somebody put back to an earlier epoch is not what the register wants, though the weights are the same."""
    shown = sky.director.read()
    tradewind("group", "failover", GROUP, "--to", "on-gcp", "--why", "a try", "--yes")
    sky.rounds()
    sky.director.published.append(Traffic(sky.director.read().weights, shown.epoch, "by hand"))

    ended = tradewind("group", "status")
    assert ended.code == 1
    assert "the director does not show what epoch 2 wants (it shows epoch 1)" in ended.out


def test_an_epoch_that_begins_meanwhile_is_no_director_ahead(
    tradewind: GroupsCommandLine, sky: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The register is read after the director, so that what observers do in between alarms nobody."""
    read = sky.director.read

    def read_before_a_move() -> Traffic:
        shown = read()
        monkeypatch.setattr(sky.director, "read", read)
        sky.hand.move({"on-gcp": 100}, who="bob", why="there", id="bob")
        sky.rounds()
        return shown

    def read_after_a_move() -> Traffic:
        monkeypatch.setattr(sky.director, "read", read)
        sky.hand.move({"on-azure": 100}, who="bob", why="there", id="bob-2")
        sky.rounds()
        return read()

    for reading in (read_before_a_move, read_after_a_move):
        monkeypatch.setattr(sky.director, "read", reading)
        assert "so no move can be carried out" not in tradewind("group", "status").out


def test_a_primary_that_is_down_and_serves_is_named(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """Where nothing can take over, the group says that what serves is down."""
    sky.down |= {"on-aws", "on-gcp", "on-azure"}
    sky.rounds(3)

    ended = tradewind("group", "status")

    assert sky.routing.state is State.SETTLED
    assert "on-aws serves, and a majority sees it down" in ended.out
    assert f"down: {REFUSED.reason}" in ended.out


def test_a_group_without_a_routing_waits_for_an_observer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first round there is nothing to move, and nothing is made up."""
    with groups_command_line(Observatory(), monkeypatch) as tradewind:
        ended = tradewind(*MOVE)

        assert (ended.code, "no routing yet" in ended.err) == (1, True)
        assert "it has no routing yet" in tradewind("group", "status").out
