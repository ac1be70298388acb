"""Drills from the command line, over observers in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from signal import SIGTERM, getsignal, raise_signal
from threading import Event
from typing import cast

import pytest

from rigs.groups_command_line import GroupsCommandLine, groups_command_line
from rigs.observers import GROUP, Observatory, fleet_of
from tradewind.cli.breaking import NONE
from tradewind.cli.drill import mended_when_ended, run, table
from tradewind.cli.staging import Stage
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import ConfigurationError, StoreUnavailableError
from tradewind.failover.drills.conduct import Pace
from tradewind.failover.drills.load import Question
from tradewind.failover.drills.report import Expected
from tradewind.failover.drills.timeline import Request
from tradewind.failover.routing import Kind, Routing, State
from tradewind.fleet import Fleet
from tradewind_sandbox.addresses import Ports
from tradewind_sandbox.supervisor import PartStatus, Sandbox

FRONT = "https://models.example.com"
DRILL = ("drill", GROUP, "--fault", NONE, "--front", FRONT, "--state", "/nowhere")
PACE = Pace(steady=0.05, longest=10.0, look=0.001)


def with_rules() -> Fleet:
    """Return the fleet with rules, of which the group's second one brings what is at AWS to Google."""
    fleet = fleet_of()
    one_way = {"mode": "one_way", "classification": "public", "delivery": {"mode": "immediate"}}
    rules = [
        {**one_way, "name": "back", "from": "gcp-euw4", "to": ["aws-use1"], "prefix": "back/"},
        {**one_way, "name": "models", "from": "aws-use1", "to": ["gcp-euw4"], "prefix": "models/"},
    ]
    document = fleet.model_dump(mode="json", by_alias=True)
    document["rules"] = rules
    document["groups"][GROUP]["rules"] = ["back", "models"]
    return Fleet.model_validate(document)


@pytest.fixture
def sky() -> Observatory:
    """Return observers of a group that has begun."""
    observatory = Observatory(with_rules())
    observatory.settle()
    return observatory


@pytest.fixture
def tradewind(sky: Observatory, monkeypatch: pytest.MonkeyPatch) -> Iterator[GroupsCommandLine]:
    """A command line over them, with empty buckets."""
    with groups_command_line(sky, monkeypatch) as tradewind:
        for site in ("aws-use1", "gcp-euw4"):
            tradewind.runtime._opened["store", site] = MemoryStore()
        yield tradewind


@dataclass(slots=True)
class Played:
    """A load under which the observers look again and again, and the one who drills breaks the primary when told to."""

    sky: Observatory
    tell: Callable[[Request], None]
    clock: Callable[[], float]
    stopped: Event = field(default_factory=Event)

    def run(self) -> None:
        """Send a request a round."""
        while not self.stopped.is_set():
            self.sky.rounds()
            at = self.clock()
            serving = [name for name, weight in self.sky.director.read().weights.items() if weight]
            self.tell(Request(at, self.clock(), "status 502" if self.sky.down & {*serving} else ""))

    def stop(self) -> None:
        """Send nothing more."""
        self.stopped.set()


def stage_of(tradewind: GroupsCommandLine, say: Callable[[str], None] = lambda _: None, front: str = FRONT) -> Stage:
    """Return what a drill of the group works with."""
    return Stage(tradewind.runtime, GROUP, (NONE,), None, front=front, predict=True, say=say)


