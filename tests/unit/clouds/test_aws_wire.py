"""How requests to S3 are addressed and signed, and by whom."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from rigs.scripted import Answer, Script, ScriptedHttp
from tradewind.clouds.aws import credentials
from tradewind.clouds.aws.addresses import address_of, endpoint_of
from tradewind.clouds.aws.credentials import keys_of
from tradewind.clouds.aws.signing import UNSIGNED, Keys, Signer
from tradewind.clouds.aws.wire import S3Wire
from tradewind.errors import ConfigurationError, CredentialsError

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("target", "headers", "signature"),
    [
        ("/test.txt", {"range": "bytes=0-9"}, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        ("/?lifecycle=", {}, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "/?max-keys=2&prefix=J",
            {},
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
)
def test_the_examples_of_the_specification(target: str, headers: dict[str, str], signature: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, to the letter."""
    host = {"host": "examplebucket.s3.amazonaws.com", "x-amz-content-sha256": NOTHING}

    signed = Signer("us-east-1").sign(KEYS, "GET", target, headers | host, NOW)

    assert signed["authorization"].endswith(f"Signature={signature}")


@given(
    key=TEXT,
    value=st.text(string.printable.strip() + " ", min_size=1),
    token=st.none() | st.just("session"),
    query=st.dictionaries(TEXT, st.text(st.characters(codec="utf-8")), max_size=3),
)
def test_the_sdk_signs_alike(key: str, value: str, token: str | None, query: dict[str, str]) -> None:
    """Whatever the key, the query and the metadata: what botocore signs is what we sign."""
    script = Script(Answer())
    address = address_of("models", "eu-west-1", None)
    keys = Keys(KEYS.access_key_id, KEYS.secret_access_key, token)
    wire = S3Wire(ScriptedHttp(address.origin, script), address, Signer("eu-west-1"), lambda: keys)

    with wire.request("PUT", key, query=query, headers={"x-amz-meta-a": value, "if-match": '"1"'}, body=b"x"):
        pass

    assert script.only.headers["authorization"] == signed_by_botocore(script.only.url, script.only.headers, keys)
    assert script.only.headers["x-amz-content-sha256"] == UNSIGNED


def signed_by_botocore(url: str, headers: Mapping[str, str], keys: Keys) -> str:
    """Return what botocore says of the same request."""
    unsigned = ("authorization", "user-agent", "host")
    request = AWSRequest("PUT", url, headers={name: headers[name] for name in headers if name not in unsigned})
    request.context.update(timestamp=headers["x-amz-date"], payload_signing_enabled=False)
    auth: Any = S3SigV4Auth(
        Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token), "s3", "eu-west-1"
    )
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    names = auth.signed_headers(auth.headers_to_sign(request))
    return f"AWS4-HMAC-SHA256 Credential={auth.scope(request)}, SignedHeaders={names}, Signature={signature}"


@pytest.mark.parametrize(
    ("bucket", "region", "endpoint", "url"),
    [
        ("models", "eu-west-1", None, "https://models.s3.eu-west-1.amazonaws.com/a/b%20c"),
        ("models.example", "eu-west-1", None, "https://s3.eu-west-1.amazonaws.com/models.example/a/b%20c"),
        ("Old_Models", "us-east-1", None, "https://s3.us-east-1.amazonaws.com/Old_Models/a/b%20c"),
        ("models", "cn-north-1", None, "https://models.s3.cn-north-1.amazonaws.com.cn/a/b%20c"),
        ("models", "us-gov-west-1", None, "https://models.s3.us-gov-west-1.amazonaws.com/a/b%20c"),
        ("models", "eu-west-1", "http://127.0.0.1:9000", "http://127.0.0.1:9000/models/a/b%20c"),
        ("models", "eu-west-1", "https://minio.example:443/s3/", "https://minio.example/s3/models/a/b%20c"),
    ],
)
def test_where_a_bucket_answers(bucket: str, region: str, endpoint: str | None, url: str) -> None:
    """At a host of its own where that can have a certificate, and below its region's or another endpoint otherwise."""
    address = address_of(bucket, region, endpoint)

    assert address.origin + address.target("a/b c") == url
    assert address.host == url.split("/")[2]


@pytest.mark.parametrize(("region", "endpoint"), [("Europe (Ireland)", None), ("r", "minio:9000"), ("r", "ftp://x")])
def test_where_no_bucket_answers(region: str, endpoint: str | None) -> None:
    """What is neither a region nor an endpoint is corrected in the fleet file."""
    with pytest.raises(ConfigurationError, match="Correct the site's `region` or `endpoint`"):
        address_of("models", region, endpoint)


