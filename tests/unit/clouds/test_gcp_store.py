"""What GcsStore sends and understands, where fake-gcs-server is laxer than Cloud Storage or has no such answer."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from google.api_core.exceptions import GoogleAPICallError, from_http_status
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from requests.exceptions import ChunkedEncodingError

from rigs.scripted import Answer, Script, ScriptedHttp, Sent
from tradewind.checksums import crc32c, md5
from tradewind.clouds.gcp.errors import translate
from tradewind.clouds.gcp.identity import load_credentials
from tradewind.clouds.gcp.store import EXACT, GcsStore
from tradewind.clouds.gcp.tokens import NoTokens
from tradewind.clouds.gcp.wire import GcsWire
from tradewind.clouds.http import AnswerError
from tradewind.clouds.http import TransportError as NoAnswerError
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    CredentialsError,
    IntegrityError,
    NotFoundError,
    PreconditionFailedError,
    StoreUnavailableError,
    TradewindError,
    TransientError,
)
from tradewind.ports import Metadata

ORIGIN = "http://gcs.example"
BODY = b"0123456789"
CRC = b64encode(crc32c(BODY).to_bytes(4)).decode()
MD5 = b64encode(md5(BODY)).decode()
NO_OBJECT = Answer(404, body=b'{"error": {"code": 404, "message": "No such object: models/key"}}')


Make = Callable[..., tuple[GcsStore, Script]]


@pytest.fixture
def scripted() -> Make:
    """Make a store over a script of answers."""

    def make(*answers: Answer) -> tuple[GcsStore, Script]:
        script = Script(*answers)
        wire = GcsWire(ScriptedHttp(ORIGIN, script), NoTokens())
        return GcsStore(wire, "models"), script

    return make


def told(headers: Mapping[str, str] | None = None, body: bytes = BODY, status: int = 200) -> Answer:
    """Answer as a read over the XML API is answered."""
    described = {
        "x-goog-generation": "41",
        "x-goog-metageneration": "1",
        "x-goog-stored-content-encoding": "identity",
        "x-goog-stored-content-length": "10",
        "x-goog-hash": f"crc32c={CRC},md5={MD5}",
        "Last-Modified": "Sat, 21 Nov 2026 03:30:00 GMT",
        "Content-Type": "application/octet-stream",
        "Cache-Control": "private, max-age=0",
        **(headers or {}),
    }
    return Answer(status, {name: value for name, value in described.items() if value}, body)


def resource(generation: int = 7, **fields: object) -> Answer:
    """Answer with an object's resource."""
    described = {
        "name": "key",
        "generation": str(generation),
        "size": "10",
        "timeCreated": "2026-11-21T03:30:00.123456Z",
        "contentType": "application/octet-stream",
        "crc32c": CRC,
        "md5Hash": MD5,
        **fields,
    }
    return Answer(headers={"Content-Type": "application/json"}, body=json.dumps(described).encode())


