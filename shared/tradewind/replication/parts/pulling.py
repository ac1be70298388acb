"""Parts that the target's cloud reads by itself, from a signed address of the source, so that none passes through here.

Where that is allowed, and what comes of it can be proven; otherwise functions stream the bytes, which is never wrong.
"""

from __future__ import annotations

import logging

from tradewind.errors import PullRefusedError
from tradewind.ports import Algorithm, ObjectState
from tradewind.replication.parts.jobs import Job
from tradewind.replication.routes import Route
from tradewind.replication.workplace import Workplace

log = logging.getLogger(__name__)
PULLED: Algorithm = "crc64nvme"
"""The checksum that both clouds know."""
VALID = 300
"""Seconds for which an address can be read. It is read at once, so this is for clocks that differ."""


def pin_of(at: Workplace, route: Route, source: ObjectState) -> str | None:
    """Return what pins the source's version in an address that the target's cloud can read, or None if it is streamed.

    No function sees the bytes, so the source's store must keep the checksum that the target's tells of what it read.

    Raises:
        PreconditionFailedError: The source no longer holds that version.
        NotFoundError: It holds nothing.
    """
    links, pulls = at.links_of(route.source), at.pulls_of(route.target)
    if links is None or pulls is None or source.checksums.crc64nvme is None:
        return None
    return links.pin(source)


def pull(at: Workplace, job: Job, number: int) -> bool:
    """Let the target's cloud read one part of a job; say False if it cannot."""
    links, pulls, whole = at.links_of(job.source), at.pulls_of(job.target), job.origin.crc64nvme
    if not job.pull or links is None or pulls is None or whole is None:
        return False
    start, length = job.plan.span(number)
    url = links.link(job.key, job.pull, seconds=VALID)
    try:
        pulls.pull_part(job.key, job.upload, number, url, start=start, length=length, whole=whole)
    except PullRefusedError as error:
        log.warning("part %d of %r is streamed to %s, and so are the others: %s", number, job.key, job.target, error)
        return False
    return True
