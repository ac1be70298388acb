"""What cannot be done now: it stays in the queue, is done later, and nothing else suffers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rigs.announcements import announce, sample
from rigs.platforms import PUSH_PATH, CloudRun, Platform
from rigs.three_clouds import NOWHERE, ThreeClouds
from tradewind import runtime
from tradewind.ports import Message
from tradewind_sandbox.azurite import ACCOUNT
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE

KEY = "models/resnet50/model.safetensors"
DOWN = {
    AWS_SITE: {"aws_use1__endpoint": NOWHERE},
    GCP_SITE: {"gcp_euw4__endpoint": NOWHERE},
    AZURE_SITE: {"azure_weu__endpoint": f"{NOWHERE}/{ACCOUNT}"},
}
"""For each site, what makes its store unreachable."""
NO_DEAD_LETTERS = {
    AWS_SITE: {"aws_use1__queues__endpoint": NOWHERE},
    GCP_SITE: {"gcp_euw4__queues__endpoint": NOWHERE},
    AZURE_SITE: {"azure_weu__queues__endpoint": f"{NOWHERE}/{ACCOUNT}"},
}


def use(monkeypatch: pytest.MonkeyPatch, fleet: Path) -> None:
    """Let the functions read another fleet file."""
    monkeypatch.setenv("TRADEWIND_FLEET", str(fleet))
    runtime.forget()


@pytest.mark.parametrize("which", [0, 1])
def test_a_target_that_is_down_delays_only_itself(
    clouds: ThreeClouds,
    platform: Platform,
    site: str,
    others: list[str],
    audit: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    which: int,
) -> None:
    """The other target gets the object at once; the redelivery writes only what is missing."""
    down, up = others[which], others[1 - which]
    clouds.upload(site, KEY)
    use(monkeypatch, clouds.variant(tmp_path, **DOWN[down]))

    assert platform.deliver(announce(site, KEY)) == [False]

    clouds.assert_replicated(KEY, site, up)
    assert clouds.users[down].look(KEY) is None
    assert {line["target_site"]: line["verdict"] for line in audit} == {up: "copied", down: "failed"}
    written = clouds.users[up].look(KEY)
    audit.clear()

    use(monkeypatch, clouds.fleet)
    assert platform.deliver(announce(site, KEY), attempt=2) == [True]

    clouds.assert_replicated(KEY, site, down)
    assert clouds.users[up].look(KEY) == written
    assert {line["target_site"]: line["verdict"] for line in audit} == {up: "in sync", down: "copied"}
    assert clouds.drain(site) == []


def test_a_source_that_is_down_keeps_its_messages(
    clouds: ThreeClouds,
    platform: Platform,
    site: str,
    others: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An object that cannot be read is not an object that is gone: nothing is written, and nothing removed."""
    key = f"datasets/{site}/x"
    clouds.upload(site, key)
    platform.deliver(announce(site, key))
    use(monkeypatch, clouds.variant(tmp_path, **DOWN[site]))

    assert platform.deliver(announce(site, key, "deleted")) == [False]

    clouds.assert_replicated(key, site, *others)


def test_a_dead_letter_queue_that_is_down_keeps_the_message(
    clouds: ThreeClouds, platform: Platform, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that can never succeed stays where it is until it can be kept elsewhere."""
    use(monkeypatch, clouds.variant(tmp_path, **NO_DEAD_LETTERS[site]))

    assert platform.deliver(Message("not an event")) == [False]


def test_what_fails_for_now_and_what_fails_for_good_are_told_apart_in_a_batch(
    clouds: ThreeClouds, platform: Platform, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Poison is dead-lettered, its neighbour that met an outage stays in the queue."""
    others = [each for each in DOWN if each != site]
    clouds.upload(site, KEY)
    use(monkeypatch, clouds.variant(tmp_path, **DOWN[others[0]]))

    assert platform.deliver(Message("poison"), announce(site, KEY)) == [True, False]

    [reason] = clouds.reasons(site)
    assert reason.startswith("BadEventError: ")


def test_the_last_attempt_is_dead_lettered_with_its_reason(
    clouds: ThreeClouds, platform: Platform, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the platform gives a message up without a word, the function keeps it with the error that it met."""
    down = AZURE_SITE if site != AZURE_SITE else AWS_SITE
    clouds.upload(site, KEY)
    use(monkeypatch, clouds.variant(tmp_path, **DOWN[down]))
    monkeypatch.setenv("TRADEWIND_LAST_ATTEMPT", "3")

    assert platform.deliver(announce(site, KEY), attempt=3) == [True]

    [reason] = clouds.reasons(site)
    assert reason.startswith("StoreUnavailableError: ")
    assert KEY in reason


def test_a_plain_push_tells_its_attempt(
    clouds: ThreeClouds, cloud_run: CloudRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pub/Sub counts deliveries in the request itself; the last one is dead-lettered with its reason there, too."""
    clouds.upload(GCP_SITE, KEY)
    use(monkeypatch, clouds.variant(tmp_path, **DOWN[AZURE_SITE]))
    monkeypatch.setenv("TRADEWIND_LAST_ATTEMPT", "3")
    pushed = sample("gcp/pubsub-push-raw.json")

    def push(attempt: int) -> int:
        body = json.dumps({**pushed, "deliveryAttempt": attempt}).encode()
        return cloud_run.post(PUSH_PATH, body, {"Content-Type": "application/json"})

    assert [push(2), push(3)] == [500, 200]
    [reason] = clouds.reasons(GCP_SITE)
    assert reason.startswith("StoreUnavailableError: ")


@pytest.mark.parametrize(
    "change",
    [
        {"gcp_euw4__bucket": "no-such-bucket"},
        {"azure_weu__container": "no-such-container"},
        {"gcp_euw4__credentials": {"source": "environment", "name": "NOT_SET"}},
        {"azure_weu__credentials": {"source": "file", "name": "credentials/none.json"}},
    ],
    ids=["bucket", "container", "variable", "file"],
)
def test_a_mistake_of_the_operator_keeps_the_message(
    clouds: ThreeClouds,
    platforms: dict[str, Platform],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object],
) -> None:
    """What a corrected fleet file mends is not dead-lettered, and the healthy target has its replica."""
    clouds.upload(AWS_SITE, KEY)
    use(monkeypatch, clouds.variant(tmp_path, **change))

    assert platforms[AWS_SITE].deliver(announce(AWS_SITE, KEY)) == [False]
    assert clouds.drain(AWS_SITE) == []

    use(monkeypatch, clouds.fleet)
    assert platforms[AWS_SITE].deliver(announce(AWS_SITE, KEY), attempt=2) == [True]
    clouds.assert_replicated(KEY, AWS_SITE, GCP_SITE, AZURE_SITE)
