"""The sandbox itself: it starts, shows itself, loses a part and takes it back, and stops."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from tradewind_sandbox.cli import app
from tradewind_sandbox.clients import client_of
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.plan import DATA
from tradewind_sandbox.supervisor import PartStatus, Sandbox

PARTS = {
    *("s3", "azure-blob", "azure-queue", "pubsub", "gcs"),
    *("event-grid", "aws-runtime", "gcp-runtime", "gcp-sweep", "azure-runtime"),
}
RESTARTED = ["aws-runtime", "gcp-runtime", "azure-runtime", "event-grid", "pubsub"]
STORAGE = {"s3": "aws-use1", "gcs": "gcp-euw4", "azure-blob": "azure-weu"}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Another sandbox, which tests may take down."""
    made = Sandbox(tmp_path_factory.mktemp("own"), serving=False)
    yield made
    made.down()


def part(sandbox: Sandbox, name: str) -> PartStatus:
    """Return what is known of one part."""
    return next(each for each in sandbox.status() if each.name == name)


def test_every_part_runs_and_keeps_a_log(whole: Sandbox) -> None:
    """Each part is a process of its own, with a log file of its own."""
    parts = whole.status()

    assert {each.name for each in parts if not each.name.endswith(DATA)} == PARTS
    assert all(each.running for each in parts)
    assert len({each.pid for each in parts}) == len(parts)
    assert all(whole.log(each.name).exists() for each in parts)


def test_listens_on_this_machine_only(whole: Sandbox) -> None:
    """No process of the sandbox accepts a connection from elsewhere."""
    listening = set()
    for each in whole.status():
        leader = psutil.Process(each.pid)
        for process in (leader, *leader.children(recursive=True)):
            listening |= {one.laddr for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN}

    assert {each.port for each in whole.status() if each.port} <= {address.port for address in listening}
    # gRPC listens on a socket of IPv6, where the same address has a longer name.
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_starting_again_changes_nothing(whole: Sandbox) -> None:
    """`up` on a sandbox that runs says so and leaves every process alone."""
    before = [each.pid for each in whole.status()]

    assert whole.up() is False

    assert [each.pid for each in whole.status()] == before


def test_endpoints_json_is_what_clients_were_promised(whole: Sandbox) -> None:
    """The file has the fleet, a client's settings for each site, and the runtimes' addresses."""
    endpoints = json.loads((whole.state / "endpoints.json").read_text())

    assert Path(endpoints["fleet"]) == whole.state / "tradewind.yaml"
    assert {name: set(site) for name, site in endpoints["sites"].items()} == {
        "aws-use1": {"cloud", "endpoint_url", "bucket", "region", "access_key_id", "secret_access_key"},
        "gcp-euw4": {"cloud", "endpoint_url", "bucket", "project"},
        "azure-weu": {"cloud", "blob_endpoint", "container", "account_name", "account_key"},
    }
    assert endpoints["http"].keys() == {"aws", "gcp", "azure"}


@pytest.mark.parametrize("name", RESTARTED)
def test_a_killed_part_comes_back_at_the_same_address(whole: Sandbox, name: str) -> None:
    """After SIGKILL a part is shown as stopped, with all its processes gone, until it is restarted."""
    before = part(whole, name)
    children = psutil.Process(before.pid).children(recursive=True)

    whole.kill(name)

    assert not part(whole, name).running
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    whole.restart(name)
    after = part(whole, name)
    assert after.running
    assert after.port == before.port
    assert after.pid != before.pid


@pytest.mark.parametrize("name", STORAGE)
def test_a_store_that_was_down_has_forgotten_nothing(whole: Sandbox, name: str) -> None:
    """While a store is stopped its clients cannot connect; afterwards everything is there."""
    where = whole.endpoints.sites[STORAGE[name]]
    client_of(where).put("kept/object", b"body")

    whole.kill(name)
    assert part(whole, f"{name}{DATA}").running
    assert not part(whole, name).running
    whole.start(name)

    assert client_of(where).get("kept/object") == b"body"


def test_a_cloud_that_serves_nothing_can_be_lost_too(whole: Sandbox) -> None:
    """Without model servers a cloud is its functions, storage and queues; what only a server can have is refused."""
    whole.faults.inject("kill:azure")

    assert {each.name for each in whole.status() if not each.running} == {
        *("azure-runtime", "event-grid", "azure-blob", "azure-queue")
    }
    for fault in ("slow:aws=1", "kill:aws/endpoint", "hang:front"):
        with pytest.raises(SandboxError, match="this sandbox"):
            whole.faults.inject(fault)
    assert [str(each) for each in whole.faults.active()] == ["kill:azure-weu"]
    whole.start("azure-runtime", "event-grid", "azure-blob", "azure-queue")
    assert whole.faults.active() == []
    whole.faults.lift_all()
    assert all(each.running for each in whole.status())


def test_what_holds_the_data_cannot_be_killed(whole: Sandbox) -> None:
    """An emulator's data is not lost by mistake."""
    with pytest.raises(SandboxError, match="does not forget"):
        whole.kill("s3-data")

    assert all(each.running for each in whole.status())


def test_each_write_is_counted(whole: Sandbox) -> None:
    """A write, an overwrite and a delete at each site count as two writes."""
    for where in whole.endpoints.sites.values():
        client = client_of(where)
        client.put("counted/ä +%", b"one")
        client.put("counted/ä +%", b"two")
        client.delete("counted/ä +%")
    whole.wait_until_idle()

    counts = {site: count for (site, key), count in whole.writes().items() if key == "counted/ä +%"}

    assert counts == {"aws-use1": 2, "gcp-euw4": 2, "azure-weu": 2}


def test_goes_down_and_comes_back_empty(own: Sandbox) -> None:
    """After `down` nothing runs, and the logs are there; the next `up` begins with nothing, at the same addresses."""
    assert own.up() is True
    first = own.endpoints
    client_of(first.sites["aws-use1"]).put("models/a", b"body")
    pids = [each.pid for each in own.status() if each.pid]

    assert own.down() is True
    assert own.down() is False

    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
    assert not (own.state / "endpoints.json").exists()
    assert own.log("s3-data").read_text()
    assert own.up() is True
    assert own.endpoints == first
    assert client_of(own.endpoints.sites["aws-use1"]).keys("") == set()


def test_recovers_from_a_crash_of_the_machine(own: Sandbox) -> None:
    """If every process is gone and the state folder still tells of them, `up` starts afresh."""
    own.up()
    processes = [psutil.Process(each.pid) for each in own.status()]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=10)

    assert not own.running
    assert own.up() is True
    assert all(each.running for each in own.status())


def test_the_command_line_shows_and_stops(own: Sandbox) -> None:
    """`status --json` is for programs, its exit code says whether all is well, `logs` prints, `down` is final."""
    own.up()
    state = ["--state", str(own.state)]
    run = CliRunner().invoke

    status = run(app, ["status", "--json", *state])
    assert status.exit_code == 0
    assert {each["name"] for each in json.loads(status.stdout)["parts"] if each["running"]} >= PARTS
    assert run(app, ["up", "--detach", *state]).exit_code == 0
    assert "PUT /tradewind-use1" in run(app, ["logs", "s3-data", *state]).stdout
    assert run(app, ["stop", "gcs", *state]).exit_code == 0
    assert run(app, ["status", *state]).exit_code == 1
    assert "The sandbox is down." in run(app, ["down", *state]).stdout
    assert "was not up" in run(app, ["down", *state]).stdout
