"""What a person sees: comparisons, dead letters, and errors that say what failed and what to do next."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rigs.announcements import announce
from rigs.command_line import CommandLine
from rigs.platforms import Platform
from rigs.three_clouds import NOWHERE, SITES, ThreeClouds
from tradewind.ports import Message
from tradewind.replication import transfer
from tradewind_sandbox.azurite import ACCOUNT
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE

KEY = "models/a b.bin"
MISTAKES: dict[str, tuple[dict[str, object], int, str, str]] = {
    "missing file": (
        {"aws_use1__credentials": {"source": "file", "name": "credentials/none.json"}},
        2,
        r"Site 'aws-use1': The credentials file '\S+/credentials/none.json' cannot be read \(No such file",
        r"relative to itself",
    ),
    "missing variable": (
        {"gcp_euw4__credentials": {"source": "environment", "name": "NOT_SET"}},
        2,
        r"Site 'gcp-euw4': The environment variable 'NOT_SET' is not set",
        r"Set it, or change the fleet file",
    ),
    "missing field": (
        {"aws_use1__credentials": {"source": "environment", "name": "HALF"}},
        2,
        r"Site 'aws-use1': The credentials for S3 in us-east-1 lack secret_access_key",
        r"a JSON object with access_key_id, secret_access_key",
    ),
    "of another cloud": (
        {"gcp_euw4__credentials": {"source": "environment", "name": "HALF"}},
        2,
        r"Site 'gcp-euw4': No usable Google credentials",
        r"service account's",
    ),
    "wrong key": (
        {"azure_weu__credentials": {"source": "environment", "name": "WRONG_KEY"}},
        2,
        r"Could not list az://devstoreaccount1/tradewind-weu/models/: .*failed to authenticate",
        r"check the secret that the site's `credentials` names",
    ),
    "no S3 bucket": (
        {"aws_use1__bucket": "no-such-bucket"},
        2,
        r"Could not list s3://no-such-bucket/models/: NoSuchBucket",
        r"Create it, or correct the site's bucket",
    ),
    "no GCS bucket": (
        {"gcp_euw4__bucket": "no-such-bucket"},
        2,
        r"There is no bucket gs://no-such-bucket",
        r"Create it, or correct the site's `bucket`",
    ),
    "no container": (
        {"azure_weu__container": "no-such-container"},
        2,
        r"Could not list az://devstoreaccount1/no-such-container/models/: ContainerNotFound",
        r"Create it, or correct the site's account, container",
    ),
    "AWS is down": (
        {"aws_use1__endpoint": NOWHERE},
        1,
        r"Could not list s3://tradewind-use1/models/: Could not connect to the endpoint URL",
        r"Try again later.* https://health.aws.amazon.com",
    ),
    "Google Cloud is down": (
        {"gcp_euw4__endpoint": NOWHERE},
        1,
        r"Could not list gs://tradewind-euw4/models/: .*Connection refused",
        r"Try again later.* https://status.cloud.google.com",
    ),
    "Azure is down": (
        {"azure_weu__endpoint": f"{NOWHERE}/{ACCOUNT}"},
        1,
        r"Could not list az://devstoreaccount1/tradewind-weu/models/: .*Connection refused",
        r"Try again later.* https://azure.status.microsoft",
    ),
}
"""For each mistake: how the fleet file differs, the exit code, what is said, and what to do."""


@pytest.fixture
def replicated(clouds: ThreeClouds, platforms: dict[str, Platform]) -> ThreeClouds:
    """One object, everywhere."""
    clouds.upload(AWS_SITE, KEY)
    assert platforms[AWS_SITE].deliver(announce(AWS_SITE, KEY)) == [True]
    return clouds


@pytest.mark.parametrize("name", MISTAKES)
def test_an_error_says_what_failed_where_and_what_to_do(
    clouds: ThreeClouds, tradewind: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """One sentence names the operation and the object, another what to do next; there is no traceback."""
    change, code, said, advice = MISTAKES[name]
    monkeypatch.setenv("HALF", '{"access_key_id": "A"}')
    monkeypatch.setenv("WRONG_KEY", '{"account_key": "d3Jvbmc="}')

    answer = tradewind("verify", "models", fleet=clouds.variant(tmp_path, **change))

    error, hint, how, _ = answer.err.split("\n", 3)
    assert answer.code == code
    assert re.match(f"error: {said}", error), error
    assert re.match(f"what to do: .*{advice}", hint), hint
    assert how == "(--debug shows the causes)"
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify", "nothing"], "There is no rule 'nothing'"),
        (["dlq", "list", "--site", "mars"], "There is no site 'mars'"),
        (["dlq", "redrive", "--site", "mars"], "There is no site 'mars'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(
    tradewind: CommandLine, arguments: list[str], said: str
) -> None:
    """Who mistypes a name sees what there is."""
    answer = tradewind(*arguments)

    assert answer.code == 2
    assert answer.err.startswith(f"error: {said}\nwhat to do: The fleet file has: ")
    assert "aws-use1" in answer.err


@pytest.mark.parametrize("site", SITES)
def test_a_queue_that_is_missing_is_named(
    clouds: ThreeClouds, tradewind: CommandLine, tmp_path: Path, site: str
) -> None:
    """`dlq list` says which queue it could not read."""
    change = {f"{site.replace('-', '_')}__queues__dead_letters": "no-such-queue"}

    answer = tradewind("dlq", "list", "--site", site, fleet=clouds.variant(tmp_path, **change))

    assert answer.code == 2
    assert re.match(r"error: Could not receive messages from \w+://(\S+/)?no-such-queue: ", answer.err)
    assert "what to do: Create it, or correct" in answer.err


def test_debug_shows_the_chain_of_causes(clouds: ThreeClouds, tmp_path: Path) -> None:
    """With `--debug` the SDK's own error comes first, and ours says what it meant."""
    fleet = clouds.variant(tmp_path, aws_use1__endpoint=NOWHERE)
    command = [sys.executable, "-c", "from tradewind.cli import main; main()", "--debug", "verify", "models"]

    done = subprocess.run(
        [*command, "--fleet", str(fleet)], capture_output=True, text=True, check=False, env={**os.environ}
    )

    assert done.returncode == 1
    causes = re.findall(r"^([\w.]+(?:Error|Exception)):? ", done.stderr, re.MULTILINE)
    assert causes[0] == "ConnectionRefusedError"
    assert "botocore.exceptions.EndpointConnectionError" in causes
    assert causes[-1] == "tradewind.errors.StoreUnavailableError"


