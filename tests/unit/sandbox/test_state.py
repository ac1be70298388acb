"""The files of a state folder, and what is said when there is no sandbox."""

from __future__ import annotations

import errno
import os
from dataclasses import asdict, fields, replace
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from tradewind.credentials import resolve
from tradewind.errors import FleetError
from tradewind.fleet import parse_fleet
from tradewind_sandbox import fleet_file
from tradewind_sandbox.addresses import Endpoints, Ports, endpoints
from tradewind_sandbox.cli import app
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.names import BUCKETS
from tradewind_sandbox.process import Identity
from tradewind_sandbox.supervisor import Sandbox

PORTS = Ports(*range(20_000, 20_000 + len(fields(Ports))))


@pytest.fixture
def where(tmp_path: Path) -> Endpoints:
    """Endpoints of a sandbox in a folder of its own."""
    return endpoints(PORTS, tmp_path / "tradewind.yaml")


def test_the_fleet_file_is_a_right_one(where: Endpoints) -> None:
    """The product reads the sandbox's fleet: three sites, `models/` among all, `datasets/SITE/` from each."""
    fleet_file.write(where, PORTS)

    fleet = parse_fleet(where.fleet.read_text(), origin=str(where.fleet))

    assert fleet.sites.keys() == where.sites.keys() == BUCKETS.keys()
    by_prefix = {rule.prefix: rule for rule in fleet.rules}
    for site in fleet.sites:
        others = set(fleet.sites) - {site}
        assert by_prefix["models/"].mode == "active_active"
        assert set(by_prefix["models/"].targets_of(site)) == others
        assert by_prefix[f"datasets/{site}/"].mode == "one_way"
        assert set(by_prefix[f"datasets/{site}/"].targets_of(site)) == others


def test_the_credentials_are_where_the_fleet_says(where: Endpoints) -> None:
    """Each site's credentials can be read from beside the fleet file."""
    fleet_file.write(where, PORTS)
    fleet = parse_fleet(where.fleet.read_text(), origin="")

    found = {
        name: resolve(site.credentials, beside=where.fleet.parent, vaults={}) for name, site in fleet.sites.items()
    }

    assert found["aws-use1"] == {"access_key_id": "tradewind", "secret_access_key": "tradewind"}
    assert found["gcp-euw4"] == {"type": "anonymous"}
    assert found["azure-weu"] == {"account_key": where.sites["azure-weu"]["account_key"]}


def test_functions_are_told_from_users(where: Endpoints) -> None:
    """What the functions do at S3 is known as theirs, and what a user of the sandbox does is not."""
    fleet_file.write(where, PORTS)
    aws = parse_fleet(where.fleet.read_text(), origin="").sites["aws-use1"]
    ours = resolve(aws.credentials, beside=where.fleet.parent, vaults={})

    assert ours is not None
    assert aws.acts_as(f"AWS:{ours['access_key_id']}")
    assert not aws.acts_as(f"AWS:{where.sites['aws-use1']['access_key_id']}")


def test_rules_of_ones_own_are_added(where: Endpoints) -> None:
    """What stands in `rules.yaml` of the state folder is in the fleet besides the sandbox's own rules."""
    fleet_file.write(where, PORTS)
    before = [rule.name for rule in parse_fleet(where.fleet.read_text(), origin="").rules]
    (where.fleet.parent / "rules.yaml").write_text(
        "[{name: mine, mode: one_way, from: aws-use1, to: [gcp-euw4], prefix: mine/, classification: public}]"
    )

    fleet_file.add_rules(where.fleet, fleet_file.own_rules(where.fleet.parent))

    assert [rule.name for rule in parse_fleet(where.fleet.read_text(), origin="").rules] == [*before, "mine"]


def test_wrong_rules_of_ones_own_change_nothing(where: Endpoints) -> None:
    """A rule that the fleet file would refuse, or a file that is no list, is refused and leaves the fleet as it was."""
    fleet_file.write(where, PORTS)
    before = where.fleet.read_text()
    (where.fleet.parent / "rules.yaml").write_text("rules: []")

    with pytest.raises(FleetError, match="mode"):
        fleet_file.add_rules(where.fleet, [{"name": "mine"}])
    with pytest.raises(SandboxError, match="no list of rules"):
        fleet_file.own_rules(where.fleet.parent)
    assert where.fleet.read_text() == before


