"""Who a request to Azure Storage is from."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.rest import HttpRequest
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy, _storage_header_sort
from hypothesis import given
from hypothesis import strategies as st

from rigs.scripted import Answer, Script, ScriptedHttp
from tradewind.clouds import renewal
from tradewind.clouds.azure import tokens
from tradewind.clouds.azure.signing import KeySigner, SharedAccess, Signer, TokenSigner, in_order, open_signer
from tradewind.clouds.azure.tokens import EARLY, Tokens, open_tokens
from tradewind.clouds.azure.wire import BlobWire, blob_target
from tradewind.clouds.http import AnswerError
from tradewind.errors import CredentialsError

ORIGIN = "https://acct.blob.core.windows.net"
KEY = "c2VjcmV0"
HOUR = 3600.0
names = st.text(f"{string.ascii_lowercase}{string.digits}_", min_size=1)
values = st.text(string.ascii_letters + string.digits + "=?+/ ", max_size=20).map(str.strip)
headers = st.dictionaries(
    st.one_of(
        st.sampled_from(["content-type", "content-md5", "if-match", "if-none-match", "x-ms-date", "x-ms-version"]),
        st.sampled_from(["x-ms-blob-type", "x-ms-blob-content-md5", "x-ms-tags", "x-ms-range", "user-agent"]),
        names.map("x-ms-meta-{}".format),
    ),
    values,
)


def authorization(signer: Signer, target: str, given: Mapping[str, str], size: int) -> str:
    """Return what a request is signed with."""
    sent = dict(given)
    signer.sign("PUT", target, sent, size)
    return sent["authorization"]


@given(
    given=headers,
    key=st.text(min_size=1, max_size=20).filter(lambda key: key.isprintable()),
    query=st.dictionaries(
        st.sampled_from(["comp", "blockid", "blocklisttype", "timeout"]), st.text("ab+/=", min_size=1)
    ),
    size=st.sampled_from([0, 1, 4096]),
)
def test_the_account_key_signs_as_the_sdk_does(
    given: Mapping[str, str], key: str, query: Mapping[str, str], size: int
) -> None:
    """Whatever the headers, the name and the query are, Azure's own client would have sent the same signature."""
    target = blob_target("models", key, query)
    request = HttpRequest("PUT", f"{ORIGIN}{target}", headers={**given, "Content-Length": str(size)})
    policy: Any = SharedKeyCredentialPolicy  # it is untyped

    policy("acct", KEY).on_request(PipelineRequest(_with_query(request), PipelineContext(None)))

    assert authorization(KeySigner("acct", KEY), target, given, size) == request.headers["Authorization"]


def _with_query(request: HttpRequest) -> Any:  # noqa: ANN401 - what the policy reads of the SDK's older request
    pairs = (pair.partition("=")[::2] for pair in request.url.partition("?")[2].split("&") if pair)
    return SimpleNamespace(method=request.method, url=request.url, headers=request.headers, query=dict(pairs))


@given(st.lists(names.map("x-ms-meta-{}".format), unique=True))
def test_names_are_in_the_order_of_the_service(found: list[str]) -> None:
    """Metadata names of any letters, digits and underscores are sorted as the service sorts them."""
    assert in_order(found) == [name for name, _ in _storage_header_sort([(name, "") for name in found])]


def test_a_name_is_escaped_as_the_sdk_escapes_it() -> None:
    """Slashes stay, so that an address is that of the event."""
    assert blob_target("models", "a b/\u00e9~+%?#") == f"/models/{quote('a b/')}%C3%A9~%2B%25%3F%23"


@pytest.mark.parametrize(
    ("target", "signed"), [("/c/k", "/c/k?sv=1&sig=a%3D"), ("/c/k?comp=tags", "/c/k?comp=tags&sv=1&sig=a%3D")]
)
def test_a_shared_access_signature_is_part_of_the_address(target: str, signed: str) -> None:
    """It is added as it was given, without the question mark that the portal shows."""
    signer = open_signer("acct", ORIGIN, {"sas_token": "?sv=1&sig=a%3D"})

    assert isinstance(signer, SharedAccess)
    assert signer.sign("GET", target, {}, 0) == signed


def test_a_key_that_is_none() -> None:
    """What is not base64 cannot sign anything, and is told when the store is opened."""
    with pytest.raises(CredentialsError, match="base64"):
        open_signer("acct", ORIGIN, {"account_key": "not base64!"})