def test_verify_is_green_where_the_sites_agree(replicated: ThreeClouds, tradewind: CommandLine) -> None:
    """Every replica that matches is counted, and the exit code is 0."""
    answer = tradewind("verify", "models")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out.strip() == "1 keys, 2 replicas match (14 bytes), 0 differences"
    assert json.loads(tradewind("verify", "models", "--json").out) == {
        "rule": "models",
        "keys": 1,
        "replicas": 2,
        "size": 14,
        "unproven": 0,
        "read": 0,
        "differing": 0,
        "findings": {},
        "differences": [],
    }


def test_verify_is_red_where_they_differ(replicated: ThreeClouds, tradewind: CommandLine) -> None:
    """What lacks the latest write, or holds another one, is named with its site, and the exit code is 1."""
    replicated.gcs.delete(KEY)
    replicated.upload(AZURE_SITE, KEY, b"somebody else's")

    answer = tradewind("verify", "models", "--json")

    assert answer.code == 1
    found = [
        {name: each[name] for name in ("key", "site", "finding")} for each in json.loads(answer.out)["differences"]
    ]
    assert found == [
        {"key": KEY, "site": AWS_SITE, "finding": "conflict"},
        {"key": KEY, "site": GCP_SITE, "finding": "missing"},
    ]
    told = tradewind("verify", "models")
    assert told.code == 1
    assert all(word in told.out for word in (KEY, GCP_SITE, "missing", AWS_SITE, "conflict", "2 differences"))


