"""What S3Uploads sends and understands, where moto is laxer than S3 or has no such answer."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Sequence
from typing import get_args
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.scripted import Answer, Script, ScriptedHttp, Sent
from tradewind.checksums import crc32c, crc64nvme, extended
from tradewind.clouds.aws import clients
from tradewind.clouds.aws.answers import read
from tradewind.clouds.aws.framing import FRAME, HEADERS, Framed, encoded
from tradewind.clouds.aws.store import open_store
from tradewind.clouds.aws.uploads import S3Uploads, open_uploads
from tradewind.clouds.pieces import Passing
from tradewind.errors import (
    AccessDeniedError,
    IntegrityError,
    NotFoundError,
    PermanentError,
    PreconditionFailedError,
    StoreUnavailableError,
    TradewindError,
    UnportableError,
)
from tradewind.fleet import AwsSite
from tradewind.ports import Algorithm, Checksums, Metadata, Part

SITE = AwsSite(cloud="aws", bucket="models", region="us-east-1", jurisdiction="US", control_bucket="control")
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret"}
KEY = "a b/c"
BODY = b"0123456789"
CRC = b64encode(crc32c(BODY).to_bytes(4)).decode()
UPLOAD = "crc32c-0-id.of_S3-itself"
LATE = "crc32c-0123456789abcdef-id"
PARTS = [Part(1, 10, "e1", Checksums(crc32c=crc32c(BODY))), Part(2, 10, "e2", Checksums(crc32c=crc32c(BODY)))]
WHOLE = Checksums(crc32c=crc32c(BODY + BODY))
ABSENT = Answer(404)
PRESENT = Answer(headers={"ETag": '"abc"', "Content-Length": "0"})
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def xml(name: str, **fields: str) -> bytes:
    """Return a document of one level."""
    inside = "".join(f"<{field}>{value}</{field}>" for field, value in fields.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n  \n<{name} xmlns="{NAMESPACE}">{inside}</{name}>'.encode()


def refused(status: int, code: str) -> Answer:
    """Answer with an error."""
    body = f"<Error><Code>{code}</Code><Message>no.</Message></Error>".encode()
    return Answer(status, body=body)


BEGUN = Answer(body=xml("InitiateMultipartUploadResult", UploadId="id"))
JOINED = Answer(body=xml("CompleteMultipartUploadResult", ETag="&quot;whole-2&quot;"))


@pytest.fixture
def script(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Script:
    """S3 by a script, which the test's mark gives."""
    made = Script(*getattr(request, "param", ()))
    monkeypatch.setattr(clients, "_http", lambda origin, *_: ScriptedHttp(origin, made))
    return made


@pytest.fixture
def uploads(script: Script) -> S3Uploads:
    """Uploads to the real S3, as far as their requests go."""
    return open_uploads(SITE, KEYS)


def scripted(*answers: Answer) -> pytest.MarkDecorator:
    """Let S3 answer with these."""
    return pytest.mark.parametrize("script", [answers], indirect=True, ids=["s3"])


def query(sent: Sent) -> dict[str, str]:
    """Return a request's query."""
    parsed = parse_qs(urlsplit(sent.url).query, keep_blank_values=True)
    return {name: values[0] for name, values in parsed.items()}


def path(sent: Sent) -> str:
    """Return what a request is about."""
    return unquote(urlsplit(sent.url).path)


def complete(
    uploads: S3Uploads,
    *,
    upload: str = UPLOAD,
    expect: str | None = None,
    parts: Sequence[Part] = PARTS,
    metadata: Metadata | None = None,
) -> str:
    """Join two parts."""
    metadata = metadata or Metadata()
    return uploads.complete(KEY, upload, parts, metadata=metadata, checksums=WHOLE, expect=expect).token


