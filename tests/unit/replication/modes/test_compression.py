"""What is stored compressed, and how it is proven."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.world import InlineExecutor, World, fleet_of
from tradewind.checksums import crc32c
from tradewind.errors import IntegrityError
from tradewind.fleet import Rule
from tradewind.ports import Change, Metadata, ObjectState
from tradewind.replication.decide import Verdict
from tradewind.replication.modes.compression import is_text_like, pack, unpack
from tradewind.replication.provenance import provenance_of
from tradewind.replication.seeing.compare import Finding
from tradewind.replication.seeing.verify import Report, verify

ENCODINGS = ("zstd", "gzip")
ROWS = b"a,b,c\n" + b"1,2,3\n" * 1000
CSV = Metadata(content_type="text/csv", user={"owner": "me"})


def rule_of(encoding: str) -> dict[str, object]:
    """Return a rule that compresses."""
    return {"name": "rule", "to": ["b"], "delivery": {"mode": "batch", "compress": encoding}}


def compressing(encoding: str) -> Rule:
    """Return that rule as the fleet has it."""
    return fleet_of(rule_of(encoding)).rules[0]


@pytest.fixture(params=ENCODINGS)
def world(request: pytest.FixtureRequest) -> World:
    """A world in which a table was copied compressed."""
    world = World(rule_of(request.param))
    world.write("a", "t.csv", ROWS, CSV)
    (outcome,) = world.replicator.replicate(world.announce("a", "t.csv", Change.NOTHING))
    assert outcome.verdict is Verdict.COPIED
    assert f"as {request.param} of" in outcome.reason
    return world


def replica(world: World) -> ObjectState:
    """Return what is at the target."""
    state = world.memory["b"].head("t.csv")
    assert state is not None
    return state


def verified(world: World) -> Report:
    """Read every byte."""
    return verify(world.fleet, world.fleet.rules[0], world.stores.__getitem__, world.gate, InlineExecutor(), deep=True)


@given(st.binary(max_size=500), st.integers(1, 50), st.sampled_from(ENCODINGS), st.integers(1, 97))
def test_what_is_packed_unpacks_to_the_same_bytes(body: bytes, times: int, encoding: str, size: int) -> None:
    """Whatever is worth packing is packed the same each time, is smaller, and comes back in chunks of any size."""
    rule, body = compressing(encoding), body * times
    packed = pack(rule, "x.csv", Metadata(), body)

    assert packed == pack(rule, "x.csv", Metadata(), body)
    if packed is not None:
        assert len(packed.body) <= 0.9 * len(body)
        chunks = [packed.body[at : at + size] for at in range(0, len(packed.body), size)]
        assert b"".join(unpack(encoding, chunks)) == body


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "damage", [lambda body: body[:-1], lambda body: body + b"x", lambda body: b"x" + body, lambda _: b""]
)
def test_what_is_damaged_does_not_unpack(encoding: str, damage: Callable[[bytes], bytes]) -> None:
    """Bytes that are missing, or too many, or others, are an error and no short answer."""
    packed = pack(compressing(encoding), "x.csv", Metadata(), ROWS)
    assert packed is not None

    with pytest.raises(IntegrityError):
        b"".join(unpack(encoding, [damage(packed.body)]))


@pytest.mark.parametrize(
    ("key", "metadata", "expected"),
    [
        ("x", Metadata(content_type="text/plain; charset=utf-8"), True),
        ("x", Metadata(content_type="application/json"), True),
        ("x", Metadata(content_type="application/geo+json"), True),
        ("x.JSONL", Metadata(content_type="binary/octet-stream"), True),
        ("x.tsv", Metadata(), True),
        ("x.csv", Metadata(content_type="image/png"), False),
        ("x.csv.gz", Metadata(), False),
        ("x.parquet", Metadata(), False),
        ("x.csv", Metadata(content_type="text/csv", content_encoding="gzip"), False),
    ],
)
def test_text_is_told_by_type_and_extension(key: str, metadata: Metadata, *, expected: bool) -> None:
    """The content type says it, or the extension where the type says nothing; what is encoded already never is."""
    assert is_text_like(key, metadata) is expected


def test_what_closes_a_set_is_stored_as_it_is() -> None:
    """Closing objects are read at the targets, too."""
    assert pack(compressing("zstd"), "m/model.safetensors.index.json", Metadata(), ROWS) is None
    assert pack(compressing("zstd"), "m/other.json", Metadata(), ROWS) is not None


def test_what_does_not_get_smaller_is_stored_as_it_is() -> None:
    """Less than a tenth is not worth a second form of the bytes."""
    assert pack(compressing("gzip"), "x.csv", Metadata(), bytes(range(256))) is None


def test_a_compressed_replica_is_proven_by_what_its_store_keeps(world: World) -> None:
    """Provenance names the origin's size and checksum, and those of the bytes as they are stored."""
    state = replica(world)
    claim = provenance_of(state)

    assert claim is not None
    assert claim.stored is not None
    assert (claim.size, claim.crc32c) == (len(ROWS), crc32c(ROWS))
    assert (claim.stored.size, claim.stored.crc32c) == (state.size, state.checksums.crc32c)
    assert state.metadata.content_encoding == claim.stored.encoding
    assert (state.metadata.content_type, state.metadata.user["owner"]) == ("text/csv", "me")
    body = world.body("b", "t.csv")
    assert body is not None
    assert b"".join(unpack(claim.stored.encoding, [body])) == ROWS


def test_a_compressed_replica_is_in_sync_and_verified(world: World) -> None:
    """It is not copied again, and reading every byte unpacks it."""
    (outcome,) = world.replicator.replicate(world.announce("a", "t.csv", Change.NOTHING))
    assert outcome.verdict is Verdict.IN_SYNC

    report = verified(world)

    assert (report.replicas, report.differences) == (1, [])


def test_a_compressed_replica_that_rotted_is_found(world: World) -> None:
    """Bytes that changed under the store's checksum are found by reading, whatever they unpack to."""
    body = world.body("b", "t.csv")
    assert body is not None
    world.damage_on_the_way("b", "t.csv", body[:-1] + bytes([body[-1] ^ 1]))

    assert [each.finding for each in verified(world).differences] == [Finding.CORRUPT]


def test_other_bytes_in_the_same_form_are_found() -> None:
    """A replica that says of itself what is not so is found by unpacking it."""
    world = World(rule_of("gzip"))
    world.write("a", "t.csv", ROWS, CSV)
    world.replicator.replicate(world.announce("a", "t.csv", Change.NOTHING))
    state = replica(world)
    forged = gzip.compress(b"forged" * 1000, mtime=0)
    claim = json.loads(state.metadata.user["tradewind"])
    claim["stored"] |= {"size": len(forged), "crc32c": f"{crc32c(forged):08x}"}
    user = {**state.metadata.user, "tradewind": json.dumps(claim)}
    world.write("b", "t.csv", forged, replace(state.metadata, user=user))

    assert [each.finding for each in verified(world).differences] == [Finding.CORRUPT]


def test_a_new_version_replaces_a_compressed_replica(world: World) -> None:
    """What was compressed is followed up like any other replica."""
    world.pass_time()
    world.write("a", "t.csv", b"short", CSV)
    (outcome,) = world.replicator.replicate(world.announce("a", "t.csv", Change.NOTHING))

    assert outcome.verdict is Verdict.COPIED
    assert world.body("b", "t.csv") == b"short"
    assert replica(world).metadata.content_encoding is None
