"""Timers, backfills and S3 Batch Operations, through the real handlers and the command line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rigs.announcements import announce, sample
from rigs.command_line import CommandLine
from rigs.platforms import AzureFunctions, Lambda, Platform, load_cloud_run, load_lambda
from rigs.three_clouds import SITES, ThreeClouds
from tradewind.replication.sweeping.progress import name_of
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, BUCKETS, GCP_SITE

Ring = Callable[[str], None]


@pytest.fixture(scope="session")
def timers(azure_functions: AzureFunctions) -> Ring:
    """Lets a site's timer ring as its platform does, with the sample of `events/`."""
    lambda_, cloud_run = load_lambda("sweep"), load_cloud_run("sweep", "http")

    def ring(site: str) -> None:
        if site == AWS_SITE:
            assert lambda_.invoke(sample("aws/invocations/eventbridge-schedule.json")) is None
        elif site == GCP_SITE:
            call = sample("gcp/invocations/scheduler.json")
            assert cloud_run.post(call["path"], call["body"].encode(), call["headers"]) == 204
        else:
            assert azure_functions.ring(sample("azure/invocations/timer.json"))

    return ring


@pytest.fixture(scope="session")
def batch(rig: ThreeClouds) -> Lambda:
    """The function that S3 Batch Operations calls."""
    return load_lambda("batch_operations")


def forget(clouds: ThreeClouds, rule: str) -> None:
    """Make the sweep of a rule due again."""
    for site in SITES:
        if record := clouds.runtime.records(site).read(name_of(rule)):
            clouds.runtime.records(site).delete(name_of(rule), expect=record.token)


def findings(clouds: ThreeClouds, rule: str) -> dict[str, dict[str, int]]:
    """Return what the last sweep of a rule found at each target."""
    completed = clouds.runtime.sweeper().progress(clouds.runtime.rule(rule)).completed
    assert completed is not None
    return {site: dict(of.findings) for site, of in completed.tally.targets.items()}


def work_off(clouds: ThreeClouds, platform: Platform, site: str) -> None:
    """Deliver what waits in a site's queue."""
    assert all(platform.deliver(*waiting) if (waiting := clouds.drain(site, "notifications")) else [True])


def test_a_timer_finds_and_mends_what_nobody_announced(
    clouds: ThreeClouds, timers: Ring, platform: Platform, site: str, others: list[str]
) -> None:
    """Missing, stale and extra replicas are found by each cloud's timer, and mended by its function."""
    rule, (one, other) = f"datasets-{site}", others
    prefix = f"datasets/{site}"
    for name in ("kept", "stale", "gone", "lost", "größe 1+1"):
        clouds.upload(site, f"{prefix}/{name}")
        assert platform.deliver(announce(site, f"{prefix}/{name}")) == [True]
    clouds.upload(site, f"{prefix}/stale", b"newer")
    clouds.users[site].delete(f"{prefix}/gone")
    clouds.users[one].delete(f"{prefix}/lost")
    clouds.upload(site, f"{prefix}/new")

    timers(site)

    assert findings(clouds, rule) == {
        one: {"match": 2, "stale": 1, "extra": 1, "missing": 2},
        other: {"match": 3, "stale": 1, "extra": 1, "missing": 1},
    }
    work_off(clouds, platform, site)
    forget(clouds, rule)
    timers(site)
    assert findings(clouds, rule) == {one: {"match": 5}, other: {"match": 5}}
    assert clouds.drain(site, "notifications") == []


def test_the_command_shows_and_repairs_what_was_corrupted(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str], tradewind: CommandLine
) -> None:
    """Bytes that were changed behind our back are reported, and overwritten when a person says so."""
    rule, key = f"datasets-{site}", f"datasets/{site}/x.bin"
    clouds.upload(site, key)
    assert platform.deliver(announce(site, key)) == [True]
    replica = clouds.users[others[0]].look(key)
    assert replica is not None
    clouds.users[others[0]].put(key, b"weightz", {"tradewind": replica.metadata["tradewind"]}, replica.content_type)

    assert tradewind("backfill", rule).code == 0
    clouds.runtime.sweep(site, seconds=60)
    assert findings(clouds, rule)[others[0]] == {"corrupt": 1}
    assert tradewind("verify", rule).code == 1
    repaired = tradewind("backfill", rule, "--repair-corrupt")
    assert (repaired.code, "1 corrupt replicas" in repaired.out) == (0, True), repaired
    assert tradewind("verify", rule, "--deep").code == 0
    clouds.assert_replicated(key, site, *others)


