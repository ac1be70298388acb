"""Verifying what traffic was moved to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock

import pytest

from rigs.judging import endpoint
from tradewind.failover.looking import probing
from tradewind.failover.moving.verify import ASKED, UNASKED, examine
from tradewind.fleet import Endpoint
from tradewind.ports import Answer

PATIENT = 10.0


@dataclass(slots=True)
class Hanging:
    """Answers, but for the first probes, which hang until they are released."""

    first: int
    released: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def probe(self, endpoint: Endpoint) -> Answer:
        """Return a good answer, sooner or later."""
        with self.lock:
            self.first -= 1
            hangs = self.first >= 0
        if hangs:
            self.released.wait(PATIENT)
        return Answer("", 0.01)


@pytest.fixture
def new() -> Endpoint:
    """Return an endpoint that has little time to answer."""
    return endpoint(probe={"timeout_seconds": 0.05})


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What should have ended is left to itself soon."""
    monkeypatch.setattr(probing, "GRACE", 0.05)


@pytest.mark.parametrize("hanging", [0, 2, ASKED])
def test_probes_that_hang_have_failed(new: Endpoint, hanging: int) -> None:
    """They are no more waited for than in a look, and the others count."""
    prober = Hanging(hanging)
    with ThreadPoolExecutor(ASKED) as executor:
        score = examine({"new": new}, prober, executor)["new"]
        prober.released.set()

    assert (score.errors, score.passes) == (1 - hanging / ASKED, not hanging)
    assert score.reason == ("no answer within 0.05 s" if hanging else "")


def test_what_nobody_could_ask_has_not_passed(new: Endpoint) -> None:
    """Every thread is busy with something else, and that is said."""
    busy = Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(busy.wait)
        scores = examine({"new": new}, Hanging(0), executor)
        busy.set()

    assert scores == {"new": UNASKED}
    assert not UNASKED.passes
