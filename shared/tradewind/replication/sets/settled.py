"""Whether what a source holds of a set is one version of it. Pure.

The stores keep when each object was written and not which version of a set it belongs to, and an index that was
uploaded before its shards looks like an index whose shards are being written over. What tells them apart is how a set
is written: its writer goes on within `quiet` of the last object while a version is under way, and leaves at least
`quiet` between the end of one version and the beginning of the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Published:
    """What is on record of the version of a set that was published last."""

    as_of: datetime | None = None
    """When its newest object was written, by the source's clock."""
    state: str = ""
    """Stands for the versions of all its objects."""


def settled(
    closing: datetime, members: Sequence[datetime], *, now: datetime, quiet: timedelta, over: Published | None
) -> bool:
    """Say whether a set may be published as it is, by the times at which its objects were written.

    Args:
        closing: Of the closing key.
        members: Of every member.
        now: The present time.
        quiet: For how long nothing in the set changes before it counts as complete, whatever else is the case.
        over: What was published before it; None if nothing was, and no older member is at the target.

    Returns:
        Whether nothing changed for `quiet`; or all of it was written without so long a pause, and, where it is written
        over another version, all of it anew and the closing key last.
    """
    times = sorted([closing, *members])
    if now - times[-1] >= quiet:
        return True
    if any(later - earlier >= quiet for earlier, later in pairwise(times)):
        return False
    if over is None:
        return True
    anew = over.as_of is None or times[0] > over.as_of
    return anew and closing == times[-1]
