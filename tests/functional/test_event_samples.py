"""The real handlers, run over every payload in `events/`: each ends as its row in `events/README.md` says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from rigs.announcements import EVENTS, announce, sample
from rigs.platforms import PUSH_PATH, AzureFunctions, CloudRun, Lambda, Platform
from rigs.three_clouds import SITES, ThreeClouds
from tradewind.clouds.azure.limits import check_key
from tradewind.errors import UnportableError
from tradewind.ports import Message
from tradewind.replication import transfer
from tradewind.replication.routes import routes_for
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE

ROW = re.compile(
    r"^\| \[(?P<file>[^]]+)\]\((?P=file)\) \| (?P<by>[^|]*) \| (?P<says>[^|]*) \| (?P<outcome>[^|]*) \|$", re.MULTILINE
)
OUTCOMES = {
    r"(both |each )?replicated": "replicated",
    r"metadata replicated": "replicated",
    r"the good ones replicated, the bad ones dead-lettered": "replicated",
    r"the new key replicated, the old one by the rule's `deletes`": "replicated",
    r"ignored": "ignored",
    r"never propagated": "ignored",
    r"by the rule's `deletes`": "by the rule",
    r"dead-lettered": "refused",
    r"its (bucket|container|account) is not in the fleet: dead-lettered": "UnknownBucketError",
    r"too large for one function: dead-lettered": "ObjectTooLargeError",
}
"""How a row's outcome begins, and what that means here."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of the table."""

    file: str
    changes: tuple[tuple[str, str], ...]
    """What its messages decode to: `written` and a key, `refused` and a reason, ..."""
    outcome: str

    @property
    def site(self) -> str:
        """Return the site whose function gets it."""
        return dict(zip(("aws", "gcp", "azure"), SITES, strict=True))[self.file.partition("/")[0]]

    def keys(self, *changes: str) -> list[str]:
        """Return the different keys that one of these changes happened to."""
        return list(dict.fromkeys(key for change, key in self.changes if change in changes))


def _samples() -> Iterable[Sample]:
    for row in ROW.finditer((EVENTS / "README.md").read_text()):
        said = re.findall(r"`([^`]+)`", row["says"])
        pieces = [piece for message in said for piece in re.split(r", (?=(?:written|deleted) )", message)]
        changes = tuple(tuple(piece.split(" ", 1)) for piece in pieces if piece != "nothing")
        [outcome] = {end for begin, end in OUTCOMES.items() if re.match(begin, row["outcome"])} or {row["outcome"]}
        yield Sample(row["file"], tuple((change.rstrip(":"), key) for change, key in changes), outcome)


SAMPLES = list(_samples())
DELIVERIES: dict[str, tuple[str, ...]] = {
    AWS_SITE: ("invoked",),
    GCP_SITE: ("structured", "binary", "pushed"),
    AZURE_SITE: ("triggered",),
}


def _cases() -> Iterable[Any]:
    for each in SAMPLES:
        for how in DELIVERIES[each.site]:
            if _exists(each, how):
                yield pytest.param(each, how, id=f"{each.file}, {how}")


def _exists(each: Sample, how: str) -> bool:
    """Say whether a sample comes in this form: Pub/Sub alone pushes, and sends no CloudEvents."""
    if each.site != GCP_SITE:
        return True
    event = sample(each.file)
    if how == "pushed":
        return "data" in event.get("data", event).get("message", {})
    return "specversion" in event


@pytest.fixture
def send(lambda_: Lambda, cloud_run: CloudRun, azure_functions: AzureFunctions) -> Callable[[Sample, str], list[bool]]:
    """Delivers a sample as its platform does, and says of each message whether it was settled."""

    def _send(each: Sample, how: str) -> list[bool]:
        event = sample(each.file)
        if each.site == AWS_SITE:
            return _invoke(lambda_, event)
        if each.site == GCP_SITE:
            return [cloud_run.post(*_request(event, how)) == 200]
        if "queue" in each.file:
            return azure_functions.deliver(Message((EVENTS / each.file).read_text()))
        return [azure_functions.post(event) in (200, 202)]

    return _send


def _invoke(lambda_: Lambda, event: dict[str, Any]) -> list[bool]:
    answer = json.loads(json.dumps(lambda_.invoke(event)))
    if "Records" not in event:
        return [True]
    again = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    return [record["messageId"] not in again for record in event["Records"]]


def _request(event: dict[str, Any], how: str) -> tuple[str, bytes, dict[str, str]]:
    if how == "structured":
        return "/", json.dumps(event).encode(), {"Content-Type": "application/cloudevents+json"}
    if how == "pushed":
        pushed = event.get("data", event)
        return PUSH_PATH, json.dumps(pushed).encode(), {"Content-Type": "application/json"}
    headers = {f"ce-{name}": value for name, value in event.items() if name not in ("data", "datacontenttype")}
    return "/", json.dumps(event["data"]).encode(), {**headers, "Content-Type": "application/json"}


