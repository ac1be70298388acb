"""What the last looks say together, and what the breaker makes of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tradewind.failover.looking.breaker import Circuit, turned
from tradewind.failover.looking.windows import LATELY, WINDOW, error_rate, fails_often, latency, quantile, remembered
from tradewind.failover.views import Breaker, Sample

SHARES = st.sampled_from([0.5, 0.95, 0.99, 1.0])
SECONDS = st.floats(0, 30)


def sample(*, good: bool) -> Sample:
    """Return a look."""
    return Sample(good, 0.1)


def test_quantiles_are_values_of_the_nearest_rank() -> None:
    """Of 20 values the 19th is that which 95 percent do not exceed."""
    values = [float(value) for value in range(20, 0, -1)]

    assert (quantile(values, 0.5), quantile(values, 0.95), quantile(values, 0.99)) == (10, 19, 20)
    assert quantile([3.0], 0.5) == 3


@given(st.lists(SECONDS, min_size=1, max_size=WINDOW), SHARES)
def test_a_quantile_is_the_least_value_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    """So it is one of the values; and no lesser one of them would do."""
    found = quantile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) < share * len(values)


def test_latency_is_of_good_answers() -> None:
    """How long a failed look took says nothing about the endpoint."""
    assert latency((Sample(good=False, seconds=2.0),)) is None
    told = latency((Sample(good=True, seconds=0.1), Sample(good=False, seconds=2.0), Sample(good=True, seconds=0.3)))
    assert told is not None
    assert (told.p50, told.p95, told.p99) == (0.1, 0.3, 0.3)


def test_a_window_is_bounded() -> None:
    """What is older is forgotten."""
    samples: tuple[Sample, ...] = ()
    for nth in range(WINDOW + 5):
        samples = remembered(samples, Sample(good=True, seconds=float(nth)))

    assert [each.seconds for each in samples] == [float(nth) for nth in range(5, WINDOW + 5)]


def test_an_endpoint_fails_often_by_its_last_looks() -> None:
    """Enough of them, and neither those before nor a few are enough."""
    bad, good = (sample(good=False),), (sample(good=True),)

    assert error_rate(()) == 0
    assert error_rate(bad + good * 3) == 0.25
    assert fails_often((bad + good) * (LATELY // 2) + bad * 2, 0.5)
    assert not fails_often((bad + good) * (LATELY // 2), 0.5)
    assert not fails_often(bad * (LATELY - 1), 0.5)
    assert not fails_often(bad * LATELY + good * LATELY, 0.5)


def after(looks: str, rounds: int = 3) -> list[str]:
    """Return the breaker's states after looks, of which `+` are good."""
    circuit, failing, states = Circuit(), 0, []
    for look in looks:
        failing = 0 if look == "+" else failing + 1
        circuit = turned(circuit, good=look == "+", failing=failing, rounds=rounds)
        states.append(circuit.state.value)
    return states


def test_a_breaker_opens_waits_tries_and_closes() -> None:
    """Failing three times opens it; three looks later a good one lets a few through; three good ones close it."""
    closed, opened, half = (state.value for state in (Breaker.CLOSED, Breaker.OPEN, Breaker.HALF_OPEN))

    assert after("+--+---") == [closed] * 6 + [opened]
    assert after("---+++" + "+" + "+++") == [closed] * 2 + [opened] * 4 + [half] * 3 + [closed]
    assert after("---" + "----" + "+-") == [closed] * 2 + [opened] * 5 + [half, opened]


@given(st.text("+-", max_size=60), st.integers(1, 5))
def test_a_breaker_never_closes_without_as_many_good_looks(looks: str, rounds: int) -> None:
    """And never while the endpoint is failing."""
    states = ["closed", *after(looks, rounds)]

    for nth in range(1, len(states)):
        if states[nth - 1] == "half_open" and states[nth] == "closed":
            assert looks[:nth].endswith("+" * (rounds + 1))
        if states[nth - 1] == "open":
            assert states[nth] != "closed"
        if looks[:nth].endswith("-" * rounds):
            assert states[nth] == "open"