def test_endpoints_and_ports_survive_the_disk(where: Endpoints, tmp_path: Path) -> None:
    """What is written is read back the same."""
    where.save(tmp_path / "endpoints.json")
    PORTS.save(tmp_path / "ports.json")

    assert Endpoints.load(tmp_path / "endpoints.json") == where
    assert Ports.load(tmp_path / "ports.json") == PORTS


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"s3": 1}'])
def test_ports_of_another_version_are_forgotten(tmp_path: Path, content: str) -> None:
    """A file that does not name exactly our ports is no reason to fail."""
    (tmp_path / "ports.json").write_text(content)

    assert Ports.load(tmp_path / "ports.json") is None


def test_a_folder_without_a_sandbox_says_how_to_start_one(tmp_path: Path) -> None:
    """Asking where things are, before anything was started, is answered with the command to start it."""
    sandbox = Sandbox(tmp_path)

    assert sandbox.status() == []
    assert not sandbox.running
    for ask in (lambda: sandbox.endpoints, lambda: sandbox.kill("s3"), sandbox.writes):
        with pytest.raises(SandboxError, match="tradewind sandbox up"):
            ask()


@pytest.mark.parametrize("ask", ["logs", "kill", "stop", "start", "restart"])
def test_without_a_sandbox_there_are_no_parts_to_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    """Who asks for a part where there is no sandbox is told so, with the command that starts one there."""
    missing = tmp_path / "no such"
    monkeypatch.chdir(tmp_path)

    answer = CliRunner().invoke(app, [ask, "aws-runtime", "--state", "no such"])

    assert isinstance(answer.exception, SandboxError)
    assert answer.exception.message == f"There is no sandbox in {missing}"
    assert answer.exception.hint == f"Start it: tradewind sandbox up --detach --state '{missing}'"
    assert not missing.exists()


def test_the_usual_folder_needs_no_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that starts the sandbox of this working folder is the short one."""
    monkeypatch.chdir(tmp_path)

    assert Sandbox().start_command == "tradewind sandbox up --detach"
    assert Sandbox(tmp_path / "x").start_command == f"tradewind sandbox up --detach --state {tmp_path / 'x'}"


def test_a_part_of_a_sandbox_that_is_down_is_not_stopped(tmp_path: Path) -> None:
    """A sandbox that was taken down is known, its logs can be read, and nothing of it runs."""
    PORTS.save(tmp_path / "ports.json")
    sandbox = Sandbox(tmp_path)

    assert sandbox.log("aws-runtime").name == "aws-runtime.log"
    with pytest.raises(SandboxError, match=f"No sandbox runs in .* --state {tmp_path}"):
        sandbox.stop("aws-runtime")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Where no folder can be, the error says where and why."""
    (tmp_path / "file").touch()
    state = tmp_path / "file" / "state"

    with pytest.raises(SandboxError, match=f"The state folder {state} cannot be used .Not a directory.") as caught:
        Sandbox(state).up()

    assert "--state" in caught.value.hint


def test_a_folder_that_cannot_be_locked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks is an answer with the path and the reason."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)

    with pytest.raises(SandboxError, match=f"{tmp_path / 'lock'} cannot be locked .No locks available."):
        Sandbox(tmp_path).down()


def test_going_down_twice_is_no_error(tmp_path: Path) -> None:
    """There is nothing to stop, and that is said."""
    assert Sandbox(tmp_path).down() is False
    assert Sandbox(tmp_path).down() is False


def test_a_process_id_that_was_given_away_is_not_ours() -> None:
    """A process with the remembered id that was created at another time is somebody else's."""
    me = psutil.Process()
    identity = Identity(me.pid, me.create_time())

    assert identity.process() is not None
    assert replace(identity, created=identity.created - 100).process() is None
    assert asdict(identity)["pid"] == os.getpid()
