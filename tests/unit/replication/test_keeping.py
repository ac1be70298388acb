"""A loser that is too large for a function's memory is kept by its store, within a function's time or not at all."""

from __future__ import annotations

import pytest

from rigs.large import BODY, large_world
from rigs.world import PLAIN, World
from tradewind.checksums import crc32c, md5
from tradewind.clouds.memory.copies import MemoryCopies
from tradewind.errors import ObjectTooLargeError
from tradewind.ports import Metadata, ObjectState, PutReceipt
from tradewind.replication.agreeing.aside import aside_key
from tradewind.replication.agreeing.keeping import keep_aside

KEY = "models/large.bin"
BOTH: dict[str, object] = {"name": "r", "sites": ["a", "b"], "conflict": "keep_both"}


def written() -> tuple[World, ObjectState]:
    """Return a world with a large object of a user at `b`, and its state."""
    world = large_world(BOTH)
    world.write("b", KEY, BODY)
    state = world.memory["b"].head(KEY)
    assert state is not None
    return world, state


def refuse(*_: object, **__: object) -> PutReceipt:
    """Copy nothing."""
    raise ObjectTooLargeError("Could not copy it: it would take 99 seconds")


def test_what_takes_too_long_is_left_to_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to do; once that is done, nothing is copied any more."""
    world, state = written()
    monkeypatch.setattr(MemoryCopies, "copy", refuse)
    other = aside_key("b", state)

    with pytest.raises(ObjectTooLargeError, match=f"99 seconds.*Copy '{KEY}' at b to '{other}' yourself"):
        keep_aside(world.replicator.at, KEY, "b", state.token)

    world.memory["b"].put(other, BODY, metadata=PLAIN, crc32c=crc32c(BODY), md5=None, expect=None)
    keep_aside(world.replicator.at, KEY, "b", state.token)
    assert world.body("b", other) == BODY


@pytest.mark.parametrize(("checksum", "kept"), [("crc32c", md5(BODY)), ("md5", None)])
def test_a_user_may_have_given_it_a_wrong_md5(
    monkeypatch: pytest.MonkeyPatch, checksum: str, kept: bytes | None
) -> None:
    """What is to be kept is kept as it is: the copy is not held against an MD5 that nobody compared."""
    world, state = written()
    monkeypatch.setattr(type(world.memory["b"]), "checksum", checksum)
    asked: list[ObjectState] = []
    plain = MemoryCopies.copy

    def copy(
        self: MemoryCopies, source: ObjectState, key: str, *, metadata: Metadata, expect: str | None
    ) -> PutReceipt:
        asked.append(source)
        return plain(self, source, key, metadata=metadata, expect=expect)

    monkeypatch.setattr(MemoryCopies, "copy", copy)
    keep_aside(world.replicator.at, KEY, "b", state.token)

    assert [each.checksums.md5 for each in asked] == [kept]
    assert world.body("b", aside_key("b", state)) == BODY
