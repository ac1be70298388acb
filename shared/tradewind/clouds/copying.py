"""The time that a copy inside a bucket has: it is not handed on, so it must end with the function that began it.

What surely does not is refused before anything is begun, and what turns out to be slower than it should is given up,
so that whoever asked can still send the bytes, which any number of functions can share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from tradewind.errors import ObjectTooLargeError, StoreUnavailableError

T = TypeVar("T")
SECONDS = 50.0
"""Of work. The shortest time limit of a function is 120 seconds (on AWS): half of that, less what comes before."""
LONGEST = 25.0
"""Seconds that one request may take: begun at the last moment and repeated once, it still ends before the function."""
SIDE_BY_SIDE = 16
REQUEST = 0.2
"""Seconds that one request takes, beside its bytes. An assumption, as the next; the time above holds in any case."""
RATE = 50_000_000
"""Bytes a second of one request. With 16 side by side that makes 35 GiB in ranges of 256 MiB, and 16 in blocks of 8."""


def require_time(sizes: Sequence[int], subject: str) -> None:
    """Check that requests for so many bytes each will be done in time.

    Raises:
        ObjectTooLargeError: They will not.
    """
    each = [REQUEST + size / RATE for size in sizes]
    longest = max(each, default=0)
    needed = max(sum(each) / SIDE_BY_SIDE, longest)
    if needed > SECONDS or longest > LONGEST:
        raise ObjectTooLargeError(
            f"Could not copy {subject}: its {sum(sizes):,} bytes in {len(sizes):,} requests would take {needed:,.0f} "
            f"seconds, and a copy inside a bucket has {SECONDS:.0f}, a request {LONGEST:.0f}"
        )


def side_by_side(calls: Sequence[Callable[[], T]], subject: str) -> list[T]:
    """Return the results of `calls`, in order; nothing runs any more when this ends, however it ends.

    Raises:
        StoreUnavailableError: They are not done in time.
    """
    executor = ThreadPoolExecutor(SIDE_BY_SIDE, "tradewind-copy")
    try:
        running = [executor.submit(call) for call in calls]
        done, pending = wait(running, timeout=SECONDS, return_when=FIRST_EXCEPTION)
        for each in done:
            each.result()
        if pending:
            raise late(subject)
        return [each.result() for each in running]
    finally:
        executor.shutdown(cancel_futures=True)


def late(subject: str) -> StoreUnavailableError:
    """Return the error of a copy that is not done in time."""
    return StoreUnavailableError(f"Could not copy {subject}: the store did not finish within {SECONDS:.0f} seconds")