def _targets(clouds: ThreeClouds, each: Sample, key: str) -> list[str]:
    return [route.target for route in routes_for(clouds.runtime.fleet, each.site, key)]


def _portable(key: str, target: str) -> bool:
    if target == AZURE_SITE:
        try:
            check_key(key)
        except UnportableError:
            return False
    return True


def _prepare(clouds: ThreeClouds, platforms: dict[str, Platform], each: Sample) -> None:
    """Make the world such as the sample speaks of: what was written is there, what is gone was replicated before."""
    size = 2000 if each.outcome == "ObjectTooLargeError" else 0 if "empty" in str(each.changes) else 100
    for key in each.keys("written", "metadata"):
        clouds.upload(each.site, key, b"w" * size)
    for key in each.keys("deleted", "expired"):
        clouds.upload(each.site, key)
        assert platforms[each.site].deliver(announce(each.site, key)) == [True]
        clouds.assert_replicated(key, each.site, *_targets(clouds, each, key))
        clouds.users[each.site].delete(key)


def test_the_table_has_every_sample() -> None:
    """No payload is without a row, no row without a payload, and no outcome is one that nothing tests."""
    assert {each.file for each in SAMPLES} == {str(path.relative_to(EVENTS)) for path in EVENTS.glob("*/*.json")}
    assert {each.outcome for each in SAMPLES} <= set(OUTCOMES.values())


@pytest.mark.parametrize(("each", "how"), list(_cases()))
def test_a_sample_ends_as_its_row_says(
    clouds: ThreeClouds,
    platforms: dict[str, Platform],
    send: Callable[[Sample, str], list[bool]],
    audit: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    each: Sample,
    how: str,
) -> None:
    """Every message is settled; what it announced is replicated, ignored, removed, or dead-lettered with its reason."""
    _prepare(clouds, platforms, each)
    audit.clear()
    if each.outcome == "ObjectTooLargeError":
        monkeypatch.setattr(transfer, "MAX_OBJECT", 1000)

    assert all(send(each, how))

    expected = each.keys("refused")
    if each.outcome in ("UnknownBucketError", "ObjectTooLargeError"):
        expected = [each.outcome]
    for key in each.keys("written", "metadata"):
        if each.outcome == "replicated":
            good = [target for target in _targets(clouds, each, key) if _portable(key, target)]
            clouds.assert_replicated(key, each.site, *good)
            copied = [line["target_site"] for line in audit if (line["key"], line["verdict"]) == (key, "copied")]
            assert sorted(copied) == sorted(good)  # two deliveries at once may each come first at one target
            expected += [f"UnportableError: Azure cannot hold the key {key!r}"] if len(good) < 2 else []
        else:
            assert not [site for site in SITES if site != each.site and clouds.users[site].look(key)]
    for key in each.keys("deleted"):
        [keeps] = {route.rule.deletes == "keep" for route in routes_for(clouds.runtime.fleet, each.site, key)}
        assert [bool(clouds.users[site].look(key)) for site in _targets(clouds, each, key)] == [keeps, keeps]
    for key in each.keys("expired"):
        assert all(clouds.users[site].look(key) for site in _targets(clouds, each, key))
    reasons = clouds.reasons(each.site)
    assert len(reasons) == len(expected)
    assert all(any(part in reason for reason in reasons) for part in expected), reasons


def test_a_delete_that_was_an_overwrite_removes_nothing(clouds: ThreeClouds, cloud_run: CloudRun) -> None:
    """Eventarc announces an overwrite as a delete, too; the key that is still there stays everywhere."""
    key = "datasets/gcp-euw4/old.parquet"
    clouds.upload(GCP_SITE, key)
    cloud_run.deliver(announce(GCP_SITE, key))
    clouds.upload(GCP_SITE, key, b"new")

    path, body, headers = _request(sample("gcp/eventarc-deleted.json"), "structured")

    assert cloud_run.post(path, body, headers) == 200
    clouds.assert_replicated(key, GCP_SITE, AWS_SITE, AZURE_SITE)


def test_changed_metadata_is_replicated(clouds: ThreeClouds, cloud_run: CloudRun) -> None:
    """Cloud Storage changes metadata without making a new generation; the replicas follow."""
    key = "models/resnet50/model.safetensors"
    clouds.upload(GCP_SITE, key)
    cloud_run.deliver(announce(GCP_SITE, key))
    clouds.gcs.patch(key, {"author": "somebody else"})

    path, body, headers = _request(sample("gcp/pubsub-metadata-update.json"), "structured")

    assert cloud_run.post(path, body, headers) == 200
    clouds.assert_replicated(key, GCP_SITE, AWS_SITE, AZURE_SITE)
