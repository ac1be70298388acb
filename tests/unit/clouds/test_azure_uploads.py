"""What BlobUploads sends and understands, where Azurite is laxer than Blob Storage or has no such answer."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import get_args
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import unescape

import pytest

from rigs.scripted import Answer, Script, ScriptedHttp, Sent
from tradewind.checksums import crc32c, crc64nvme, extended
from tradewind.clouds.azure.blocks import SMALLEST, Block
from tradewind.clouds.azure.lists import BlockLists
from tradewind.clouds.azure.signing import KeySigner
from tradewind.clouds.azure.store import BlobStore
from tradewind.clouds.azure.uploads import BlobUploads
from tradewind.clouds.azure.wire import BlobWire
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    IntegrityError,
    NotFoundError,
    PreconditionFailedError,
    StoreUnavailableError,
    TradewindError,
    TransientError,
    UnportableError,
)
from tradewind.ports import Algorithm, Checksums, Metadata, Part

ORIGIN = "https://acct.blob.core.windows.net"
KEY = "a b/c"
BODY = b"0123456789"
UPLOAD = "crc32c-0123456789abcdef"
SENT = Answer(201)
JOINED = Answer(201, {"ETag": '"0x8DD"'})

Make = Callable[..., tuple[BlobUploads, Script]]


def wire(script: Script) -> BlobWire:
    """Send requests to a script."""
    return BlobWire(ScriptedHttp(ORIGIN, script), KeySigner("acct", "a2V5"))


@pytest.fixture
def scripted() -> Make:
    """Make uploads over a script of answers."""

    def make(*answers: Answer) -> tuple[BlobUploads, Script]:
        script = Script(*answers)
        return BlobUploads(BlockLists(wire(script), "acct", "models")), script

    return make


def query(sent: Sent) -> dict[str, str]:
    """Return a request's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(sent.url).query).items()}


def block(body: bytes, *, part: int = 1, number: int = 0, of: int = 1, algorithm: Algorithm = "crc32c") -> Block:
    """Return a block of the upload."""
    upload = UPLOAD.partition("-")[2]
    return Block(algorithm, upload, part, number, of, len(body), crc32c(body), extended(algorithm, 0, body))


def listing(*blocks: Block, token: str | None = None) -> Answer:
    """Answer with a list of blocks."""
    inside = "".join(f"<Block><Name>{each.id}</Name><Size>{each.size}</Size></Block>" for each in blocks)
    kinds = f"<CommittedBlocks /><UncommittedBlocks>{inside}</UncommittedBlocks>"
    body = f'\ufeff<?xml version="1.0" encoding="utf-8"?><BlockList>{kinds}</BlockList>'
    return Answer(headers={"ETag": f'"{token}"'} if token else {}, body=body.encode())


def refused(status: int, code: str) -> Answer:
    """Answer with an error."""
    return Answer(status, {"x-ms-error-code": code}, f"<Error><Code>{code}</Code></Error>".encode())


def part_of(body: bytes, number: int = 1) -> Part:
    """Return a part of one block."""
    return Part(number, len(body), block(body, part=number).id, Checksums(crc32c=crc32c(body)))


def complete(
    uploads: BlobUploads, *, expect: str | None = None, metadata: Metadata | None = None, body: bytes = BODY
) -> str:
    """Join two parts."""
    parts = [part_of(BODY, 1), part_of(body, 2)]
    checksums = Checksums(crc32c=crc32c(BODY + BODY))
    metadata = metadata or Metadata()
    return uploads.complete(KEY, UPLOAD, parts, metadata=metadata, checksums=checksums, expect=expect).token


def test_an_upload_costs_nothing_to_begin(scripted: Make) -> None:
    """Nothing is sent, and no two uploads have blocks in common, since none can be removed."""
    uploads, script = scripted()

    begun = {uploads.begin(KEY, version="v", algorithm="crc32", metadata=Metadata(), final=True) for _ in range(2)}

    assert len(begun) == 2
    assert all(upload.startswith("crc32-") for upload in begun)
    assert script.sent == []


@pytest.mark.parametrize("algorithm", get_args(Algorithm))
def test_a_block_is_one_checked_request(scripted: Make, algorithm: Algorithm) -> None:
    """Azure compares the bytes with their CRC64, whatever the algorithm, and their id says all of them."""
    uploads, script = scripted(SENT)

    part = uploads.put_part(KEY, f"{algorithm}-0123456789abcdef", 7, iter((BODY[:4], BODY[4:])), size=10)

    sent, expected = script.only, block(BODY, part=7, algorithm=algorithm)
    assert (sent.method, unquote(urlsplit(sent.url).path), sent.body) == ("PUT", f"/models/{KEY}", BODY)
    assert query(sent) == {"comp": "block", "blockid": expected.id}
    assert sent.headers["x-ms-content-crc64"] == b64encode(crc64nvme(BODY).to_bytes(8, "little")).decode()
    assert (part.number, part.size, part.tag) == (7, 10, expected.id)
    assert part.checksums.crc32c == crc32c(BODY)
    assert getattr(part.checksums, algorithm) == extended(algorithm, 0, BODY)