@scripted(BEGUN)
@pytest.mark.parametrize("algorithm", get_args(Algorithm))
def test_an_upload_begins_with_all_that_s3_will_know(uploads: S3Uploads, script: Script, algorithm: Algorithm) -> None:
    """Metadata, tags and the kind of checksum are said at the beginning, which S3 does not ask for later."""
    metadata = Metadata(content_type="text/plain", user={"Note": "caf\u00e9"}, tags={"team": "a b"})

    upload = uploads.begin(KEY, version="v", algorithm=algorithm, metadata=metadata, final=True)

    headers = script.only.headers
    assert upload == f"{algorithm}-0-id"
    assert (script.only.method, path(script.only), query(script.only)) == ("POST", f"/{KEY}", {"uploads": ""})
    assert headers["x-amz-checksum-algorithm"] == algorithm.upper()
    assert headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert headers["content-type"] == "text/plain"
    assert headers["x-amz-meta-note"] == "=?UTF-8?B?Y2Fmw6k=?="
    assert headers["x-amz-tagging"] == "team=a%20b"
    assert "x-amz-meta-tradewind-late" not in headers


@scripted(BEGUN)
def test_what_comes_late_is_announced(uploads: S3Uploads, script: Script) -> None:
    """An upload whose metadata is not complete names the object that will hold it, and its id repeats the name."""
    upload = uploads.begin(KEY, version="v", algorithm="crc32c", metadata=Metadata(), final=False)

    name = script.only.headers["x-amz-meta-tradewind-late"]
    assert upload == f"crc32c-{name}-id"
    assert name.isalnum()


@scripted(Answer(headers={"ETag": '"e1"', "x-amz-checksum-crc32c": CRC}))
def test_a_part_is_one_request_with_its_checksum_behind_it(uploads: S3Uploads, script: Script) -> None:
    """The bytes are read once; what they sum up to follows them, and S3 compares it."""
    part = uploads.put_part(KEY, UPLOAD, 7, iter((BODY[:4], BODY[4:])), size=10)

    sent = script.only
    assert part == Part(7, 10, "e1", Checksums(crc32c=crc32c(BODY)))
    assert (sent.method, query(sent)) == ("PUT", {"partNumber": "7", "uploadId": "id.of_S3-itself"})
    assert sent.headers["x-amz-content-sha256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert sent.headers["x-amz-decoded-content-length"] == "10"
    assert sent.headers["x-amz-trailer"] == "x-amz-checksum-crc32c"
    assert sent.headers["content-encoding"] == "aws-chunked"
    assert sent.body == f"a\r\n0123456789\r\n0\r\nx-amz-checksum-crc32c:{CRC}\r\n\r\n".encode()


@scripted(Answer(headers={"ETag": '"e1"'}))
def test_a_part_that_is_not_confirmed_has_not_arrived(uploads: S3Uploads) -> None:
    """What answers in the place of S3 and does not compare checksums is no place to write to."""
    with pytest.raises(IntegrityError, match="does not confirm"):
        uploads.put_part(KEY, UPLOAD, 1, iter((BODY,)), size=10)


@scripted(refused(400, "BadDigest"))
def test_other_bytes_than_were_sent_are_refused(uploads: S3Uploads) -> None:
    """S3 takes no part whose checksum is another."""
    with pytest.raises(IntegrityError):
        uploads.put_part(KEY, UPLOAD, 1, iter((BODY,)), size=10)


@given(st.integers(0, 3 * FRAME), st.sampled_from(get_args(Algorithm)))
def test_the_length_of_what_is_framed_is_known_before(size: int, algorithm: Algorithm) -> None:
    """What is sent has exactly as many bytes as were announced, whatever the size of the part."""
    body = bytes(size)
    framed = Framed(Passing((body[:700], body[700:]), size, (algorithm,), "part"), algorithm)

    sent = b"".join(framed)

    assert len(sent) == framed.size
    assert unframed(sent) == (body, f"{HEADERS[algorithm]}:{encoded(algorithm, extended(algorithm, 0, body))}")


def unframed(sent: bytes) -> tuple[bytes, str]:
    """Take a framed body apart: the bytes, and what follows them."""
    stream, body = io.BytesIO(sent), b""
    while size := int(stream.readline(), 16):
        body += stream.read(size)
        assert stream.readline() == b"\r\n"
    trailer = stream.readline().decode().strip()
    assert stream.read() == b"\r\n"
    return body, trailer


def page(*numbers: int, more: bool = False) -> Answer:
    """Answer with some parts."""
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;e{number}&quot;</ETag><Size>10</Size>"
        f"<ChecksumCRC64NVME>{encoded('crc64nvme', crc64nvme(BODY))}</ChecksumCRC64NVME></Part>"
        for number in numbers
    )
    rest = f"<IsTruncated>{str(more).lower()}</IsTruncated><NextPartNumberMarker>{numbers[-1]}</NextPartNumberMarker>"
    return Answer(body=f'<ListPartsResult xmlns="{NAMESPACE}">{rest}{parts}</ListPartsResult>'.encode())


