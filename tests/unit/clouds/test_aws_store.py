"""What S3Store sends and understands, where moto is laxer than S3 or has no such answer."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from rigs.scripted import Answer, Script, ScriptedHttp
from tradewind.checksums import crc32c, crc64nvme, extended, md5
from tradewind.clouds.aws import clients
from tradewind.clouds.aws.answers import UploadedPart
from tradewind.clouds.aws.errors import translate
from tradewind.clouds.aws.states import state_of
from tradewind.clouds.aws.store import S3Store, open_store
from tradewind.clouds.http import AnswerError, TransportError
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    CredentialsError,
    IntegrityError,
    NotFoundError,
    ObjectTooLargeError,
    PermanentError,
    PreconditionFailedError,
    StoreUnavailableError,
    TradewindError,
    TransientError,
    UnportableError,
)
from tradewind.fleet import AwsSite
from tradewind.ports import CompositeChecksum, Metadata

SITE = AwsSite(cloud="aws", bucket="models", region="us-east-1", jurisdiction="US", control_bucket="control")
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret"}
BODY = b"0123456789"
ETAG = md5(BODY).hex()
DESCRIBED = {"ETag": f'"{ETAG}"', "Last-Modified": "Sat, 21 Nov 2026 03:30:00 GMT", "Content-Type": "text/plain"}


def b64(number: int, size: int = 4) -> str:
    """Return a checksum as S3 spells it."""
    return b64encode(number.to_bytes(size)).decode()


@pytest.fixture
def script(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Script:
    """S3 by a script, which the test's mark gives."""
    made = Script(*getattr(request, "param", ()))
    monkeypatch.setattr(clients, "_http", lambda origin, *_: ScriptedHttp(origin, made))
    return made


@pytest.fixture
def store(script: Script) -> S3Store:
    """A store of the real S3, as far as its requests go."""
    return open_store(SITE, KEYS, bucket=SITE.bucket)


def scripted(*answers: Answer) -> pytest.MarkDecorator:
    """Let S3 answer with these."""
    return pytest.mark.parametrize("script", [answers], indirect=True, ids=["s3"])


def put(store: S3Store, expect: str | None) -> str:
    """Write the body with metadata."""
    metadata = Metadata(content_type="text/plain", user={"Note": "caf\u00e9", "tradewind": "{}"})
    return store.put("a b+c", BODY, metadata=metadata, crc32c=crc32c(BODY), md5=md5(BODY), expect=expect).token


@scripted(Answer(headers=DESCRIBED))
def test_a_create_is_one_conditional_checked_request(store: S3Store, script: Script) -> None:
    """S3 is asked to write only where nothing is, and only bytes with these checksums."""
    token = put(store, None)

    headers = script.only.headers
    assert token == ETAG
    assert (script.only.method, script.only.body) == ("PUT", BODY)
    assert script.only.url == "https://models.s3.us-east-1.amazonaws.com/a%20b%2Bc"
    assert headers["if-none-match"] == "*"
    assert "if-match" not in headers
    assert headers["x-amz-checksum-crc32c"] == b64(crc32c(BODY))
    assert headers["content-md5"] == b64encode(md5(BODY)).decode()
    assert headers["x-amz-meta-note"] == "=?UTF-8?B?Y2Fmw6k=?="
    assert headers["x-amz-meta-tradewind"] == "{}"
    assert headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"


@scripted(Answer(headers=DESCRIBED))
def test_a_replacement_names_what_it_replaces(store: S3Store, script: Script) -> None:
    """S3 is asked to write only over the version that was seen."""
    put(store, "abc")

    assert script.only.headers["if-match"] == '"abc"'
    assert "if-none-match" not in script.only.headers


@scripted(Answer(204))
def test_a_delete_names_what_it_deletes(store: S3Store, script: Script) -> None:
    """S3 is asked to delete only the version that was seen."""
    store.delete("key", expect="abc")

    assert script.only.method == "DELETE"
    assert script.only.headers["if-match"] == '"abc"'


@scripted(Answer(206, {**DESCRIBED, "Content-Range": "bytes 2-4/10"}, BODY[2:5]))
def test_a_ranged_read_is_pinned(store: S3Store, script: Script) -> None:
    """The condition and the range travel with the one request, and the state has the whole object's size."""
    with store.get("key", token="abc", start=2, length=3) as download:
        body = b"".join(download.chunks)

    assert (body, download.state.size) == (BODY[2:5], 10)
    assert script.only.headers["if-match"] == '"abc"'
    assert script.only.headers["range"] == "bytes=2-4"
    assert "x-amz-checksum-mode" not in script.only.headers  # or S3 would be asked for the parts of each part


