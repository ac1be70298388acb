"""The model servers, their front and the timers, as far as they decide anything."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.fleet import parse_fleet
from tradewind.fleet.directors import Caddy
from tradewind_sandbox import fleet_file
from tradewind_sandbox.addresses import Ports, endpoints
from tradewind_sandbox.clockwork import next_ring
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.names import GROUP, MODEL, MODEL_SERVERS
from tradewind_sandbox.serving.answers import health, predict
from tradewind_sandbox.serving.front import configuration
from tradewind_sandbox.serving.loading import Loader
from tradewind_sandbox.serving.rate import WINDOW, Rate
from tradewind_sandbox.serving.shipped import served_files
from tradewind_sandbox.settings import Settings

PORTS = Ports(*range(20_000, 20_000 + len(fields(Ports))))
PYTHON = "import os\n\nprint(os.getcwd())\n" * 4


@dataclass
class Bucket:
    """A site's bucket in memory, which may be away."""

    objects: dict[str, bytes] = field(default_factory=dict)
    away: bool = False

    def put(self, key: str, body: bytes) -> None:
        """Write an object."""
        self.objects[key] = body

    def get(self, key: str) -> bytes | None:
        """Return an object."""
        return self.objects.get(key)

    def delete(self, key: str) -> None:
        """Delete an object."""
        del self.objects[key]

    def keys(self, prefix: str) -> set[str]:
        """Return the keys."""
        return set(self.versions(prefix))

    def versions(self, prefix: str) -> dict[str, str]:
        """Return the keys, with the length and the end of what they are."""
        if self.away:
            raise ConnectionError
        return {key: f"{len(body)}-{body[-8:].hex()}" for key, body in self.objects.items() if key.startswith(prefix)}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """The model's files."""
    return {MODEL + name: body for name, body in served_files().items()}


def test_a_server_waits_for_its_model_and_then_serves_it(files: dict[str, bytes], tmp_path: Path) -> None:
    """Without the whole model it answers 503 and says what it waits for; with it, it knows Python when it sees some."""
    bucket = Bucket()
    loader = Loader(bucket, tmp_path / "model")
    asked = json.dumps({"text": PYTHON}).encode()
    config, network = files

    loader.look()
    bucket.put(config, files[config])
    loader.look()

    assert health(loader.now, "site", 0.0).status == predict(loader.now, "site", asked).status == 503
    assert f"waiting for {MODEL}" in str(health(loader.now, "site", 0.0).document)
    bucket.put(network, files[network])
    loader.look()
    answer = predict(loader.now, "site", asked)
    encoded = predict(loader.now, "site", json.dumps({"content": base64.b64encode(PYTHON.encode()).decode()}).encode())
    assert answer.status == 200
    assert answer.document["label"] == "python"
    assert encoded == answer
    well = health(loader.now, "site", 12.34)
    assert (well.status, well.document["status"], well.document["requests_per_second"]) == (200, "ok", 12.3)


def test_a_server_follows_its_bucket_and_outlives_it(files: dict[str, bytes], tmp_path: Path) -> None:
    """A new version is loaded; a broken one, or a bucket that is away, leaves the server with what it has."""
    bucket = Bucket(dict(files))
    loader = Loader(bucket, tmp_path / "model")
    loader.look()
    first = loader.now
    config, network = files

    bucket.away = True
    loader.look()
    assert loader.now is first
    bucket.away = False
    bucket.put(network, b"no network")
    loader.look()
    assert loader.now is first
    bucket.put(network, files[network])
    loader.look()
    assert loader.now is first
    bucket.put(config, files[config] + b"\n")
    loader.look()
    assert loader.now is not first
    assert first is not None
    assert loader.now is not None
    assert loader.now.versions != first.versions
    assert loader.now.crc32c == first.crc32c


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"text": 1}', b'{"content": "?"}'])
def test_a_question_that_is_none_is_told_so(files: dict[str, bytes], tmp_path: Path, body: bytes) -> None:
    """The answer is 400, with the reason."""
    loader = Loader(Bucket(dict(files)), tmp_path / "model")
    loader.look()

    answer = predict(loader.now, "site", body)

    assert answer.status == 400
    assert answer.document["error"]


