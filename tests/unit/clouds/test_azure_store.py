"""What BlobStore sends and understands, where Azurite is laxer than Blob Storage or has no such answer."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
)

from rigs.scripted import Answer, Script, ScriptedHttp
from tradewind.checksums import crc32c, md5
from tradewind.clouds.azure.clients import open_client, open_wire
from tradewind.clouds.azure.errors import translate
from tradewind.clouds.azure.signing import KeySigner
from tradewind.clouds.azure.store import BlobStore, open_store
from tradewind.clouds.azure.wire import BlobWire
from tradewind.clouds.http import AnswerError, TransportError
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ConfigurationError,
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
from tradewind.fleet import AzureSite
from tradewind.ports import Metadata

ORIGIN = "https://acct.blob.core.windows.net"
BODY = b"0123456789"
DESCRIBED = {
    "ETag": '"0x8DC"',
    "Last-Modified": "Sat, 21 Nov 2026 03:30:00 GMT",
    "Content-Type": "text/plain",
    "x-ms-blob-type": "BlockBlob",
}
WHOLE = b64encode(md5(BODY)).decode()
Make = Callable[..., tuple[BlobStore, Script]]


@pytest.fixture
def scripted() -> Make:
    """Make a store over a script of answers."""

    def make(*answers: Answer) -> tuple[BlobStore, Script]:
        script = Script(*answers)
        wire = BlobWire(ScriptedHttp(ORIGIN, script), KeySigner("acct", "a2V5"))
        return BlobStore(wire, "acct", "models"), script

    return make


def put(store: BlobStore, *, expect: str | None = None, digest: bytes | None = None) -> str:
    """Write the body with metadata."""
    metadata = Metadata(content_type="text/plain", user={"With-Dash": "caf\u00e9", "tradewind": "{}"})
    return store.put("a b/\u00e9", BODY, metadata=metadata, crc32c=crc32c(BODY), md5=digest, expect=expect).token


@pytest.mark.parametrize("digest", [None, md5(BODY)], ids=["computed", "given"])
def test_a_create_is_one_conditional_checked_request(scripted: Make, digest: bytes | None) -> None:
    """Azure is asked to write only where nothing is, only bytes with this MD5, and to keep it."""
    store, script = scripted(Answer(201, DESCRIBED))

    token = put(store, digest=digest)

    headers = script.only.headers
    assert token == "0x8DC"
    assert (script.only.method, script.only.body) == ("PUT", BODY)
    assert script.only.url == "https://acct.blob.core.windows.net/models/a%20b/%C3%A9"
    assert headers["if-none-match"] == "*"
    assert headers["content-md5"] == headers["x-ms-blob-content-md5"] == WHOLE
    assert headers["x-ms-meta-with_x002d_dash"] == "=?UTF-8?B?Y2Fmw6k=?="
    assert headers["x-ms-meta-tradewind"] == "{}"
    assert headers["x-ms-blob-content-type"] == "text/plain"


def test_a_replacement_names_what_it_replaces(scripted: Make) -> None:
    """Azure is asked to write only over the version that was seen."""
    store, script = scripted(Answer(201, DESCRIBED))

    put(store, expect="0x8DB")

    assert script.only.headers["if-match"] == '"0x8DB"'
    assert "if-none-match" not in script.only.headers


def test_a_large_object_is_one_request_too(scripted: Make) -> None:
    """A whole object is never split into blocks, which another writer's commit would drop."""
    store, script = scripted(Answer(201, DESCRIBED))
    body = bytes(70 * 1024 * 1024)

    store.put("key", body, metadata=Metadata(), crc32c=crc32c(body), md5=md5(body), expect=None)

    assert len(script.only.body) == len(body)


def test_a_delete_names_what_it_deletes(scripted: Make) -> None:
    """Azure is asked to delete only the version that was seen, and no snapshot with it."""
    store, script = scripted(Answer(202))

    store.delete("key", expect="0x8DB")

    assert script.only.method == "DELETE"
    assert script.only.headers["if-match"] == '"0x8DB"'
    assert "x-ms-delete-snapshots" not in script.only.headers


def test_a_delete_says_that_it_is_ours(scripted: Make) -> None:
    """Each delete bears a client request id of its own, by which the event of it is told from a user's delete."""
    store, script = scripted(Answer(202), Answer(202))

    store.delete("one", expect="0x8DB")
    store.delete("two", expect="0x8DB")

    ids = [sent.headers["x-ms-client-request-id"] for sent in script.sent]
    assert len(set(ids)) == 2
    assert all(_site().acts_as(each) for each in ids)


PAGE = b"""\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>
<EnumerationResults ContainerName="models"><Blobs>
<Blob><Name>a &amp; b</Name><Properties><Last-Modified>Sat, 21 Nov 2026 03:30:00 GMT</Last-Modified>
<Etag>0x8DC</Etag><Content-Length>10</Content-Length></Properties></Blob>
<Blob><Name Encoded="true">c%EF%BF%BE%2F%25</Name><Properties>
<Last-Modified>Sat, 21 Nov 2026 03:30:00 GMT</Last-Modified><Etag>0x8DD</Etag>
<Content-Length>0</Content-Length></Properties></Blob>
</Blobs><NextMarker>more</NextMarker></EnumerationResults>"""


