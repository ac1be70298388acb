"""The figures of a drill, from recorded events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.failover.drills.measure import Waiting, figures, loss, recovery
from tradewind.failover.drills.timeline import Artifact, Look, Moment, Request, Rounds, Shown, Timeline
from tradewind.failover.routing import Kind, Routing, State, Step
from tradewind.ports.traffic import Traffic

FAULT, LIFTED = 10.0, 40.0
AWS, GCP = {"aws": 100, "gcp": 0}, {"aws": 0, "gcp": 100}
STATES = [State.ELECTED, State.DRAINING, State.REDIRECTED, State.VERIFIED, State.NOTIFIED, State.SETTLED]


def routing(epoch: int, state: State, weights: dict[str, int] = AWS, *, steps: tuple[State, ...] = ()) -> Routing:
    """Return a routing that has come to a state, by these steps."""
    taken = tuple(Step(each, "2026-01-01T00:00:00+00:00", "gcp-euw4") for each in (*steps, state))
    return Routing(epoch, state, Kind.FAILOVER, weights, AWS, "aws is down", "gcp-euw4", steps=taken)


def moved() -> Timeline:
    """Return a drill in which traffic left aws: lost from 10.0 to 13.9, detected at 12, shown at 13.5."""
    timeline = Timeline(moments={Moment.FAULT: FAULT, Moment.LIFTED: LIFTED, Moment.ASKED: 44.0, Moment.RESTORED: 46.5})
    timeline.looks = [
        Look(9.0, routing(3, State.SETTLED)),
        Look(12.0, routing(3, State.DETECTED)),
        Look(13.0, routing(4, State.DRAINING, GCP, steps=(State.DETECTED, State.ELECTED))),
        Look(15.0, routing(4, State.SETTLED, GCP, steps=(State.DETECTED, *STATES[:-1]))),
        Look(46.0, routing(5, State.SETTLED)),
    ]
    timeline.shown = [Shown(9.0, Traffic(AWS, 3, "a")), Shown(13.5, Traffic(GCP, 4, "b"))]
    timeline.rounds = [Rounds(9.5, {"a": 90, "g": 80, "z": 85}), Rounds(13.6, {"a": 90, "g": 83, "z": 87})]
    sent = [number / 10 for number in range(460)]
    timeline.requests = [
        Request(at, at + 0.01, "status 502" if FAULT <= at < 13.95 else "", "gcp" if at > 13.5 else "aws")
        for at in sent
    ]
    return timeline


def test_a_move_is_measured_from_the_fault() -> None:
    """Detection, election, the redirect and the end each count from the moment when the fault came."""
    found = figures(moved(), steady=5)

    assert (found.epoch_before, found.epoch, found.epochs) == (3, 4, (4,))
    assert (found.detected, found.elected, found.settled) == (2.0, 3.0, 5.0)
    assert found.redirected == pytest.approx(4.01), "the director showed it before, but requests were lost still"
    assert found.rto == pytest.approx(4.01)
    assert found.failed == {"before": 0, "during": 40, "after": 0, "restore": 0}
    assert (found.lost, found.reasons, found.requests) == (40, {"status 502": 40}, 460)
    assert found.restored == 2.5


def test_states_that_were_passed_between_two_looks_are_told() -> None:
    """Each state of the epoch is a step with the time at which it was seen first, its detection included."""
    steps = figures(moved(), steady=5).steps

    assert [(step.state, step.at) for step in steps] == [
        (State.DETECTED, 2.0),
        (State.ELECTED, 3.0),
        (State.DRAINING, 3.0),
        *((state, 5.0) for state in STATES[2:]),
    ]
    assert {step.epoch for step in steps} == {4}


def test_rounds_are_counted_for_those_who_went_on() -> None:
    """An observer that died with the cloud looked no more, and says nothing of how long it took."""
    assert figures(moved(), steady=5).rounds == {"g": 3, "z": 2}


def test_a_drill_in_which_nothing_moves_has_no_epoch() -> None:
    """Where no failover happened, every figure of it is None, and the requests that were lost are told."""
    timeline = moved()
    timeline.looks, timeline.shown = timeline.looks[:1], timeline.shown[:1]
    timeline.requests = [
        each if each.start < FAULT else Request(each.start, each.end, "down") for each in timeline.requests
    ]

    found = figures(timeline, steady=5)

    assert (found.epoch, found.epochs, found.steps) == (None, (), ())
    assert (found.detected, found.elected, found.redirected, found.settled, found.rto) == (None,) * 5
    assert found.failed["during"] == 300


def test_what_moved_after_the_fault_was_lifted_is_told_apart() -> None:
    """The way back is one epoch; more of them say why it took so long, or never ended."""
    timeline = moved()
    timeline.looks += [Look(47.0, routing(6, State.ELECTED, GCP)), Look(48.0, routing(6, State.DRAINING, GCP))]

    assert (figures(timeline, steady=5).epochs, figures(timeline, steady=5).later) == ((4,), (5, 6))
    assert figures(moved(), steady=5).later == (5,)


def test_what_is_lost_after_the_move_was_settled_is_counted_apart() -> None:
    """A request that is lost when all should be well again is no part of the outage."""
    timeline = moved()
    timeline.requests += [Request(20.0, 20.1, "status 503"), Request(41.0, 41.1, "status 503"), Request(2, 2.1, "x")]

    assert figures(timeline, steady=5).failed == {"before": 1, "during": 40, "after": 1, "restore": 1}


def test_the_last_of_several_epochs_is_where_traffic_went() -> None:
    """A move that did not pass verification is followed by another, and that one must settle."""
    timeline = moved()
    timeline.looks[3:3] = [Look(14.0, routing(5, State.ELECTED, {"aws": 0, "gcp": 0, "azure": 100}))]
    timeline.looks[4:] = [Look(16.0, routing(5, State.SETTLED, {"azure": 100}))]

    found = figures(timeline, steady=5)

    assert (found.epoch, found.epochs, found.settled) == (5, (4, 5), 6.0)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("..........", 0.0),
        ("..xx......", 2.0),
        ("..x.x.....", 3.0),
        ("..xx..x...", 5.0),
        ("..xx.....x", 2.0),
        ("..xxxxxxxx", None),
        ("........x.", None),
    ],
)
def test_recovery_is_from_the_first_lost_to_the_first_of_a_steady_success(pattern: str, expected: float | None) -> None:
    """A success that does not last is none yet: three seconds of it are asked for, here with a request each second."""
    requests = [
        Request(at, at, "lost" if sign == "x" else "") for at, sign in enumerate(pattern + "..." * (pattern[-1] == "."))
    ]
    requests = requests if pattern != "........x." else requests[:10]

    assert recovery(requests, fault=1.0, until=100.0, steady=3.0) == expected


@given(st.lists(st.booleans(), max_size=80), st.integers(1, 10))
def test_after_the_recovery_comes_a_steady_period(signs: list[bool], steady: int) -> None:
    """Whatever is lost: what is called recovered was answered for so long, and nothing earlier was."""
    requests = [Request(at, at, "" if sign else "lost") for at, sign in enumerate(signs)]
    lost = [at for at, sign in enumerate(signs) if not sign]

    found = recovery(requests, fault=0.0, until=1000.0, steady=steady)

    runs = [at for at in range(len(signs) - steady) if all(signs[at : at + steady]) and (not lost or at > lost[0])]
    if not lost:
        assert found == 0.0
    elif found is None:
        assert not [at for at in runs if all(signs[at : at + steady + 1])]
    else:
        assert int(found) + lost[0] == min(runs)


def test_loss_counts_what_is_nowhere_else() -> None:
    """Bytes that another site holds are not lost; the oldest of the others says how far back a loss reaches."""
    here = Artifact("a", 10, 1, at=9.5, proven_at=("gcp",))
    gone = [Artifact("b", 20, 1, at=8.0), Artifact("c", 30, 1, at=9.9)]

    found = loss([here, *gone], fault=10.0)

    assert (found.uploaded, found.uploaded_bytes, found.objects, found.bytes, found.seconds) == (3, 60, 2, 50, 2.0)
    assert loss([here], fault=10.0).seconds == 0.0


def test_what_waited_before_counts_as_lost() -> None:
    """What was not replicated when the drill began is at risk as what it uploads is."""
    gone = Artifact("b", 20, 1, at=8.0)

    found = loss([gone], 10.0, Waiting(objects=3, bytes=100, seconds=50.0))

    assert (found.uploaded, found.objects, found.bytes, found.seconds) == (1, 4, 120, 50.0)
