"""The tokens that requests to Google bear."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, MutableMapping
from datetime import UTC, datetime, timedelta

import pytest
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError

from rigs.scripted import Answer, Script, ScriptedHttp
from tradewind.clouds.gcp import tokens
from tradewind.clouds.gcp.tokens import EARLY, LibraryTokens, NoTokens, ServerTokens, Tokens, open_tokens
from tradewind.clouds.gcp.wire import GcsWire
from tradewind.clouds.http import AnswerError
from tradewind.errors import CredentialsError

ORIGIN = "http://gcs.example"


def bearer(holder: Tokens) -> str | None:
    """Return what a request is signed with."""
    headers: MutableMapping[str, str] = {}
    holder.sign(headers)
    return {name.lower(): value for name, value in headers.items()}.get("authorization")


def granted(token: str, seconds: int = 3600) -> Answer:
    """Answer as the metadata server does."""
    return Answer(body=json.dumps({"access_token": token, "expires_in": seconds, "token_type": "Bearer"}).encode())


class Numbered(Credentials):
    """Credentials whose tokens are numbers."""

    def __init__(self, lifetime: timedelta) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth is untyped
        self.token = None
        self.lifetime = lifetime
        self.refreshed = 0

    def refresh(self, request: object) -> None:
        """Make the next."""
        assert callable(request)
        self.refreshed += 1
        self.token = str(self.refreshed)
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + self.lifetime


Serve = Callable[..., Script]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Make the servers that give tokens answer by a script."""

    def make(*answers: Answer) -> Script:
        script = Script(*answers)
        monkeypatch.setattr(tokens, "HttpClient", lambda origin: ScriptedHttp(origin, script))
        return script

    return make


def test_a_token_of_the_machine_is_one_request(serve: Serve) -> None:
    """The metadata server is asked once, as it wants to be asked, for as long as its token lasts."""
    server = serve(granted("one"))
    holder = ServerTokens("metadata.google.internal")

    assert [bearer(holder), bearer(holder)] == ["Bearer one"] * 2
    assert server.only.url.startswith("http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/")
    assert server.only.headers["metadata-flavor"] == "Google"


def test_a_token_of_the_machine_is_replaced_before_it_ends(serve: Serve) -> None:
    """A token that is about to expire is not used any more."""
    serve(granted("one", int(EARLY)), granted("two"))
    holder = ServerTokens("metadata.google.internal")

    assert [bearer(holder), bearer(holder)] == ["Bearer one", "Bearer two"]


def test_a_token_of_the_machine_that_lasts_is_used_while_no_other_can_be_had(serve: Serve) -> None:
    """A metadata server that is away for a moment, shortly before the token ends, fails no request."""
    serve(granted("one", int(EARLY)), Answer(503), Answer(503))
    holder = ServerTokens("metadata.google.internal")

    assert [bearer(holder), bearer(holder)] == ["Bearer one"] * 2
    holder.forget()
    with pytest.raises(CredentialsError):
        bearer(holder)


@pytest.mark.parametrize("answer", [Answer(404), Answer(body=b"<html>"), Answer(body=b'{"error": "x"}')])
def test_a_machine_without_a_service_account(serve: Serve, answer: Answer) -> None:
    """A metadata server that has no token is a credentials error, not a missing object."""
    serve(answer)

    with pytest.raises(CredentialsError, match="service account"):
        bearer(ServerTokens("metadata.google.internal"))


