"""Beginning the copy of a large object, or finding it under way."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from tradewind.errors import (
    NotFoundError,
    ObjectTooLargeError,
    PreconditionFailedError,
    SetError,
    TradewindError,
    TransientError,
)
from tradewind.ports import Checksums, ObjectState, Uploads
from tradewind.replication.budgets.asking import Payment
from tradewind.replication.decide import Verdict
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.jobs import Held, Job, Jobs
from tradewind.replication.parts.plan import PartPlan, plan_parts, tasks_of
from tradewind.replication.parts.proof import algorithm_for, value_of, with_checksums
from tradewind.replication.parts.pulling import PULLED, pin_of
from tradewind.replication.parts.refused import Refused
from tradewind.replication.parts.tasks import PartTask
from tradewind.replication.provenance import Provenance, Version, digest, stamped, unstamped
from tradewind.replication.routes import Route
from tradewind.replication.sets.recognise import closing_kind
from tradewind.replication.workplace import Workplace

PATIENCE = timedelta(hours=1)
"""So long a job's tasks are left alone before they are sent again; the queue brings back those of workers that died."""
NUDGE = timedelta(seconds=60)
"""So long whoever is to join the parts is not reminded of it."""
TRIES = 4
"""How often the record is looked at again when others change it."""


def in_parts(
    at: Workplace, route: Route, source: ObjectState, origin: Provenance, expect: str | None, *, streamed: bool = False
) -> Outcome:
    """See to it that a large object is copied in parts; safe to repeat.

    Args:
        at: Where the work is done.
        route: From where to where.
        source: The object, as its store described it.
        origin: What the replica is to say of itself, as far as it is known.
        expect: The target's token, or None if it has no such object.
        streamed: Whether functions must bring the bytes, even where the target's cloud could read them by itself.

    Raises:
        ObjectTooLargeError: The target cannot hold it, or it closes a set and must be read as a whole.
        UnportableError: The target cannot hold its key or metadata.
        TransientError: Others are at the same job; look again.
    """
    require_no_manifest(at, route, source)
    begin = _Beginning(at, route, source, origin, expect, streamed)
    for _ in range(TRIES):
        held = begin.find()
        if held is None:
            if (reason := begin.refused()) is not None:
                return Outcome(route, Verdict.FAILED, reason)
            payment = begin.pay()
            if payment.waits is not None:
                return Outcome(route, Verdict.DEFERRED, payment.waits)
            held = begin.paid_anew(payment)
        if held is None:
            continue
        with suppress(NotFoundError):  # the upload is gone, though its record is not
            if held.job.asked_to is not None or not begin.is_patient(held.job) or begin.is_waiting(held.job):
                begin.ask(held)
            return _under_way(route, held.job.plan)
        begin.drop(held)
    raise TransientError(f"The upload of {source.key!r} to {route.target} is begun by many at once; look again")


def require_no_manifest(at: Workplace, route: Route, source: ObjectState) -> None:
    """Return unless a large object closes a set: such an object is read, so that its members are known.

    Raises:
        ObjectTooLargeError: It does.
    """
    if closing_kind(route.rule, source.key) is not None:
        raise ObjectTooLargeError(
            f"{source.key!r} closes an artifact set and has {source.size:,} bytes; up to {at.parts.above:,} are read",
            hint="Leave the kind of set out of the rule's `sets`, or list the members in a smaller manifest",
        )


def require_parts(at: Workplace, route: Route, source: ObjectState) -> None:
    """Return if all parts of a large object are at the target, and only the joining is left.

    A set that is shown is withdrawn for its next version only then: that may take hours, and its readers have none in
    the meantime.

    Raises:
        SetError: They are not.
    """
    held = Jobs(at.records_of(route.target)).read(source.key)
    if held is not None and held.job.version == Version.of(source):
        with suppress(NotFoundError):
            if held.job.plan.is_whole(at.uploads_of(route.target).parts(source.key, held.job.upload)):
                return
    raise SetError(
        f"{source.key!r} is on its way to {route.target} in parts, which are not all there yet",
        hint="The set is swapped once it can be brought at once",
    )


def _under_way(route: Route, plan: PartPlan) -> Outcome:
    return Outcome(route, Verdict.STARTED, f"being copied in {len(plan.numbers):,} parts of {plan.part:,} bytes")


