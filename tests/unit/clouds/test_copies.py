"""What the copies inside each cloud's buckets send and understand, where an emulator is laxer than its cloud."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient
from requests import Session

from rigs.scripted import Answer, Script, ScriptedAdapter, ScriptedHttp, Sent, scripted_s3
from tradewind.checksums import crc32c, md5
from tradewind.clouds.aws.clients import open_client
from tradewind.clouds.aws.copies import RANGE, RANGES, S3Copies, ranges
from tradewind.clouds.azure.copies import LARGEST, BlobCopies
from tradewind.clouds.copying import SECONDS
from tradewind.clouds.gcp.copies import GcsCopies
from tradewind.clouds.gcp.tokens import NoTokens
from tradewind.clouds.gcp.wire import GcsWire
from tradewind.errors import (
    NotFoundError,
    ObjectTooLargeError,
    PreconditionFailedError,
    StoreUnavailableError,
    UnportableError,
)
from tradewind.fleet import AwsSite
from tradewind.ports import Checksums, Metadata, ObjectState

BODY = b"0123456789"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GIVEN = Metadata(content_type="text/csv", user={"tradewind": "{}"}, tags={"team": "a b"})
BARE = Metadata(user={"tradewind": "{}"})


def source(token: str, key: str = "a b/1", **checksums: object) -> ObjectState:
    """Return what a store says of the object that is copied."""
    kept = Checksums(**checksums)  # type: ignore[arg-type]  # whichever a test names
    return ObjectState(key, token, len(BODY), NOW, kept, Metadata(content_type="text/plain", user={"old": "1"}))


def query(sent: Sent) -> dict[str, str]:
    """Return a request's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(sent.url).query).items()}


# --- S3 ---------------------------------------------------------------------------------------------------------------

