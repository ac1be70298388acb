"""Traffic that moves when a cloud is lost, and stays when it is not: the real functions over the emulators."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from rigs.acceptance import eventually
from tradewind.failover.callers.published import Condition, Published
from tradewind.failover.callers.reading import name_of
from tradewind.failover.deciding.health import judge
from tradewind.failover.routing import Routing, State
from tradewind.failover.views import Breaker
from tradewind.ports import Traffic
from tradewind.registers.outcomes import Done, NoMajority, Reading
from tradewind.runtime import Runtime, read_fleet
from tradewind_sandbox.names import GROUP
from tradewind_sandbox.supervisor import Sandbox

AWS, GCP, AZURE = ("model-aws", "model-gcp", "model-azure")
HOME = {AWS: 100, GCP: 0, AZURE: 0}
LONGEST = 120.0
"""Seconds after which a test gives up; none of them says how long anything may take."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose model servers have their model."""
    made = Sandbox(tmp_path_factory.mktemp("failover"), tick=2)
    made.up()
    made.deploy_model()
    made.wait_until_serving()
    yield made
    made.down()


@pytest.fixture(scope="module")
def runtime(served: Sandbox) -> Runtime:
    """Its fleet, for somebody outside."""
    return read_fleet(str(served.endpoints.fleet))


@pytest.fixture
def whole(served: Sandbox, runtime: Runtime) -> Iterator[Sandbox]:
    """Everything is well, and traffic is where it belongs; afterwards nothing is wrong on purpose."""
    go_home(served, runtime)
    yield served
    served.faults.lift_all()


def go_home(sandbox: Sandbox, runtime: Runtime) -> None:
    """Let traffic go back to where it belongs, once every endpoint is well."""
    eventually(lambda: all_well(runtime), "every endpoint is seen well", LONGEST)
    if dict(routing(runtime).weights) != HOME:
        said = tradewind(sandbox, "group", "restore", GROUP, "--yes", "--wait", "--why", "the next test")
        assert said.returncode == 0, said.stdout + said.stderr
    eventually(lambda: routing(runtime).state is State.SETTLED, "the routing is settled", LONGEST)
    epoch = routing(runtime).epoch
    eventually(lambda: callers_know(runtime, epoch), "all observers let callers know", LONGEST)


def callers_know(runtime: Runtime, epoch: int) -> bool:
    """Say whether all observers tell callers that an epoch is settled, and that none of its endpoints is to be spared.

    A breaker is half open for some looks after its endpoint is well again, and callers are sent elsewhere meanwhile.
    """
    records = [runtime.records(site).read(name_of(GROUP)) for site in runtime.failover.control.stores]
    known = [Published.of(record.value) for record in records if record]
    offers = [offer for each in known for offer in each.endpoints.values()]
    settled = {(each.epoch, each.state) for each in known} == {(epoch, State.SETTLED)}
    return settled and all(offer.condition is Condition.UP and offer.breaker is Breaker.CLOSED for offer in offers)


def all_well(runtime: Runtime) -> bool:
    """Say whether a majority sees every endpoint well."""
    group = runtime.fleet.groups[GROUP]
    judged = judge(group, runtime.fleet.endpoints, runtime.failover.sights())
    return all(judged.is_well(name) and not judged.is_degraded(name) for name in group.endpoints)


def routing(runtime: Runtime) -> Routing:
    """Return the group's routing, which a majority of the control stores has."""
    found = runtime.failover.routing(GROUP)
    assert isinstance(found, Routing), found
    return found


def shown(runtime: Runtime) -> Traffic:
    """Return what the front does."""
    return runtime.failover.director(GROUP).read()


def moved_to(runtime: Runtime, name: str, *, after: int) -> bool:
    """Say whether an epoch later than `after` is settled, by which all traffic goes to an endpoint."""
    now = routing(runtime)
    return now.epoch > after and now.state is State.SETTLED and now.serving == (name,)


def rounds(runtime: Runtime) -> dict[str, int]:
    """Return how often each observer has looked."""
    views = runtime.failover.exchange("").collect().views
    return {name: view.round for name, view in views.items()}


