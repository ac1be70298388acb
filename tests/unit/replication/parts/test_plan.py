"""Cutting objects into parts, and parts into tasks."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import ObjectTooLargeError
from tradewind.ports import ObjectState, PartLimits
from tradewind.replication.parts.plan import MIB, TASKS, PartPlan, plan_parts, tasks_of

TIB = 1024**4
S3 = PartLimits(parts=10_000, smallest=5 * MIB, largest=5 * 1024 * MIB, whole=5 * TIB)


def of(size: int) -> ObjectState:
    """Return an object of `size` bytes."""
    return ObjectState("models/a", "t", size, datetime(2026, 1, 1, tzinfo=UTC))


@given(size=st.integers(64 * MIB + 1, 5 * TIB), wanted=st.integers(5 * MIB, 1024 * MIB))
def test_every_plan_keeps_to_what_the_target_takes(size: int, wanted: int) -> None:
    """Parts cover the object without a gap, and their number and sizes are allowed."""
    plan = plan_parts(of(size), wanted, S3)
    last = plan.numbers[-1]
    assert last <= S3.parts
    assert S3.smallest <= plan.part <= S3.largest
    assert plan.span(1)[0] == 0
    assert sum(plan.span(last)) == size
    assert 0 < plan.span(last)[1] <= plan.part


@pytest.mark.parametrize(
    ("size", "part", "count"),
    [(100 * MIB, 50 * MIB, 2), (1024 * MIB, 64 * MIB, 16), (5 * TIB, 525 * MIB, 9987), (64 * MIB + 1, 33 * MIB, 2)],
)
def test_parts_are_about_equal_and_grow_with_the_object(size: int, part: int, count: int) -> None:
    """No part is much smaller than the others, and 5 TiB fit into 10,000 parts."""
    plan = plan_parts(of(size), 64 * MIB, S3)
    assert (plan.part, len(plan.numbers)) == (part, count)


@pytest.mark.parametrize("limits", [S3, PartLimits(parts=3, smallest=1, largest=MIB, whole=9 * TIB)])
def test_what_the_target_cannot_hold_is_refused(limits: PartLimits) -> None:
    """An object beyond the target's limits is told by its size, before anything is read."""
    with pytest.raises(ObjectTooLargeError, match=r"'models/a' has 5,.* bytes, and the target holds"):
        plan_parts(of(5 * TIB + 1), 64 * MIB, limits)


@given(count=st.integers(0, 10_000))
def test_tasks_name_each_missing_part_once(count: int) -> None:
    """However many parts are missing, so many messages at most are sent; and one, if all that is left is to join."""
    numbers = list(PartPlan(count, 1).numbers)
    dealt = list(tasks_of(numbers))
    assert [number for task in dealt for number in task] == numbers
    assert 1 <= len(dealt) <= TASKS