SITE = AwsSite(cloud="aws", bucket="models", region="us-east-1", jurisdiction="US", control_bucket="control")
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret"}
COPIED = Answer(body=b'<CopyObjectResult><ETag>"e2"</ETag></CopyObjectResult>')
BEGUN = Answer(body=b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
PART = Answer(body=b'<CopyPartResult><ETag>"p"</ETag><ChecksumCRC32C>AAAAAA==</ChecksumCRC32C></CopyPartResult>')
JOINED = Answer(body=b'<CompleteMultipartUploadResult><ETag>"e-1"</ETag></CompleteMultipartUploadResult>')
REFUSED = Answer(412, body=b"<Error><Code>PreconditionFailed</Code></Error>")
MISSING = Answer(404, body=b"<Error><Code>NoSuchKey</Code></Error>")


@pytest.fixture
def s3(request: pytest.FixtureRequest) -> Iterator[tuple[S3Copies, Script]]:
    """The copies inside a bucket of the real S3, by a script that the test's mark gives."""
    client = open_client(SITE, KEYS)
    with scripted_s3(client, script := Script(*request.param)):
        yield S3Copies(client, SITE.bucket, single=len(BODY)), script


def answering(*answers: Answer) -> pytest.MarkDecorator:
    """Let S3 answer with these."""
    return pytest.mark.parametrize("s3", [answers], indirect=True, ids=["s3"])


@answering(COPIED)
def test_s3_copies_the_version_that_was_seen_to_where_nothing_is(s3: tuple[S3Copies, Script]) -> None:
    """One request bears both conditions, replaces metadata and tags, and asks for the checksum that the source has."""
    copies, script = s3

    token = copies.copy(source("e1", crc64nvme=7), "b c", metadata=GIVEN, expect=None).token

    sent = script.only.headers
    assert token == "e2"
    assert (sent["x-amz-copy-source"], sent["x-amz-copy-source-if-match"]) == ("models/a%20b/1", '"e1"')
    assert (sent["if-none-match"], sent.get("if-match")) == ("*", None)
    assert (sent["x-amz-metadata-directive"], sent["x-amz-meta-tradewind"]) == ("REPLACE", "{}")
    assert (sent["x-amz-tagging-directive"], sent["x-amz-tagging"]) == ("REPLACE", "team=a%20b")
    assert (sent["content-type"], sent["x-amz-checksum-algorithm"]) == ("text/csv", "CRC64NVME")


@answering(COPIED)
def test_s3_replaces_only_what_was_seen(s3: tuple[S3Copies, Script]) -> None:
    """The condition is the token; a source without a checksum is given a CRC-32C."""
    copies, script = s3

    copies.copy(source("e1"), "key", metadata=BARE, expect="e0")

    sent = script.only.headers
    assert (sent["if-match"], sent.get("if-none-match")) == ('"e0"', None)
    assert (sent["x-amz-checksum-algorithm"], sent.get("x-amz-tagging")) == ("CRC32C", None)


@answering(MISSING, Answer(headers={"Content-Length": "0"}))
def test_s3_says_alike_that_either_is_missing(s3: tuple[S3Copies, Script]) -> None:
    """Where the source is there, it was the target that was to be replaced and is gone."""
    copies, script = s3

    with pytest.raises(PreconditionFailedError):
        copies.copy(source("e1"), "key", metadata=BARE, expect="e0")

    assert unquote(urlsplit(script.sent[1].url).path).endswith("/a b/1")


@answering(BEGUN, PART, JOINED)
def test_s3_joins_ranges_under_the_conditions_of_a_copy(s3: tuple[S3Copies, Script]) -> None:
    """Each range is of the version that was seen; the whole's checksum is sent along, so that S3 refuses another."""
    copies, script = s3
    copies._single = 1
    checksum = crc32c(BODY)

    token = copies.copy(source("e1", crc32c=checksum), "key", metadata=GIVEN, expect="e0").token

    begin, part, join = script.sent
    assert token == "e-1"
    assert (begin.headers["x-amz-checksum-algorithm"], begin.headers["x-amz-checksum-type"]) == (
        "CRC32C",
        "FULL_OBJECT",
    )
    assert (begin.headers["x-amz-meta-tradewind"], begin.headers["x-amz-tagging"]) == ("{}", "team=a%20b")
    assert (part.headers["x-amz-copy-source-if-match"], part.headers["x-amz-copy-source-range"]) == (
        '"e1"',
        "bytes=0-9",
    )
    assert (join.headers["if-match"], join.headers["x-amz-mp-object-size"]) == ('"e0"', "10")
    assert join.headers["x-amz-checksum-crc32c"] == b64encode(checksum.to_bytes(4)).decode()
    assert b"<ChecksumCRC32C>AAAAAA==</ChecksumCRC32C>" in join.body


@answering(BEGUN, REFUSED, Answer(204))
def test_s3_gives_up_ranges_of_a_source_that_changed(s3: tuple[S3Copies, Script]) -> None:
    """Nothing of the upload is left."""
    copies, script = s3
    copies._single = 1

    with pytest.raises(PreconditionFailedError):
        copies.copy(source("e1"), "key", metadata=BARE, expect=None)

    assert (script.sent[2].method, query(script.sent[2])) == ("DELETE", {"uploadId": "u"})


@pytest.mark.parametrize("size", [1, RANGE, RANGE + 1, 5 * 1024**4])
def test_ranges_cover_an_object_once(size: int) -> None:
    """They follow each other from the first byte to the last, and are no more than an upload has parts."""
    spans = list(ranges(size, RANGE))
    edges = [tuple(map(int, span.removeprefix("bytes=").split("-"))) for _, span, _ in spans]

    assert [number for number, *_ in spans] == list(range(1, len(spans) + 1))
    assert len(spans) <= RANGES
    assert [first for first, _ in edges] == [0, *(last + 1 for _, last in edges[:-1])]
    assert edges[-1][1] == size - 1
    assert [length for *_, length in spans] == [last - first + 1 for first, last in edges]


@answering()
def test_s3_begins_nothing_that_would_not_end_in_time(s3: tuple[S3Copies, Script]) -> None:
    """What is too large for one function is refused before an upload is begun."""
    copies, script = s3

    with pytest.raises(ObjectTooLargeError):
        copies.copy(replace(source("e1"), size=2**40), "key", metadata=BARE, expect=None)

    assert script.sent == []


# --- Cloud Storage ----------------------------------------------------------------------------------------------------


def gcs(*answers: dict[str, object] | Answer) -> tuple[GcsCopies, Script]:
    """Return the copies inside a bucket of Cloud Storage that answers with these."""
    script = Script(*(each if isinstance(each, Answer) else Answer(body=json.dumps(each).encode()) for each in answers))
    return GcsCopies(GcsWire(ScriptedHttp("http://gcs.example", script), NoTokens()), "models"), script


DONE: dict[str, object] = {"done": True, "resource": {"generation": "9"}}


@pytest.mark.parametrize(("expect", "generation"), [(None, "0"), ("5", "5")])
def test_gcs_rewrites_the_generation_that_was_seen(expect: str | None, generation: str) -> None:
    """One request bears both conditions and describes the copy, so that it takes nothing of the source's own."""
    copies, script = gcs(DONE)

    token = copies.copy(source("7"), "b/c d", metadata=BARE, expect=expect).token

    assert token == "9"
    assert urlsplit(script.only.url).path == "/storage/v1/b/models/o/a%20b%2F1/rewriteTo/b/models/o/b%2Fc%20d"
    assert query(script.only) == {"ifSourceGenerationMatch": "7", "ifGenerationMatch": generation}
    assert json.loads(script.only.body) == {
        "contentType": "application/octet-stream",
        "metadata": {"tradewind": "{}"},
    }


def test_gcs_is_asked_until_all_is_rewritten() -> None:
    """It says how to go on, and each request bears the conditions."""
    copies, script = gcs({"done": False, "rewriteToken": "t1"}, {"done": False, "rewriteToken": "t2"}, DONE)

    copies.copy(source("7"), "key", metadata=BARE, expect=None)

    assert [query(sent).get("rewriteToken") for sent in script.sent] == [None, "t1", "t2"]
    assert {query(sent)["ifSourceGenerationMatch"] for sent in script.sent} == {"7"}


def test_gcs_gives_up_what_takes_too_long() -> None:
    """A rewrite that is not done when its time is over is no more asked about."""
    pending: dict[str, object] = {"done": False, "rewriteToken": "t"}
    copies, script = gcs(pending, pending, DONE)
    times = iter([0.0, SECONDS, SECONDS + 1])
    copies._clock = lambda: next(times)

    with pytest.raises(StoreUnavailableError, match="did not finish"):
        copies.copy(source("7"), "key", metadata=BARE, expect=None)

    assert len(script.sent) == 2


@pytest.mark.parametrize(("status", "error"), [(412, PreconditionFailedError), (404, NotFoundError)])
def test_gcs_says_what_was_not_as_it_was_seen(status: int, error: type[Exception]) -> None:
    """A condition that does not hold, or a source that is gone."""
    copies, _ = gcs(Answer(status, body=b'{"error": {"message": "No such object: models/key"}}'))

    with pytest.raises(error):
        copies.copy(source("7"), "key", metadata=BARE, expect=None)


# --- Blob Storage -----------------------------------------------------------------------------------------------------

ETAG = {"ETag": '"0x2"', "Last-Modified": "Sat, 21 Nov 2026 03:30:00 GMT"}
XML = {"Content-Type": "application/xml"}
NO_BLOCKS = Answer(headers=XML, body=b"<BlockList><CommittedBlocks /></BlockList>")
NAMES = [b64encode(name).decode() for name in (b"block-1", b"block-2")]
TWO_BLOCKS = Answer(
    headers=XML,
    body=f"<BlockList><CommittedBlocks><Block><Name>{NAMES[0]}</Name><Size>6</Size></Block><Block><Name>{NAMES[1]}"
    "</Name><Size>4</Size></Block></CommittedBlocks></BlockList>".encode(),
)


class Identity:
    """A managed identity."""

    def get_token(self, *scopes: str, **_: object) -> object:
        """Return a token for storage."""
        from azure.core.credentials import AccessToken  # noqa: PLC0415 - only this test needs it

        return AccessToken(f"token for {scopes[0]}", 4_000_000_000)


def azure(credential: object, *answers: Answer) -> tuple[BlobCopies, Script]:
    """Return the copies inside a container of Blob Storage that answers with these."""
    script = Script(*answers)
    session = Session()
    session.mount("https://", ScriptedAdapter(script))
    client = BlobServiceClient(
        "https://acct.blob.core.windows.net",
        credential=credential,  # type: ignore[arg-type]  # any of those that the SDK takes
        transport=RequestsTransport(session=session, session_owner=False),
        retry_total=0,
    )
    return BlobCopies(client, "acct", "models"), script


KEY = AzureNamedKeyCredential("acct", "a2V5")


def test_azure_takes_a_blob_of_one_piece_as_one_block() -> None:
    """It is compared with its MD5, read only as the version that was seen, and shown with all its metadata at once."""
    copies, script = azure(KEY, NO_BLOCKS, Answer(201), Answer(201, headers=ETAG))

    token = copies.copy(source("0x1", md5=md5(BODY)), "b c", metadata=GIVEN, expect=None).token

    _, block, commit = script.sent
    digest = b64encode(md5(BODY)).decode()
    assert token == "0x2"
    assert block.headers["x-ms-source-if-match"] == '"0x1"'
    assert block.headers["x-ms-source-range"] == "bytes=0-9"
    assert block.headers["x-ms-source-content-md5"] == digest
    assert (commit.headers["if-none-match"], commit.headers["x-ms-blob-content-md5"]) == ("*", digest)
    assert (commit.headers["x-ms-blob-content-type"], commit.headers["x-ms-meta-tradewind"]) == ("text/csv", "{}")
    assert commit.headers["x-ms-tags"] == "team=a%20b"
    assert [each.text for each in ET.fromstring(commit.body)] == [query(block)["blockid"]]  # noqa: S314 - our own


def test_azure_keeps_the_names_of_blocks() -> None:
    """What our names say of the bytes stays true of the copy, which bears no MD5 that nobody computed."""
    copies, script = azure(KEY, TWO_BLOCKS, Answer(201), Answer(201), Answer(201, headers=ETAG))

    copies.copy(source("0x1", crc32c=crc32c(BODY)), "key", metadata=BARE, expect="0x0")

    first, second = sorted(script.sent[1:3], key=lambda sent: query(sent)["blockid"])
    commit = script.sent[3]
    assert [query(first)["blockid"], query(second)["blockid"]] == NAMES
    assert [first.headers["x-ms-source-range"], second.headers["x-ms-source-range"]] == ["bytes=0-5", "bytes=6-9"]
    assert (commit.headers["if-match"], commit.headers.get("x-ms-blob-content-md5")) == ('"0x0"', None)
    assert [each.text for each in ET.fromstring(commit.body)] == NAMES  # noqa: S314 - our own request


@pytest.mark.parametrize(("listed", "size"), [(NO_BLOCKS, LARGEST + 1), (TWO_BLOCKS, len(BODY))])
def test_azure_copies_nothing_that_could_not_be_compared(listed: Answer, size: int) -> None:
    """Where only an MD5 tells what the bytes are, which anybody may have given it, Azure must compare it with them."""
    copies, script = azure(KEY, listed)

    with pytest.raises(UnportableError, match="nothing but an MD5"):
        copies.copy(replace(source("0x1", md5=md5(BODY)), size=size), "key", metadata=BARE, expect=None)

    assert len(script.sent) == 1


def test_azure_compares_a_blob_of_one_block() -> None:
    """A copy of a copy is compared as the first was."""
    listed = Answer(
        headers=XML,
        body=f"<BlockList><CommittedBlocks><Block><Name>{NAMES[0]}</Name><Size>10</Size></Block></CommittedBlocks>"
        "</BlockList>".encode(),
    )
    copies, script = azure(KEY, listed, Answer(201), Answer(201, headers=ETAG))

    copies.copy(source("0x1", md5=md5(BODY)), "key", metadata=BARE, expect=None)

    assert script.sent[1].headers["x-ms-source-content-md5"] == b64encode(md5(BODY)).decode()


def test_azure_copies_what_shows_nothing_as_it_is() -> None:
    """A large blob without blocks is cut, under names as long as those of uploads, and is compared with nothing."""
    copies, script = azure(KEY, NO_BLOCKS, Answer(201), Answer(201), Answer(201, headers=ETAG))

    copies.copy(replace(source("0x1"), size=LARGEST + 1), "key", metadata=BARE, expect=None)

    taken = sorted(script.sent[1:3], key=lambda sent: len(sent.headers["x-ms-source-range"]))
    assert [sent.headers["x-ms-source-range"] for sent in taken] == [
        f"bytes=0-{LARGEST - 1}",
        f"bytes={LARGEST}-{LARGEST}",
    ]
    assert {len(b64decode(query(sent)["blockid"])) for sent in taken} == {64}
    assert not any("x-ms-source-content-md5" in sent.headers for sent in taken)


def test_azure_begins_nothing_that_would_not_end_in_time() -> None:
    """Many small blocks take longer than one function has."""
    blocks = f"<Block><Name>{NAMES[0]}</Name><Size>4194304</Size></Block>" * 5000
    listed = Answer(headers=XML, body=f"<BlockList><CommittedBlocks>{blocks}</CommittedBlocks></BlockList>".encode())
    copies, script = azure(KEY, listed)

    with pytest.raises(ObjectTooLargeError):
        copies.copy(replace(source("0x1"), size=5000 * 4194304), "key", metadata=BARE, expect=None)

    assert len(script.sent) == 1


@pytest.mark.parametrize(
    ("credential", "signed", "authorization"),
    [
        (KEY, "sp=r", None),
        (AzureSasCredential("sp=rw&sig=x"), "sp=rw&sig=x", None),
        (Identity(), "", "Bearer token for https://storage.azure.com/.default"),
    ],
    ids=["key", "SAS", "identity"],
)
def test_azure_is_given_the_right_to_read_the_source(
    credential: object, signed: str, authorization: str | None
) -> None:
    """It reads as if somebody else asked: by a signature in the address, or by the identity's token beside it."""
    copies, script = azure(credential, NO_BLOCKS, Answer(201), Answer(201, headers=ETAG))

    copies.copy(source("0x1", md5=md5(BODY)), "key", metadata=BARE, expect=None)

    asked = script.sent[1].headers
    address, _, right = asked["x-ms-copy-source"].partition("?")
    assert address == "https://acct.blob.core.windows.net/models/a%20b/1"
    assert signed in right
    assert asked.get("x-ms-copy-source-authorization") == authorization


def test_azure_says_which_of_both_is_not_as_it_was_seen() -> None:
    """It answers alike for a source that was replaced and one that is gone; a look at it tells."""
    refused = Answer(412, headers={"x-ms-error-code": "SourceConditionNotMet"})
    gone = Answer(404, headers={"x-ms-error-code": "BlobNotFound"})
    for look, error in ((Answer(headers=ETAG), PreconditionFailedError), (gone, NotFoundError)):
        copies, _ = azure(KEY, NO_BLOCKS, refused, look)

        with pytest.raises(error):
            copies.copy(source("0x1", md5=md5(BODY)), "key", metadata=BARE, expect=None)
