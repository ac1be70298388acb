"""The observers' timers and the answers to callers, through the real handlers of each cloud."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from rigs.announcements import EVENTS, sample
from rigs.platforms import AzureFunctions, load_cloud_run, load_lambda
from rigs.three_clouds import SITES, ThreeClouds
from tradewind import runtime
from tradewind.failover.callers.published import Condition, published_of
from tradewind.failover.callers.reading import name_of
from tradewind.failover.routing import Kind, Routing, State
from tradewind.failover.views import Sights
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE, GROUP, MODEL_SERVERS

ROW = re.compile(r"^\| \[(?P<file>[^]]+)\]\((?P=file)\) \| [^|]* \| `(?P<status>\d{3})` [^|]* \|$", re.MULTILINE)
ANSWERS = {row["file"]: int(row["status"]) for row in ROW.finditer((EVENTS / "README.md").read_text())}
SCHEDULES = {
    AWS_SITE: "aws/invocations/eventbridge-schedule-observe.json",
    GCP_SITE: "gcp/invocations/scheduler-observe.json",
    AZURE_SITE: "azure/invocations/timer.json",
}
Ask = Callable[[str], tuple[int, dict[str, str], Any]]


@dataclass(slots=True)
class Model:
    """A server that says it is well, or does not."""

    url: str
    status: int = 200


@pytest.fixture
def model() -> Iterator[Model]:
    """What answers for every endpoint."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(served.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Model(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def group(clouds: ThreeClouds, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox's group, in a fleet file of its own; one ring is one look."""
    path = clouds.variant(tmp_path)
    document = yaml.safe_load(path.read_text())
    names = list(MODEL_SERVERS.values())
    document["control"] = {"stores": list(SITES), "every_seconds": 60, "answer_seconds": 5}
    document["endpoints"] = {name: {"site": site, "url": model.url} for site, name in MODEL_SERVERS.items()}
    director = {"kind": "caddy", "admin": "http://127.0.0.1:9", "id": GROUP, "targets": dict.fromkeys(names, "x:1")}
    document["groups"] = {
        GROUP: {"endpoints": names, "classification": "public", "primary": names[0], "director": director}
    }
    path.write_text(yaml.safe_dump(document))
    monkeypatch.setenv("TRADEWIND_FLEET", str(path))
    runtime.forget()


def publish(*weights: int, condition: Condition = Condition.UP) -> None:
    """Let every observer have published these weights, and all endpoints in this condition, the first the fastest."""
    fleet = runtime.current().fleet
    routing = Routing(
        3, State.SETTLED, Kind.INITIAL, dict(zip(MODEL_SERVERS.values(), weights, strict=True)), {}, "", ""
    )
    known = published_of(GROUP, fleet, routing, Sights(SITES, {}), datetime.now(UTC))
    well = condition is Condition.UP
    offers = {
        name: replace(each, condition=condition, well=well, p95=0.1 * place)
        for place, (name, each) in enumerate(known.endpoints.items())
    }
    known = replace(known, endpoints=offers)
    for site in SITES:
        runtime.current().records(site).change(name_of(GROUP), lambda _: known.as_document())


@pytest.fixture(scope="session")
def observers(azure_functions: AzureFunctions) -> Callable[[str], bool]:
    """Lets the timer of a site's observer ring as its platform does, and says whether the function went well."""
    lambda_, cloud_run = load_lambda("observe"), load_cloud_run("observe", "http")

    def ring(site: str) -> bool:
        event = sample(SCHEDULES[site])
        if site == AWS_SITE:
            return lambda_.invoke(event) is None
        if site == GCP_SITE:
            return cloud_run.post(event["path"], event["body"].encode(), event["headers"]) == 204
        return azure_functions.ring(event, "observe")

    return ring


@pytest.fixture(scope="session")
def ask(azure_functions: AzureFunctions) -> Ask:
    """Sends a sample request as its platform does, and returns the status, the headers and the body of the answer."""
    lambda_, cloud_run = load_lambda("route"), load_cloud_run("route", "http")

    def send(file: str) -> tuple[int, dict[str, str], Any]:
        request = sample(file)
        if file.startswith("aws"):
            answer = lambda_.invoke(request)
            return answer["statusCode"], answer["headers"], json.loads(answer["body"])
        if file.startswith("gcp"):
            status, headers, body = cloud_run.ask(request["method"], request["path"], request["headers"])
        else:
            status, headers, body = azure_functions.ask(request["method"], request["url"], request["headers"])
        return status, headers, json.loads(body)

    return send


@pytest.mark.usefixtures("group")
def test_an_observer_tells_what_it_saw(observers: Callable[[str], bool], site: str) -> None:
    """Each ring adds a look to the view in the site's control bucket."""
    for _ in range(2):
        assert observers(site)

    record = runtime.current().records(site).read(f"views/{site}")
    assert record is not None
    assert {name: each["passing"] for name, each in record.value["endpoints"].items()} == dict.fromkeys(
        MODEL_SERVERS.values(), 2
    )


@pytest.mark.usefixtures("group")
def test_an_observer_counts_what_fails(observers: Callable[[str], bool], site: str, model: Model) -> None:
    """An endpoint that answers with another status is seen to fail, and why."""
    model.status = 503

    assert observers(site)

    record = runtime.current().records(site).read(f"views/{site}")
    assert record is not None
    for each in record.value["endpoints"].values():
        assert each["failing"] == 1
        assert "503" in each["reason"]


def test_the_table_has_every_question() -> None:
    """No sample request is without a row."""
    found = {str(path.relative_to(EVENTS)) for path in EVENTS.glob("*/invocations/*.json")}

    assert set(ANSWERS) == {name for name in found if "route" in name or "function-url" in name}


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("file", sorted(ANSWERS))
def test_a_caller_is_answered_as_the_row_says(ask: Ask, file: str) -> None:
    """The status is the row's, what is asked for is in the answer, and nobody in between keeps it."""
    publish(100, 0, 0)

    status, headers, body = ask(file)

    assert status == ANSWERS[file]
    if status == 200:
        assert body["endpoint"] == MODEL_SERVERS[GCP_SITE if "classification" in file else AWS_SITE]
        assert body["url"].startswith("http://127.0.0.1:")
        assert body["epoch"] == 3
        assert headers["Cache-Control"] == "private, max-age=5"
    elif "elsewhere" not in file:
        assert body["error"].startswith("There is no " if "latitude" not in file else "`lat` is '91'")
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("group")
def test_a_caller_is_answered_when_nothing_is_well(ask: Ask, site: str) -> None:
    """To say where traffic went last is better than nothing."""
    publish(0, 100, 0, condition=Condition.DOWN)
    [file] = [name for name in ANSWERS if re.search(r"[/-]route\.json", name) and site.startswith(name[:3])]

    status, _, body = ask(file)

    assert (status, body["endpoint"]) == (200, MODEL_SERVERS[GCP_SITE])
    assert "to try is better than nothing" in body["note"]