def test_verify_reads_every_byte(clouds: ThreeClouds, lambda_: Lambda, tradewind: CommandLine) -> None:
    """`--deep` reads both sides and says how much it read."""
    key = f"datasets/{AWS_SITE}/x.bin"
    clouds.upload(AWS_SITE, key, b"x" * 1000)
    lambda_.deliver(announce(AWS_SITE, key))

    said = json.loads(tradewind("verify", f"datasets-{AWS_SITE}", "--deep", "--json").out)

    assert (said["replicas"], said["read"], said["differences"]) == (2, 3000, [])


@pytest.mark.parametrize("holder", SITES)
def test_the_first_site_mends_what_any_site_lacks(
    clouds: ThreeClouds, timers: Ring, lambda_: Lambda, holder: str
) -> None:
    """In an active-active rule the one site that sweeps also brings home what only another site holds."""
    clouds.upload(holder, "models/only here")

    timers(AWS_SITE)
    work_off(clouds, lambda_, AWS_SITE)

    clouds.assert_replicated("models/only here", holder, *(site for site in SITES if site != holder))


def test_metrics_have_the_dimensions_of_the_alarm(
    clouds: ThreeClouds, timers: Ring, capsys: pytest.CaptureFixture[str]
) -> None:
    """On AWS each metric is written in CloudWatch's embedded format, under the names that the alarm asks for."""
    clouds.upload(AWS_SITE, "models/late")

    timers(AWS_SITE)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    told = {name: {key: line[key] for key in (*keys, name)} for line in lines for name, keys in _named(line)}
    assert told["BacklogBeyondRpo"] == {"Site": AWS_SITE, "service": "tradewind", "BacklogBeyondRpo": [0.0]}
    assert told["Backlog"].keys() == {"Rule", "Target", "service", "Backlog"}
    assert [line["Backlog"] for line in lines if line.get("Rule") == "models" and "Backlog" in line] == [[1.0], [1.0]]


def _named(line: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the metrics of a line in the embedded format, each with its dimensions."""
    return [
        (metric["Name"], directive["Dimensions"][0])
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s3-batch-1.0.json", [("Succeeded", "gcp-euw4: copied; azure-weu: copied")]),
        (
            "s3-batch-2.0.json",
            [
                ("Succeeded", "gcp-euw4: copied; azure-weu: copied"),
                ("Succeeded", "absent"),
                ("PermanentFailure", "which is no site of the fleet"),
            ],
        ),
    ],
)
def test_a_batch_job_is_answered_task_by_task(
    clouds: ThreeClouds, batch: Lambda, name: str, expected: list[tuple[str, str]]
) -> None:
    """Each object of a job is replicated at once, under its decoded key, and its task is answered by itself."""
    for key in ("models/a b/größe 100%25+x.bin", "models/resnet50/model.safetensors"):
        clouds.upload(AWS_SITE, key)
    event = sample(f"aws/invocations/{name}")

    answer = json.loads(json.dumps(batch.invoke(event)))

    assert {name: answer[name] for name in ("invocationSchemaVersion", "invocationId")} == {
        name: event[name] for name in ("invocationSchemaVersion", "invocationId")
    }
    assert [each["taskId"] for each in answer["results"]] == [each["taskId"] for each in event["tasks"]]
    for result, (code, said) in zip(answer["results"], expected, strict=True):
        assert result["resultCode"] == code, result
        assert said in result["resultString"]
    key = "models/resnet50/model.safetensors" if "2.0" in name else "models/a b/größe 100%25+x.bin"
    clouds.assert_replicated(key, AWS_SITE, GCP_SITE, AZURE_SITE)


def test_a_target_that_is_down_makes_a_task_temporary(
    clouds: ThreeClouds, batch: Lambda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may succeed later is asked for again by the job."""
    clouds.upload(AWS_SITE, "models/a b/größe 100%25+x.bin")
    monkeypatch.setenv("TRADEWIND_FLEET", str(clouds.variant(tmp_path, gcp_euw4__endpoint="http://127.0.0.1:9")))

    answer = batch.invoke(sample("aws/invocations/s3-batch-1.0.json"))

    assert [each["resultCode"] for each in answer["results"]] == ["TemporaryFailure"]


def test_a_backfill_asks_for_what_was_there_before(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str], tradewind: CommandLine
) -> None:
    """`tradewind backfill` has everything replicated that a rule covers, and the next one finds nothing to do."""
    rule = f"datasets-{site}"
    for number in range(25):
        clouds.upload(site, f"datasets/{site}/{number}")

    said = tradewind("backfill", rule)
    work_off(clouds, platform, site)

    assert (said.code, "25 keys compared, 25 asked for" in said.out) == (0, True), said
    assert "25 keys compared, 0 asked for" in tradewind("backfill", rule).out
    clouds.assert_replicated(f"datasets/{site}/24", site, *others)


