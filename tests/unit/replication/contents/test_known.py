"""When two objects are the same bytes, and from which size on it pays to ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tradewind.checksums import crc32c, crc64nvme, md5
from tradewind.fleet import Fleet
from tradewind.ports import Checksums, Metadata, ObjectState
from tradewind.replication.contents.known import Content, content_from, content_of, name_of, same
from tradewind.replication.contents.saving import Saving
from tradewind.replication.contents.worth import MIB, Reuse, is_wanted
from tradewind.replication.provenance import Provenance, Stored, Version, fingerprint, stamped
from tradewind.replication.routes import Route

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def shown(body: bytes, *, which: str) -> Checksums:
    """Return what a store keeps of some bytes: `m`d5, crc`6`4, crc32`c`, crc`3`2."""
    return Checksums(
        crc32c=crc32c(body) if "c" in which else None,
        crc64nvme=crc64nvme(body) if "6" in which else None,
        md5=md5(body) if "m" in which else None,
    )


kinds = st.text("m6c", max_size=3)
bodies = st.binary(max_size=3)


@given(one=bodies, other=bodies, mine=kinds, theirs=kinds)
def test_only_the_same_bytes_are_the_same(one: bytes, other: bytes, mine: str, theirs: str) -> None:
    """Two contents are the same only if their bytes are, and only if both show one checksum of 64 bits or more."""
    found = same(Content(len(one), shown(one, which=mine)), Content(len(other), shown(other, which=theirs)))

    assert found == (one == other and bool(set(mine) & set(theirs) & {"m", "6"}))


@given(body=bodies, which=kinds, wrong=st.sampled_from(["crc32c", "crc64nvme", "md5"]))
def test_one_checksum_that_differs_is_enough(body: bytes, which: str, wrong: str) -> None:
    """However many others are the same."""
    checksums = shown(body, which=which + "m")
    other = shown(body + b"x", which="m6c")
    assume(getattr(checksums, wrong) is not None)
    differing = replace(checksums, **{wrong: getattr(other, wrong)})

    assert not same(Content(len(body), checksums), Content(len(body), differing))


@given(one=bodies, other=bodies, which=st.sampled_from(["m", "6", "m6", "mc", "6c"]))
def test_records_of_other_contents_have_other_names(one: bytes, other: bytes, which: str) -> None:
    """One content has one name, at every site alike; another, or one of another class of data, has another."""
    name = name_of(Content(len(one), shown(one, which=which)), "public")
    again = name_of(Content(len(other), shown(other, which=which)), "public")

    assert (name == again) == (one == other)
    assert name != name_of(Content(len(one), shown(one, which=which)), "personal")


@pytest.mark.parametrize("which", ["", "c"])
def test_what_32_bits_tell_apart_is_not_looked_for(which: str) -> None:
    """A CRC-32C alone is shared by some two of a hundred thousand objects."""
    assert name_of(Content(3, shown(b"abc", which=which)), "public") is None


def replica(body: bytes, origin: Provenance, kept: Checksums) -> ObjectState:
    """Return a replica as its store shows it."""
    return ObjectState("key", "1", len(body), NOW, kept, stamped(Metadata(), origin))


def provenance(body: bytes, **fields: object) -> Provenance:
    """Return what a replica of `body` says."""
    said = Provenance("a", Version("t", NOW), len(body), crc32c(body), fingerprint("key"))
    return replace(said, **fields)  # type: ignore[arg-type]  # whichever fields a test names


def test_provenance_tells_what_the_store_does_not_keep() -> None:
    """A replica that its store shows a CRC-32C of is known by the MD5 and the CRC-64 that its origin's store showed."""
    body = b"abc"
    said = provenance(body, origin_md5=md5(body), crc64nvme=crc64nvme(body))

    content = content_of(replica(body, said, shown(body, which="c")))

    assert content is not None
    assert content.checksums == shown(body, which="m6c")
    assert same(content, content_from(said))


def test_provenance_of_other_bytes_tells_nothing() -> None:
    """What a user wrote over a replica, keeping its metadata, is not what the metadata says."""
    said = provenance(b"abc", origin_md5=md5(b"abc"))

    content = content_of(replica(b"xyz", said, shown(b"xyz", which="c")))

    assert content == Content(3, shown(b"xyz", which="c"))


