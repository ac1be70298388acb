"""Models that are served in the sandbox, what is made wrong there on purpose, and the traffic that moves for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import psutil
import pytest
from typer.testing import CliRunner

from rigs.acceptance import SITES, eventually
from tradewind_sandbox import notices
from tradewind_sandbox.cli import app
from tradewind_sandbox.clients import client_of
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.fault import PARTS
from tradewind_sandbox.names import GROUP, MODEL, MODEL_SERVERS
from tradewind_sandbox.supervisor import Sandbox

PYTHON = {"text": "import os\n\nprint(os.getcwd())\n" * 4}
SHORT = 1.0
"""Seconds; what does not answer within them is meant not to."""
SITE_OF = {name: site for site, name in MODEL_SERVERS.items()}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with model servers, and nothing in its buckets."""
    made = Sandbox(tmp_path_factory.mktemp("serving"), tick=2)
    made.up()
    yield made
    made.down()


@pytest.fixture(scope="module")
def loaded(fresh: Sandbox) -> Sandbox:
    """The same, with the model at every site."""
    fresh.deploy_model()
    fresh.wait_until_serving()
    return fresh


@pytest.fixture
def served(loaded: Sandbox) -> Iterator[Sandbox]:
    """The same, with nothing wrong before the test, and again after it."""
    yield loaded
    loaded.faults.lift_all()


def ask(url: str, *, timeout: float = 10.0, agent: str = "somebody") -> httpx.Response:
    """Ask for a prediction."""
    return httpx.post(f"{url}/predict", json=PYTHON, timeout=timeout, headers={"User-Agent": agent}, trust_env=False)


def silent(question: Callable[[], object]) -> bool:
    """Say whether nobody answers: the connection is refused or broken, or it takes longer than the question allows."""
    try:
        question()
    except httpx.TransportError:
        return True
    return False


def follows(sandbox: Sandbox) -> bool:
    """Say whether each server has loaded what is in its site's bucket now."""
    for site, name in MODEL_SERVERS.items():
        health = httpx.get(f"{sandbox.endpoints.serving[name]}/healthz", trust_env=False).json()
        if health["model"]["versions"] != client_of(sandbox.endpoints.sites[site]).versions(MODEL):
            return False
    return True


@contextmanager
def wrong(sandbox: Sandbox, fault: str) -> Iterator[None]:
    """Make something wrong for as long as the block lasts."""
    sandbox.faults.inject(fault)
    assert fault in [str(each) for each in sandbox.faults.active()]
    try:
        yield
    finally:
        sandbox.faults.lift(fault)
    assert sandbox.faults.active() == []


def test_the_servers_wait_for_a_model_which_replication_brings(fresh: Sandbox) -> None:
    """They say so until the model, uploaded at one cloud, is in their own bucket; then each serves what is there."""
    models = {site: fresh.endpoints.serving[name] for site, name in MODEL_SERVERS.items()}
    for url in models.values():
        assert ask(url).status_code == 503
        assert MODEL in httpx.get(f"{url}/healthz", trust_env=False).json()["error"]

    fresh.deploy_model("gcp-euw4")
    fresh.wait_until_serving()

    eventually(lambda: follows(fresh), "each serves what is in its own bucket")
    for site, url in models.items():
        health = httpx.get(f"{url}/healthz", trust_env=False).json()
        assert (health["status"], health["site"]) == ("ok", site)
        assert ask(url).json()["label"] == "python"


def test_the_front_answers_by_one_of_the_servers(served: Sandbox) -> None:
    """Who asks the front is answered, and told by whom."""
    answer = ask(served.endpoints.serving["front"])

    assert answer.status_code == 200
    assert answer.json()["label"] == "python"
    assert answer.headers["X-Served-By"] in SITE_OF