def test_a_page_is_one_request(scripted: Make) -> None:
    """A listing goes on at its marker, and names that XML cannot spell are taken out of their encoding."""
    store, script = scripted(
        Answer(body=PAGE), Answer(body=b"<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>")
    )

    first = store.list("a b/+", limit=2)
    last = store.list(cursor=first.cursor)

    assert [(line.key, line.token, line.size) for line in first.objects] == [
        ("a & b", "0x8DC", 10),
        ("c\ufffe/%", "0x8DD", 0),
    ]
    assert {line.modified for line in first.objects} == {datetime(2026, 11, 21, 3, 30, tzinfo=UTC)}
    assert (last.objects, last.cursor) == ((), None)
    assert [sent.url.partition("?")[2] for sent in script.sent] == [
        "restype=container&comp=list&prefix=a%20b%2F%2B&maxresults=2",
        "restype=container&comp=list&marker=more&maxresults=1000",
    ]


def test_an_answer_that_is_not_xml(scripted: Make) -> None:
    """What a proxy may answer in Azure's place is an outage, not a crash."""
    store, _ = scripted(Answer(body=b"<html><br></html>"))

    with pytest.raises(StoreUnavailableError, match="than XML"):
        store.list()


TAGS = b"""<?xml version="1.0" encoding="utf-8"?>
<Tags><TagSet><Tag><Key>Team</Key><Value>a+b</Value></Tag></TagSet></Tags>"""


def test_tags_are_asked_for_where_there_are_any(scripted: Make) -> None:
    """An answer tells how many tags there are, and a second request which."""
    described = {**DESCRIBED, "Content-Length": "10", "x-ms-tag-count": "1"}
    store, script = scripted(Answer(headers=described), Answer(headers={"Content-Type": "application/xml"}, body=TAGS))

    state = store.head("key")

    assert state is not None
    assert state.metadata.tags == {"Team": "a+b"}
    assert script.sent[1].url == "https://acct.blob.core.windows.net/models/key?comp=tags"


def test_tags_that_may_not_be_read_are_an_error(scripted: Make) -> None:
    """A blob is never taken to have no tags because they are kept from us."""
    described = {**DESCRIBED, "Content-Length": "10", "x-ms-tag-count": "1"}
    denied = Answer(403, headers={"x-ms-error-code": "AuthorizationPermissionMismatch"})
    store, _ = scripted(Answer(headers=described), denied)

    with pytest.raises(AccessDeniedError, match=r"read the tags of az://acct/models/key.*blobs/tags/read"):
        store.head("key")


@pytest.mark.parametrize(("tags", "header"), [({"Team": "a b+c", "empty": ""}, "Team=a%20b%2Bc&empty="), ({}, None)])
def test_tags_are_written_with_the_blob(scripted: Make, tags: dict[str, str], header: str | None) -> None:
    """They go with the one request; a blob without tags is written without the header, which needs a right."""
    store, script = scripted(Answer(201, headers=DESCRIBED))

    store.put("key", BODY, metadata=Metadata(tags=tags), crc32c=crc32c(BODY), md5=None, expect=None)

    assert script.only.headers.get("x-ms-tags") == header


def test_a_whole_read_is_one_request_without_a_range(scripted: Make) -> None:
    """State and bytes come with one answer, and the MD5 that is kept is the whole blob's."""
    store, script = scripted(Answer(headers={**DESCRIBED, "Content-MD5": WHOLE}, body=BODY))

    with store.get("key") as download:
        assert download.state.checksums.md5 == md5(BODY)
        assert b"".join(download.chunks) == BODY

    assert "x-ms-range" not in script.only.headers
    assert "if-match" not in script.only.headers


def test_a_ranged_read_is_pinned(scripted: Make) -> None:
    """The condition and the range travel with the request; the MD5 of a range is not taken for the blob's."""
    part = {"Content-Range": "bytes 2-4/10", "Content-MD5": b64encode(md5(BODY[2:5])).decode()}
    store, script = scripted(Answer(206, {**DESCRIBED, **part, "x-ms-blob-content-md5": WHOLE}, BODY[2:5]))

    with store.get("key", token="0x8DC", start=2, length=3) as download:
        assert b"".join(download.chunks) == BODY[2:5]

    assert (download.state.size, download.state.checksums.md5) == (10, md5(BODY))
    assert script.only.headers["x-ms-range"] == "bytes=2-4"
    assert script.only.headers["if-match"] == '"0x8DC"'


def test_a_body_that_ends_short(scripted: Make) -> None:
    """A connection that breaks off is never taken for the end of the blob."""
    store, _ = scripted(Answer(headers={**DESCRIBED, "Content-Length": "20"}, body=BODY))

    with store.get("key") as download, pytest.raises(StoreUnavailableError, match="az://acct/models/key"):
        list(download.chunks)