@pytest.mark.parametrize("inventory", ["", "keys.txt"], ids=["listings", "inventory"])
def test_a_backfill_names_what_a_target_can_never_hold(
    clouds: ThreeClouds, lambda_: Lambda, tradewind: CommandLine, tmp_path: Path, inventory: str
) -> None:
    """A key that Azure cannot spell is named, makes the exit code 1, and reaches the target that can hold it."""
    rule, prefix, manifest = f"datasets-{AWS_SITE}", f"datasets/{AWS_SITE}", tmp_path / (inventory or "none")
    for name in ("good", "back\\slash"):
        clouds.upload(AWS_SITE, f"{prefix}/{name}")
    manifest.write_text(f"{prefix}/good\n{prefix}/back\\slash\n")

    said = tradewind("backfill", rule, *(["--from-manifest", str(manifest)] if inventory else []))

    assert said.code == 1
    assert f"{AZURE_SITE}: {prefix}/back" in said.out
    assert "1 keys that some target can never hold" in said.out
    for message in clouds.drain(AWS_SITE, "notifications"):
        lambda_.deliver(message)
    clouds.assert_replicated(f"{prefix}/good", AWS_SITE, GCP_SITE, AZURE_SITE)
    assert clouds.runtime.store(GCP_SITE).head(f"{prefix}/back\\slash") is not None


def test_a_backfill_from_an_inventory_in_the_bucket(
    clouds: ThreeClouds, lambda_: Lambda, tradewind: CommandLine
) -> None:
    """The manifest of an S3 Inventory is read where it lies; other buckets, deleted objects and other keys are left."""
    good, bad = f"datasets/{AWS_SITE}/größe 1+1.bin", f"datasets/{AWS_SITE}/deleted"
    clouds.upload(AWS_SITE, good)
    bucket = BUCKETS[AWS_SITE]
    encoded = good.replace("ö", "%C3%B6").replace("ß", "%C3%9F").replace("+", "%2B").replace(" ", "+")
    rows = [f'"{bucket}","{encoded}","true","false"', f'"{bucket}","{bad}","true","true"', '"other","x","true","false"']
    clouds.s3.put("inventory/data/1.csv.gz", gzip.compress("\n".join([*rows, f'"{bucket}"']).encode()))
    manifest = {
        "sourceBucket": bucket,
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, IsLatest, IsDeleteMarker",
        "files": [{"key": "inventory/data/1.csv.gz", "size": 1}],
    }
    clouds.s3.put("inventory/manifest.json", json.dumps(manifest).encode())

    said = tradewind("backfill", f"datasets-{AWS_SITE}", "--from-manifest", f"s3://{bucket}/inventory/manifest.json")
    work_off(clouds, lambda_, AWS_SITE)

    assert said.code == 1, "a line says nothing"
    assert "inventory/data/1.csv.gz, line 4: it has 1 fields, and 4 are expected" in said.out
    assert "4 rows read, 1 keys asked for, 1 lines say nothing" in said.out
    clouds.assert_replicated(good, AWS_SITE, GCP_SITE, AZURE_SITE)


def test_an_inventory_that_is_not_there_is_a_sentence(clouds: ThreeClouds, tradewind: CommandLine) -> None:
    """A wrong name is told with what to do."""
    said = tradewind("backfill", "models", "--from-manifest", f"gs://{BUCKETS[GCP_SITE]}/none/manifest.json")

    assert said.code == 2
    assert "There is no inventory at" in said.err