def query(sent: Sent) -> dict[str, str]:
    """Return a request's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(sent.url).query).items()}


def related(sent: Sent) -> tuple[dict[str, Any], bytes, str]:
    """Take a multipart/related body apart: resource, bytes, type of the bytes."""
    message = message_from_bytes(f"Content-Type: {sent.headers['content-type']}\r\n\r\n".encode() + sent.body)
    parts: Any = message.get_payload()
    first, second = parts
    return json.loads(first.get_payload(decode=True)), second.get_payload(decode=True), second.get_content_type()


@pytest.mark.parametrize(("expect", "generation"), [(None, "0"), ("41", "41")])
def test_a_write_is_one_conditional_checked_request(scripted: Make, expect: str | None, generation: str) -> None:
    """Resource, checksums, condition and bytes travel together, and Cloud Storage compares them."""
    store, script = scripted(resource(42))
    metadata = Metadata(content_type="text/plain", cache_control="no-store", user={"Note": "caf\u00e9"})

    receipt = store.put("a b/\u00e9", BODY, metadata=metadata, crc32c=crc32c(BODY), md5=md5(BODY), expect=expect)

    sent = script.only
    described, body, media_type = related(sent)
    assert receipt.token == "42"
    assert (sent.method, urlsplit(sent.url).path) == ("POST", "/upload/storage/v1/b/models/o")
    assert query(sent) == {"uploadType": "multipart", "ifGenerationMatch": generation}
    assert (body, media_type) == (BODY, "text/plain")
    assert described == {
        "name": "a b/\u00e9",
        "contentType": "text/plain",
        "cacheControl": "no-store",
        "metadata": {"note": "caf\u00e9"},
        "crc32c": b64encode(crc32c(BODY).to_bytes(4)).decode(),
        "md5Hash": b64encode(md5(BODY)).decode(),
    }


def test_a_delete_names_what_it_deletes(scripted: Make) -> None:
    """Cloud Storage is asked to delete only the generation that was seen."""
    store, script = scripted(Answer(204))

    store.delete("a/b", expect="41")

    assert (script.only.method, urlsplit(script.only.url).path) == ("DELETE", "/storage/v1/b/models/o/a%2Fb")
    assert query(script.only) == {"ifGenerationMatch": "41"}


def test_a_page_is_one_request_for_what_is_used(scripted: Make) -> None:
    """A listing asks for no more than a summary's fields, goes on at its cursor, and has whole seconds, too."""
    listed = json.loads(resource(41).body)
    page = Answer(body=json.dumps({"items": [listed], "nextPageToken": "more"}).encode())
    store, script = scripted(page, Answer(body=b"{}"))

    first = store.list("a b/", limit=1)
    last = store.list(cursor=first.cursor)

    fields = {"fields": "items(name,generation,size,timeCreated),nextPageToken"}
    assert [query(sent) for sent in script.sent] == [
        {"prefix": "a b/", "maxResults": "1", **fields},
        {"pageToken": "more", "maxResults": "1000", **fields},
    ]
    assert first.objects[0].modified == datetime(2026, 11, 21, 3, 30, tzinfo=UTC)
    assert (last.objects, last.cursor) == ((), None)


def test_a_read_is_one_request(scripted: Make) -> None:
    """State and bytes come with one answer, and the state is the one that the object's resource shows."""
    store, script = scripted(told({"x-goog-meta-Epoch": "7"}), resource(41, metadata={"Epoch": "7"}))

    with store.get("a b/\u00e9") as download:
        assert b"".join(download.chunks) == BODY
        assert len(script.sent) == 1

    read = script.only
    assert (read.method, read.url) == ("GET", f"{ORIGIN}/models/a%20b%2F%C3%A9")
    assert read.headers["accept-encoding"] == "identity"
    assert not {"range", "x-goog-if-generation-match"} & read.headers.keys()
    assert replace(download.state, key="key") == store.head("key")


def test_a_ranged_read_is_pinned(scripted: Make) -> None:
    """The condition and the range travel with the request, and the state is the whole object's."""
    store, script = scripted(told({"Content-Range": "bytes 2-4/10"}, BODY[2:5], 206))

    with store.get("a/b", token="41", start=2, length=3) as download:
        assert b"".join(download.chunks) == BODY[2:5]

    assert (download.state.token, download.state.size) == ("41", 10)
    assert script.only.headers["x-goog-if-generation-match"] == "41"
    assert script.only.headers["range"] == "bytes=2-4"


def test_a_range_whose_answer_tells_no_checksum(scripted: Make) -> None:
    """What the headers of a range leave out is asked for."""
    store, script = scripted(told({"Content-Range": "bytes 2-4/10", "x-goog-hash": ""}, BODY[2:5], 206), resource(41))

    with store.get("key", start=2, length=3) as download:
        assert b"".join(download.chunks) == BODY[2:5]

    assert download.state.checksums.crc32c == crc32c(BODY)
    assert urlsplit(script.sent[1].url).path == "/storage/v1/b/models/o/key"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-goog-meta-name": "100%25"},
        {"x-goog-meta-name": "caf\u00c3\u00a9"},
        {"x-goog-metageneration": "2"},
        {"x-goog-hash": f"md5={MD5}"},
        {"Last-Modified": ""},
    ],
    ids=["percent", "not ASCII", "metadata changed", "no CRC32C", "no time"],
)
def test_what_headers_cannot_tell_is_asked_for(scripted: Make, headers: dict[str, str]) -> None:
    """The resource is asked where a header may say something else than was written, or nothing."""
    store, script = scripted(told(headers), resource(41, metadata={"name": "as it is"}))

    with store.get("key") as download:
        assert download.state.metadata.user == {"name": "as it is"}
        assert b"".join(download.chunks) == BODY

    assert len(script.sent) == 2