@dataclass(frozen=True, slots=True)
class _Beginning:
    at: Workplace
    route: Route
    source: ObjectState
    origin: Provenance
    expect: str | None
    streamed: bool

    @property
    def uploads(self) -> Uploads:
        return self.at.uploads_of(self.route.target)

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.at.records_of(self.route.target))

    def find(self) -> Held | None:
        """Return the job if it is under way on the same terms; a job on other terms is given up."""
        held = self.jobs.read(self.source.key)
        if held is None:
            return None
        job = held.job
        if (job.source, job.version, job.expect) == (self.route.source, Version.of(self.source), self.expect):
            return held if job.rule == self.route.rule.name else self._take_over(held)
        if self.drop(held):
            self.uploads.abort(job.key, job.upload)
        return None

    def drop(self, held: Held) -> bool:
        """Remove a job's record; say False if it is no longer what was read. What comes instead is paid for anew."""
        job = held.job
        if not self.jobs.drop(held):
            return False
        self.at.budgets.conclude(job.rule, job.target, job.key, job.version)
        return True

    def _take_over(self, held: Held) -> Held | None:
        """Go on with the job of a rule that has another name by now, or is not there any more; its parts stay."""
        job = replace(held.job, rule=self.route.rule.name, asked=None)
        with suppress(PreconditionFailedError):
            return Held(job, self.jobs.write(job, expect=held.token))
        return None

    def refused(self) -> str | None:
        """Return why it is not to be brought again as it is, or None."""
        return Refused(self.at.records_of(self.route.target), self.at.clock).reason(self.route.source, self.source)

    def pay(self) -> Payment:
        """Pay for all of the object, or put it on record."""
        return self.at.budgets.begin(self.route.rule, self.route.source, self.route.target, self.source)

    def paid_anew(self, payment: Payment) -> Held | None:
        """Do the same as `anew`; what was paid is given back if it cannot be begun, unless others have begun it."""
        try:
            return self.anew()
        except TradewindError:
            if not self._is_begun():
                self.at.budgets.refund(self.route.rule, self.route.source, self.route.target, payment)
            raise

    def _is_begun(self) -> bool:
        """Say whether there is a job, or nobody knows: one whose record's answer was lost, or somebody else's."""
        try:
            return self.jobs.read(self.source.key) is not None
        except TradewindError:
            return True

    def anew(self) -> Held | None:
        """Begin an upload and note it; None if somebody else was faster."""
        kept = self.source.checksums
        algorithm = algorithm_for(kept if value_of(kept, algorithm_for(kept)) is not None else self.origin.checksums)
        known = Checksums(crc32c=kept.crc32c, crc64nvme=kept.crc64nvme, crc32=kept.crc32)
        origin = with_checksums(self.origin.kept_as(None), known)
        if known != Checksums():  # a store that computes one of these computed its MD5, too; Azure only believes it
            origin = replace(origin, origin_md5=kept.md5 or origin.origin_md5)
        job = Job(
            rule=self.route.rule.name,
            key=self.source.key,
            source=self.route.source,
            target=self.route.target,
            version=Version.of(self.source),
            plan=plan_parts(self.source, self.at.parts.part, self.uploads.limits),
            upload="",
            algorithm=algorithm,
            expect=self.expect,
            origin=origin,
            metadata=digest(self.source.metadata),
            began=self.at.clock(),
            pull=None if self.streamed or algorithm != PULLED else pin_of(self.at, self.route, self.source),
        )
        job = replace(job, upload=self._begin(job))
        try:
            return Held(job, self.jobs.write(job, expect=None))
        except PreconditionFailedError:
            other = self.jobs.read(job.key)
            if other is None or other.job.upload != job.upload:  # where ids follow from the version, it is theirs, too
                self.uploads.abort(job.key, job.upload)
            return None

    def _begin(self, job: Job) -> str:
        store = self.at.store_of(self.route.target)
        store.check_key(job.key)
        metadata = stamped(self.source.metadata, job.origin)
        ending = Checksums(crc32c=0, crc64nvme=0 if job.algorithm == "crc64nvme" else None)
        store.check_metadata(stamped(self.source.metadata, with_checksums(job.origin, ending)))  # as it will end
        final = value_of(job.origin.checksums, job.algorithm) is not None
        return self.uploads.begin(
            job.key,
            # With its time, so that who clears up after an upload that has ended removes nothing of the next one.
            version=f"{job.source} {job.version.token} {job.version.modified.isoformat()} {job.began.isoformat()}",
            algorithm=job.algorithm,
            metadata=metadata if final else unstamped(self.source.metadata),
            final=final,
        )

    def is_patient(self, job: Job) -> bool:
        """Say whether what was asked for lately may still be on its way."""
        return job.asked is not None and self.at.clock() - job.asked < PATIENCE

    def is_waiting(self, job: Job) -> bool:
        """Say whether all parts are there, and whoever is to join them may wait for long: for the set around the key.

        Its message comes back later and later; whoever looks meanwhile may know that the time has come.
        """
        if job.asked is None or self.at.clock() - job.asked < NUDGE:
            return False
        return job.plan.is_whole(self.uploads.parts(job.key, job.upload))

    def ask(self, held: Held) -> None:
        """Send tasks for the parts that are not there yet, and note that they were sent.

        Where bandwidth, or what the target takes at a time, is limited, they are sent a share at a time: the timer lets
        the key go for the next one. What was sent lately is on its way, so a share begins after it, whoever looks.

        Raises:
            NotFoundError: The upload is gone.
        """
        job = held.job
        arrived = {part.number for part in self.uploads.parts(job.key, job.upload)}
        missing = [number for number in job.plan.numbers if number not in arrived]
        if missing and job.asked_to is not None and self.is_patient(job):
            missing = [number for number in missing if number > job.asked_to]
            if not missing:
                return
        sizes = [job.plan.span(number)[1] for number in missing]
        share = self.at.budgets.share(self.route.rule, job.source, job.target, self.source, sizes)
        if missing and not share:
            return
        # With no part missing, one task remains: to join them.
        again = job.asked is not None or share < len(missing)
        tasks = [
            PartTask(
                rule=job.rule,
                key=job.key,
                source=job.source,
                target=job.target,
                upload=job.upload,
                numbers=numbers,
                again=again,
            )
            for numbers in tasks_of(missing[:share])
        ]
        self.at.send(job.source, (task.encode() for task in tasks))
        self.jobs.note_asked(held, self.at.clock(), missing[share - 1] if share < len(missing) else None)