@scripted(page(1, 3, more=True), page(4))
def test_parts_are_listed_in_pages(uploads: S3Uploads, script: Script) -> None:
    """More parts than S3 lists at once are asked for until there are no more."""
    parts = uploads.parts(KEY, "crc64nvme-0-id")

    assert parts == [Part(number, 10, f"e{number}", Checksums(crc64nvme=crc64nvme(BODY))) for number in (1, 3, 4)]
    assert [query(sent) for sent in script.sent] == [
        {"uploadId": "id"},
        {"uploadId": "id", "part-number-marker": "3"},
    ]


@scripted(ABSENT, JOINED)
def test_the_whole_is_joined_under_a_condition_and_proven(uploads: S3Uploads, script: Script) -> None:
    """S3 is told what checksum and size the whole must have, and that there must be nothing yet."""
    assert complete(uploads) == "whole-2"

    look, join = script.sent
    assert (look.method, path(look)) == ("HEAD", f"/{KEY}")
    assert (join.method, query(join)) == ("POST", {"uploadId": "id.of_S3-itself"})
    assert join.headers["if-none-match"] == "*"
    assert join.headers["x-amz-checksum-crc32c"] == encoded("crc32c", crc32c(BODY + BODY))
    assert join.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert join.headers["x-amz-mp-object-size"] == "20"
    root = read(join.body)
    assert [[field.text for field in part] for part in root] == [["1", '"e1"'], ["2", '"e2"']]


@scripted(PRESENT, JOINED)
def test_a_replacement_names_what_it_replaces(uploads: S3Uploads, script: Script) -> None:
    """S3 is asked to replace only the version that was seen."""
    complete(uploads, expect="abc")

    assert script.sent[1].headers["if-match"] == '"abc"'
    assert "if-none-match" not in script.sent[1].headers


@scripted(PRESENT)
@pytest.mark.parametrize("expect", [None, "def"])
def test_a_key_that_moved_is_not_joined(uploads: S3Uploads, script: Script, expect: str | None) -> None:
    """Where the condition would fail S3 is not asked: after some refusals the upload would be lost."""
    with pytest.raises(PreconditionFailedError):
        complete(uploads, expect=expect)

    assert script.only.method == "HEAD"


@pytest.mark.parametrize(
    ("script", "expect", "family"),
    [
        ((ABSENT, refused(412, "PreconditionFailed")), None, PreconditionFailedError),
        ((ABSENT, refused(409, "ConditionalRequestConflict"), ABSENT), None, NotFoundError),
        ((PRESENT, refused(404, "NoSuchKey"), ABSENT), "abc", PreconditionFailedError),
        ((PRESENT, refused(404, "NoSuchUpload"), PRESENT), "abc", NotFoundError),
        ((ABSENT, refused(400, "InvalidPart"), ABSENT), None, NotFoundError),
        ((ABSENT, refused(400, "BadDigest")), None, IntegrityError),
        ((ABSENT, refused(400, "EntityTooSmall")), None, PermanentError),
        ((ABSENT, refused(200, "InternalError")), None, StoreUnavailableError),
        ((ABSENT, refused(200, "PreconditionFailed")), None, PreconditionFailedError),
    ],
    indirect=["script"],
    ids=[
        "written before",
        "written meanwhile",
        "deleted before",
        "completed before",
        "a part is gone",
        "other bytes",
        "a small part",
        "failed after it had begun",
        "refused after it had begun",
    ],
)
def test_what_a_refusal_to_join_means(uploads: S3Uploads, expect: str | None, family: type[TradewindError]) -> None:
    """S3 says by one status what means several things, and begins some of its errors as a success."""
    with pytest.raises(family) as caught:
        complete(uploads, expect=expect)

    assert type(caught.value) is family


