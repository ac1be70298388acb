"""Addresses at which others read one version of an object of S3."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from rigs.scripted import Answer, Script, ScriptedHttp
from tradewind.clouds.aws import clients
from tradewind.clouds.aws.addresses import address_of
from tradewind.clouds.aws.links import S3Links, open_links
from tradewind.clouds.aws.signing import Keys, Signer, spell
from tradewind.clouds.aws.wire import S3Wire
from tradewind.errors import NotFoundError, PreconditionFailedError
from tradewind.fleet import AwsSite
from tradewind.ports import ObjectState

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
STATE = ObjectState("a b+c", "abc", 10, datetime(2026, 11, 21, 3, 30, tzinfo=UTC))
HEADERS = {"ETag": '"abc"', "Last-Modified": "Sat, 21 Nov 2026 03:30:00 GMT"}
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def links(monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> tuple[S3Links, Script]:
    """Return the links of a bucket of S3 that answers with these."""
    script = Script(*answers)
    monkeypatch.setattr(clients, "_http", lambda origin, *_: ScriptedHttp(origin, script))
    site = AwsSite(cloud="aws", bucket="models", region="eu-west-1", jurisdiction="EU", control_bucket="control")
    return open_links(site, {"access_key_id": KEYS.access_key_id, "secret_access_key": "s"}), script


def test_the_example_of_the_specification() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html, to the letter."""
    now = datetime(2013, 5, 24, tzinfo=UTC)

    signed = Signer("us-east-1").presign(KEYS, "/test.txt", {}, "examplebucket.s3.amazonaws.com", 86400, now)

    assert signed["X-Amz-Signature"] == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"


@given(key=TEXT, version=TEXT, token=st.none() | st.just("s/e+s=s"), seconds=st.integers(1, 604800))
def test_the_sdk_signs_alike(key: str, version: str, token: str | None, seconds: int) -> None:
    """Whatever the key and the version are called: the address is the one that botocore makes."""
    address = address_of("models", "eu-west-1", None)
    keys = replace(KEYS, session_token=token)
    wire = S3Wire(ScriptedHttp(address.origin, Script()), address, Signer("eu-west-1"), lambda: keys)

    url = wire.link(key, {"versionId": version}, seconds=seconds)

    fields = {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}
    assert fields["X-Amz-Signature"] == signature_of_botocore(url, fields, keys)
    assert fields["versionId"] == version
    assert fields["X-Amz-Expires"] == str(seconds)


def signature_of_botocore(url: str, fields: dict[str, str], keys: Keys) -> str:
    """Return what botocore signs of the same address."""
    query = {name: value for name, value in fields.items() if name != "X-Amz-Signature"}
    request = AWSRequest("GET", f"{url.partition('?')[0]}?{spell(query)}", headers={})
    request.context["timestamp"] = fields["X-Amz-Date"]
    auth: Any = S3SigV4QueryAuth(
        Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token), "s3", "eu-west-1"
    )
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))


def test_a_version_is_pinned_by_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 is asked once, under the condition that the key still holds what was seen."""
    opened, script = links(monkeypatch, Answer(headers={**HEADERS, "x-amz-version-id": "v/1"}))

    assert opened.pin(STATE) == "v/1"

    assert (script.only.method, script.only.headers["if-match"]) == ("HEAD", '"abc"')
    assert "versionId=v%2F1" in opened.link(STATE.key, "v/1", seconds=300)
    assert len(script.sent) == 1


@pytest.mark.parametrize("version", [{}, {"x-amz-version-id": "null"}])
def test_what_may_be_written_over_in_place_is_not_pinned(
    version: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket without versions, or with suspended ones, has no name for these bytes."""
    opened, _ = links(monkeypatch, Answer(headers={**HEADERS, **version}))

    assert opened.pin(STATE) is None


def test_another_write_of_the_same_bytes_is_not_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the ETag, and another time."""
    later = {**HEADERS, "Last-Modified": "Sat, 21 Nov 2026 03:30:01 GMT", "x-amz-version-id": "v2"}
    opened, _ = links(monkeypatch, Answer(headers=later))

    with pytest.raises(PreconditionFailedError):
        opened.pin(STATE)


@pytest.mark.parametrize(("status", "error"), [(412, PreconditionFailedError), (404, NotFoundError)])
def test_what_is_gone_is_not_pinned(status: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    """The key holds something else, or nothing."""
    opened, _ = links(monkeypatch, Answer(status))

    with pytest.raises(error):
        opened.pin(STATE)