def test_requests_are_counted_over_the_last_seconds() -> None:
    """What was longer ago than the window counts no more."""
    now = 100.0
    rate = Rate(lambda: now)

    for _ in range(10):
        rate.count()
    assert rate.per_second() == 10 / WINDOW
    now += WINDOW / 2
    rate.count()
    assert rate.per_second() == 11 / WINDOW
    now += WINDOW / 2
    assert rate.per_second() == 1 / WINDOW


@given(last=st.floats(0, 1e6), took=st.floats(0, 1e3), tick=st.floats(0.5, 60))
def test_a_timer_rings_on_its_beat_and_makes_up_for_nothing(last: float, took: float, tick: float) -> None:
    """The next ring is a whole number of ticks after the last one, in the future, and no later than need be."""
    at = next_ring(last, last + took, tick)

    assert at - last == pytest.approx(tick * round((at - last) / tick))
    assert at >= last + min(took, tick) - 1e-6
    assert at <= last + took + tick + 1e-6


@pytest.fixture
def fleet_text(tmp_path: Path) -> Callable[[Settings], str]:
    """Write the fleet file of a sandbox, and return it."""

    def written(settings: Settings) -> str:
        where = endpoints(PORTS, tmp_path / "tradewind.yaml", serving=settings.serving)
        fleet_file.write(where, PORTS, settings)
        return where.fleet.read_text()

    return written


@pytest.mark.parametrize("tick", [0.0, 0.5, 2.0, 7.0, 60.0])
def test_the_fleet_has_a_group_that_its_observers_can_look_after(
    fleet_text: Callable[[Settings], str], tick: float
) -> None:
    """Every site agrees and has an endpoint; whatever a round waits for is over before the next one."""
    fleet = parse_fleet(fleet_text(Settings(tick=tick)), origin="")

    assert fleet.control is not None
    assert set(fleet.control.stores) == set(fleet.sites) == {each.site for each in fleet.endpoints.values()}
    assert set(fleet.groups[GROUP].endpoints) == set(fleet.endpoints) == set(MODEL_SERVERS.values())
    every = fleet.control.every_seconds
    assert every == (tick or 1.0)
    assert fleet.control.answer_seconds < every
    assert all(each.probe.timeout_seconds < every and each.probe.golden for each in fleet.endpoints.values())


def test_the_front_has_the_handler_that_the_fleet_names(fleet_text: Callable[[Settings], str], tmp_path: Path) -> None:
    """Its upstreams are the director's targets, and at first all traffic goes to the primary."""
    group = parse_fleet(fleet_text(Settings()), origin="").groups[GROUP]
    text = json.dumps(configuration(PORTS, tmp_path))
    found: list[dict[str, object]] = []

    def handler(each: dict[str, object]) -> dict[str, object]:
        found.extend([each] if each.get("@id") == GROUP else [])
        return each

    content = json.loads(text, object_hook=handler)

    assert isinstance(group.director, Caddy)
    assert group.director.admin == f"http://{content['admin']['listen']}"
    assert found[0]["upstreams"] == [{"dial": target} for target in group.director.targets.values()]
    assert next(iter(group.director.targets)) == group.primary
    assert found[0]["load_balancing"] == {
        "selection_policy": {"policy": "weighted_round_robin", "weights": [100, 0, 0]},
        "retries": 0,
    }


def test_without_models_the_fleet_has_neither_group_nor_control(fleet_text: Callable[[Settings], str]) -> None:
    """Who only replicates has nothing to agree about."""
    fleet = parse_fleet(fleet_text(Settings(serving=False)), origin="")

    assert fleet.control is None
    assert not fleet.groups
    assert not fleet.endpoints


def test_settings_are_remembered_and_wished_otherwise(tmp_path: Path) -> None:
    """What somebody does not speak of stays as it was; what another version wrote is forgotten."""
    Settings(serving=False, tick=2).save(tmp_path / "settings.json")

    assert Settings.load(tmp_path / "settings.json") == Settings(serving=False, tick=2)
    assert Settings(serving=False, tick=2).wished(serving=None, tick=0) == Settings(serving=False, tick=0)
    (tmp_path / "settings.json").write_text('{"pace": 1}')
    assert Settings.load(tmp_path / "settings.json") is None


@pytest.mark.parametrize("tick", [-1, 0.1, 61])
def test_a_tick_that_no_timer_keeps_is_refused(tick: float) -> None:
    """Below half a second a round would not end, and above a minute the clouds' timers ring oftener."""
    with pytest.raises(SandboxError, match=f"every {tick:g} s"):
        Settings(tick=tick)
