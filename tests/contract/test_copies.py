"""What every store promises of copies inside a bucket: `ports.Copies`, over memory and every emulator.

Where an emulator is laxer than its cloud, the request that is sent is tested instead, in
`tests/unit/clouds/test_copies.py`. The gaps:

- fake-gcs-server 1.52 heeds no condition of a rewrite, of the source or of the target, and keeps the source's headers
  for which the request has none;
- moto 5.2 heeds none either, and Azurite 3.35 has no Put Block From URL; the sandbox adds both.
"""

from __future__ import annotations

import gzip
import uuid
from dataclasses import replace

import pytest
from azure.storage.blob import BlobBlock, ContentSettings

from rigs.copies import azure_copies, gcs_copies, s3_copies
from rigs.stores import KEY, azure_rig, gcs_rig, put, read, s3_rig
from tradewind.checksums import md5
from tradewind.clouds.aws.copies import S3Copies
from tradewind.clouds.memory.copies import MemoryCopies
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import NotFoundError, PreconditionFailedError, TradewindError
from tradewind.ports import Checksums, Copies, Metadata, ObjectState, ObjectStore
from tradewind.replication.provenance import agree
from tradewind_sandbox.emulators import AzuriteEmulator, S3Emulator

BODY = b"0123456789"
OTHER = "models/latest/weights.bin"
GIVEN = Metadata(
    content_type="text/csv",
    content_language="de",
    content_disposition="attachment",
    cache_control="no-cache",
    user={"tradewind": "{}", "run": "7"},
)
Bucket = tuple[ObjectStore, Copies]


@pytest.fixture(params=["memory", "s3", "gcs", "azure"])
def bucket(request: pytest.FixtureRequest) -> Bucket:
    """Each store in turn, with an empty bucket, and the copies inside it."""
    return opened(request)


@pytest.fixture(params=["memory", "s3", "azure"])
def strict(request: pytest.FixtureRequest) -> Bucket:
    """Each store that heeds the conditions of a copy, as every cloud does."""
    return opened(request)


def opened(request: pytest.FixtureRequest) -> Bucket:
    """Return a new bucket of the kind that the test asks for."""
    name = f"copies-{uuid.uuid4().hex[:12]}"
    match request.param:
        case "s3":
            moto = request.getfixturevalue("s3")
            return s3_rig(moto, name).store, s3_copies(moto, name)
        case "gcs":
            gcs = request.getfixturevalue("gcs")
            return gcs_rig(gcs, name).store, gcs_copies(gcs, name)
        case "azure":
            azurite = request.getfixturevalue("azurite")
            return azure_rig(azurite, name).store, azure_copies(azurite, name)
    store = MemoryStore()
    return store, MemoryCopies(store)


def look(store: ObjectStore, key: str = KEY) -> ObjectState:
    """Return the state of a key that is there."""
    found = store.head(key)
    assert found is not None
    return found


def test_a_copy_has_the_bytes_and_metadata_of_its_own(bucket: Bucket) -> None:
    """The copy holds the source's bytes and what it was given as metadata, and nothing of what the source had."""
    store, copies = bucket
    old = Metadata(content_type="text/plain", user={"note": "old"})
    put(store, BODY, metadata=old)

    token = copies.copy(look(store), OTHER, metadata=GIVEN, expect=None).token

    copied = look(store, OTHER)
    assert (copied.token, copied.size) == (token, len(BODY))
    assert copied.metadata == GIVEN
    assert read(store, OTHER) == BODY
    assert look(store).metadata == old


def test_a_copy_shows_a_checksum_that_the_source_shows(bucket: Bucket) -> None:
    """What provenance said of the source can be compared with the copy."""
    store, copies = bucket
    put(store, BODY)
    source = look(store)

    copies.copy(source, OTHER, metadata=GIVEN, expect=None)

    assert agree(source.checksums, look(store, OTHER).checksums)


def test_a_copy_does_not_overwrite(strict: Bucket) -> None:
    """A copy that expects nothing fails where there is something, and changes nothing."""
    store, copies = strict
    put(store, BODY)
    put(store, b"other", key=OTHER)

    with pytest.raises(PreconditionFailedError):
        copies.copy(look(store), OTHER, metadata=GIVEN, expect=None)

    assert read(store, OTHER) == b"other"


def test_a_copy_replaces_the_token_that_it_expects(strict: Bucket) -> None:
    """A copy that expects the present token replaces; one that expects an older token fails and changes nothing."""
    store, copies = strict
    put(store, BODY)
    first = put(store, b"first", key=OTHER)

    second = copies.copy(look(store), OTHER, metadata=GIVEN, expect=first).token
    put(store, b"changed", expect=look(store).token)
    with pytest.raises(PreconditionFailedError):
        copies.copy(look(store), OTHER, metadata=GIVEN, expect=first)

    assert read(store, OTHER, token=second) == BODY


def test_a_copy_over_nothing_fails(strict: Bucket) -> None:
    """A copy that expects a token where there is nothing fails, and creates nothing."""
    store, copies = strict
    put(store, BODY)
    token = put(store, b"other", key=OTHER)
    store.delete(OTHER, expect=token)

    with pytest.raises(PreconditionFailedError):
        copies.copy(look(store), OTHER, metadata=GIVEN, expect=token)

    assert store.head(OTHER) is None