@scripted(Answer(headers={**DESCRIBED, "Content-Length": "20"}, body=BODY))
def test_a_body_that_ends_short(store: S3Store, script: Script) -> None:
    """A connection that breaks off is never taken for the end of the object."""
    with store.get("key") as download, pytest.raises(StoreUnavailableError, match="s3://models/key"):
        list(download.chunks)


@scripted(Answer(301, {"x-amz-bucket-region": "eu-west-1"}, b""))
def test_a_bucket_in_another_region(store: S3Store, script: Script) -> None:
    """A bucket that is elsewhere is not followed there: the error names its region."""
    with pytest.raises(BucketNotFoundError, match="is in eu-west-1: correct the site's `region`"):
        store.head("key")

    assert len(script.sent) == 1


@scripted(Answer(404), Answer(403), Answer(404))
def test_a_missing_key_in_a_bucket_that_may_not_be_listed(store: S3Store, script: Script) -> None:
    """The bucket is looked for once per process, and one that is hidden counts as there."""
    assert store.head("key") is None
    assert store.head("key") is None

    assert [request.method for request in script.sent] == ["HEAD"] * 3


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-checksum-crc32c": b64(crc32c(BODY))},
        {"x-amz-checksum-crc32": b64(zlib.crc32(BODY))},
        {"x-amz-checksum-crc64nvme": b64(crc64nvme(BODY), 8)},
    ],
    ids=["crc32c", "crc32", "crc64nvme"],
)
def test_whole_object_checksums(store: S3Store, script: Script, headers: dict[str, str]) -> None:
    """Whatever S3 keeps of the whole object is reported."""
    answer = Answer(headers={**DESCRIBED, **headers, "x-amz-checksum-type": "FULL_OBJECT", "Content-Length": "10"})
    script.then(answer)

    state = store.head("key")

    assert state is not None
    kept = state.checksums
    assert kept.md5 == md5(BODY)
    expected = [crc32c(BODY), zlib.crc32(BODY), crc64nvme(BODY)]
    found = [kept.crc32c, kept.crc32, kept.crc64nvme]
    assert [a == b for a, b in zip(found, expected, strict=True)].count(True) == 1
    assert found.count(None) == 2


COMPOSITE = {
    "ETag": f'"{ETAG}-2"',
    "x-amz-checksum-crc32": "EjRWeA==-2",
    "x-amz-checksum-type": "COMPOSITE",
    "Content-Length": "10",
}
FIRST_PARTS = b"""<GetObjectAttributesResponse><ETag>%s-2</ETag><ObjectParts><IsTruncated>true</IsTruncated>
<NextPartNumberMarker>1</NextPartNumberMarker><Part><PartNumber>1</PartNumber><Size>7</Size></Part></ObjectParts>
</GetObjectAttributesResponse>""" % ETAG.encode()
LAST_PARTS = b"""<GetObjectAttributesResponse><ETag>%s-2</ETag><ObjectParts><IsTruncated>false</IsTruncated>
<Part><PartNumber>2</PartNumber><Size>3</Size></Part></ObjectParts></GetObjectAttributesResponse>""" % ETAG.encode()


@scripted(Answer(headers=DESCRIBED | COMPOSITE), Answer(body=FIRST_PARTS), Answer(body=LAST_PARTS))
def test_a_checksum_of_checksums_comes_with_its_parts(store: S3Store, script: Script) -> None:
    """A composite checksum is reported with every part's size, over all pages; its ETag is no MD5."""
    state = store.head("key")

    assert state is not None
    assert state.checksums.composite == CompositeChecksum("crc32", bytes.fromhex("12345678"), (7, 3))
    assert (state.checksums.crc32, state.checksums.md5) == (None, None)
    assert script.sent[2].headers["x-amz-part-number-marker"] == "1"