def test_a_part_is_sent_in_blocks_as_it_is_read(scripted: Make) -> None:
    """No more than a block of the part is held, and the next is read when that has gone."""
    uploads, script = scripted(SENT, SENT, SENT)
    size = 2 * SMALLEST + 5
    ahead: list[int] = []

    def chunks() -> Iterator[bytes]:
        for at in range(0, size, 1024 * 1024):
            ahead.append(at - sum(len(sent.body) for sent in script.sent))
            yield bytes(min(1024 * 1024, size - at))

    part = uploads.put_part(KEY, UPLOAD, 1, chunks(), size=size)

    assert [len(sent.body) for sent in script.sent] == [SMALLEST, SMALLEST, 5]
    assert part.size == size
    assert max(ahead) <= SMALLEST + 1024 * 1024


def test_a_block_that_arrived_otherwise_is_refused(scripted: Make) -> None:
    """Azure takes no block whose checksum is another."""
    uploads, _ = scripted(refused(400, "Crc64Mismatch"))

    with pytest.raises(IntegrityError):
        uploads.put_part(KEY, UPLOAD, 1, iter((BODY,)), size=10)


def test_the_blocks_that_have_arrived_are_asked_for(scripted: Make) -> None:
    """One request lists all blocks that nobody joined yet; they make the parts that are whole."""
    uploads, script = scripted(listing(block(BODY), block(BODY, part=2, of=2), block(BODY, part=3)))

    parts = uploads.parts(KEY, UPLOAD)

    assert parts == [part_of(BODY, 1), part_of(BODY, 3)]
    assert query(script.only) == {"comp": "blocklist", "blocklisttype": "uncommitted"}


def test_a_blob_that_nothing_was_sent_for_has_no_parts(scripted: Make) -> None:
    """Azure knows no blob of which there is not even a block."""
    uploads, _ = scripted(refused(404, "BlobNotFound"))

    assert uploads.parts(KEY, UPLOAD) == []


@pytest.mark.parametrize("body", [b"<html></p>Log in", b"<BlockList>", b""])
def test_an_answer_that_is_none_of_azures(scripted: Make, body: bytes) -> None:
    """A page of somebody in between is no list of blocks, nor is half of one."""
    uploads, _ = scripted(Answer(body=body))

    with pytest.raises(StoreUnavailableError, match="az://acct/models"):
        uploads.parts(KEY, UPLOAD)


