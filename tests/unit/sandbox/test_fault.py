"""What can be wrong, how it is written, which parts it is about, and what it means to a request."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from tradewind_sandbox import disturbances
from tradewind_sandbox.addresses import Ports
from tradewind_sandbox.disturbances import Disturbance, Watched, disturbance
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.fault import PARTS, RUNTIMES, parse
from tradewind_sandbox.plan import DATA, SHIFTED, plan
from tradewind_sandbox.settings import Settings

PORTS = Ports(*range(20_000, 20_000 + len(fields(Ports))))
AWS = "tradewind-observer/aws-use1"


@pytest.fixture
def no_emulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Azurite need not be installed to say which parts there are."""
    monkeypatch.setattr("tradewind_sandbox.azurite.installed", lambda: tmp_path)


@pytest.mark.parametrize(
    ("text", "canonical", "stopped", "frozen", "shifted"),
    [
        ("kill:aws", "kill:aws-use1", ["aws-runtime", "s3", "model-aws"], [], []),
        ("kill:azure-weu/endpoint", "kill:azure-weu/endpoint", ["model-azure"], [], []),
        ("kill:gcp/gcp-observe", "kill:gcp-euw4/gcp-observe", ["gcp-observe"], [], []),
        (" hang:front ", "hang:front", [], ["front"], []),
        ("store:gcp", "store:gcp-euw4", ["gcs"], [], []),
        ("slow:aws=0.50", "slow:model-aws=0.5", [], [], []),
        ("errors:model-gcp=.25", "errors:model-gcp=0.25", [], [], []),
        ("blackhole:gcp>aws-use1", "blackhole:gcp-euw4>model-aws", [], [], []),
        ("clock:azure=+300", "clock:azure-weu=+300", [], [], ["azure-runtime"]),
        ("clock:aws-use1=-2.5", "clock:aws-use1=-2.5", [], [], ["aws-runtime"]),
    ],
)
def test_a_fault_is_read_and_says_which_parts_it_is_about(
    text: str, canonical: str, stopped: list[str], frozen: list[str], shifted: list[str]
) -> None:
    """A cloud may stand for its site or its endpoint; what is printed is read back as the same fault."""
    fault = parse(text)

    assert str(fault) == canonical
    assert parse(str(fault)) == fault
    assert (list(fault.stopped), list(fault.frozen), list(fault.shifted)) == (stopped, frozen, shifted)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "Faults are"),
        ("kill", "Faults are"),
        ("burn:aws", "Faults are"),
        ("kill:mars", "aws-use1, gcp-euw4, azure-weu|aws, gcp, azure"),
        ("kill:aws/azure-blob", "runtime, store, endpoint, aws-runtime, s3, model-aws"),
        ("kill:aws=1", "kill:CLOUD"),
        ("kill:aws>gcp", "kill:CLOUD"),
        ("hang:s3-data", "Known are"),
        ("slow:model-aws", "slow:ENDPOINT=SECONDS"),
        ("slow:model-aws=0", "slow:ENDPOINT=SECONDS"),
        ("slow:model-aws=nan", "slow:ENDPOINT=SECONDS"),
        ("errors:model-aws=1.1", "errors:ENDPOINT=SHARE"),
        ("errors:aws=often", "errors:ENDPOINT=SHARE"),
        ("blackhole:gcp", "blackhole:SITE>ENDPOINT"),
        ("blackhole:gcp/aws", "blackhole:SITE>ENDPOINT"),
        ("clock:aws=0", "clock:SITE=SECONDS"),
        ("store:aws/s3", "store:CLOUD"),
    ],
)
def test_what_is_no_fault_is_refused_with_what_would_be_one(text: str, hint: str) -> None:
    """The hint has the form, or the names that are known."""
    with pytest.raises(SandboxError) as caught:
        parse(text)

    assert any(part in caught.value.hint for part in hint.split("|"))


def test_a_fault_that_is_lifted_needs_no_amount() -> None:
    """It is known by what it is about, and another amount replaces the first."""
    assert parse("slow:aws", amount=False).about == parse("slow:aws=1").about == parse("slow:aws=2").about
    assert parse("errors:aws", amount=False).about != parse("slow:aws=1").about


def test_every_part_that_a_fault_can_name_is_one_of_the_sandbox(tmp_path: Path, no_emulator: None) -> None:
    """What is killed with a cloud are its runtimes, its doors and its model server, and never what holds the data."""
    known = {part.name for part in plan(tmp_path, PORTS, tmp_path / "fleet.yaml", Settings()).parts}
    named = [part for roles in PARTS.values() for parts in roles.values() for part in parts]

    assert set(named) | set(RUNTIMES) <= known
    assert len(named) == len(set(named))
    assert {name for name in known if not name.endswith(DATA)} - set(named) == {"front", "timers"}


def test_a_wrong_clock_is_that_of_one_sites_functions(tmp_path: Path, no_emulator: None) -> None:
    """The runtimes of the site find what shifts their clock on their path, and no other part does."""
    parts = plan(tmp_path, PORTS, tmp_path / "fleet.yaml", Settings(), {"gcp-euw4": -300.0}).parts

    wrong = {part.name for part in parts if "TRADEWIND_SANDBOX_CLOCK" in part.env}
    assert wrong == set(parse("clock:gcp=-300").shifted)
    assert {part.name for part in parts if str(SHIFTED) in part.env.get("PYTHONPATH", "")} == wrong
    assert {part.env["TRADEWIND_SANDBOX_CLOCK"] for part in parts if part.name in wrong} == {"-300"}


def test_a_blackhole_is_between_one_observer_and_one_endpoint() -> None:
    """Other observers, callers, and the same observer's questions elsewhere are answered."""
    faults = [parse("blackhole:aws>gcp")]

    assert disturbance(faults, "model-gcp", AWS, 0.0).hangs
    assert disturbance(faults, "model-gcp", f"{AWS} httpx/0.28", 0.0).hangs
    assert disturbance(faults, "model-gcp", "tradewind-observer/gcp-euw4", 0.0) == Disturbance()
    assert disturbance(faults, "model-gcp", "curl/8", 0.0) == Disturbance()
    assert disturbance(faults, "model-aws", AWS, 0.0) == Disturbance()


def test_errors_come_at_their_rate_and_slowness_to_all() -> None:
    """A share of the requests is answered by errors, and every request waits, of this endpoint alone."""
    faults = [parse("errors:aws=0.3"), parse("slow:aws=0.2"), parse("store:aws"), parse("slow:gcp=9")]

    assert disturbance(faults, "model-aws", "", 0.29) == Disturbance(seconds=0.2, fails=True)
    assert disturbance(faults, "model-aws", "", 0.3) == Disturbance(seconds=0.2)
    assert disturbance(faults, "model-azure", "", 0.0) == Disturbance()


def test_a_server_sees_the_faults_that_are_written_down_later(tmp_path: Path) -> None:
    """It sees none at first, those that are injected, and none again when they are lifted."""
    watched = Watched(tmp_path)
    faults = [parse("slow:aws=1"), parse("kill:gcp")]

    assert watched.now() == []
    disturbances.write(tmp_path, faults)
    assert watched.now() == watched.now() == faults == disturbances.read(tmp_path)
    disturbances.write(tmp_path, [])
    assert watched.now() == []