@given(
    bodies=st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=5),
    name=st.sampled_from(["crc32c", "crc32"]),
)
def test_the_checksums_of_parts_tell_that_of_the_whole(bodies: list[bytes], name: Literal["crc32c", "crc32"]) -> None:
    """What boto3 uploads in parts has a checksum of checksums, from which that of all bytes is reckoned."""
    sums = [extended(name, 0, body).to_bytes(4) for body in bodies]
    shown = b64encode(extended(name, 0, b"".join(sums)).to_bytes(4)).decode()
    parts = tuple(
        UploadedPart(len(body), *([told, ""] if name == "crc32c" else ["", told]))
        for body, each in zip(bodies, sums, strict=True)
        for told in [b64encode(each).decode()]
    )
    headers = {name.lower(): value for name, value in DESCRIBED.items()}
    headers |= {f"x-amz-checksum-{name}": f"{shown}-{len(bodies)}", "content-length": "1"}

    found = state_of("bucket", "key", headers, lambda _: parts, {}).checksums
    damaged = (*parts[:-1], UploadedPart(1, "AAAAAQ==", "AAAAAQ=="))
    other = state_of("bucket", "key", headers, lambda _: damaged, {})

    assert (found.crc32c, found.crc32) == tuple(
        extended(name, 0, b"".join(bodies)) if name == each else None for each in ("crc32c", "crc32")
    )
    assert other.checksums.composite is not None


@pytest.mark.parametrize(
    "attributes",
    [
        Answer(403, body=b"<Error><Code>AccessDenied</Code></Error>"),
        Answer(405, body=b"<Error><Code>MethodNotAllowed</Code></Error>"),
        Answer(body=LAST_PARTS.replace(ETAG.encode(), b"0" * 32)),
        Answer(body=LAST_PARTS),
        Answer(body=b"<GetObjectAttributesResponse></GetObjectAttributesResponse>"),
    ],
    ids=["denied", "unknown", "another version", "a part is missing", "no parts"],
)
def test_a_checksum_of_checksums_without_its_parts(store: S3Store, script: Script, attributes: Answer) -> None:
    """Where the parts cannot be learned for this very version, there is nothing to compare with, and no failure."""
    script.then(Answer(headers=DESCRIBED | COMPOSITE), attributes)

    state = store.head("key")

    assert state is not None
    assert state.checksums.composite is None


