"""What a person sees of three clouds: how it stands, where an object is, what would be done, and what it costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rigs.announcements import announce
from rigs.command_line import CommandLine
from rigs.platforms import Platform
from rigs.three_clouds import NOWHERE, SITES, ThreeClouds
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE

KEY = "models/a b.bin"


@pytest.fixture
def replicated(clouds: ThreeClouds, platforms: dict[str, Platform]) -> ThreeClouds:
    """One object, everywhere."""
    clouds.upload(AWS_SITE, KEY)
    assert platforms[AWS_SITE].deliver(announce(AWS_SITE, KEY)) == [True]
    return clouds


def test_status_of_what_is_in_sync(replicated: ThreeClouds, tradewind: CommandLine) -> None:
    """Both targets have the object, a few seconds late at most by the stores' own clocks, and the queues are empty."""
    answer = tradewind("status", "models", "--json")
    told = json.loads(answer.out)
    (rule,) = told["rules"]

    assert (answer.code, told["attention"]) == (0, [])
    for site in (GCP_SITE, AZURE_SITE):
        target = rule["targets"][site]
        assert target["in_sync"] == {"objects": 1, "bytes": 7}
        assert 0 <= target["lag_seconds"]["max"] < 300
    assert told["queues"] == {site: {"waiting": 0, "dead_letters": 0} for site in SITES}


def test_status_of_what_waits(clouds: ThreeClouds, tradewind: CommandLine) -> None:
    """An object that was not announced is backlog at both targets, and a dead letter needs a person."""
    clouds.upload(GCP_SITE, KEY)
    clouds.runtime.queue(GCP_SITE, "dead_letters").send("what nobody could do")
    answer = tradewind("status", "models")

    assert answer.code == 1
    assert answer.out.count("1 (7 B)") == 2
    assert f"{GCP_SITE}: 1 dead letters" in answer.out


def test_status_while_a_cloud_is_down(clouds: ThreeClouds, tradewind: CommandLine, tmp_path: Path) -> None:
    """A cloud that is down is said in a sentence, and the other sites' queues are told."""
    down = clouds.variant(tmp_path, azure_weu__endpoint=f"{NOWHERE}/devstoreaccount1")
    answer = tradewind("status", "models", "--json", fleet=down)
    told = json.loads(answer.out)

    assert answer.code == 1
    assert "rule models: the sites could not be compared" in told["attention"][0]
    assert told["queues"][AWS_SITE] == {"waiting": 0, "dead_letters": 0}


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://tradewind-use1/{KEY}",
        f"gs://tradewind-euw4/{KEY}",
        f"az://devstoreaccount1/tradewind-weu/{KEY}",
        f"{AZURE_SITE}:{KEY}",
    ],
)
def test_locate(replicated: ThreeClouds, tradewind: CommandLine, uri: str) -> None:
    """Whichever copy is named, all are found, proven and current, and the nearest is at hand."""
    answer = tradewind("locate", uri, "--site", GCP_SITE, "--json")
    told = json.loads(answer.out)

    assert answer.code == 0
    assert (told["origin"], told["nearest"]) == (AWS_SITE, GCP_SITE)
    assert {place["site"]: (place["holds"], place["current"]) for place in told["places"]} == {
        AWS_SITE: ("origin", True),
        GCP_SITE: ("replica", True),
        AZURE_SITE: ("replica", True),
    }
    assert all(place["proof"] for place in told["places"] if place["site"] != AWS_SITE)
    assert [place["kilometres"] is not None for place in told["places"]] == [True] * 3


def test_explain(clouds: ThreeClouds, tradewind: CommandLine) -> None:
    """What was not replicated yet would be copied to both targets; nothing is."""
    clouds.upload(AZURE_SITE, KEY)
    told = json.loads(tradewind("explain", f"{AZURE_SITE}:{KEY}", "--json").out)
    (rule,) = told["rules"]

    assert {each["target"]: each["action"] for each in rule["advice"]} == {
        AWS_SITE: "copy",
        GCP_SITE: "copy",
        AZURE_SITE: "nothing",
    }
    assert clouds.s3.look(KEY) is None


def test_plan(tradewind: CommandLine) -> None:
    """Each direction of the rule is planned."""
    told = json.loads(tradewind("plan", "--json").out)

    ways = {(each["source"], each["target"]) for each in told["directions"] if each["rule"] == "models"}
    assert ways == {(one, other) for one in SITES for other in SITES if one != other}
