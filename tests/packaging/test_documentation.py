"""The documentation names what there is, and leads where it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from rigs.staging import ROOT
from tradewind.fleet import (
    ActiveActiveRule,
    ArtifactSets,
    AwsSite,
    AzureSite,
    Budget,
    Caddy,
    Classification,
    CloudDns,
    Control,
    Credentials,
    DeleteGuard,
    Endpoint,
    EventGrid,
    Failback,
    Fleet,
    GcpSite,
    Golden,
    Group,
    LargeObjects,
    Manifest,
    OneWayRule,
    Probe,
    PubSub,
    Queues,
    Route53,
    Sns,
    Sweep,
    Switch,
    SwitchObject,
    TrafficManager,
    Webhook,
    parse_fleet,
)

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "events").glob("*.md")])
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
MODELS: list[type[BaseModel]] = [AwsSite, GcpSite, AzureSite, Queues, Credentials, Classification, Fleet]
MODELS += [OneWayRule, ActiveActiveRule, DeleteGuard, ArtifactSets, Manifest, Sweep, Budget, LargeObjects]
MODELS += [Control, Endpoint, Probe, Golden, Group, Failback, Sns, PubSub, EventGrid, Webhook]
MODELS += [Route53, CloudDns, TrafficManager, Caddy, Switch, SwitchObject]


@pytest.mark.parametrize("model", MODELS)
def test_every_field_of_the_fleet_file_is_documented(model: type[BaseModel]) -> None:
    """Whoever adds a field is told that its page does not have it yet."""
    names = {field.alias or name for name, field in model.model_fields.items()}

    assert not sorted(name for name in names if f"`{name}`" not in CONFIGURATION)


def test_the_documented_fleet_file_is_valid() -> None:
    """The example can be copied: it parses, and its rules contradict nothing."""
    example = re.search(r"```yaml\n(# yaml-language-server.*?)```", CONFIGURATION, re.DOTALL)
    failover = re.search(r"```yaml\n(control:.*?)```", CONFIGURATION, re.DOTALL)

    assert example is not None
    assert failover is not None
    assert len(parse_fleet(example[1], origin="docs/configuration.md").rules) == 2
    assert list(parse_fleet(f"{example[1]}\n{failover[1]}", origin="docs/configuration.md").groups) == ["chat"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    """A reader is never sent to a page, or to a heading, that is not there."""
    broken = []
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        to = (page.parent / target).resolve() if target else page
        if not to.exists() or (anchor and anchor not in headings(to)):
            broken.append(f"{target}#{anchor}")

    assert not broken


def test_every_decision_is_in_the_index() -> None:
    """A page in docs/adr that the index does not name would not be found."""
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text()

    assert not [page.name for page in folder.glob("0*.md") if f"({page.name})" not in index]


def test_make_help_explains_every_target() -> None:
    """Each target that a person runs is in the help with a sentence."""
    shown = subprocess.run(["make", "--silent", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout  # noqa: S607
    promised = {"help", "setup", "demo", "test", "check", "bench", "lock", "clean"}
    promised |= {f"package-{cloud}" for cloud in ("aws", "gcp", "azure")}

    assert promised <= {line.split()[1] for line in shown.splitlines() if len(line.split()) > 2}


def test_no_lock_names_an_address() -> None:
    """A lock that names a host would tie everybody to one package mirror (docs/adr/0005)."""
    locks = [*(ROOT / "requirements").glob("*.txt"), ROOT / "serverless-gcp" / "requirements.txt"]
    packages = (ROOT / "sandbox" / "package-lock.json").read_text()

    assert len(locks) > 5
    assert not [lock.name for lock in locks if "://" in lock.read_text()]
    assert '"integrity"' in packages
    assert '"resolved"' not in packages


def test_pre_commit_runs_what_the_environment_has() -> None:
    """Hooks are the locked tools: none is downloaded from elsewhere."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())

    assert {repository["repo"] for repository in config["repos"]} == {"local"}


def headings(page: Path) -> set[str]:
    """Return the anchors of a page, as they are made of its headings."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in found}


def test_every_test_that_the_guarantees_name_exists() -> None:
    """A promise is shown by tests that are there, under the names that the page gives."""
    named = set(re.findall(r"`(tests/[^`]+)`", (ROOT / "docs" / "guarantees.md").read_text()))

    missing = [name for name in named if not _exists(*name.split("::"))]
    assert len(named) > 20
    assert not missing


def test_every_property_that_the_guarantees_name_is_checked() -> None:
    """A property of the simulation that the page names is one that every world is checked for."""
    text = (ROOT / "docs" / "guarantees.md").read_text()
    named = {name for part in re.findall(r"propert(?:y|ies) ([^.]+)", text) for name in re.findall(r"`(\w+)`", part)}
    source = (ROOT / "tests" / "simulation" / "properties.py").read_text()

    assert named
    assert not [name for name in named if f"\ndef {name}(" not in source]


def _exists(file: str, test: str = "") -> bool:
    path = ROOT / file
    return path.is_file() and (not test or f"def {test}(" in path.read_text())
