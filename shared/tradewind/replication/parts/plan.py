"""How a large object is cut into parts, and the parts into tasks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from tradewind.errors import ObjectTooLargeError
from tradewind.fleet import AwsSite, AzureSite, Site
from tradewind.ports import ObjectState, Part, PartLimits

MIB = 1024 * 1024
TASKS = 1000
"""Tasks of one object at most: beyond that each has several parts, since sending them costs time, too."""


@dataclass(frozen=True, slots=True)
class PartSizes:
    """From which size on objects go in parts, and how large those are; bytes."""

    above: int = 64 * MIB
    """A larger object goes in parts; any other fits into a function's memory, and one request is the cheapest."""
    part: int = 64 * MIB
    """Smaller parts waste time on requests (8 MiB is half as fast), larger ones lose more when a worker dies."""


@dataclass(frozen=True, slots=True)
class PartPlan:
    """Cuts an object of `size` bytes into parts of `part` bytes each, of which the last may be shorter."""

    size: int
    part: int

    @property
    def numbers(self) -> range:
        """Of all parts, from 1."""
        return range(1, ceil(self.size / self.part) + 1)

    def fitting(self, parts: Sequence[Part]) -> list[Part]:
        """Return the parts that are what the plan says; ids that follow from the version may show others, too."""
        return [part for part in parts if part.number in self.numbers and part.size == self.span(part.number)[1]]

    def is_whole(self, parts: Sequence[Part]) -> bool:
        """Say whether no part is missing."""
        return len(self.fitting(parts)) == len(self.numbers)

    def span(self, number: int) -> tuple[int, int]:
        """Return the first byte and the length of a part."""
        start = (number - 1) * self.part
        return start, min(self.part, self.size - start)


def plan_parts(state: ObjectState, wanted: int, limits: PartLimits) -> PartPlan:
    """Cut an object into parts of about equal size, `wanted` bytes at most unless the target needs larger ones.

    Raises:
        ObjectTooLargeError: The target cannot hold it.
    """
    size = state.size
    if size > limits.whole or size > limits.parts * limits.largest:
        raise ObjectTooLargeError(
            f"{state.key!r} has {size:,} bytes, and the target holds {limits.whole:,} at most",
            hint="Split it, or exclude it from the rule",
        )
    unit = MIB if wanted >= MIB else 1
    count = min(max(1, ceil(size / wanted)), limits.parts)
    part = ceil(ceil(size / count) / unit) * unit
    return PartPlan(size, min(max(part, limits.smallest), limits.largest))


def may_pull(source: Site, target: Site) -> bool:
    """Say whether the target's cloud may read large objects of the source by itself, as far as the fleet file tells.

    It does if the source's bucket keeps versions, and a CRC64NVME of the object.
    """
    return isinstance(source, AwsSite) and isinstance(target, AzureSite) and target.pull


def tasks_of(numbers: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Deal parts out to tasks, neighbours together; if no part is missing, one task remains: to join them."""
    each = max(1, ceil(len(numbers) / TASKS))
    for start in range(0, max(1, len(numbers)), each):
        yield tuple(numbers[start : start + each])
