"""The record of a job, in the target's control bucket: which upload a version of a key goes into, and on what terms."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from tradewind.errors import PreconditionFailedError, TransientError
from tradewind.ports import Algorithm
from tradewind.records import TRIES, Document, Records, name_for
from tradewind.replication.parts.plan import PartPlan
from tradewind.replication.provenance import Provenance, Version, decode

PREFIX = "uploads/"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Job:
    """The copy of one version of one key from one site to one other, in parts."""

    rule: str
    key: str
    source: str
    target: str
    version: Version
    """Of the source's object."""
    plan: PartPlan
    upload: str
    """Of the target's store."""
    algorithm: Algorithm
    """By which it is proven."""
    expect: str | None
    """The target's token when the job began; the parts are joined only under this condition."""
    origin: Provenance
    """What the replica will say of itself, as far as it was known."""
    metadata: str
    """Digest of the source's metadata."""
    began: datetime
    asked: datetime | None = None
    """When part tasks were sent last; None if whoever began it may have died before."""
    asked_to: int | None = None
    """Up to which part they were; None if up to the last one."""
    joining: datetime | None = None
    """When somebody who found all parts there set about joining them."""
    joiner: str = ""
    """Who that is."""
    pull: str | None = None
    """Pins the version in the address at which the target's cloud reads it by itself; None if functions stream it, and
    empty if they stream what the cloud has not read."""

    def as_document(self) -> Document:
        """Return the record's content."""
        return {
            "v": FORMAT,
            "rule": self.rule,
            "key": self.key,
            "source": self.source,
            "target": self.target,
            "token": self.version.token,
            "modified": self.version.modified.isoformat(),
            "size": self.plan.size,
            "part": self.plan.part,
            "upload": self.upload,
            "algorithm": self.algorithm,
            "expect": self.expect,
            "origin": self.origin.encode(),
            "metadata": self.metadata,
            "began": self.began.isoformat(),
            "asked": None if self.asked is None else self.asked.isoformat(),
            "asked_to": self.asked_to,
            "joining": None if self.joining is None else self.joining.isoformat(),
            "joiner": self.joiner,
            "pull": self.pull,
        }


def job_of(fields: Document) -> Job:
    """Return the job that a record describes.

    Raises:
        TransientError: A newer tradewind wrote it, or nobody knows what it is.
    """
    try:
        return Job(
            rule=fields["rule"],
            key=fields["key"],
            source=fields["source"],
            target=fields["target"],
            version=Version(fields["token"], datetime.fromisoformat(fields["modified"])),
            plan=PartPlan(int(fields["size"]), int(fields["part"])),
            upload=fields["upload"],
            algorithm=fields["algorithm"],
            expect=fields["expect"],
            origin=_origin(fields),
            metadata=fields["metadata"],
            began=datetime.fromisoformat(fields["began"]),
            asked=_time(fields, "asked"),
            asked_to=None if fields.get("asked_to") is None else int(fields["asked_to"]),
            joining=_time(fields, "joining"),
            joiner=fields.get("joiner", ""),
            pull=fields.get("pull"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise TransientError(
            f"The record of the upload of {fields.get('key')!r} is of a format that this version does not know",
            hint="Deploy the same version of tradewind to every cloud; if nobody wrote a newer one, delete the record",
        ) from error


def _time(fields: Document, name: str) -> datetime | None:
    return None if fields[name] is None else datetime.fromisoformat(fields[name])


def _origin(fields: Document) -> Provenance:
    origin = decode(fields["origin"], fields["key"])
    if fields["v"] != FORMAT or origin is None:
        raise ValueError(fields["v"])
    return origin


@dataclass(frozen=True, slots=True)
class Held:
    """A job as it was read."""

    job: Job
    token: str
    """The record's version."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs whose target is one site; there is at most one for each key.

    Args:
        records: The target's.
    """

    records: Records

    def read(self, key: str) -> Held | None:
        """Return the job under way for a key: 1 request."""
        held = self.records.read(_name(key))
        return None if held is None else Held(job_of(held.value), held.token)

    def write(self, job: Job, *, expect: str | None) -> str:
        """Write a job's record if its version is `expect`, and return its new version.

        Raises:
            PreconditionFailedError: It is not.
        """
        return self.records.write(_name(job.key), job.as_document(), expect=expect)

    def drop(self, held: Held) -> bool:
        """Remove a job's record; say False if it is no longer what was read."""
        with suppress(PreconditionFailedError):
            self.records.delete(_name(held.job.key), expect=held.token)
            return True
        return False

    def claim(self, job: Job, now: datetime, limit: timedelta) -> bool:
        """Say whether the caller is to join the parts: of several who find them all there at once, one is.

        Whoever joins and dies is followed by the next delivery of its message, which asks nobody; so nothing hangs on
        this but that work is not done twice.

        Args:
            job: The job.
            now: UTC.
            limit: No function works for longer.
        """
        mine = uuid4().hex  # a write whose answer was lost is known again by it
        for _ in range(TRIES):
            held = self.read(job.key)
            if held is None or held.job.upload != job.upload:
                return False
            if held.job.joiner == mine:
                return True
            if held.job.joining is not None and now - held.job.joining < limit:
                return False
            with suppress(PreconditionFailedError):
                self.write(replace(held.job, joining=now, joiner=mine), expect=held.token)
                return True
        return False

    def holds(self, job: Job) -> bool:
        """Say whether a job is still under way: 1 request."""
        held = self.read(job.key)
        return held is not None and held.job.upload == job.upload

    def note_asked(self, held: Held, now: datetime, to: int | None) -> None:
        """Note when tasks were sent and up to which part, whatever else was noted meanwhile, unless the job is over.

        Args:
            held: The job.
            now: UTC.
            to: The part's number; None if it was the last one.
        """
        present: Held | None = held
        for _ in range(TRIES):
            if present is None or present.job.upload != held.job.upload:
                return
            with suppress(PreconditionFailedError):
                self.write(replace(present.job, asked=now, asked_to=to), expect=present.token)
                return
            present = self.read(held.job.key)

    def stream(self, job: Job) -> Job:
        """Note that functions are to bring what is missing, and return the job like that; parts that are there stay."""
        for _ in range(TRIES):
            held = self.read(job.key)
            if held is None or held.job.upload != job.upload or not held.job.pull:
                break
            with suppress(PreconditionFailedError):
                self.write(replace(held.job, pull=""), expect=held.token)
                break
        return replace(job, pull="")

    def end(self, job: Job) -> bool:
        """Remove a job's record whatever was noted in it meanwhile; say False if it is no longer that job's."""
        for _ in range(TRIES):
            held = self.read(job.key)
            if held is None or held.job.upload != job.upload:
                return False
            if self.drop(held):
                return True
        raise TransientError(f"The record of the upload of {job.key!r} to {job.target} changes all the time")


def _name(key: str) -> str:
    return PREFIX + name_for(key)