def test_a_source_that_was_replaced_is_not_copied(strict: Bucket) -> None:
    """The copy is of the version that was seen, or is not made."""
    store, copies = strict
    seen = put(store, BODY)
    old = look(store)
    put(store, b"changed", expect=seen)

    with pytest.raises(PreconditionFailedError):
        copies.copy(old, OTHER, metadata=GIVEN, expect=None)

    assert store.head(OTHER) is None


def test_a_source_that_is_gone_is_told(bucket: Bucket) -> None:
    """There is nothing to copy, whether or not something is to be replaced."""
    store, copies = bucket
    put(store, BODY)
    there = put(store, b"other", key=OTHER)
    gone = look(store)
    store.delete(KEY, expect=gone.token)

    for key, expect in (("new", None), (OTHER, there)):
        with pytest.raises(NotFoundError):
            copies.copy(gone, key, metadata=GIVEN, expect=expect)

    assert read(store, OTHER) == b"other"


@pytest.mark.parametrize("name", ["a b+c%2F?&=#.bin", "\u6a21\u578b/\u91cd\u307f.bin"])
def test_awkward_keys_are_copied(bucket: Bucket, name: str) -> None:
    """Both keys are taken as they are spelled."""
    store, copies = bucket
    put(store, BODY, key=name)

    copies.copy(look(store, name), f"copy of {name}", metadata=GIVEN, expect=None)

    assert read(store, f"copy of {name}") == BODY


def test_an_empty_object_is_copied(bucket: Bucket) -> None:
    """No bytes are content, too."""
    store, copies = bucket
    put(store, b"")

    copies.copy(look(store), OTHER, metadata=GIVEN, expect=None)

    assert (look(store, OTHER).size, look(store, OTHER).metadata) == (0, GIVEN)


def test_tags_are_those_of_the_copy(bucket: Bucket) -> None:
    """The copy has the tags that it was given, where the store has any, and none of its source's."""
    store, copies = bucket
    put(store, BODY, metadata=Metadata(tags={"team": "vision", "old": "yes"}))

    copies.copy(look(store), OTHER, metadata=replace(GIVEN, tags={"team": "speech"}), expect=None)
    copies.copy(look(store), "bare", metadata=GIVEN, expect=None)

    assert look(store, OTHER).metadata.tags == ({"team": "speech"} if store.keeps_tags else {})
    assert look(store, "bare").metadata.tags == {}


def test_what_is_stored_packed_is_copied_as_it_is_stored(bucket: Bucket) -> None:
    """No store unpacks an object on the way into its copy."""
    store, copies = bucket
    packed = gzip.compress(BODY, mtime=0)
    metadata = replace(GIVEN, content_encoding="gzip")
    put(store, packed, metadata=metadata)

    copies.copy(look(store), OTHER, metadata=metadata, expect=None)

    assert read(store, OTHER) == packed
    assert look(store, OTHER).metadata == metadata


@pytest.mark.parametrize("blocks", [1, 2])
def test_an_md5_that_a_client_gave_a_blob_is_compared_or_refused(azurite: AzuriteEmulator, blocks: int) -> None:
    """Azure keeps the MD5 of what a tool read before it wrote other bytes; the copy of such a blob is not made."""
    name = f"copies-{uuid.uuid4().hex[:12]}"
    store, copies = azure_rig(azurite, name).store, azure_copies(azurite, name)
    blob = copies._client.get_blob_client(name, KEY)
    names = [BlobBlock(block_id=f"block-{number}") for number in range(blocks)]
    for block in names:
        blob.stage_block(block.id, b"other")
    blob.commit_block_list(names, content_settings=ContentSettings(content_md5=bytearray(md5(BODY))))
    source = look(store)
    assert source.checksums == Checksums(md5=md5(BODY))

    with pytest.raises(TradewindError):
        copies.copy(source, OTHER, metadata=GIVEN, expect=None)
    assert store.head(OTHER) is None

    copies.copy(replace(source, checksums=Checksums()), OTHER, metadata=GIVEN, expect=None)
    assert read(store, OTHER) == b"other" * blocks


def test_a_large_object_is_copied_in_ranges(s3: S3Emulator) -> None:
    """S3 joins the ranges under the same conditions, with the checksum of the whole, and keeps nothing of a failure."""
    name = f"copies-{uuid.uuid4().hex[:12]}"
    store = s3_rig(s3, name).store
    copies = s3_copies(s3, name)
    client = copies._client
    copies = S3Copies(client, name, single=1, span=5 * 1024**2)
    body = bytes(range(256)) * 48 * 1024
    put(store, body)
    source = look(store)

    token = copies.copy(source, OTHER, metadata=GIVEN, expect=None).token
    with pytest.raises(PreconditionFailedError):
        copies.copy(source, OTHER, metadata=GIVEN, expect=None)

    assert read(store, OTHER, token=token) == body
    assert look(store, OTHER).metadata == GIVEN
    assert agree(source.checksums, look(store, OTHER).checksums)
    assert "Uploads" not in client.list_multipart_uploads(Bucket=name)