def test_many_blocks_are_listed(scripted: Make) -> None:
    """As many blocks as there may be of a blob, and more than fit an answer of the usual size, are understood."""
    blocks = [block(b"", part=number % 5000 + 1, number=number // 5000, of=13) for number in range(65_000)]
    uploads, _ = scripted(listing(*blocks))

    assert len(uploads.parts(KEY, UPLOAD)) == 5000


@pytest.mark.parametrize("expect", [None, "0x8DC"])
def test_the_blocks_are_joined_under_a_condition(scripted: Make, expect: str | None) -> None:
    """All of the blob's metadata travels with the one request that makes it visible."""
    uploads, script = scripted(JOINED)
    metadata = Metadata(content_type="text/plain", user={"With-Dash": "caf\u00e9"}, tags={"team": "a b"})

    token = complete(uploads, expect=expect, metadata=metadata)

    sent = script.only
    assert token == "0x8DD"
    assert (sent.method, query(sent)) == ("PUT", {"comp": "blocklist"})
    assert sent.headers.get("if-none-match") == ("*" if expect is None else None)
    assert sent.headers.get("if-match") == (None if expect is None else '"0x8DC"')
    assert sent.headers["x-ms-blob-content-type"] == "text/plain"
    assert sent.headers["x-ms-meta-with_x002d_dash"] == "=?UTF-8?B?Y2Fmw6k=?="
    assert sent.headers["x-ms-tags"] == "team=a%20b"
    text = unescape(sent.body.decode())
    assert text.index(block(BODY, part=1).id) < text.index(block(BODY, part=2).id)


@pytest.mark.parametrize(
    ("refusal", "now", "expect", "family"),
    [
        (refused(412, "ConditionNotMet"), None, "0x8DC", PreconditionFailedError),
        (refused(409, "BlobAlreadyExists"), None, None, PreconditionFailedError),
        (refused(400, "InvalidBlockList"), refused(404, "BlobNotFound"), None, NotFoundError),
        (refused(400, "InvalidBlockList"), JOINED, None, PreconditionFailedError),
        (refused(404, "BlobNotFound"), refused(404, "BlobNotFound"), "0x8DC", PreconditionFailedError),
        (refused(404, "ContainerNotFound"), None, None, BucketNotFoundError),
        (refused(403, "AuthorizationPermissionMismatch"), None, None, AccessDeniedError),
        (refused(409, "BlobTagsNotSupportedForAccountType"), None, None, UnportableError),
    ],
    ids=[
        "replaced",
        "created",
        "blocks are gone",
        "blocks are gone, for it was written",
        "deleted",
        "no container",
        "not allowed",
        "no tags there",
    ],
)
def test_what_a_refusal_to_join_means(
    scripted: Make, refusal: Answer, now: Answer | None, expect: str | None, family: type[TradewindError]
) -> None:
    """Blocks go whenever anybody writes the blob, so the blob is looked at before anything is concluded."""
    uploads, _ = scripted(*filter(None, (refusal, now)))

    with pytest.raises(family) as caught:
        complete(uploads, expect=expect)

    assert type(caught.value) is family


def test_parts_of_other_bytes_are_not_joined(scripted: Make) -> None:
    """Nothing is sent for parts that do not make up the whole."""
    uploads, script = scripted()

    with pytest.raises(IntegrityError):
        complete(uploads, body=b"9876543210")

    assert script.sent == []


def test_blocks_of_another_tool_are_told(scripted: Make) -> None:
    """Ids of another length than ours, of blocks that somebody left behind, are in the way, and it is said how."""
    uploads, _ = scripted(refused(400, "InvalidBlobOrBlock"))

    with pytest.raises(TransientError, match="Another tool"):
        uploads.put_part(KEY, UPLOAD, 1, iter((BODY,)), size=10)


def test_too_many_blocks_of_copies_that_were_given_up_are_told(scripted: Make) -> None:
    """Azure keeps 100,000 blocks that nobody joined, for a week: the copy waits, and it is said for what."""
    uploads, _ = scripted(refused(409, "BlockCountExceedsLimit"))

    with pytest.raises(TransientError, match="Copies that were given up"):
        uploads.put_part(KEY, UPLOAD, 1, iter((BODY,)), size=10)


def test_an_abort_asks_nothing(scripted: Make) -> None:
    """There is no call that removes blocks."""
    uploads, script = scripted()

    uploads.abort(KEY, UPLOAD)

    assert script.sent == []


DESCRIBED = {"ETag": '"0x8DC"', "Last-Modified": "Sat, 21 Nov 2026 03:30:00 GMT", "Content-Length": "20"}
REPLICA = {**DESCRIBED, "x-ms-meta-tradewind": '{"v":1,"crc32c":"00000000"}'}
BLOCKS = listing(block(BODY), block(BODY, part=2), token="0x8DC")


def head(answers: Sequence[Answer]) -> tuple[Checksums, Script]:
    """Ask a store for a blob's state."""
    script = Script(*answers)
    state = BlobStore(wire(script), "acct", "models").head(KEY)
    assert state is not None
    return state.checksums, script


def test_a_replica_is_proven_by_its_blocks() -> None:
    """A blob with provenance and no MD5 costs one request more, for the ids of its blocks."""
    checksums, script = head((Answer(headers=REPLICA), BLOCKS))

    assert checksums == Checksums(crc32c=crc32c(BODY + BODY))
    assert query(script.sent[1]) == {"comp": "blocklist", "blocklisttype": "committed"}


@pytest.mark.parametrize("provenance", [None, '{"v":1,"md5":"00"}'])
def test_other_blobs_cost_one_request(provenance: str | None) -> None:
    """A user's blob, and a replica that was written in one piece, need no list of blocks."""
    headers = {**DESCRIBED, **({"x-ms-meta-tradewind": provenance} if provenance else {})}

    checksums, script = head((Answer(headers=headers),))

    assert (checksums, len(script.sent)) == (Checksums(), 1)


def test_a_replica_that_is_replaced_while_it_is_looked_at() -> None:
    """Blocks of another version prove nothing, so the blob is looked at again."""
    newer = {**REPLICA, "ETag": '"0x8DD"'}
    blocks = listing(block(BODY), token="0x8DD")

    checksums, script = head((Answer(headers=REPLICA), blocks, Answer(headers=newer), blocks))

    assert checksums == Checksums(crc32c=crc32c(BODY))
    assert len(script.sent) == 4