def test_a_large_object_is_described_by_its_resource(scripted: Make) -> None:
    """Where a copy costs much, the state that begins it is exact; who pins a version has seen its state."""
    large = {"x-goog-stored-content-length": str(EXACT + 1), "x-goog-meta-name": "x"}
    store, script = scripted(told(large), resource(41, size=str(EXACT + 1), metadata={"name": " x "}), told(large))

    with store.get("key") as unseen:
        assert unseen.state.metadata.user == {"name": " x "}
    with store.get("key", token="41", start=0, length=10) as pinned:
        assert b"".join(pinned.chunks) == BODY

    assert len(script.sent) == 3


@pytest.mark.parametrize(
    "exact",
    [
        {"metadata": {"name": " x "}},
        {"metadata": {"name": "x", "no header": "y"}},
        {"cacheControl": "private, max-age=0"},
    ],
    ids=["spaces", "lost name", "default written out"],
)
def test_headers_that_told_something_else_are_asked_no_more(scripted: Make, exact: dict[str, object]) -> None:
    """Where a look at the resource brings to light what headers lose, the next read of the object is exact."""
    described = resource(41, **{"metadata": {"name": "x"}, **exact})
    store, _ = scripted(told({"x-goog-meta-name": "x"}), described, told({"x-goog-meta-name": "x"}), described)

    with store.get("key") as first:
        pass
    state = store.head("key")
    with store.get("key") as second:
        pass

    assert first.state != state
    assert second.state == state


def test_a_change_between_two_looks_raises_no_doubt(scripted: Make) -> None:
    """An object that was replaced after it was read is read in one request again."""
    store, script = scripted(told(), resource(42), told({"x-goog-generation": "42"}))

    with store.get("key"):
        pass
    store.head("key")
    with store.get("key"):
        pass

    assert len(script.sent) == 3


def test_compressed_objects_are_read_as_they_are_stored(scripted: Make) -> None:
    """Cloud Storage inflates what is stored as gzip unless gzip is accepted, which shows in the answer."""
    stored = {"x-goog-stored-content-encoding": "gzip"}
    store, script = scripted(told(stored, b"inflated"), told({**stored, "Content-Encoding": "gzip"}))

    with store.get("key") as download:
        assert b"".join(download.chunks) == BODY

    again = script.sent[1].headers
    assert download.state.metadata.content_encoding == "gzip"
    assert (again["accept-encoding"], again["x-goog-if-generation-match"]) == ("gzip", "41")


def test_a_read_of_no_bytes_reads_none(scripted: Make) -> None:
    """A range of length 0, or behind the end, shows the state alone."""
    store, script = scripted(resource(), Answer(416), resource())

    for start, length in ((3, 0), (10, 5)):
        with store.get("key", start=start, length=length) as download:
            assert list(download.chunks) == []

    assert [urlsplit(sent.url).path for sent in script.sent][1] == "/models/key"


@pytest.mark.parametrize(
    ("now", "family"), [(resource(42), PreconditionFailedError), (NO_OBJECT, NotFoundError)], ids=["replaced", "gone"]
)
def test_a_condition_that_fails(scripted: Make, now: Answer, family: type[TradewindError]) -> None:
    """A read under a condition fails where the object is another, and where it is gone; a look tells which."""
    store, _ = scripted(Answer(412, body=b"<Error><Code>PreconditionFailed</Code></Error>"), now)

    with pytest.raises(family), store.get("key", token="41"):
        pass


def test_an_object_that_is_replaced_while_it_is_looked_at(scripted: Make) -> None:
    """Bytes of one generation are never taken for those of another."""
    store, _ = scripted(told({"x-goog-metageneration": "2"}), resource(42))

    with pytest.raises(PreconditionFailedError), store.get("key"):
        pass