def test_another_version_in_the_bucket_is_loaded(served: Sandbox) -> None:
    """A model that is replaced at one site is served by all, without any of them being started anew."""
    where = {site: client_of(each) for site, each in served.endpoints.sites.items()}
    key = f"{MODEL}config.min.json"
    changed = (where["azure-weu"].get(key) or b"") + b"\n"
    models = [served.endpoints.serving[name] for name in MODEL_SERVERS.values()]

    where["azure-weu"].put(key, changed)
    eventually(lambda: all(each.get(key) == changed for each in where.values()), "it is everywhere")
    eventually(lambda: follows(served), "every server has loaded it")

    assert {ask(url).status_code for url in models} == {200}


@pytest.mark.parametrize("endpoint", SITE_OF)
def test_a_server_that_is_killed_refuses_until_it_is_lifted(served: Sandbox, endpoint: str) -> None:
    """Its callers are refused; afterwards it serves again, from its bucket."""
    url = served.endpoints.serving[endpoint]

    with wrong(served, f"kill:{SITE_OF[endpoint]}/endpoint"):
        assert silent(lambda: ask(url))

    served.wait_until_serving()
    assert ask(url).status_code == 200


def test_what_hangs_takes_connections_and_answers_nobody(served: Sandbox) -> None:
    """A model server and the door of a store: both are still there for the kernel, and for nobody else."""
    url = served.endpoints.serving["model-azure"]
    s3 = served.endpoints.sites["aws-use1"]["endpoint_url"]

    with wrong(served, "hang:model-azure"):
        assert silent(lambda: ask(url, timeout=SHORT))
    with wrong(served, "hang:s3"):
        assert silent(lambda: httpx.get(s3, timeout=SHORT, trust_env=False))

    assert ask(url).status_code == 200
    assert httpx.get(s3, trust_env=False).status_code < 500


def test_a_server_is_slow_and_fails_at_a_rate(served: Sandbox) -> None:
    """Slow is slow to everybody; a share of 1 fails always; and neither is any other server's."""
    url, other = served.endpoints.serving["model-azure"], served.endpoints.serving["model-gcp"]

    with wrong(served, "slow:model-azure=30"):
        assert silent(lambda: ask(url, timeout=SHORT))
        assert ask(other).status_code == 200
    with wrong(served, "errors:model-azure=1"):
        assert ask(url).status_code == 500
        assert ask(other).status_code == 200

    assert ask(url).status_code == 200


def test_a_blackhole_swallows_what_one_observer_asks_one_endpoint(served: Sandbox) -> None:
    """Other observers and callers are answered, and so is this one elsewhere."""
    url, other = served.endpoints.serving["model-gcp"], served.endpoints.serving["model-azure"]
    observer = "tradewind-observer/aws-use1"

    with wrong(served, "blackhole:aws-use1>model-gcp"):
        assert silent(lambda: ask(url, timeout=SHORT, agent=observer))
        assert ask(url, agent="tradewind-observer/azure-weu").status_code == 200
        assert ask(url).status_code == 200
        assert ask(other, agent=observer).status_code == 200

    assert ask(url, agent=observer).status_code == 200


@pytest.mark.parametrize("site", SITES)
def test_a_store_that_is_away_refuses_and_forgets_nothing(served: Sandbox, site: str) -> None:
    """The model server, whose bucket is gone, serves on from memory."""
    where = served.endpoints.sites[site]
    url = where.get("endpoint_url") or where["blob_endpoint"]

    with wrong(served, f"store:{site}"):
        assert silent(lambda: httpx.get(url, trust_env=False))
        assert ask(served.endpoints.serving[MODEL_SERVERS[site]]).status_code == 200

    assert client_of(where).keys(MODEL) == {f"{MODEL}config.min.json", f"{MODEL}model.onnx"}


