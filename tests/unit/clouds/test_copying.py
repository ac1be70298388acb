"""A copy inside a bucket ends with the function that began it."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.clouds import copying
from tradewind.clouds.copying import SIDE_BY_SIDE, require_time, side_by_side
from tradewind.errors import NotFoundError, ObjectTooLargeError, StoreUnavailableError

MIB = 1024 * 1024
SUBJECT = "s3://bucket/key"


@pytest.mark.parametrize(
    ("count", "size"), [(0, 0), (1, 256 * MIB), (32 * 4, 256 * MIB), (16 * 128, 8 * MIB), (11 * 256, 4 * MIB)]
)
def test_what_a_function_has_the_time_for_is_copied(count: int, size: int) -> None:
    """32 GiB in ranges of 256 MiB, 16 GiB in blocks of 8 MiB, 11 GiB in blocks of 4."""
    require_time([size] * count, SUBJECT)


@pytest.mark.parametrize(
    ("count", "size"), [(1, 4000 * MIB), (1, 1200 * MIB), (40 * 4, 256 * MIB), (20 * 128, 8 * MIB), (50_000, 1)]
)
def test_what_would_take_longer_is_refused(count: int, size: int) -> None:
    """The error says how long it would take."""
    with pytest.raises(ObjectTooLargeError, match=f"{count:,} requests would take"):
        require_time([size] * count, SUBJECT)


@given(st.integers(0, 3 * SIDE_BY_SIDE))
def test_results_come_in_order(count: int) -> None:
    """Whichever is done first."""
    assert side_by_side([partial(int, number) for number in range(count)], SUBJECT) == list(range(count))


def test_one_that_fails_ends_them_all() -> None:
    """Its error is raised, and nothing runs any more."""

    def fail() -> None:
        raise NotFoundError(SUBJECT)

    with pytest.raises(NotFoundError):
        side_by_side([fail] * 100, SUBJECT)


def test_what_is_not_done_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has not begun is never begun, and the error says that the next delivery may be luckier."""
    asked: list[float] = []

    def nothing_is_done(running: list[object], *, timeout: float, return_when: str) -> tuple[set[object], set[object]]:
        assert return_when == FIRST_EXCEPTION
        asked.append(timeout)
        return set(), set(running)

    monkeypatch.setattr(copying, "wait", nothing_is_done)

    with pytest.raises(StoreUnavailableError, match="did not finish within 50 seconds"):
        side_by_side([int, int], SUBJECT)

    assert asked == [copying.SECONDS]
