"""What GcsStore sends and understands, where fake-gcs-server is laxer than Cloud Storage or has no such answer."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from google.api_core.exceptions import GoogleAPICallError, from_http_status
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from requests.exceptions import ChunkedEncodingError

from rigs.scripted import Answer, Script, ScriptedAdapter, Sent
from tradewind.checksums import crc32c, md5
from tradewind.clouds.gcp.clients import open_client
from tradewind.clouds.gcp.errors import translate
from tradewind.clouds.gcp.identity import load_credentials
from tradewind.clouds.gcp.store import GcsStore
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
from tradewind.fleet import GcpSite
from tradewind.ports import Metadata

BODY = b"0123456789"
NO_OBJECT = Answer(404, body=b'{"error": {"code": 404, "message": "No such object: models/key"}}')


@pytest.fixture
def scripted(request: pytest.FixtureRequest) -> Callable[..., tuple[GcsStore, Script]]:
    """Make a store over a script of answers."""

    def make(*answers: Answer) -> tuple[GcsStore, Script]:
        site = GcpSite(
            cloud="gcp",
            project="p",
            bucket="models",
            region="europe-west4",
            jurisdiction="EU",
            control_bucket="control",
            endpoint=f"http://{request.node.name[:20]}.example",  # a client of its own
        )
        client = open_client(site, {"type": "anonymous"})
        script = Script(*answers)
        client.session.mount("http://", ScriptedAdapter(script))
        return GcsStore(client, site.bucket), script

    return make


def resource(generation: int = 7, **fields: object) -> Answer:
    """Answer with an object's resource."""
    described = {
        "name": "key",
        "generation": str(generation),
        "size": "10",
        "timeCreated": "2026-11-21T03:30:00.123456Z",
        "crc32c": b64encode(crc32c(BODY).to_bytes(4)).decode(),
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
def test_a_write_is_one_conditional_checked_request(
    scripted: Callable[..., tuple[GcsStore, Script]], expect: str | None, generation: str
) -> None:
    """Resource, checksums, condition and bytes travel together, and Cloud Storage compares them."""
    store, script = scripted(resource(42))
    metadata = Metadata(content_type="text/plain", cache_control="no-store", user={"Note": "caf\u00e9"})

    receipt = store.put("a b/\u00e9", BODY, metadata=metadata, crc32c=crc32c(BODY), md5=md5(BODY), expect=expect)

    sent = script.only
    described, body, media_type = related(sent)
    assert receipt.token == "42"
    assert (sent.method, urlsplit(sent.url).path) == ("POST", "/upload/storage/v1/b/models/o")
    assert query(sent) == {"uploadType": "multipart", "ifGenerationMatch": generation}
    assert int(sent.headers["content-length"]) == len(sent.body)
    assert (body, media_type) == (BODY, "text/plain")
    assert described == {
        "name": "a b/\u00e9",
        "contentType": "text/plain",
        "cacheControl": "no-store",
        "metadata": {"note": "caf\u00e9"},
        "crc32c": b64encode(crc32c(BODY).to_bytes(4)).decode(),
        "md5Hash": b64encode(md5(BODY)).decode(),
    }


def test_a_delete_names_what_it_deletes(scripted: Callable[..., tuple[GcsStore, Script]]) -> None:
    """Cloud Storage is asked to delete only the generation that was seen."""
    store, script = scripted(Answer(204))

    store.delete("a/b", expect="41")

    assert (script.only.method, urlsplit(script.only.url).path) == ("DELETE", "/storage/v1/b/models/o/a%2Fb")
    assert query(script.only)["ifGenerationMatch"] == "41"


def test_the_bytes_are_of_the_generation_that_was_described(scripted: Callable[..., tuple[GcsStore, Script]]) -> None:
    """The second request names the generation and the range, and wants the bytes as they are stored."""
    store, script = scripted(resource(41), Answer(206, body=BODY[2:5]))

    with store.get("a/b", token="41", start=2, length=3) as download:
        assert len(script.sent) == 1
        assert b"".join(download.chunks) == BODY[2:5]

    media = script.sent[1]
    assert urlsplit(media.url).path == "/download/storage/v1/b/models/o/a%2Fb"
    assert query(media) == {"alt": "media", "generation": "41"}
    assert media.headers["range"] == "bytes=2-4"
    assert media.headers["accept-encoding"] == "identity"


def test_compressed_objects_are_asked_for_compressed(scripted: Callable[..., tuple[GcsStore, Script]]) -> None:
    """Cloud Storage inflates what is stored as gzip unless gzip is accepted."""
    store, script = scripted(resource(contentEncoding="gzip"), Answer(body=BODY))

    with store.get("key") as download:
        list(download.chunks)

    assert script.sent[1].headers["accept-encoding"] == "gzip"
    assert "range" not in script.sent[1].headers


def test_what_is_not_read_is_not_requested(scripted: Callable[..., tuple[GcsStore, Script]]) -> None:
    """Whoever only wants the state, and whoever reads an empty object, costs one request."""
    store, script = scripted(resource(), resource(size="0"))

    with store.get("key"):
        pass
    with store.get("key") as download:
        assert list(download.chunks) == []

    assert len(script.sent) == 2


@pytest.mark.parametrize(
    ("now", "family"), [(resource(42), PreconditionFailedError), (NO_OBJECT, NotFoundError)], ids=["replaced", "gone"]
)
def test_a_generation_that_goes_while_it_is_read(
    scripted: Callable[..., tuple[GcsStore, Script]], now: Answer, family: type[TradewindError]
) -> None:
    """Between the two requests the object may be replaced or deleted, and the chunks say which."""
    store, _ = scripted(resource(41), NO_OBJECT, now)

    with store.get("key") as download, pytest.raises(family):
        list(download.chunks)


def test_a_body_that_ends_short(scripted: Callable[..., tuple[GcsStore, Script]]) -> None:
    """A body is only whole if it has as many bytes as the object, whatever its own header says."""
    store, _ = scripted(resource(), Answer(body=BODY[:4]))

    with store.get("key") as download, pytest.raises(StoreUnavailableError, match="4 of 10 bytes"):
        list(download.chunks)


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


@pytest.mark.parametrize(
    ("error", "family"),
    [
        (DefaultCredentialsError("none"), CredentialsError),
        (RefreshError("invalid_grant"), CredentialsError),
        (RefreshError("busy", retryable=True), StoreUnavailableError),
        (TransportError("no route"), StoreUnavailableError),
        (ChunkedEncodingError("broken"), StoreUnavailableError),
        (ConnectionResetError("reset"), StoreUnavailableError),
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