@pytest.mark.parametrize(
    ("body", "family"),
    [
        (b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>", NotFoundError),
        (
            b"<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist.</Message>",
            BucketNotFoundError,
        ),
    ],
    ids=["key", "bucket"],
)
def test_what_the_xml_api_says_is_missing(scripted: Make, body: bytes, family: type[TradewindError]) -> None:
    """A read tells a missing bucket from a missing key by the words of its answer, without another request."""
    store, script = scripted(Answer(404, body=body))

    with pytest.raises(family, match="gs://models/key"), store.get("key"):
        pass

    assert len(script.sent) == 1


def test_a_body_that_ends_short(scripted: Make) -> None:
    """A body is only whole if it has as many bytes as the object, whatever its own header says."""
    store, _ = scripted(told(body=BODY[:4]))

    with store.get("key") as download, pytest.raises(StoreUnavailableError, match="4 of 10 bytes"):
        list(download.chunks)


def test_an_answer_that_is_not_json(scripted: Make) -> None:
    """What a proxy may answer in Cloud Storage's place is an outage, not a crash."""
    store, _ = scripted(Answer(body=b"<html></html>"))

    with pytest.raises(StoreUnavailableError, match="than JSON"):
        store.head("key")


def test_a_time_is_in_whole_seconds(scripted: Make) -> None:
    """Headers have no fraction, so none is kept of what resources and listings tell."""
    store, _ = scripted(resource(timeCreated="2026-11-21T03:30:00.999999Z"))

    state = store.head("key")

    assert state is not None
    assert state.modified == datetime(2026, 11, 21, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("message", "status", "family", "hint"),
    [
        ("At least one of the pre-conditions you specified did not hold.", 412, PreconditionFailedError, ""),
        ("No such object: models/key", 404, NotFoundError, ""),
        ("The specified bucket does not exist.", 404, BucketNotFoundError, "fleet file"),
        ("Resource not found (resource=topic).", 404, BucketNotFoundError, "fleet file"),
        ("Invalid Credentials", 401, CredentialsError, "secret"),
        ("x does not have storage.objects.create access", 403, AccessDeniedError, "storage.objects.create"),
        ('Provided CRC32C "a" doesn\'t match calculated CRC32C "b".', 400, IntegrityError, "Nothing was written"),
        ('Provided MD5 hash "a" doesn\'t match calculated MD5 hash "b".', 400, IntegrityError, "Nothing was written"),
        ("Rate limit", 429, StoreUnavailableError, "Try again later"),
        ("Backend Error", 503, StoreUnavailableError, "Try again later"),
        ("Invalid argument.", 400, TransientError, "what it says"),
    ],
)
def test_what_an_answer_means(message: str, status: int, family: type[TradewindError], hint: str) -> None:
    """Each of Cloud Storage's errors has one meaning, and its message the operation, the object and what to do."""
    error: GoogleAPICallError = from_http_status(status, f"POST https://storage.googleapis.com/b?x=1: {message}")

    with pytest.raises(family) as caught, translate("put", "gs://models/key"):
        raise error

    assert type(caught.value) is family
    assert str(caught.value).startswith(f"Could not put gs://models/key: {status} {message.rstrip('.')}")
    assert hint in caught.value.hint


def test_what_the_wire_answers_means_the_same() -> None:
    """An answer of our own requests is read by the same table, in JSON as in XML."""
    said = {"JSON": b'{"error": {"code": 412, "message": "No."}}', "XML": b"<Error><Message>No.</Message></Error>"}

    for body in said.values():
        with pytest.raises(PreconditionFailedError, match=": 412 No"), translate("get", "gs://models/key"):
            raise AnswerError(412, {}, body)


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (DefaultCredentialsError("none"), CredentialsError),
        (RefreshError("invalid_grant"), CredentialsError),
        (RefreshError("busy", retryable=True), StoreUnavailableError),
        (TransportError("no route"), StoreUnavailableError),
        (ChunkedEncodingError("broken"), StoreUnavailableError),
        (ConnectionResetError("reset"), StoreUnavailableError),
        (NoAnswerError("cut"), StoreUnavailableError),
    ],
)
def test_what_a_failure_without_an_answer_means(error: Exception, family: type[TradewindError]) -> None:
    """Refused credentials are not the same as no connection."""
    with pytest.raises(family), translate("get", "gs://models/key"):
        raise error


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"type": "unheard_of"},
        {"type": "service_account", "client_email": "x"},
        {"type": "external_account", "credential_source": '{"executable": {"command": "/bin/sh"}}'},
        {"type": "external_account", "credential_source": "{"},
    ],
    ids=["no type", "unknown type", "incomplete", "names a program", "not JSON"],
)
def test_credentials_that_are_none(fields: dict[str, str]) -> None:
    """A secret that is no Google credential, or that would run a program, is refused in words."""
    with pytest.raises(CredentialsError, match="Google credentials"):
        load_credentials(fields)


def test_workload_identity_is_understood() -> None:
    """An external account whose source is a nested object arrives as text and is read."""
    loaded = load_credentials(
        {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/aws",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": '{"file": "/var/run/token"}',
        }
    )

    assert type(loaded).__module__ == "google.auth.identity_pool"