def test_a_token_of_the_library_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials are refreshed when their token expires, and not before."""
    lasting, ending = Numbered(timedelta(hours=1)), Numbered(timedelta(minutes=1))
    monkeypatch.setattr(tokens, "load_credentials", lambda _: lasting)

    kept = open_tokens({"type": "authorized_user"})
    assert [bearer(kept), bearer(kept)] == ["Bearer 1", "Bearer 1"]
    short = LibraryTokens(ending)
    assert [bearer(short), bearer(short)] == ["Bearer 1", "Bearer 2"]


class Failing(Numbered):
    """Credentials that can be refreshed once."""

    def refresh(self, request: object) -> None:
        """Make the first token, and no other."""
        if self.refreshed:
            self.token = None
            raise RefreshError("nobody is in")
        super().refresh(request)


def test_a_token_of_the_library_that_lasts_is_used_while_no_other_can_be_had() -> None:
    """A refresh that fails leaves the token in use that lasts, whatever the library has done with its own."""
    holder = LibraryTokens(Failing(timedelta(seconds=EARLY)))

    assert [bearer(holder), bearer(holder)] == ["Bearer 1"] * 2
    holder.forget()
    with pytest.raises(RefreshError):
        bearer(holder)


def test_a_token_that_another_thread_drops_is_not_sent_as_none() -> None:
    """Between a look at the token and its use somebody else may find that it is refused."""

    class Dropped(Numbered):
        def apply(self, headers: MutableMapping[str, str], token: str | None = None) -> None:
            holder.forget()
            super().apply(headers, token=token)  # type: ignore[no-untyped-call]  # google-auth is untyped

    holder = LibraryTokens(Dropped(timedelta(hours=1)))

    assert [bearer(holder), bearer(holder)] == ["Bearer 1", "Bearer 2"]


def test_a_process_on_cloud_run_asks_the_metadata_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no library for that, unless the environment names a key file."""
    monkeypatch.setenv("K_SERVICE", "replicate")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setattr(tokens, "load_credentials", lambda _: Numbered(timedelta(hours=1)))

    assert isinstance(open_tokens(None), ServerTokens)
    assert isinstance(open_tokens({"type": "service_account"}), LibraryTokens)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/key.json")
    assert isinstance(open_tokens(None), LibraryTokens)


def test_nobody_signs_nothing() -> None:
    """A request to an emulator bears no token."""
    assert bearer(open_tokens({"type": "anonymous"})) is None


def test_a_refused_token_is_replaced_once() -> None:
    """A token that Cloud Storage does not take any more is fetched anew, and the request sent again."""
    script = Script(Answer(401), Answer(body=b"yes"), Answer(401), Answer(401))
    wire = GcsWire(ScriptedHttp(ORIGIN, script), LibraryTokens(Numbered(timedelta(hours=1))))

    with wire.request("PUT", "/b/k", body=b"x") as answer:
        assert answer.read() == b"yes"
    with pytest.raises(AnswerError), wire.request("GET", "/b/k"):
        pass

    assert [sent.headers["authorization"] for sent in script.sent] == ["Bearer 1", "Bearer 2", "Bearer 2", "Bearer 3"]


@pytest.mark.parametrize(
    ("holder", "body"),
    [(NoTokens(), b"x"), (LibraryTokens(Numbered(timedelta(hours=1))), iter([b"x"]))],
    ids=["nobody", "sent already"],
)
def test_a_refusal_that_nothing_can_mend(holder: Tokens, body: bytes | Iterator[bytes]) -> None:
    """Without another token, or with a body that is gone, a refusal is final."""
    script = Script(Answer(401))
    wire = GcsWire(ScriptedHttp(ORIGIN, script), holder)

    with pytest.raises(AnswerError), wire.request("PUT", "/b/k", body=body, size=1):
        pass

    assert script.only.body == b"x"


def test_the_library_asks_through_our_client(serve: Serve) -> None:
    """google-auth gets the answers that it asks for, refusals included."""
    server = serve(Answer(200, {"X": "y"}, b"{}"), Answer(400, body=b"bad"))

    fetched = tokens._fetch("https://oauth2.example/token?x=1", "POST", "grant", {"A": "b"}, timeout=120)
    refused = tokens._fetch("https://oauth2.example/token", "POST")

    assert (fetched.status, fetched.headers["x"], fetched.data) == (200, "y", b"{}")
    assert (refused.status, refused.data) == (400, b"bad")
    assert (server.sent[0].url, server.sent[0].body) == ("https://oauth2.example/token?x=1", b"grant")