def test_verify_knows_what_may_not_be_somewhere(
    clouds: ThreeClouds, platforms: dict[str, Platform], tradewind: CommandLine
) -> None:
    """That a forbidden site has no replica is as it should be; that it has one is a finding."""
    key = f"eu-{GCP_SITE}/patients.parquet"
    clouds.upload(GCP_SITE, key)
    platforms[GCP_SITE].deliver(announce(GCP_SITE, key))
    assert tradewind("verify", f"eu-{GCP_SITE}").code == 0

    replica = clouds.azure.look(key)
    assert replica is not None
    clouds.s3.put(key, replica.body, {"tradewind": replica.metadata["tradewind"]})
    answer = tradewind("verify", f"eu-{GCP_SITE}", "--json")

    assert answer.code == 1
    [difference] = json.loads(answer.out)["differences"]
    assert (difference["site"], difference["finding"]) == (AWS_SITE, "forbidden")


def test_verify_goes_on_at_a_key_that_a_site_cannot_hold(replicated: ThreeClouds, tradewind: CommandLine) -> None:
    """The key is missing there, with the reason."""
    replicated.upload(AWS_SITE, "models/../dots.bin")

    answer = tradewind("verify", "models", "--json")

    assert answer.code == 1
    found = {each["site"]: each["reason"] for each in json.loads(answer.out)["differences"]}
    assert found[GCP_SITE] == "aws-use1 has it"
    assert "Azure cannot hold the key" in found[AZURE_SITE]


def test_dead_letters_are_listed_and_stay(
    clouds: ThreeClouds, platform: Platform, site: str, tradewind: CommandLine
) -> None:
    """`dlq list` shows each with its site, reason and body, as often as it is asked."""
    platform.deliver(Message("poison", id="7"))

    first = json.loads(tradewind("dlq", "list", "--json").out)
    again = json.loads(tradewind("dlq", "list", "--site", site, "--json").out)

    [letter] = first
    assert letter["site"] == site
    assert letter["reason"].startswith("BadEventError: ")
    assert "poison" in letter["body"] or site == GCP_SITE
    assert [each["reason"] for each in again] == [letter["reason"]]
    assert letter["reason"] in tradewind("dlq", "list", "--site", site).out
    assert len(clouds.drain(site)) == 1


def test_a_dead_letter_is_redriven_when_its_cause_is_mended(
    clouds: ThreeClouds,
    platform: Platform,
    site: str,
    others: list[str],
    tradewind: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It goes back to the queue that it came from, is understood there, and its object is replicated."""
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "MAX_OBJECT", 10)
        clouds.upload(site, KEY, b"more than ten bytes")
        assert platform.deliver(announce(site, KEY), Message("poison")) == [True, True]

    answer = tradewind("dlq", "redrive", "--site", site, "--reason", "ObjectTooLargeError")

    assert (answer.code, answer.out) == (0, f"{site}: 1 sent to work again\n")
    assert platform.deliver(*clouds.drain(site, "notifications")) == [True]
    clouds.assert_replicated(KEY, site, *others)
    [reason] = clouds.reasons(site)
    assert reason.startswith("BadEventError: ")


def test_one_dead_letter_is_redriven_by_its_id(
    clouds: ThreeClouds, platform: Platform, site: str, tradewind: CommandLine
) -> None:
    """The others stay."""
    platform.deliver(Message("one"), Message("two"))
    letters = json.loads(tradewind("dlq", "list", "--site", site, "--json").out)

    assert (
        tradewind("dlq", "redrive", "--site", site, "--id", letters[0]["id"]).out == f"{site}: 1 sent to work again\n"
    )

    assert [message.body for message in clouds.drain(site, "notifications")] == [letters[0]["body"]]
    assert [message.body for message in clouds.drain(site)] == [letters[1]["body"]]