def test_what_is_stored_in_another_form_is_no_content() -> None:
    """The bytes there are not the origin's."""
    packed = b"packed"
    said = provenance(b"abc" * 9, stored=Stored("gzip", len(packed), crc32c(packed)))

    assert content_of(replica(packed, said, shown(packed, which="cm"))) is None


def test_what_a_store_was_only_given_tells_nothing() -> None:
    """An MD5 that nobody compared with the bytes is not believed, nor is provenance that only this confirms."""
    body = b"abc"
    said = provenance(body, md5=md5(body), origin_md5=md5(body), crc64nvme=crc64nvme(body))
    named = replica(body, said, shown(body, which="cm"))

    assert content_of(ObjectState("key", "1", 3, NOW, shown(body, which="m")), given=True) == Content(3, Checksums())
    assert content_of(replica(body, said, shown(body, which="m")), given=True) == Content(3, Checksums())
    assert content_of(named, given=True) == Content(3, shown(body, which="m6c"))


CLOUDS = {
    "aws": {"cloud": "aws", "bucket": "b"},
    "gcp": {"cloud": "gcp", "bucket": "b", "project": "p"},
    "azure": {"cloud": "azure", "account": "acct", "container": "b"},
}


def fleet(source: str, target: str, *, region: str = "r") -> Fleet:
    """Return a fleet of two sites on these clouds."""
    shared = {"jurisdiction": "US", "control_bucket": "c", "queues": {"notifications": "n", "dead_letters": "d"}}
    sites = {
        "a": CLOUDS[source] | shared | {"region": "r"},
        "b": CLOUDS[target] | shared | {"region": region} | ({"bucket": "other"} if source == target else {}),
    }
    rule = {"name": "all", "mode": "one_way", "from": "a", "to": ["b"], "classification": "public"}
    classes = {"public": {"jurisdictions": "any"}}
    return Fleet.model_validate({"version": 1, "sites": sites, "classifications": classes, "rules": [rule]})


@pytest.mark.parametrize(
    ("source", "target", "region", "mebibytes"),
    [
        ("aws", "gcp", "r", 8),
        ("gcp", "azure", "r", 8),
        ("azure", "aws", "r", 8),
        ("aws", "aws", "other", 27),
        ("aws", "aws", "r", None),
    ],
)
def test_it_pays_from_a_size_on_that_the_prices_say(
    source: str, target: str, region: str, mebibytes: int | None
) -> None:
    """The dearer the way, the smaller the object; nothing is looked for where the way is free."""
    at = fleet(source, target, region=region)

    smallest = Reuse().smallest(at, at.rules[0], "a", "b")

    assert (None if smallest is None else smallest // MIB) == mebibytes


@given(size=st.integers(0, 100 * MIB))
def test_a_look_costs_less_than_it_saves(size: int) -> None:
    """With one object in a hundred found, what is looked for saves at least what looking costs."""
    at = fleet("aws", "gcp")
    state = ObjectState("key", "1", size, NOW)

    if is_wanted(at, Reuse(floor=0), Route(at.rules[0], "a", "b"), state):
        assert Saving.of(size, 0.09).dollars * 0.01 >= (0.005 + 0.0004) / 1000 * 0.999


def test_what_is_saved_is_told() -> None:
    """In bytes, and in dollars at list prices."""
    assert Saving.of(10 * 1024**3, 0.09).told() == "10,737,418,240 bytes and $0.9000 of egress saved"


ETAG = "d41d8cd98f00b204e9800998ecf8427e-12"


@pytest.mark.parametrize(
    ("token", "telling"),
    [(ETAG, ("etag", ETAG)), (ETAG[:32], None), ("1732158000123456", None), ("0x8DCFE4", None)],
)
def test_an_etag_of_parts_tells_content(token: str, telling: tuple[str, str] | None) -> None:
    """S3 makes it of the parts' MD5s; other stores' tokens, and other ETags, tell a version and no content."""
    content = content_of(ObjectState("key", token, 3, NOW))
    said = provenance(b"abc", version=Version(token, NOW))

    assert content is not None
    assert content.telling == content_from(said).telling == telling
    assert same(content, content_from(said)) == (telling is not None)


def test_bytes_in_other_parts_may_be_the_same() -> None:
    """Another ETag says nothing; a checksum that differs says that the bytes do."""
    one = Content(3, shown(b"abc", which="6"), ETAG)

    assert same(one, Content(3, shown(b"abc", which="6"), f"{ETAG}0"))
    assert not same(one, Content(3, shown(b"abd", which="c6"), ETAG))
