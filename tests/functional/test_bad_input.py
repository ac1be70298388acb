"""Awkward, wrong and impossible input at each of three clouds: it ends as documented, and nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from rigs.announcements import announce
from rigs.platforms import Platform
from rigs.three_clouds import ThreeClouds
from tradewind.ports import Message
from tradewind.replication import transfer
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE

AWKWARD = (
    "models/a b/c  d .bin",
    "models/a+b=c&d.bin",
    "models/100%25%2F%zz.bin",
    "models/#1?x=y.bin",
    "models/größe/模型/🙂.bin",
    "models/'single' \"double\" <xml>.bin",
    "models//double//slash.bin",
    "models/.hidden/..two/...three.bin",
    "/rooted.bin",
    "//rooted twice.bin",
    f"models/{'k' * 1017}",
    f"models/{'模' * 339}",
)
"""Keys of at most 1,024 bytes that all three clouds hold."""
NOT_AT_AZURE = (
    "models/../dots.bin",
    "models/trailing.",
    "models/segment./x.bin",
    "models/back\\slash.bin",
    "models/folder/",
    "models/control\x01.bin",
)
MALFORMED = ("", "not json", "42", "null", '{"unexpected": true}', '{"Records": 7}', "[" * 500)


@pytest.fixture
def elsewhere(site: str) -> str:
    """The site that is neither Azure's nor the one where something happens."""
    return GCP_SITE if site == AWS_SITE else AWS_SITE


def test_awkward_keys_arrive_under_their_own_names(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str]
) -> None:
    """Spaces, signs of URLs, Unicode, slashes in front, and 1,024 bytes are replicated byte for byte."""
    for number, key in enumerate(AWKWARD):
        clouds.upload(site, key, f"{number}".encode())

    assert all(platform.deliver(*(announce(site, key) for key in AWKWARD)))

    for key in AWKWARD:
        clouds.assert_replicated(key, site, *others)
    assert [clouds.users[other].keys() for other in others] == [set(AWKWARD)] * 2
    assert clouds.drain(site) == []


@pytest.mark.parametrize("site", [AWS_SITE, GCP_SITE])
def test_keys_that_azure_cannot_hold_are_refused_there_and_only_there(
    clouds: ThreeClouds, platform: Platform, site: str, elsewhere: str
) -> None:
    """The other target gets the object, nothing is renamed, and the dead letter says what is wrong."""
    for key in NOT_AT_AZURE:
        clouds.upload(site, key)

    assert all(platform.deliver(*(announce(site, key) for key in NOT_AT_AZURE)))

    for key in NOT_AT_AZURE:
        clouds.assert_replicated(key, site, elsewhere)
    assert clouds.azure.keys() == set()
    reasons = clouds.reasons(site)
    assert len(reasons) == len(NOT_AT_AZURE)
    assert all(reason.startswith("UnportableError: Azure cannot hold the key") for reason in reasons)
    assert all("Rename the object at its source" in reason for reason in reasons)


def test_a_key_of_more_bytes_than_others_hold_stays_at_azure(
    clouds: ThreeClouds, platforms: dict[str, Platform]
) -> None:
    """Azure counts characters; the other two refuse what has more than 1,024 bytes, each with its reason."""
    key = f"models/{'模' * 400}"
    clouds.upload(AZURE_SITE, key)

    assert platforms[AZURE_SITE].deliver(announce(AZURE_SITE, key)) == [True]

    [reason] = clouds.reasons(AZURE_SITE)
    assert "S3 keys have 1 to 1,024 bytes" in reason
    assert "Cloud Storage keys have 1 to 1,024 bytes" in reason


def test_malformed_messages_are_dead_lettered_and_spare_their_batch(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str]
) -> None:
    """Each is kept as it came, with its reason; the good message between them is replicated."""
    clouds.upload(site, "models/good.bin")
    messages = [Message(body, id=f"{number}") for number, body in enumerate(MALFORMED)]
    messages.insert(2, announce(site, "models/good.bin"))

    assert all(platform.deliver(*messages))

    clouds.assert_replicated("models/good.bin", site, *others)
    letters = clouds.drain(site)
    assert len(letters) == len(MALFORMED)
    assert all(letter.attributes["tradewind-reason"].startswith("BadEventError: ") for letter in letters)
    if site != GCP_SITE:  # there the whole CloudEvent is kept where the message has no text
        assert sorted(letter.body for letter in letters) == sorted(MALFORMED)


@pytest.mark.parametrize("body", [b"", b"x"], ids=["empty", "one byte"])
def test_the_smallest_objects(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str], body: bytes
) -> None:
    """An empty object is an object."""
    clouds.upload(site, "models/small", body)

    assert platform.deliver(announce(site, "models/small")) == [True]

    clouds.assert_replicated("models/small", site, *others)