def test_a_dry_run_says_what_would_be_done(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """Each step is a line, and nothing is sent, uploaded or moved."""
    ended = tradewind(*DRILL, "--load", "50", "--dry-run")

    assert ended.code == 0
    assert ended.out.splitlines() == [
        "1. Send 50 requests a second to GET https://models.example.com/healthz, through all that follows",
        "2. Upload objects under models/tradewind-drill/ at aws-use1, over those of the last drill",
        "3. For 5 s look whether all is well; if it is not, break nothing",
        "4. Ask you to break it",
        "5. Wait for up to 300 s until epoch 2 is settled, and requests succeed again",
        "6. Look which of the objects other sites hold",
        "7. Lift the fault, and wait until a majority sees well what the traffic left",
        "8. Move the traffic back to on-aws 100 %, and wait until that is settled",
    ]
    assert sky.routing.epoch == 1
    assert tradewind(*DRILL, "--keep", "--dry-run").out.splitlines()[-1] == "7. Leave it as it is"


def test_a_frozen_group_is_not_drilled(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """What would not move shows nothing."""
    sky.hand.freeze(who="bob", why="a release", id="f")

    with pytest.raises(ConfigurationError, match="frozen"):
        tradewind(*DRILL)


def test_a_group_that_observers_moved_is_brought_back_first(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """A drill would arrange by hand what policy had arranged, and observers would never bring the traffic home."""
    sky.down.add("on-aws")
    sky.rounds(6)
    sky.down.clear()
    sky.rounds(6)

    with pytest.raises(ConfigurationError, match=r"not where it begins \(on-gcp 100 %, by failover\)") as caught:
        tradewind(*DRILL, "--dry-run")
    assert caught.value.hint.startswith(f"First: tradewind group restore {GROUP}.")

    assert tradewind("group", "restore", GROUP, "--yes").code == 0
    sky.rounds(6)
    assert tradewind(*DRILL, "--dry-run").code == 0


def test_what_a_person_arranged_is_drilled_where_it_is(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """It is arranged by hand before and after, so a drill takes nothing from the observers."""
    sky.hand.move({"on-gcp": 100}, who="bob", why="maintenance at AWS", id="m")
    sky.rounds(6)

    assert stage_of(tradewind).settled().serving == ("on-gcp",)


def test_only_a_sandbox_is_broken(tradewind: GroupsCommandLine) -> None:
    """On a fleet of one's own nothing is broken by a command."""
    with pytest.raises(ConfigurationError, match="No sandbox runs in /nowhere") as caught:
        tradewind(*DRILL[:2], "--fault", "kill:aws", "--front", FRONT, "--state", "/nowhere", "--dry-run")
    assert "on a fleet of your own: --fault none" in caught.value.hint


@pytest.mark.parametrize(
    ("fault", "named", "said"),
    [
        (NONE, True, "The sandbox in {state}, whose fleet file this is, does not run"),
        ("kill:aws", True, "The sandbox in {state}, whose fleet file this is, does not run"),
        ("kill:aws", False, "No sandbox runs in {state} that could be broken"),
    ],
)
def test_a_sandbox_that_is_down_is_said_to_be(
    tradewind: GroupsCommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    named: bool,  # noqa: FBT001 - a column of the table
    said: str,
) -> None:
    """Nobody has to read how each of its stores refuses: the command that starts it is named."""
    monkeypatch.delenv("TRADEWIND_FLEET", raising=False)
    Ports(**{each.name: 10_000 + number for number, each in enumerate(fields(Ports))}).save(tmp_path / "ports.json")
    fleet = ("--fleet", str(tmp_path / "tradewind.yaml")) if named else ()

    with pytest.raises(ConfigurationError) as caught:
        tradewind("drill", GROUP, "--fault", fault, *fleet, "--state", str(tmp_path))

    assert caught.value.message == said.format(state=tmp_path)
    assert f"Start it: tradewind sandbox up --detach --state {tmp_path}" in caught.value.hint


def test_parts_of_a_sandbox_that_ended_are_named(tradewind: GroupsCommandLine, sky: Observatory) -> None:
    """A sandbox of which too much was killed says so beside how its stores refuse."""

    @dataclass
    class Ended:
        start_command: str = "tradewind sandbox up --detach"

        def status(self) -> list[PartStatus]:
            return [PartStatus("s3", "", running=False), PartStatus("front", "", running=True)]

    sky.away |= {"aws-use1", "gcp-euw4"}
    seen = cast("Sandbox", Ended())
    stage = Stage(tradewind.runtime, GROUP, (NONE,), seen, FRONT, predict=True, say=lambda _: None)

    with pytest.raises(StoreUnavailableError, match="No majority") as caught:
        stage.settled()
    assert "Parts of the sandbox do not run (s3): start them: tradewind sandbox up --detach" in caught.value.hint


def test_a_front_that_nobody_names_is_asked_for(tradewind: GroupsCommandLine) -> None:
    """A Caddy's admin API does not tell where users ask."""
    with pytest.raises(ConfigurationError, match="is not known"):
        stage_of(tradewind, front="").address()


def test_a_drill_by_hand_is_measured_to_its_end(
    tradewind: GroupsCommandLine, sky: Observatory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """When it is told to, a person breaks the primary and mends it; the traffic leaves and comes back."""

    def told(said: str) -> None:
        if said.startswith("break it"):
            sky.down.add("on-aws")
        if said.startswith("mend it"):
            sky.down.clear()

    stage = stage_of(tradewind, told)
    asked: list[Question] = []

    def load(
        question: Question, _rate: float, _timeout: float, tell: Callable[[Request], None], _begun: float
    ) -> Played:
        asked.append(question)
        return Played(sky, tell, stage.now)

    monkeypatch.setattr("tradewind.cli.staging.Load", load)

    report = run(stage, stage.settled(), PACE, load=50, timeout=1)

    assert [question.url for question in asked] == [f"{FRONT}/healthz"]
    assert (report.figures.epoch_before, report.figures.epoch) == (1, 2)
    assert report.figures.restored is not None
    assert sky.routing.weights["on-aws"] == 100
    assert report.loss.uploaded == report.loss.objects == 10, "nobody replicates here"
    assert report.good
    assert report.save(tmp_path).exists()
    assert table(report).row_count == len(report.rows())


DRY = ("--fleet", "any", "--state", "/nowhere", "--dry-run")
BEFORE = Routing(3, State.SETTLED, Kind.INITIAL, {"on-aws": 100, "on-gcp": 0, "on-azure": 0}, {}, "", "")


@dataclass(slots=True)
class Broken:
    """A sandbox, as far as a drill breaks it."""

    done: list[str] = field(default_factory=list)

    @property
    def faults(self) -> Broken:
        """What breaks it."""
        return self

    def inject(self, fault: str) -> None:
        """Remember what was broken."""
        self.done.append(fault)

    def lift(self, fault: str) -> None:
        """Remember what was mended."""
        self.done.append(f"not {fault}")


@pytest.fixture
def sandbox() -> tuple[Broken, Sandbox]:
    """Return a sandbox in which nothing runs, as it is and as a drill sees it."""
    broken = Broken()
    return broken, cast("Sandbox", broken)


def test_several_faults_are_there_together(
    tradewind: GroupsCommandLine, sandbox: tuple[Broken, Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--fault may be given more than once: all are broken and mended, and of sites one that loses everything."""
    broken, seen = sandbox
    monkeypatch.setattr("tradewind.cli.drill.open_sandbox", lambda _: seen)
    both = ("--fault", "store:gcp", "--fault", "kill:aws")
    ended = tradewind("drill", GROUP, *both, "--front", FRONT, *DRY)
    stage = Stage(tradewind.runtime, GROUP, ("store:gcp", "kill:aws"), seen, FRONT, predict=True, say=lambda _: None)
    fault = stage.breaking()
    fault.inject()
    fault.lift()

    assert ended.out.splitlines()[3] == "4. Break store:gcp and kill:aws"
    assert "at aws-use1" in ended.out.splitlines()[1]
    assert broken.done == ["store:gcp", "kill:aws", "not kill:aws", "not store:gcp"]
    with pytest.raises(ConfigurationError, match="'boom' is no fault"):
        tradewind("drill", GROUP, *both, "--fault", "boom", "--front", FRONT, *DRY)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("kill:aws", Expected.MOVE),
        ("kill:aws/endpoint", Expected.MOVE),
        ("kill:gcp", Expected.STAY),
        ("kill:aws/runtime", Expected.STAY),
        ("store:aws", Expected.STAY),
        ("clock:aws=300", Expected.STAY),
        ("blackhole:gcp>model-aws", Expected.STAY),
        ("errors:model-gcp=0.5", Expected.STAY),
        ("none", Expected.MOVE),
    ],
)
def test_traffic_is_expected_to_leave_only_what_is_broken_and_serves(
    tradewind: GroupsCommandLine, sandbox: tuple[Broken, Sandbox], fault: str, expected: Expected
) -> None:
    """A drill of anything else shows that nothing moves."""
    stage = Stage(tradewind.runtime, GROUP, (fault,), sandbox[1], FRONT, predict=True, say=lambda _: None)

    assert stage.expected(BEFORE) is expected


def test_a_drill_says_that_nothing_should_move(
    tradewind: GroupsCommandLine, sandbox: tuple[Broken, Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And --expect says otherwise where a person knows better."""
    monkeypatch.setattr("tradewind.cli.drill.open_sandbox", lambda _: sandbox[1])
    given = ("drill", GROUP, "--fault", "store:aws", "--front", FRONT, *DRY)

    assert tradewind(*given).out.splitlines()[4:] == [
        "5. Watch for 300 s that nothing moves, and no request is lost",
        "6. Look which of the objects other sites hold",
        "7. Lift the fault",
    ]
    assert "until epoch 2 is settled" in tradewind(*given, "--expect", "move").out
    assert json.loads(tradewind(*given, "--json").out)["expected"] == "stay"


def test_what_waits_may_be_unknown(
    tradewind: GroupsCommandLine, sky: Observatory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that is away already is no reason not to drill; that it could not be asked is in the report."""

    def away(_: Stage) -> None:
        raise StoreUnavailableError("Rule models could not be compared: az-weu does not answer")

    stage = stage_of(tradewind, lambda said: sky.down.symmetric_difference_update({"on-aws"} if " it " in said else ()))
    monkeypatch.setattr(Stage, "waiting", away)
    monkeypatch.setattr(Stage, "artifacts", lambda _: None)
    monkeypatch.setattr("tradewind.cli.staging.Load", lambda *args: Played(sky, args[3], stage.now))

    report = run(stage, stage.settled(), PACE, load=50, timeout=1)

    assert report.figures.epoch == 2
    document = report.document()
    assert document["unanswered"]["waiting"].endswith("az-weu does not answer")
    assert [document[name] for name in ("rpo_bytes", "rpo_objects", "rpo_s")] == [None] * 3
    assert report.rows()["recovery point"] == "not measured"


def test_a_time_limit_mends_what_was_broken() -> None:
    """SIGTERM ends a drill as Ctrl-C does, and what took it before takes it again."""
    before = getsignal(SIGTERM)
    with pytest.raises(KeyboardInterrupt), mended_when_ended():
        raise_signal(SIGTERM)

    assert getsignal(SIGTERM) is before
