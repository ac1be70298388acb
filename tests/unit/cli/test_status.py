"""How a person and a script see the status."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from rigs.memory_runtime import MemoryCommandLine, memory_command_line
from rigs.world import World
from tradewind.replication.sweeping.sweep import Budget

RULE: dict[str, object] = {"name": "one", "to": ["b", "c"], "rpo_seconds": 10_000_000_000}


@pytest.fixture
def tradewind(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryCommandLine]:
    """A command line over a world with one object that is in sync at `b`, and in conflict at `c`."""
    world = World(RULE, {"name": "two", "to": ["b"], "prefix": "none/"})
    world.replicator.replicate(world.write("a", "x", b"weights"))
    world.pass_time(3)
    with memory_command_line(world, monkeypatch) as tradewind:
        yield tradewind


def test_as_json(tradewind: MemoryCommandLine) -> None:
    """`--json` has the documented names."""
    tradewind.world.write("c", "x", b"mine")
    tradewind.queue("a").send("letter")
    ended = tradewind("status", "one", "--json")
    told = json.loads(ended.out)

    assert ended.code == 1
    assert told.keys() == {"time", "attention", "rules", "queues"}
    assert told["queues"] == {"a": {"waiting": 0, "dead_letters": 1}}
    (rule,) = told["rules"]
    assert (rule["rule"], rule["live"], rule["error"], rule["keys"], rule["last_sweep"]) == ("one", True, None, 1, None)
    assert rule["targets"]["b"] == {
        "in_sync": {"objects": 1, "bytes": 7},
        "backlog": {"objects": 0, "bytes": 0, "oldest_seconds": None},
        "lag_seconds": {"p50": 0.0, "p99": 0.0, "max": 0.0},
        "stuck": 0,
        "sets_incomplete": 0,
        "conflicts": 0,
        "refused": 0,
        "findings": {"match": 1},
    }
    assert rule["targets"]["c"]["conflicts"] == 1
    assert rule["targets"]["c"]["lag_seconds"] == {"p50": None, "p99": None, "max": None}


def test_for_a_person(tradewind: MemoryCommandLine) -> None:
    """Without trouble it says so, with a row for each rule and target, and the exit code is 0."""
    tradewind.world.write("a", "late", b"12")
    ended = tradewind("status")

    assert ended.code == 0
    assert "Nothing needs a person." in ended.out
    cells = [re.split(r" {2,}", line.strip()) for line in ended.out.splitlines()]
    rows = [row for row in cells if row[0] in ("one", "two")]
    assert [row[:4] + row[5:] for row in rows] == [
        ["one", "b", "1 (7 B)", "1 (2 B)", "0 s / 0 s / 0 s", "-"],
        ["one", "c", "1 (7 B)", "1 (2 B)", "0 s / 0 s / 0 s", "-"],
        ["two", "b", "0 (0 B)", "0", "-", "-"],
    ]
    assert "one: 2 keys, compared now; no sweep has reached the end yet" in ended.out


def test_trouble(tradewind: MemoryCommandLine) -> None:
    """What needs a person is listed, and the exit code is 1."""
    tradewind.world.write("c", "x", b"mine")
    ended = tradewind("status", "one")

    assert ended.code == 1
    assert "Needs a person:\n  rule one at c: 1 keys in conflict\n" in ended.out


def test_the_last_sweep(tradewind: MemoryCommandLine) -> None:
    """`--last-sweep` tells what a sweep found; before there is one, nothing is known."""
    assert "one: not known; no sweep has reached the end yet" in tradewind("status", "one", "--last-sweep").out
    world = tradewind.world
    sweeper = tradewind.runtime.sweeper()
    sweeper.step(world.fleet.rules[0], Budget(1000, datetime.now(UTC) + timedelta(minutes=1)))
    world.write("a", "since then", b"12")
    told = tradewind("status", "one", "--last-sweep").out

    assert "one: 1 keys, as the last sweep ended 0 s ago" in told
    assert "--now compares the sites" in told
    assert json.loads(tradewind("status", "one", "--now", "--json").out)["rules"][0]["keys"] == 2


def test_choices_that_exclude_each_other(tradewind: MemoryCommandLine) -> None:
    """Nobody has to guess which of two options counts."""
    ended = tradewind("status", "--now", "--last-sweep")

    assert ended.code == 2
    assert "exclude each other" in ended.out


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_watching(tradewind: MemoryCommandLine, monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    """It is shown again and again until Ctrl-C, and the exit code is that of the last look."""
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        tradewind.world.write("c", "x", b"mine")
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("tradewind.cli.following.sleep", pause)
    ended = tradewind("status", "one", "--watch", "--every", "7", *options)

    assert ended.code == 1
    assert pauses == [7, 7, 7]
    if options:
        looks = [json.loads(line) for line in ended.out.splitlines()]
        assert [bool(look["attention"]) for look in looks] == [False, True, True]
    else:
        assert "rule one at c: 1 keys in conflict" in ended.out