def test_a_head_reads_the_error_from_the_headers(scripted: Make) -> None:
    """A HEAD answer has no body, and still tells a missing container from a missing blob."""
    missing = Answer(404, {"x-ms-error-code": "BlobNotFound"})
    store, _ = scripted(missing, Answer(404, {"x-ms-error-code": "ContainerNotFound"}))

    assert store.head("key") is None
    with pytest.raises(BucketNotFoundError, match="az://acct/models/key"):
        store.head("key")


@pytest.mark.parametrize(
    "fields", [{}, {"account_key": ""}, {"tenant_id": "t", "client_id": "c"}], ids=["none", "empty", "incomplete"]
)
def test_credentials_without_their_fields(fields: dict[str, str]) -> None:
    """A secret that has none of the sets of fields is an error that names them."""
    with pytest.raises(CredentialsError, match="account_key"):
        open_store(_site(), fields)


@pytest.mark.parametrize("open_it", [open_wire, open_client])
def test_a_token_is_not_sent_in_the_clear(open_it: Callable[..., object]) -> None:
    """An identity's token over plain HTTP is a mistake in the fleet file, told before anything is sent."""
    fields = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}

    with pytest.raises(ConfigurationError, match="HTTPS"):
        open_it(_site().model_copy(update={"endpoint": "http://acct.example"}), fields)


def _site() -> AzureSite:
    return AzureSite(
        cloud="azure",
        account="acct",
        container="models",
        region="westeurope",
        jurisdiction="EU",
        control_bucket="control",
    )


@pytest.mark.parametrize(
    ("code", "status", "family", "hint"),
    [
        ("BlobAlreadyExists", 409, PreconditionFailedError, ""),
        ("ConditionNotMet", 412, PreconditionFailedError, ""),
        ("BlobNotFound", 404, NotFoundError, ""),
        ("ContainerNotFound", 404, BucketNotFoundError, "fleet file"),
        ("AuthenticationFailed", 403, CredentialsError, "secret"),
        ("AuthorizationPermissionMismatch", 403, AccessDeniedError, "Storage Blob Data Contributor"),
        ("AuthorizationFailure", 403, AccessDeniedError, "Storage Blob Data Contributor"),
        ("Md5Mismatch", 400, IntegrityError, "Nothing was written"),
        ("LeaseIdMissing", 412, StoreUnavailableError, "lease"),
        ("BlobImmutableDueToPolicy", 409, AccessDeniedError, "immutability"),
        ("BlobArchived", 409, PermanentError, "rehydrate"),
        ("SnapshotsPresent", 409, PermanentError, "snapshots"),
        ("MetadataTooLarge", 400, UnportableError, ""),
        ("InvalidTag", 400, UnportableError, "tags"),
        ("BlobTagsNotSupportedForAccountType", 400, UnportableError, "has no blob index tags"),
        ("RequestBodyTooLarge", 413, ObjectTooLargeError, ""),
        ("ServerBusy", 503, StoreUnavailableError, "Try again later"),
        ("", 500, StoreUnavailableError, "Try again later"),
        ("", 401, CredentialsError, "secret"),
        ("InvalidInput", 400, TransientError, "what it says"),
    ],
)
def test_what_an_answer_means(code: str, status: int, family: type[TradewindError], hint: str) -> None:
    """Each of Azure's errors has one meaning, and its message the operation, the object, the code and what to do."""
    answer: Any = SimpleNamespace(status_code=status, headers={"x-ms-error-code": code}, reason="")

    with pytest.raises(family) as caught, translate("put", "az://acct/models/key"):
        raise HttpResponseError("So it is.\nRequestId: 1", response=answer)

    assert type(caught.value) is family
    spelled = f"{code}: So it is" if code else "So it is"
    assert str(caught.value).startswith(f"Could not put az://acct/models/key: {spelled}")
    assert "RequestId" not in str(caught.value)
    assert hint in caught.value.hint


def test_what_the_wire_answers_means_the_same() -> None:
    """An answer of our own requests is read by the same table: its code from the header, its words from the XML."""
    body = b"<?xml version='1.0'?><Error><Code>x</Code><Message>So &amp; so.\nRequestId:1</Message></Error>"

    told = "Could not get az://a/c/k: ContainerNotFound: So & so"
    with pytest.raises(BucketNotFoundError, match=told) as caught, translate("get", "az://a/c/k"):
        raise AnswerError(404, {"x-ms-error-code": "ContainerNotFound"}, body)

    assert "RequestId" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (ClientAuthenticationError("no managed identity"), CredentialsError),
        (ServiceRequestError("no route"), StoreUnavailableError),
        (IncompleteReadError("short"), StoreUnavailableError),
        (TransportError("cut"), StoreUnavailableError),
        (ConnectionResetError("reset"), StoreUnavailableError),
    ],
)
def test_what_a_failure_without_an_answer_means(error: Exception, family: type[TradewindError]) -> None:
    """No identity is not the same as no connection."""
    with pytest.raises(family), translate("get", "az://acct/models/key"):
        raise error