def test_parts_of_other_bytes_are_not_joined(uploads: S3Uploads, script: Script) -> None:
    """Nothing is sent for parts that do not make up the whole."""
    with pytest.raises(IntegrityError):
        complete(uploads, parts=PARTS[:1])

    assert script.sent == []


@scripted(ABSENT, Answer(), JOINED)
def test_what_comes_late_is_there_before_the_object(uploads: S3Uploads, script: Script) -> None:
    """All user metadata is written under the name that was announced, checked, before the parts are joined."""
    complete(uploads, upload=LATE, metadata=Metadata(user={"note": "caf\u00e9", "tradewind": "x" * 3000}))

    _, beside, join = script.sent
    assert (beside.method, path(beside)) == ("PUT", "/.tradewind/late/0123456789abcdef")
    assert beside.headers["x-amz-checksum-crc32c"] == encoded("crc32c", crc32c(beside.body))
    assert json.loads(beside.body) == {
        "v": 1,
        "key": KEY,
        "user": {"note": "caf\u00e9", "tradewind": "x" * 3000},
    }
    assert query(join) == {"uploadId": "id"}


@scripted(Answer(204), refused(404, "NoSuchKey"), Answer(204))
def test_an_abort_removes_what_came_late(uploads: S3Uploads, script: Script) -> None:
    """Nobody needs the metadata of an object that never became visible."""
    uploads.abort(KEY, LATE)

    assert [(sent.method, path(sent)) for sent in script.sent] == [
        ("DELETE", f"/{KEY}"),
        ("HEAD", f"/{KEY}"),
        ("DELETE", "/.tradewind/late/0123456789abcdef"),
    ]
    assert query(script.sent[0]) == {"uploadId": "id"}


@scripted(Answer(204), Answer(200, {"x-amz-meta-tradewind-late": "0123456789abcdef", "ETag": '"e"'}))
def test_an_abort_leaves_what_the_object_needs_though_s3_still_knows_the_upload(
    uploads: S3Uploads, script: Script
) -> None:
    """S3 answers 204 for hours after an upload was completed; the object itself names the metadata that is its own."""
    uploads.abort(KEY, LATE)

    assert [sent.method for sent in script.sent] == ["DELETE", "HEAD"]


@scripted(refused(404, "NoSuchUpload"))
def test_an_abort_after_the_completion_leaves_what_came_late(uploads: S3Uploads, script: Script) -> None:
    """An upload that S3 does not know any more may be an object, which needs its metadata."""
    uploads.abort(KEY, LATE)

    assert len(script.sent) == 1


BESIDE = ".tradewind/late/0123456789abcdef"
OF_KEY = Answer(body=json.dumps({"v": 1, "key": KEY, "user": {}}).encode())