def test_a_clock_that_is_wrong_is_that_of_one_sites_functions(served: Sandbox) -> None:
    """What they log is of another day, until the fault is lifted; what other sites' functions log is of today."""
    ahead = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"

    def logged(part: str, site: str) -> str:
        before = served.log(part).stat().st_size
        served.look(site)
        return served.log(part).read_text()[before:]

    with wrong(served, "clock:gcp-euw4=+259200"):
        assert f'"time": "{ahead}' in logged("gcp-observe", "gcp-euw4")
        assert ahead not in logged("azure-runtime", "azure-weu")

    assert ahead not in logged("gcp-observe", "gcp-euw4")


def test_everything_of_a_cloud_dies_at_once_and_comes_back(served: Sandbox) -> None:
    """Its functions, storage, queues and endpoint are gone together, and its data is not."""
    gone = {part for parts in PARTS["gcp-euw4"].values() for part in parts}

    with wrong(served, "kill:gcp-euw4"):
        assert {each.name for each in served.status() if not each.running} == gone

    assert all(each.running for each in served.status())
    assert client_of(served.endpoints.sites["gcp-euw4"]).keys(MODEL)


def test_faults_that_overlap_are_lifted_one_by_one(served: Sandbox) -> None:
    """What two faults hold down stays down until both are lifted."""
    served.faults.inject("kill:azure")
    served.faults.inject("store:azure")

    served.faults.lift("kill:azure")
    running = {each.name: each.running for each in served.status()}
    served.faults.lift("store:azure")

    assert running["model-azure"]
    assert not running["azure-blob"]
    assert all(each.running for each in served.status())


def test_the_command_line_makes_wrong_and_right(served: Sandbox) -> None:
    """`fault` injects and lists, `lift` lifts what is named, or everything."""
    state = ["--state", str(served.state)]
    run = CliRunner().invoke

    assert "tradewind sandbox lift slow:gcp=9" in run(app, ["fault", "slow:gcp=9", "store:azure", *state]).stdout
    assert run(app, ["fault", *state]).stdout.split() == ["slow:model-gcp=9", "store:azure-weu"]
    assert run(app, ["lift", "slow:gcp", *state]).stdout == "slow:model-gcp is lifted.\n"
    assert run(app, ["lift", *state]).stdout == "store:azure-weu is lifted.\n"
    assert run(app, ["fault", *state]).stdout == "Nothing is wrong on purpose.\n"
    assert run(app, ["up", "--detach", *state]).exit_code == 0


def test_a_running_sandbox_is_not_given_other_settings(served: Sandbox) -> None:
    """Who wants other parts or another tick is told to take it down first."""
    with pytest.raises(SandboxError, match="runs with model servers, and timers that ring every 2 s"):
        Sandbox(served.state, tick=7).up()
    with pytest.raises(SandboxError, match="runs with model servers"):
        Sandbox(served.state, serving=False).up()

    assert Sandbox(served.state, tick=2).up() is False


def test_traffic_leaves_a_cloud_that_dies_and_the_notice_says_so(served: Sandbox) -> None:
    """The timers of the other two see it, agree, and tell the front; whoever asks is answered again."""
    front = served.endpoints.serving["front"]
    first = ask(front).headers["X-Served-By"]

    def moved() -> bool:
        answer = ask(front)
        return answer.status_code == 200 and answer.headers["X-Served-By"] != first

    with wrong(served, f"kill:{SITE_OF[first]}"):
        eventually(moved, f"another than {first} serves", timeout=120)
        written = served.state / notices.FILE

        def told() -> bool:
            bodies = [json.loads(json.loads(line)["body"]) for line in written.read_text().splitlines()]
            return any(each["group"] == GROUP and first in each["summary"] for each in bodies)

        eventually(told, "the move is told")


def test_nothing_of_it_is_left_when_it_goes_down_with_a_part_that_hangs(served: Sandbox) -> None:
    """What is held still is ended like everything else."""
    served.faults.inject("hang:model-gcp")
    pids = [each.pid for each in served.status() if each.pid]

    assert served.down() is True

    assert not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
    assert served.faults.active() == []