TAGS = b"""<Tagging><TagSet><Tag><Key>Team</Key><Value>gr\xc3\xbcn a+b</Value></Tag></TagSet></Tagging>"""
DENIED = Answer(403, body=b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")


@scripted(Answer(headers=DESCRIBED | {"x-amz-tagging-count": "1"}), Answer(body=TAGS))
def test_tags_are_asked_for_where_there_are_any(store: S3Store, script: Script) -> None:
    """An answer tells how many tags there are, and a second request which."""
    state = store.head("a key")

    assert state is not None
    assert state.metadata.tags == {"Team": "grün a+b"}
    assert script.sent[1].url == "https://models.s3.us-east-1.amazonaws.com/a%20key?tagging="


@scripted(
    Answer(headers=DESCRIBED | {"x-amz-tagging-count": "1"}),
    Answer(404, body=b"<Error><Code>NoSuchKey</Code></Error>"),
    Answer(),
)
def test_an_object_that_goes_before_its_tags_are_read_is_gone(store: S3Store, script: Script) -> None:
    """Between both requests it may be deleted, and then there is no state."""
    assert store.head("key") is None
    assert len(script.sent) == 3


@scripted(Answer(headers=DESCRIBED | {"x-amz-tagging-count": "1"}), DENIED)
def test_tags_that_may_not_be_read_are_an_error(store: S3Store, script: Script) -> None:
    """An object is never taken to have no tags because they are kept from us."""
    with pytest.raises(AccessDeniedError, match=r"read the tags of s3://models/key.*s3:GetObjectTagging"):
        store.head("key")
    assert len(script.sent) == 2


def test_the_first_object_shows_whether_tags_may_be_read(script: Script) -> None:
    """S3 hides even how many tags there are from who may not read them, so that is found out, once."""
    store = open_store(SITE, KEYS)
    none = Answer(body=b"<Tagging><TagSet></TagSet></Tagging>")
    described = Answer(headers=DESCRIBED)
    script.then(described, DENIED, described, none, described)

    with pytest.raises(AccessDeniedError, match="s3:GetObjectTagging"):
        store.head("key")
    states = [store.head("key"), store.head("key")]

    assert [sent.url.partition("?")[2] for sent in script.sent] == ["", "tagging=", "", "tagging=", ""]
    assert [state.metadata.tags for state in states if state] == [{}, {}]


@scripted(Answer(headers=DESCRIBED))
def test_tags_that_mean_nothing_need_no_right(script: Script) -> None:
    """Nobody needs a right to read the tags of what is in the control bucket."""
    store = open_store(SITE, KEYS, bucket="control")

    assert store.head("key") is not None

    assert script.only.method == "HEAD"


@scripted(Answer(headers={"ETag": f'"{ETAG}"'}))
def test_tags_are_written_with_the_object(store: S3Store, script: Script) -> None:
    """They go with the one request, so that no version of the object is ever without them."""
    tags = {"Team": "grün + blau", "empty": ""}

    store.put("key", BODY, metadata=Metadata(tags=tags), crc32c=crc32c(BODY), md5=None, expect=None)

    assert script.only.headers["x-amz-tagging"] == "Team=gr%C3%BCn%20%2B%20blau&empty="


@scripted(Answer(headers={"ETag": f'"{ETAG}"'}))
def test_no_tags_need_no_right_to_write_them(store: S3Store, script: Script) -> None:
    """An object without tags is written without the header, which S3 allows only to who may tag."""
    put(store, None)

    assert "x-amz-tagging" not in script.only.headers


@pytest.mark.parametrize(
    ("bucket", "fields"),
    [
        ("models", {"etag": f'"{ETAG}-1"'}),
        ("models", {"x-amz-server-side-encryption": "aws:kms"}),
        ("models", {"x-amz-server-side-encryption-customer-algorithm": "AES256"}),
        ("models--use1-az4--x-s3", {}),
    ],
    ids=["parts", "SSE-KMS", "SSE-C", "directory bucket"],
)
def test_an_etag_that_is_no_md5(bucket: str, fields: dict[str, str]) -> None:
    """An ETag is taken for an MD5 only where it surely is one."""
    answer = {name.lower(): value for name, value in DESCRIBED.items()} | {"content-length": "10"}

    plain = state_of("models", "key", answer, lambda _: None, {})
    other = state_of(bucket, "key", answer | fields, lambda _: None, {})

    assert plain.checksums.md5 == md5(BODY)
    assert other.checksums.md5 is None


SESSION = b"""<CreateSessionResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Credentials>
<SessionToken>T%d</SessionToken><SecretAccessKey>s</SecretAccessKey><AccessKeyId>A%d</AccessKeyId>
<Expiration>%s</Expiration></Credentials></CreateSessionResult>"""


def session(number: int, minutes: float) -> Answer:
    """Begin a session that lasts so long."""
    expires = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Answer(body=SESSION % (number, number, expires.encode()))


def test_a_directory_bucket_has_keys_of_its_own(script: Script) -> None:
    """It answers in its zone, to a session that is begun again before it ends."""
    bucket = "models--use1-az4--x-s3"
    store = open_store(SITE.model_copy(update={"bucket": bucket}), KEYS)
    described = Answer(headers=DESCRIBED)
    script.then(session(1, 0.5), described, session(2, 5), described, described)

    for _ in range(3):
        assert store.head("key")

    host = f"https://{bucket}.s3express-use1-az4.us-east-1.amazonaws.com"
    assert [sent.url for sent in script.sent] == [
        f"{host}/?session=",
        f"{host}/key",
        f"{host}/?session=",
        f"{host}/key",
        f"{host}/key",
    ]
    assert [sent.headers.get("x-amz-s3session-token") for sent in script.sent] == [None, "T1", None, "T2", "T2"]
    who = [sent.headers["authorization"].partition("Credential=")[2].split("/") for sent in script.sent]
    assert [(key, service) for key, _, _, service, *_ in who] == [
        ("AKIDEXAMPLE", "s3express"),
        ("A1", "s3express"),
        ("AKIDEXAMPLE", "s3express"),
        ("A2", "s3express"),
        ("A2", "s3express"),
    ]


@pytest.mark.parametrize(
    ("sent", "read"), [("aws-chunked", None), ("gzip,aws-chunked", "gzip"), ("gzip, br", "gzip, br"), ("zstd", "zstd")]
)
def test_framing_is_no_content_encoding(store: S3Store, script: Script, sent: str, read: str | None) -> None:
    """`aws-chunked` was how the upload was framed, and says nothing about the object."""
    answer = Answer(headers={**DESCRIBED, "Content-Encoding": sent, "Content-Length": "10"})
    script.then(answer)

    state = store.head("key")

    assert state is not None
    assert state.metadata.content_encoding == read


def test_credentials_without_a_field() -> None:
    """A secret that lacks a field is an error that names it."""
    with pytest.raises(CredentialsError, match="secret_access_key"):
        open_store(SITE, {"access_key_id": "AKIDEXAMPLE"})


@pytest.mark.parametrize(
    ("code", "status", "family", "hint"),
    [
        ("PreconditionFailed", 412, PreconditionFailedError, ""),
        ("ConditionalRequestConflict", 409, PreconditionFailedError, ""),
        ("NoSuchKey", 404, NotFoundError, ""),
        ("NoSuchBucket", 404, BucketNotFoundError, "fleet file"),
        ("AuthorizationHeaderMalformed", 400, BucketNotFoundError, "another region"),
        ("InvalidAccessKeyId", 403, CredentialsError, "secret"),
        ("SignatureDoesNotMatch", 403, CredentialsError, "secret"),
        ("ExpiredToken", 400, CredentialsError, "renew"),
        ("RequestTimeTooSkewed", 403, CredentialsError, "clock"),
        ("AccessDenied", 403, AccessDeniedError, "s3:PutObject"),
        ("403", 403, AccessDeniedError, "s3:PutObject"),
        ("KMS.DisabledException", 400, AccessDeniedError, "KMS"),
        ("BadDigest", 400, IntegrityError, "Nothing was written"),
        ("KeyTooLongError", 400, UnportableError, "1,024"),
        ("MetadataTooLarge", 400, UnportableError, "2 KB"),
        ("InvalidTag", 400, UnportableError, "tags"),
        ("EntityTooLarge", 400, ObjectTooLargeError, ""),
        ("InvalidObjectState", 403, PermanentError, "restore"),
        ("SlowDown", 503, StoreUnavailableError, "Try again later"),
        ("InternalError", 500, StoreUnavailableError, "Try again later"),
        ("Unheard", 429, StoreUnavailableError, "Try again later"),
        ("Unheard", 400, TransientError, "what it says"),
    ],
)
def test_what_an_answer_means(code: str, status: int, family: type[TradewindError], hint: str) -> None:
    """Each of S3's errors has one meaning, and its message the operation, the object, the code and what to do."""
    answer = {"Error": {"Code": code, "Message": "So it is."}, "ResponseMetadata": {"HTTPStatusCode": status}}

    with pytest.raises(family) as caught, translate("put", "s3://models/key"):
        raise ClientError(answer, "PutObject")  # type: ignore[arg-type] # the stubs want every field of the metadata

    assert type(caught.value) is family
    assert str(caught.value).startswith(f"Could not put s3://models/key: {code}: So it is")
    assert hint in caught.value.hint

    said = f"<Error xmlns='urn:s3'><Code>{code}</Code><Message>So it is.</Message></Error>".encode()
    with pytest.raises(family) as raised, translate("put", "s3://models/key"):
        raise AnswerError(status, {}, said)

    assert (str(raised.value), raised.value.hint) == (str(caught.value), caught.value.hint)


@pytest.mark.parametrize("message", ["message", "Message"])
def test_an_answer_of_another_service(message: str) -> None:
    """Secrets Manager says in JSON what S3 says in XML."""
    said = {"__type": "com.amazonaws.secretsmanager#AccessDeniedException", message: "Not you."}

    denied = pytest.raises(AccessDeniedError, match=r"AccessDeniedException: Not you.*secretsmanager:GetSecretValue")
    with denied, translate("read secret", "some-secret"):
        raise AnswerError(400, {}, json.dumps(said).encode())


@pytest.mark.parametrize("body", [b"", b"<html><p>Bad Gateway</html>", b"{"], ids=["none", "of a proxy", "torn"])
def test_an_answer_without_words_of_s3(body: bytes) -> None:
    """Where S3 says nothing, as to a HEAD, the status has to do."""
    denied = pytest.raises(AccessDeniedError, match="Could not head s3://models/key: 403: Forbidden")
    with denied, translate("head", "s3://models/key"):
        raise AnswerError(403, {}, body)


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (NoCredentialsError(), CredentialsError),
        (EndpointConnectionError(endpoint_url="https://s3"), StoreUnavailableError),
        (ConnectionResetError("reset"), StoreUnavailableError),
        (TransportError("reset"), StoreUnavailableError),
    ],
)
def test_what_a_failure_without_an_answer_means(error: Exception, family: type[TradewindError]) -> None:
    """No credentials is not the same as no connection."""
    with pytest.raises(family), translate("get", "s3://models/key"):
        raise error


def test_a_mistake_of_ours_is_not_disguised() -> None:
    """What is neither the cloud's nor the network's passes as it is."""
    with pytest.raises(ZeroDivisionError), translate("get", "s3://models/key"):
        raise ZeroDivisionError
