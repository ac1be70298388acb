"""How a person and a script see where an object is."""

import json
from collections.abc import Iterator

import pytest

from rigs.memory_runtime import MemoryCommandLine, memory_command_line
from rigs.world import World
from tradewind.errors import ConfigurationError

RULE: dict[str, object] = {"name": "one", "to": ["b", "c"]}
KEY = "models/\x1b[2J[red]x"


@pytest.fixture
def tradewind(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryCommandLine]:
    """A command line over a world with one object that is everywhere, under an awkward key."""
    world = World(RULE)
    world.replicator.replicate(world.write("a", KEY, b"weights"))
    with memory_command_line(world, monkeypatch) as tradewind:
        yield tradewind


def test_as_json(tradewind: MemoryCommandLine) -> None:
    """`--json` has the documented names, the nearest place first."""
    ended = tradewind("locate", f"s3://bucket-a/{KEY}", "--site", "c", "--json")
    told = json.loads(ended.out)

    assert ended.code == 0
    assert (told["key"], told["origin"], told["reader"], told["readable"], told["nearest"]) == (
        KEY,
        "a",
        "c",
        True,
        "c",
    )
    first = told["places"][0]
    assert (first["site"], first["holds"], first["current"], first["usable"]) == ("c", "replica", True, True)
    assert first["uri"] == f"s3://bucket-c/{KEY}"
    assert first["modified"] == "2026-01-01T00:00:00+00:00"


def test_for_a_person(tradewind: MemoryCommandLine) -> None:
    """A row for each site, and the URI of the nearest, in which a key cannot disturb the terminal."""
    ended = tradewind("locate", f"b:{KEY}")

    assert ended.code == 0
    assert [line[0] for line in ended.out.splitlines()] == ["b", "a", "c", "n"]
    assert ended.out.startswith("b  (aws r) replica, current, crc32c 923eaa45, 7 B\n")
    assert "nearest to b: s3://bucket-b/models/�[2J[red]x\n" in ended.out


def test_nowhere(tradewind: MemoryCommandLine) -> None:
    """Where there is no copy to use, the exit code is 1."""
    ended = tradewind("locate", "a:nothing")

    assert ended.code == 1
    assert "There is no copy that is current and may be where it is" in ended.out


def test_where_it_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks from where the object must not be is sent nowhere."""
    world = World({"name": "eu", "from": "b", "to": ["a"], "classification": "personal"})
    world.write("b", "x", b"weights")
    with memory_command_line(world, monkeypatch) as tradewind:
        ended = tradewind("locate", "b:x", "--site", "c")

    assert ended.code == 1
    assert "does not let this object be where c is" in ended.out


def test_an_unknown_site(tradewind: MemoryCommandLine) -> None:
    """A reader's site that is not in the fleet is an error with the sites that are."""
    with pytest.raises(ConfigurationError, match="There is no site 'mars'"):
        tradewind("locate", "a:x", "--site", "mars")
