"""How a person and a script see what would be done about a key."""

import json
from collections.abc import Iterator

import pytest

from rigs.memory_runtime import MemoryCommandLine, memory_command_line
from rigs.world import World
from tradewind.errors import StoreUnavailableError
from tradewind.replication.agreeing.tombstones import Tombstone, Tombstones

RULE: dict[str, object] = {"name": "one", "to": ["b", "c"], "classification": "personal"}
KEY = "models/\x1b[2Jx"


@pytest.fixture
def tradewind(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryCommandLine]:
    """A command line over a world with one object that is at `a` and `b`, and must not be at `c`."""
    world = World(RULE)
    world.replicator.replicate(world.write("a", KEY, b"weights"))
    with memory_command_line(world, monkeypatch) as tradewind:
        yield tradewind


def test_as_json(tradewind: MemoryCommandLine) -> None:
    """`--json` has the documented names."""
    told = json.loads(tradewind("explain", f"a:{KEY}", "--json").out)

    assert told.keys() == {"key", "site", "sites", "rules"}
    assert told["sites"]["a"]["object"].keys() == {"token", "size", "modified", "checksum", "provenance"}
    assert told["sites"]["b"]["object"]["provenance"]["origin"] == "a"
    assert told["sites"]["b"]["object"]["provenance"]["believed"] is True
    assert told["sites"]["c"] == {"error": None, "object": None, "tombstone": None}
    (rule,) = told["rules"]
    assert (rule["rule"], rule["mode"], rule["sets"]) == ("one", "one_way", [])
    assert [(each["target"], each["action"]) for each in rule["advice"]] == [("b", "nothing"), ("c", "refuse")]


def test_for_a_person(tradewind: MemoryCommandLine) -> None:
    """The key, what each site holds, and what each rule would do; a key cannot disturb the terminal."""
    Tombstones(tradewind.world.records["c"]).bury(KEY, Tombstone(tradewind.world.now, "c"), lambda tomb: tomb.time)
    ended = tradewind("explain", f"s3://bucket-a/{KEY}")
    lines = ended.out.splitlines()

    assert ended.code == 0
    assert lines[0] == "key models/�[2Jx"
    assert lines[1].startswith("  a: 7 bytes, version ")
    assert lines[1].endswith("; written by a user")
    assert "; replica of version " in lines[2]
    assert lines[3:] == [
        "  c: nothing",
        "  c: remembers that it was deleted at c at 2026-01-01T00:00:00+00:00",
        "rule one (one_way, 'personal' data)",
        "  delivery: immediate: at once",
        "  a -> b: nothing: the target has this version",
        "  a -> b: gate: 'personal' data may be in EU",
        "  a -> c: refuse: 'personal' data may not be in CH; allowed: EU",
    ]


def test_doubts(tradewind: MemoryCommandLine) -> None:
    """A damaged replica and a dark site are called that."""
    tradewind.world.damage_at_rest("b", KEY, b"other bytes")

    def refuse(_: str) -> None:
        raise StoreUnavailableError("it is dark")

    tradewind.world.stores["c"].before = refuse
    out = tradewind("explain", f"a:{KEY}").out

    assert "which these bytes or this key are not" in out
    assert "  c: not known: it is dark" in out
    assert "  a -> c: fail: c: it is dark" in out


def test_no_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no rule speaks of the key, that is said."""
    with memory_command_line(World(), monkeypatch) as tradewind:
        assert "no rule of the fleet speaks of this key here: nothing is done\n" in tradewind("explain", "a:x").out