def test_the_environment_names_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the SDKs read it, unless the fleet file has another."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all.example")
    assert endpoint_of(None) == "http://all.example"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3.example")
    assert endpoint_of(None) == "http://s3.example"
    assert endpoint_of("http://fleet.example") == "http://fleet.example"


def test_standards_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who must use certified cryptography, or IPv6, says so once for all SDKs, and for us."""
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    assert address_of("b-1", "us-east-1", None).host == "b-1.s3-fips.us-east-1.amazonaws.com"
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    assert address_of("b-1", "us-east-1", None).host == "b-1.s3-fips.dualstack.us-east-1.amazonaws.com"


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A process that knows nobody at AWS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for known in (credentials._chain, credentials._container):
        known.cache_clear()
    yield
    for known in (credentials._chain, credentials._container):
        known.cache_clear()


@pytest.mark.usefixtures("nobody")
def test_the_keys_of_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read anew each time, since a platform may replace them."""
    keys = keys_of(None, subject="S3")
    for name in ("A", "B"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", name)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", name.lower())
        monkeypatch.setenv("AWS_SESSION_TOKEN", name * 2)

        assert keys() == Keys(name, name.lower(), name * 2)


@pytest.mark.usefixtures("nobody")
def test_the_keys_of_a_profile(tmp_path: Path) -> None:
    """Every other place where the SDK finds keys is looked at by the SDK."""
    (tmp_path / "AWS_SHARED_CREDENTIALS_FILE").write_text(
        "[default]\naws_access_key_id = C\naws_secret_access_key = c\n"
    )

    assert keys_of(None, subject="S3")() == Keys("C", "c")


@pytest.mark.usefixtures("nobody")
def test_no_keys_at_all() -> None:
    """It is said in words, and where to put them."""
    with pytest.raises(CredentialsError, match="give this process a role"):
        keys_of(None, subject="S3")()


@pytest.mark.usefixtures("nobody")
def test_the_keys_of_a_restored_function(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A function that came from a snapshot asks the endpoint beside it, and again before its keys expire."""
    (tmp_path / "token").write_text("secret token\n")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "replicate")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9001/2021-04-23/credentials?a=b")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
    script = Script(*(given_out(name, minutes) for name, minutes in (("D", 5), ("E", 60))), Answer(500))
    monkeypatch.setattr(credentials, "HttpClient", lambda url: ScriptedHttp(url.partition("/2021")[0], script))

    keys = keys_of(None, subject="S3")

    assert [keys(), keys(), keys()] == [Keys("D", "d", "t"), Keys("E", "d", "t"), Keys("E", "d", "t")]
    assert script.sent[0].url == "http://127.0.0.1:9001/2021-04-23/credentials?a=b"
    assert script.sent[0].headers == {"authorization": "secret token"}


@pytest.mark.usefixtures("nobody")
def test_keys_that_last_are_used_while_no_others_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that is away for a moment, minutes before the keys expire, fails no request."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "replicate")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9001/")
    script = Script(given_out("D", 5), Answer(500))
    monkeypatch.setattr(credentials, "HttpClient", lambda url: ScriptedHttp(url, script))

    keys = keys_of(None, subject="S3")

    assert [keys(), keys(), keys()] == [Keys("D", "d", "t")] * 3
    assert len(script.sent) == 2


def given_out(name: str, minutes: int) -> Answer:
    """Return what the endpoint says."""
    expires = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    said = {"AccessKeyId": name, "SecretAccessKey": "d", "Token": "t", "Expiration": expires}
    return Answer(body=json.dumps(said).encode())


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("answer", [Answer(500), Answer(body=b"?"), Answer(body=b"{}"), Answer(body=b"[]")])
def test_an_endpoint_that_gives_out_no_keys(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    """Whatever it says instead, a message waits in its queue meanwhile."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "replicate")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9001/")
    monkeypatch.setattr(credentials, "HttpClient", lambda url: ScriptedHttp(url, Script(answer)))

    with pytest.raises(CredentialsError, match="gives out no AWS keys"):
        keys_of(None, subject="S3")()


def test_a_secret_is_not_shown() -> None:
    """Keys may be in a traceback; what signs is not."""
    assert "wJalr" not in repr(KEYS)
