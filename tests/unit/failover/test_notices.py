"""What is told of a routing, and that one address that fails leaves the others alone."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Event

import pytest

from rigs.world import InlineExecutor
from tradewind.errors import ConfigurationError, StoreUnavailableError
from tradewind.failover.moving.notices import notice_of, tell_all
from tradewind.failover.routing import Kind, Routing, State
from tradewind.ports import Notice

NOW = datetime(2026, 3, 1, 3, 4, 5, tzinfo=UTC)
ROUTING = Routing(
    epoch=7,
    state=State.VERIFIED,
    kind=Kind.FAILOVER,
    weights={"aws": 0, "gcp": 100},
    before={"aws": 100, "gcp": 0},
    reason="aws is down for 2 of 3 observers",
    by="azr-weu",
)
NOTICE = notice_of("vision", ROUTING, NOW)


@dataclass
class Listener:
    """Hears what it is told, unless it fails first."""

    failures: list[Exception] = field(default_factory=list)
    heard: list[Notice] = field(default_factory=list)

    def tell(self, notice: Notice) -> None:
        """Fail if that is due."""
        if self.failures:
            raise self.failures.pop(0)
        self.heard.append(notice)


def test_says_what_moved_where_and_why() -> None:
    """A notice has all that a person or a program needs."""
    assert (NOTICE.id, NOTICE.what, NOTICE.epoch, NOTICE.at, NOTICE.by) == (
        "vision:7:VERIFIED",
        "failover",
        7,
        NOW,
        "azr-weu",
    )
    assert NOTICE.summary == "Traffic of vision failed over to gcp and away from aws (epoch 7)."
    assert (NOTICE.reason, NOTICE.weights) == ("aws is down for 2 of 3 observers", {"aws": 0, "gcp": 100})


@pytest.mark.parametrize(
    ("kind", "weights", "before", "summary"),
    [
        (Kind.INITIAL, {"aws": 100}, {}, "Traffic of vision goes to aws (epoch 7)."),
        (
            Kind.SHIFT,
            {"aws": 70, "gcp": 30},
            {"aws": 100},
            "Traffic of vision was shifted to aws (70 %) and gcp (30 %) (epoch 7).",
        ),
        (
            Kind.RESTORE,
            {"aws": 100, "gcp": 0},
            {"gcp": 100},
            "Traffic of vision went back to aws and away from gcp (epoch 7).",
        ),
        (
            Kind.ROLLBACK,
            {"aws": 50, "azr": 20, "gcp": 30},
            {"aws": 50, "azr": 20, "gcp": 30},
            "Traffic of vision was rolled back to aws (50 %), azr (20 %) and gcp (30 %) (epoch 7).",
        ),
        (
            Kind.MANUAL,
            {"gcp": 100},
            {"aws": 50, "azr": 50},
            "Traffic of vision was moved by hand to gcp and away from aws and azr (epoch 7).",
        ),
    ],
)
def test_one_sentence_says_it(kind: Kind, weights: Mapping[str, int], before: Mapping[str, int], summary: str) -> None:
    """Every kind of move is one sentence that a person understands at night."""
    routing = replace(ROUTING, kind=kind, weights=weights, before=before)

    assert notice_of("vision", routing, NOW).summary == summary


def test_says_that_verification_failed() -> None:
    """Traffic that was moved to what did not answer well is not called settled."""
    notice = notice_of("vision", replace(ROUTING, state=State.REDIRECTED), NOW)

    assert "which did not pass verification" in notice.summary
    assert notice.id == "vision:7:REDIRECTED"


def test_is_told_under_the_same_id_by_everybody() -> None:
    """Whoever goes on with an epoch of an observer that died tells it under the id that was told before."""
    assert notice_of("vision", ROUTING, NOW.replace(hour=5)).id == NOTICE.id
    assert notice_of("vision", replace(ROUTING, epoch=8), NOW).id != NOTICE.id


@pytest.mark.parametrize(
    "failure", [StoreUnavailableError("It is down"), ConfigurationError("It is down"), RuntimeError("It is down")]
)
def test_one_address_that_fails_leaves_the_others_alone(failure: Exception) -> None:
    """Whatever comes of telling one address, the others hear it, and the report names the one."""
    first, second, third = Listener(), Listener([failure] * 9), Listener()

    untold = tell_all({"first": first, "second": second, "third": third}, NOTICE, InlineExecutor())

    assert dict(untold) == {"second": "It is down"}
    assert [first.heard, second.heard, third.heard] == [[NOTICE], [], [NOTICE]]


def test_an_address_that_does_not_answer_is_told_again() -> None:
    """A connection that broke once does not keep people from hearing."""
    listener = Listener([StoreUnavailableError("It is down")])

    assert tell_all({"only": listener}, NOTICE, InlineExecutor()) == {}
    assert listener.heard == [NOTICE]


def test_an_address_that_refuses_is_not_asked_again() -> None:
    """What refuses a notice once refuses it twice."""
    listener = Listener([ConfigurationError("There is no such topic", hint="Create it")])

    assert tell_all({"only": listener}, NOTICE, InlineExecutor()) == {"only": "There is no such topic. Create it"}
    assert listener.heard == []


def test_an_address_that_hangs_is_gone_on_without() -> None:
    """Nobody waits for ever for an address that takes a notice and says nothing."""
    answered = Event()

    class Hanging:
        def tell(self, _: Notice) -> None:
            answered.wait(timeout=60)

    listener = Listener()
    with ThreadPoolExecutor(2) as pool:
        untold = tell_all({"hanging": Hanging(), "other": listener}, NOTICE, pool, seconds=0.2)
        answered.set()

    assert dict(untold) == {"hanging": "no answer within 0.2 s"}
    assert listener.heard == [NOTICE]


def test_nobody_is_to_be_told() -> None:
    """A group without addresses is told to nobody."""
    assert tell_all({}, NOTICE, InlineExecutor()) == {}