class Clock:
    """Tokens that are numbered, each for an hour from when it was fetched."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000_000.0
        self.fetched = 0
        monkeypatch.setattr(renewal, "time", lambda: self.now)

    def fetch(self) -> tuple[str, float]:
        """Return the next."""
        self.fetched += 1
        return str(self.fetched), self.now + HOUR


def test_a_token_is_kept_until_shortly_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is fetched once, and again only when it lasts for a few minutes more."""
    clock = Clock(monkeypatch)
    held = Tokens(clock.fetch)

    found = [held.token(), held.token()]
    clock.now += HOUR - EARLY - 1
    found.append(held.token())
    clock.now += 1
    found.append(held.token())

    assert found == ["1", "1", "1", "2"]


Serve = Callable[..., Script]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Make the host beside the process answer by a script."""

    def make(*answers: Answer) -> Script:
        script = Script(*answers)
        monkeypatch.setattr(tokens, "HttpClient", lambda origin: ScriptedHttp(origin, script))
        for name in tokens._OTHERS:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("IDENTITY_ENDPOINT", "http://localhost:4141/msi/token/")
        monkeypatch.setenv("IDENTITY_HEADER", "secret")
        monkeypatch.setenv("AZURE_CLIENT_ID", "chosen")
        return script

    return make


def test_a_managed_identity_is_one_request(serve: Serve) -> None:
    """The host of a function app gives the token of its identity, or of the one that is chosen, without an SDK."""
    said = {"access_token": "granted", "expires_on": "99999999999", "token_type": "Bearer"}
    host = serve(Answer(body=json.dumps(said).encode()))

    held = open_tokens(None)

    assert [held.token(), held.token()] == ["granted", "granted"]
    assert host.only.headers["x-identity-header"] == "secret"
    assert host.only.url == (
        "http://localhost:4141/msi/token/?api-version=2019-08-01"
        "&resource=https%3A%2F%2Fstorage.azure.com&client_id=chosen"
    )


@pytest.mark.parametrize("answer", [Answer(400, body=b"no identity"), Answer(body=b"<html>"), Answer(body=b"{}")])
def test_a_function_app_without_an_identity(serve: Serve, answer: Answer) -> None:
    """A host that has no token is a credentials error, whatever its status would mean of a blob."""
    serve(answer)

    with pytest.raises(CredentialsError, match="Assign an identity"):
        open_tokens(None).token()


@pytest.mark.parametrize("fields", [None, {"tenant_id": "t", "client_id": "c", "client_secret": "s"}])
def test_other_identities_are_left_to_the_library(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, fields: dict[str, str] | None
) -> None:
    """A principal of the secret or of the environment is preferred to the managed identity, as azure-identity does."""
    asked: list[str] = []

    def credential(_: Mapping[str, str] | None) -> object:
        def get_token(scope: str) -> AccessToken:
            asked.append(scope)
            return AccessToken("library", 99999999999)

        return SimpleNamespace(get_token=get_token)

    serve()
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "s")
    monkeypatch.setattr(tokens, "open_token_credential", credential)

    assert open_tokens(fields).token() == "library"
    assert asked == ["https://storage.azure.com/.default"]


def test_a_refused_token_is_replaced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that Azure does not take any more is fetched anew, and the request sent again."""
    script = Script(Answer(401), Answer(body=b"yes"), Answer(401), Answer(401))
    wire = BlobWire(ScriptedHttp(ORIGIN, script), TokenSigner(Tokens(Clock(monkeypatch).fetch)))

    with wire.request("PUT", "/c/k", body=b"x") as answer:
        assert answer.read() == b"yes"
    with pytest.raises(AnswerError), wire.request("GET", "/c/k"):
        pass

    assert [sent.headers["authorization"] for sent in script.sent] == ["Bearer 1", "Bearer 2", "Bearer 2", "Bearer 3"]


@pytest.mark.parametrize("body", [b"x", iter([b"x"])], ids=["key", "sent already"])
def test_a_refusal_that_nothing_can_mend(monkeypatch: pytest.MonkeyPatch, body: bytes | Iterator[bytes]) -> None:
    """Without another token, or with a body that is gone, a refusal is final."""
    script = Script(Answer(401))
    identity = TokenSigner(Tokens(Clock(monkeypatch).fetch))
    wire = BlobWire(ScriptedHttp(ORIGIN, script), KeySigner("acct", KEY) if isinstance(body, bytes) else identity)

    with pytest.raises(AnswerError), wire.request("PUT", "/c/k", body=body, size=1):
        pass

    assert script.only.body == b"x"