def tradewind(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person does."""
    program = str(Path(sys.executable).with_name("tradewind"))
    command = [program, *arguments, "--fleet", str(sandbox.endpoints.fleet)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)


def ask(sandbox: Sandbox, times: int = 20) -> list[int]:
    """Ask the front so often, and return the status codes."""
    front = sandbox.endpoints.serving["front"]
    with httpx.Client(timeout=30, trust_env=False) as client:
        return [client.get(f"{front}/healthz").status_code for _ in range(times)]


def test_a_lost_cloud_is_left_within_four_ticks(whole: Sandbox, runtime: Runtime, tmp_path: Path) -> None:
    """A drill kills all of the primary's cloud at 50 requests a second, and its report has what it cost."""
    drill = ["drill", GROUP, "--fault", "kill:aws", "--load", "50", "--probe", "--steady", "3", "--timeout", "20"]
    done = tradewind(whole, *drill, "--json", "--state", str(whole.state), "--reports", str(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr
    [file] = tmp_path.glob("*.json")
    report = json.loads(file.read_text())
    assert report == json.loads(done.stdout)
    assert min(report["rounds"].values()) <= 4, "the observers that are left looked so often"
    assert report["epoch"] > report["epoch_before"]
    assert (report["rpo_bytes"], report["rpo_objects"]) == (0, 0)
    assert report["uploaded_objects"] == 10
    assert 0 < report["failed_requests"] < report["requests"]
    assert report["failed_by_phase"]["after"] == 0, "all requests succeed once the move is settled"
    assert report["rto_s"] > 0
    assert {step["by"] for step in report["steps"]} <= {"gcp-euw4", "azure-weu"}
    reached = [step["state"] for step in report["steps"] if step["epoch"] == report["epoch"]]
    assert report["steps"][0]["state"] == "DETECTED"
    assert (reached[-1], {"ELECTED", "DRAINING", "REDIRECTED", "NOTIFIED"} <= {*reached}) == ("SETTLED", True)
    assert {each.suffix for each in tmp_path.iterdir()} == {".json", ".md", ".svg"}
    assert dict(routing(runtime).weights) == HOME
    assert whole.faults.active() == []


def test_one_store_and_one_observer_away_stop_nothing(whole: Sandbox, runtime: Runtime) -> None:
    """With Azure's control store away and Google's observer dead, a primary that is lost is left all the same."""
    before = routing(runtime).epoch
    whole.faults.inject("store:azure")
    whole.faults.inject("kill:gcp/runtime")

    whole.faults.inject("kill:aws/endpoint")
    eventually(lambda: moved_to(runtime, GCP, after=before), "the traffic is at Google", LONGEST)

    assert shown(runtime).epoch == routing(runtime).epoch
    assert {name for name, weight in shown(runtime).weights.items() if weight} == {GCP}
    assert set(ask(whole)) == {200}


def test_two_stores_away_change_nothing(whole: Sandbox, runtime: Runtime) -> None:
    """Without a majority nobody moves anything, a person neither; the front and GET /route go on as before."""
    before, at_front, looked = routing(runtime), shown(runtime), rounds(runtime)
    whole.faults.inject("store:aws")
    whole.faults.inject("store:azure")

    moving = tradewind(whole, "group", "failover", GROUP, "--to", GCP, "--why", "a try", "--yes")
    eventually(
        lambda: all(rounds(runtime).get(name, 0) >= count + 4 for name, count in looked.items()),
        "every observer has looked four times",
        LONGEST,
    )
    asked = f"{whole.endpoints.http['azure']}/api/route"
    route = httpx.get(asked, params={"group": GROUP}, timeout=60, trust_env=False)

    assert moving.returncode == 1
    assert "aws-use1: " in moving.stderr
    assert "azure-weu: " in moving.stderr
    assert isinstance(runtime.failover.routing(GROUP), NoMajority)
    assert set(ask(whole)) == {200}
    assert (shown(runtime).weights, shown(runtime).epoch) == (at_front.weights, at_front.epoch)
    assert (route.status_code, route.json()["endpoint"]) == (200, AWS)
    whole.faults.lift_all()
    eventually(lambda: isinstance(runtime.failover.routing(GROUP), Routing), "a majority is back", LONGEST)
    assert (routing(runtime).epoch, routing(runtime).weights) == (before.epoch, before.weights)


def test_two_persons_at_once_make_two_epochs(whole: Sandbox, runtime: Runtime) -> None:
    """Both moves are in the history, one after the other, and traffic ends where the later one sent it."""
    before = routing(runtime).epoch
    people = {"ann": GCP, "bob": AZURE}

    def move(who: str) -> Done:
        mine = read_fleet(str(whole.endpoints.fleet))
        done = mine.failover.hand(GROUP).move({people[who]: 100}, who=who, why="at once", id=f"move-{who}")
        assert isinstance(done, Done), done
        return done

    with ThreadPoolExecutor(len(people)) as threads:
        list(threads.map(move, people))
    eventually(lambda: routing(runtime).state is State.SETTLED, "the last epoch is settled", LONGEST)

    reading = runtime.failover.register(GROUP).read()
    assert isinstance(reading, Reading)
    made = [each.operation.who for each in reading.history if each.operation.id.startswith("move-")]
    assert sorted(made) == ["ann", "bob"]
    assert routing(runtime).epoch == before + 2
    assert routing(runtime).serving == (people[made[-1]],)
    assert shown(runtime).epoch == before + 2
    told = tradewind(whole, "control", "history", GROUP, "--json")
    assert [each["who"] for each in json.loads(told.stdout) if each["why"].endswith(": at once")] == made


def test_one_observer_that_sees_nothing_moves_nothing(whole: Sandbox, runtime: Runtime) -> None:
    """One of three observers does not reach a healthy primary for 50 rounds, and traffic stays where it is."""
    before = routing(runtime)
    began = rounds(runtime)["gcp-euw4"]
    whole.faults.inject("blackhole:gcp-euw4>model-aws")

    while rounds(runtime)["gcp-euw4"] < began + 51:
        whole.look()

    seen = runtime.failover.exchange("").collect().views["gcp-euw4"].endpoints[AWS]
    assert seen.failing >= 50
    assert (routing(runtime).epoch, routing(runtime).weights) == (before.epoch, before.weights)
    assert shown(runtime).epoch == before.epoch
    assert set(ask(whole)) == {200}
