"""What a replica says about itself, and when it is believed."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import ConfigurationError
from tradewind.ports import PROVENANCE_KEY, Checksums, Metadata, ObjectState
from tradewind.replication.provenance import (
    Provenance,
    Version,
    decode,
    digest,
    fingerprint,
    is_of,
    provenance_of,
    stamped,
)

NOW = datetime(2026, 11, 21, 3, 14, 15, 926535, tzinfo=UTC)
CLAIM = Provenance("aws-use1", Version('"abc"', NOW), 5, 0xDEADBEEF, fingerprint("models/a"))


def state(claim: Provenance = CLAIM, checksums: Checksums = Checksums(crc32c=0xDEADBEEF)) -> ObjectState:  # noqa: B008 - frozen
    """Return an object that carries `claim`."""
    return ObjectState("models/a", "t", 5, NOW, checksums, stamped(Metadata(), claim))


@given(
    st.builds(
        Provenance,
        origin=st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True),
        version=st.builds(Version, st.text(), st.datetimes(timezones=st.just(UTC))),
        size=st.integers(0, 2**43),
        crc32c=st.none() | st.integers(0, 2**32 - 1),
        crc64nvme=st.none() | st.integers(0, 2**64 - 1),
        crc32=st.none() | st.integers(0, 2**32 - 1),
        key=st.just(fingerprint("models/a")),
        md5=st.none() | st.binary(min_size=16, max_size=16),
        metadata=st.just("") | st.text().map(fingerprint),
    )
)
def test_survives_encoding(claim: Provenance) -> None:
    """What is encoded is decoded to the same, and the value is ASCII that any header carries."""
    assert decode(claim.encode(), "models/a") == claim
    assert claim.encode().isascii()
    assert claim.encode().isprintable()


@given(
    st.text().filter(lambda text: '"v"' not in text)
    | st.dictionaries(
        st.sampled_from(["origin", "version", "modified", "size", "crc32c", "key", "md5"]),
        st.none() | st.integers() | st.text() | st.lists(st.integers()),
    ).map(lambda fields: json.dumps({"v": 1, **fields}))
)
def test_anything_else_is_no_provenance(value: str) -> None:
    """A user's own metadata under our name is not provenance, and no error either."""
    assert decode(value, "models/a") is None


def test_a_newer_format_stops_the_work() -> None:
    """A replica of a newer tradewind is not taken for a user's object, which would send it round."""
    with pytest.raises(ConfigurationError, match="'models/a' carries provenance of format 3"):
        decode(CLAIM.encode().replace('"v":1', '"v":3'), "models/a")


def test_a_newer_format_that_was_copied_from_another_key_stops_nobody() -> None:
    """Provenance of whatever format speaks only of the key whose fingerprint it bears."""
    assert decode(CLAIM.encode().replace('"v":1', '"v":3'), "models/b") is None


@pytest.mark.parametrize("value", ['{"v":3}', '{"v":"3","origin":"a","version":"b","key":"c"}', "[3]", '{"v":null}'])
def test_a_user_s_own_entry_stops_nobody(value: str) -> None:
    """Something else under our name is not a newer format."""
    assert decode(value, "models/a") is None


def test_a_store_that_keeps_no_checksum_of_it_did_not_get_it_from_us() -> None:
    """Bytes of the same size that somebody wrote over a replica, keeping its metadata, are theirs."""
    assert provenance_of(state(checksums=Checksums(crc32=1))) is None
    assert provenance_of(state(checksums=Checksums())) is None


def test_believed_where_it_matches() -> None:
    """An object whose provenance matches its own content is a replica."""
    assert provenance_of(state()) == CLAIM


@pytest.mark.parametrize(
    "changed",
    [
        replace(state(), size=6),
        replace(state(), key="models/b"),
        state(checksums=Checksums(crc32c=1)),
        replace(state(), metadata=Metadata()),
        replace(state(), metadata=Metadata(user={PROVENANCE_KEY: "mine"})),
    ],
    ids=["other size", "copied to another key", "other bytes", "no provenance", "not provenance"],
)
def test_not_believed_where_it_does_not(changed: ObjectState) -> None:
    """A user's object that inherited provenance counts as freshly written."""
    assert provenance_of(changed) is None


def test_a_digest_stands_for_the_users_metadata() -> None:
    """Another value, name or header makes another digest; tradewind's own entry does not."""
    written = Metadata(content_type="a/b", user={"a": "1"})
    others = [Metadata(), replace(written, content_type=None), replace(written, user={"a": "2"})]
    others += [replace(written, tags={"a": "1"}), replace(written, tags={"a": "2"})]

    assert digest(stamped(written, CLAIM)) == digest(written)
    assert digest(written) not in {digest(other) for other in others}
    assert len({digest(other) for other in others}) == len(others)


def test_a_digest_without_tags_is_that_of_older_replicas() -> None:
    """Replicas that were written before tags travelled still are of the objects that they were made of."""
    assert digest(Metadata(content_type="text/plain", user={"epoch": "7"})) == "f31b25b2521f3e36"


def test_a_replica_is_of_its_origins_present_state() -> None:
    """Its version and its metadata are those of the origin; a replica that does not tell its metadata is believed."""
    origin = ObjectState("models/a", '"abc"', 5, NOW, Checksums(), Metadata(user={"a": "1"}))
    claim = replace(CLAIM, metadata=digest(origin.metadata))

    assert is_of(claim, origin)
    assert is_of(CLAIM, origin)
    assert not is_of(claim, replace(origin, metadata=Metadata(user={"a": "2"})))
    assert not is_of(claim, replace(origin, token="other"))


def test_md5_stands_in_where_the_store_keeps_no_crc32c() -> None:
    """On Azure other bytes of the same size are told by the MD5 that the service keeps."""
    claim = replace(CLAIM, md5=b"m" * 16)

    assert provenance_of(state(claim, checksums=Checksums(md5=b"m" * 16))) == claim
    assert provenance_of(state(claim, checksums=Checksums(md5=b"x" * 16))) is None
    assert provenance_of(state(claim, checksums=Checksums())) is None


@pytest.mark.parametrize("known", [Checksums(crc64nvme=7), Checksums(crc32=7)])
def test_a_large_replica_is_known_by_the_checksum_that_its_store_proved(known: Checksums) -> None:
    """Where no function saw all of an object, provenance has what its stores keep, and is believed by that."""
    claim = replace(CLAIM, crc32c=None, md5=None, crc64nvme=known.crc64nvme, crc32=known.crc32)
    assert provenance_of(state(claim, known)) == claim
    assert provenance_of(state(claim, Checksums(crc64nvme=8, crc32=8))) is None
    assert provenance_of(state(claim, Checksums(crc32c=7))) is None