@pytest.mark.parametrize(
    "metadata",
    [{}, {"author": "Zoë 模型 🙂"}, {"note": "=?utf-8?q?=3F?="}, {"note": 'a "b", c; d=e\\f'}, {"CamelCase": "kept"}],
    ids=["none", "not ASCII", "looks encoded", "signs", "capitals"],
)
def test_metadata_arrives_as_it_was_written(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str], metadata: Mapping[str, str]
) -> None:
    """Values are what the user wrote, whatever a header can carry; names lose their capitals, as documented."""
    clouds.users[site].put("models/x", b"x", metadata)
    source = clouds.users[site].look("models/x")
    assert source is not None
    written = {name.lower(): value for name, value in source.metadata.items()}

    assert platform.deliver(announce(site, "models/x")) == [True]

    for other in others:
        replica = clouds.users[other].look("models/x")
        assert replica is not None
        assert {name: value for name, value in replica.metadata.items() if name != "tradewind"} == written


@pytest.mark.parametrize("site", [GCP_SITE, AZURE_SITE])
def test_more_metadata_than_a_target_holds(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str]
) -> None:
    """S3 keeps 2 KB: the object is refused there with a reason, and the other target has it whole."""
    clouds.users[site].put("models/x", b"x", {"card": "c" * 4000})

    assert platform.deliver(announce(site, "models/x")) == [True]

    [roomy] = [other for other in others if other != AWS_SITE]
    clouds.assert_replicated("models/x", site, roomy)
    assert clouds.s3.look("models/x") is None
    [reason] = clouds.reasons(site)
    assert reason.startswith("UnportableError: ")
    assert "2,048" in reason


def test_an_object_that_is_too_large_spares_the_others(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is dead-lettered as too large, appears nowhere, and the rest of its batch is replicated."""
    monkeypatch.setattr(transfer, "MAX_OBJECT", 1000)
    clouds.upload(site, "models/large", b"x" * 1001)
    clouds.upload(site, "models/largest", b"x" * 1000)

    assert platform.deliver(announce(site, "models/large"), announce(site, "models/largest")) == [True, True]

    clouds.assert_replicated("models/largest", site, *others)
    assert [clouds.users[other].keys() for other in others] == [{"models/largest"}] * 2
    [reason] = clouds.reasons(site)
    assert reason.startswith("ObjectTooLargeError: 'models/large' has 1,001 bytes, and up to 1,000 are copied")


def test_an_object_that_was_uploaded_in_parts(
    clouds: ThreeClouds, platforms: dict[str, Platform], audit: list[dict[str, Any]]
) -> None:
    """It is replicated whole, and the checksums that its store tells of its parts prove all its bytes."""
    body = bytes(range(256)) * 4096 * 6
    clouds.s3.put_in_parts("models/x", body, part_size=5 * 1024 * 1024)

    assert platforms[AWS_SITE].deliver(announce(AWS_SITE, "models/x")) == [True]

    clouds.assert_replicated("models/x", AWS_SITE, GCP_SITE, AZURE_SITE)
    assert [line["proof"] for line in audit] == ["crc32"] * 2


def test_an_object_that_vanished(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str], audit: list[dict[str, Any]]
) -> None:
    """A notification of a key that is not there any more is settled, and writes nothing."""
    assert platform.deliver(announce(site, "models/gone")) == [True]

    assert [clouds.users[other].keys() for other in others] == [set(), set()]
    assert [line["verdict"] for line in audit] == ["absent", "absent"]
    assert clouds.drain(site) == []


def test_an_object_that_was_overwritten(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str], audit: list[dict[str, Any]]
) -> None:
    """Each target ends with the last bytes, whichever event comes last; late and repeated events change nothing."""
    clouds.upload(site, "models/x", b"first")
    first = announce(site, "models/x")
    platform.deliver(first)
    clouds.upload(site, "models/x", b"second")

    assert all(platform.deliver(announce(site, "models/x"), first, first))

    clouds.assert_replicated("models/x", site, *others)
    assert sorted(line["verdict"] for line in audit) == ["copied"] * 4 + ["in sync"] * 4


def test_a_replica_is_not_sent_back(
    clouds: ThreeClouds, platforms: dict[str, Platform], site: str, others: list[str], audit: list[dict[str, Any]]
) -> None:
    """What the targets announce of their replicas leads nowhere."""
    clouds.upload(site, "models/x")
    platforms[site].deliver(announce(site, "models/x"))
    versions = {other: clouds.users[other].look("models/x") for other in [site, *others]}
    audit.clear()

    for other in others:
        assert platforms[other].deliver(announce(other, "models/x")) == [True]

    assert {other: clouds.users[other].look("models/x") for other in versions} == versions
    assert {line["verdict"] for line in audit} == {"is a replica"}


def test_nothing_forbidden_moves(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str], audit: list[dict[str, Any]]
) -> None:
    """Data that may be in the EU only never reaches the site in the US; that was decided is in the audit log."""
    key = f"eu-{site}/patients.parquet"
    clouds.upload(site, key)

    assert platform.deliver(announce(site, key)) == [True]

    allowed = [other for other in others if other != AWS_SITE]
    clouds.assert_replicated(key, site, *allowed)
    if site != AWS_SITE:
        assert clouds.s3.keys() == set()
        [refusal] = [line for line in audit if line["verdict"] == "refused"]
        assert refusal["reason"] == "'eu-only' data may not be in US; allowed: EU"
        assert (refusal["key"], refusal["source_site"], refusal["target_site"]) == (key, site, AWS_SITE)
    assert clouds.drain(site) == []
