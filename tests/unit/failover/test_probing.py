"""Looking at all endpoints at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

import pytest

from rigs.judging import endpoint
from tradewind.errors import StoreUnavailableError
from tradewind.failover.looking import probing
from tradewind.failover.looking.probing import look
from tradewind.fleet import Endpoint
from tradewind.ports import Answer

GOOD = Answer("", 0.01)


@dataclass(slots=True)
class Scripted:
    """Answers by the endpoint's address; one that hangs does so until it is released."""

    released: Event = field(default_factory=Event)

    def probe(self, endpoint: Endpoint) -> Answer:
        """Return what the address says."""
        match endpoint.url.rsplit("/", 1)[1]:
            case "hangs":
                self.released.wait()
            case "fails":
                raise StoreUnavailableError("There is no way there")
        return GOOD


def at(name: str) -> Endpoint:
    """Return an endpoint that does as its name says."""
    return endpoint(url=f"http://127.0.0.1/{name}", probe={"timeout_seconds": 0.05})


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What should have ended is left to itself soon."""
    monkeypatch.setattr(probing, "GRACE", 0.05)


def test_all_are_asked_and_one_that_hangs_has_failed() -> None:
    """The others' answers are not lost by it."""
    prober = Scripted()
    with ThreadPoolExecutor(3) as executor:
        answers = look({name: at(name) for name in ("hangs", "fails", "answers")}, prober, executor)
        prober.released.set()

    assert answers == {
        "hangs": Answer("no answer within 0.05 s", 0.05),
        "fails": Answer("There is no way there", 0.0),
        "answers": GOOD,
    }


def test_one_that_was_not_asked_has_no_answer() -> None:
    """That every thread was busy says nothing about it."""
    prober = Scripted()
    with ThreadPoolExecutor(1) as executor:
        answers = look({"hangs": at("hangs"), "waits": at("answers")}, prober, executor)
        prober.released.set()

    assert answers == {"hangs": Answer("no answer within 0.05 s", 0.05)}


def test_no_endpoints_have_no_answers() -> None:
    """There is nothing to wait for."""
    with ThreadPoolExecutor(1) as executor:
        assert look({}, Scripted(), executor) == {}