@pytest.mark.parametrize(
    ("script", "needed"),
    [
        ((OF_KEY, Answer(200, {"x-amz-meta-tradewind-late": "0123456789abcdef", "ETag": '"e"'})), True),
        ((OF_KEY, Answer(200, {"x-amz-meta-tradewind-late": "fedcba9876543210", "ETag": '"e"'})), False),
        ((OF_KEY, PRESENT), False),
        ((OF_KEY, refused(404, "NoSuchKey")), False),
        ((refused(404, "NoSuchKey"),), True),
        ((Answer(body=b"[]"),), True),
        ((Answer(body=b"no JSON"),), True),
    ],
    indirect=["script"],
    ids=[
        "needed",
        "of a later upload",
        "in one piece",
        "deleted",
        "gone already",
        "of another form",
        "somebody else's",
    ],
)
def test_what_came_late_is_needed_by_the_object_that_names_it(
    uploads: S3Uploads,
    script: Script,
    needed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """The object itself says whose metadata it has; what tradewind did not write is left alone."""
    assert uploads.needs(BESIDE, []) is needed
    assert [path(sent) for sent in script.sent] == [f"/{BESIDE}", f"/{KEY}"][: len(script.sent)]


@scripted()
def test_what_came_late_is_needed_by_an_upload_that_is_being_completed(uploads: S3Uploads, script: Script) -> None:
    """It is written right before the object is there."""
    assert uploads.needs(BESIDE, [UPLOAD, LATE])
    assert script.sent == []


DESCRIBED = {
    "ETag": '"e"',
    "Last-Modified": "Sat, 21 Nov 2026 03:30:00 GMT",
    "Content-Length": "0",
    "x-amz-meta-note": "early",
    "x-amz-meta-tradewind-late": "abc",
}


@pytest.mark.parametrize(
    ("script", "user"),
    [
        (
            (Answer(headers=DESCRIBED), Answer(body=b'{"v": 1, "user": {"note": "late", "tradewind": "{}"}}')),
            {"note": "late", "tradewind": "{}"},
        ),
        ((Answer(headers=DESCRIBED), refused(404, "NoSuchKey")), {"note": "early"}),
        ((Answer(headers=DESCRIBED), Answer(body=b"[]")), {"note": "early"}),
        ((Answer(headers=DESCRIBED), Answer(body=b"no JSON")), {"note": "early"}),
        ((Answer(headers={**DESCRIBED, "x-amz-meta-tradewind-late": "../x"}),), {"note": "early"}),
    ],
    indirect=["script"],
    ids=["there", "gone", "of another form", "somebody else's", "a name that is none of ours"],
)
def test_a_state_has_what_came_late(script: Script, user: dict[str, str]) -> None:
    """Who asks for an object's state is not shown how it was kept, nor stopped by what somebody did to it."""
    state = open_store(SITE, KEYS, bucket=SITE.bucket).head(KEY)

    assert state is not None
    assert state.metadata.user == user
    if len(script.sent) > 1:
        assert (script.sent[1].method, path(script.sent[1])) == ("GET", "/.tradewind/late/abc")


@scripted(Answer(body=b"<html>Log in"), Answer(body=b"<html/>"), ABSENT, Answer(body=b"<html/>"))
def test_an_answer_that_is_none_of_s3s(uploads: S3Uploads) -> None:
    """A page of somebody in between begins, lists and joins nothing."""
    with pytest.raises(StoreUnavailableError, match="s3://models"):
        uploads.parts(KEY, UPLOAD)
    with pytest.raises(StoreUnavailableError, match="s3://models"):
        uploads.begin(KEY, version="v", algorithm="crc32c", metadata=Metadata(), final=True)
    with pytest.raises(StoreUnavailableError, match="s3://models"):
        complete(uploads)


@scripted(refused(403, "AccessDenied"))
def test_a_missing_permission_is_named(uploads: S3Uploads) -> None:
    """Whoever may not list parts is told what to grant."""
    with pytest.raises(AccessDeniedError, match="s3:ListMultipartUploadParts"):
        uploads.parts(KEY, UPLOAD)


def test_metadata_that_s3_cannot_hold(uploads: S3Uploads, script: Script) -> None:
    """It is refused before anything is sent."""
    with pytest.raises(UnportableError):
        uploads.begin(KEY, version="v", algorithm="crc32c", metadata=Metadata(user={"a": "x" * 2048}), final=True)

    assert script.sent == []


@pytest.mark.parametrize("upload", ["", "crc32c", "crc32c-0", "md5-0-id"])
def test_ids_that_are_none(uploads: S3Uploads, script: Script, upload: str) -> None:
    """An id that was never given names no upload, and nobody is asked."""
    with pytest.raises(NotFoundError):
        uploads.parts(KEY, upload)
    uploads.abort(KEY, upload)

    assert script.sent == []
