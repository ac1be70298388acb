"""Working off one part task: bring some parts to the target, and join all of them if none is missing any more."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeAlias

from tradewind.errors import (
    IntegrityError,
    NotFoundError,
    OverBudgetError,
    PermanentError,
    PreconditionFailedError,
    TradewindError,
    TransientError,
)
from tradewind.ports import ObjectState, Part, Uploads
from tradewind.replication.decide import Verdict
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.jobs import Job, Jobs
from tradewind.replication.parts.proof import prove_whole, whole, with_checksums
from tradewind.replication.parts.pulling import pull
from tradewind.replication.parts.refused import Refused
from tradewind.replication.parts.start import in_parts
from tradewind.replication.parts.tasks import PartTask
from tradewind.replication.provenance import Version, digest, provenance_of, stamped
from tradewind.replication.routes import Passage, Route, admission, passage
from tradewind.replication.workplace import Workplace

log = logging.getLogger(__name__)
Look: TypeAlias = Callable[[Route, str], Sequence[Outcome]]
"""Looks at a key on a route, as whoever was told of it does."""
TRIES = 3
"""How often the parts are joined again because a set around them changed, or one of them was written again."""
RENAMED = 5
"""Deliveries after which a rule that a function has not read of is one that was renamed or removed."""
WORK = timedelta(seconds=50)
"""A function begins no further part after so long; the shortest time limit that a deployment has is 120 s."""


class _SourceChangedError(Exception):
    """The source no longer holds the version that is being copied."""


class _MisreadError(Exception):
    """What the target's cloud read by itself is not what the source's store keeps.

    Args:
        state: The source's.
    """

    def __init__(self, state: ObjectState) -> None:
        super().__init__()
        self.state = state


@dataclass(frozen=True, slots=True)
class PartWorker:
    """Works off part tasks.

    Args:
        at: Where the work is done.
        look: Called where the task cannot say what is to be done next.
    """

    at: Workplace
    look: Look

    def work(self, task: PartTask, *, attempt: int) -> Sequence[Outcome]:
        """Do what a task asks for; safe to repeat, late, and beside others.

        Args:
            task: The task.
            attempt: Which delivery of it this is.

        Raises:
            TransientError: Not now; the task must be delivered again.
            PermanentError: The object is not what its store says that it is.
        """
        route = self._route(task, attempt)
        if route is None:
            return self._ask_anew(task)
        held = self._jobs(task.target).read(task.key)
        if held is not None and held.job.upload == task.upload:
            return self._go_on(route, held.job, task, again=task.again or attempt > 1)
        # Whoever had this task before may have died between the end of the job and the look after it.
        return self.look(route, task.key) if attempt > 1 else [_moot(route)]

    def _go_on(self, route: Route, job: Job, task: PartTask, *, again: bool) -> Sequence[Outcome]:
        """Do what the task asks for, and end the job if it cannot come to its end."""
        if (refusal := self._refusal(route, job.key)) is not None:
            self._end(job)
            return [Outcome(route, Verdict.REFUSED, refusal)]
        try:
            return self._advance(route, job, task.numbers, again=again)
        except (_SourceChangedError, PreconditionFailedError, NotFoundError):
            # Of the source, of the target, or of the upload, which somebody completed or aborted.
            self._end(job)
            return self.look(route, job.key)
        except OverBudgetError as error:  # what must go before it waits; the parts stay
            return [Outcome.failed(route, error)]
        except _MisreadError as error:
            return [self._stream_anew(route, job, error.state)]
        except PermanentError as error:
            if not isinstance(error.__cause__, IntegrityError):  # which another copy may well mend
                self._mark(job, error.message)
            self._end(job)
            raise

    def _ask_anew(self, task: PartTask) -> Sequence[Outcome]:
        """Ask for the key of a job whose rule is gone; of all its tasks, one does."""
        held = self._jobs(task.target).read(task.key) if task.target in self.at.fleet.sites else None
        if held is not None and (held.job.upload, held.job.rule) == (task.upload, task.rule):
            with suppress(PreconditionFailedError):
                self._jobs(task.target).write(replace(held.job, rule=""), expect=held.token)
                self.at.ask(task.source, [task.key])
        return []

    def _route(self, task: PartTask, attempt: int) -> Route | None:
        """Return where the task's job goes from and to; None if its rule is gone for good, as far as one can tell."""
        rule = next((rule for rule in self.at.fleet.rules if rule.name == task.rule), None)
        if rule is None or not {task.source, task.target} <= self.at.fleet.sites.keys():
            if attempt > RENAMED and task.source in self.at.fleet.sites:
                return None
            raise TransientError(
                f"The part task for {task.key!r} is of the rule {task.rule!r} from {task.source} to {task.target}, "
                "which is not in the fleet file as it was read",
                hint="Upload the fleet file that has it, to where the functions read it",
            )
        return Route(rule, task.source, task.target)

    def _refusal(self, route: Route, key: str) -> str | None:
        """Return why nothing more may go this way, or None."""
        if passage(self.at.fleet, self.at.gate, route, key) is Passage.ELSEWHERE:
            return "the rule does not bring it there any more"
        answer = admission(self.at.fleet, self.at.gate, route, key)
        return None if answer.allowed else answer.reason

    @property
    def _time_limit(self) -> timedelta:
        return timedelta(seconds=self.at.fleet.time_limit_seconds)

    def _jobs(self, site: str) -> Jobs:
        return Jobs(self.at.records_of(site))

    def _advance(self, route: Route, job: Job, numbers: Sequence[int], *, again: bool) -> Sequence[Outcome]:
        uploads = self.at.uploads_of(job.target)
        if again and self._is_there(job):  # whoever joined the parts has died since
            self._end(job)
            return self.look(route, job.key)
        if rest := self._bring(job, uploads, numbers, again=again):
            task = PartTask(
                rule=job.rule,
                key=job.key,
                source=job.source,
                target=job.target,
                upload=job.upload,
                numbers=rest,
                again=True,
            )
            self.at.send(job.source, [task.encode()])
            return [_going_on(route, f"{len(rest):,} parts are handed to another function")]
        parts = job.plan.fitting(uploads.parts(job.key, job.upload))
        if len(parts) < len(job.plan.numbers):
            if not self._jobs(job.target).holds(job):  # it ended while this part was on its way, and left it behind
                uploads.abort(job.key, job.upload)
                return [_moot(route)]
            self._require_kept(job, numbers, parts)
            return [_going_on(route, f"{len(parts):,} of {len(job.plan.numbers):,} parts are there")]
        if not again and not self._jobs(job.target).claim(job, self.at.clock(), self._time_limit):
            return [_going_on(route, "another function joins the parts")]
        joined = self._join(route, job, parts)
        self._end(job)
        after = self.look(route, job.key)
        return [joined, *(outcome for outcome in after if outcome.verdict is not Verdict.IN_SYNC)]

    def _require_kept(self, job: Job, numbers: Sequence[int], parts: Sequence[Part]) -> None:
        """Return if the parts that were just brought are there: Azure drops them all when anybody writes the blob.

        Raises:
            PreconditionFailedError: They are gone, and the target is another one by now.
            TransientError: They are gone, and the target is as it was before: they must be brought once more.
        """
        if set(numbers) <= {part.number for part in parts}:
            return
        message = f"Parts of {job.key!r} are gone from {job.target}, which was written while they were brought"
        now = self.at.store_of(job.target).head(job.key)
        raise (
            TransientError(message) if (now.token if now else None) == job.expect else PreconditionFailedError(message)
        )

    # --- parts -----------------------------------------------------------------------------------------------------

    def _bring(self, job: Job, uploads: Uploads, numbers: Sequence[int], *, again: bool) -> tuple[int, ...]:
        """Bring parts one after the other, and return those that there is no time for."""
        until = self.at.clock() + min(self._time_limit / 2, WORK)
        arrived = {part.number for part in job.plan.fitting(uploads.parts(job.key, job.upload))} if again else set()
        missing = [number for number in numbers if number not in arrived]
        for index, number in enumerate(missing):
            if index and self.at.clock() >= until:
                return tuple(missing[index:])
            job = self._bring_one(job, uploads, number)
        return ()

    def _bring_one(self, job: Job, uploads: Uploads, number: int) -> Job:
        """Bring one part by the way that the job goes, and return the job as it goes on.

        Raises:
            TransientError: The target takes no more at a time.
        """
        with self.at.budgets.slot(job.target):
            if job.pull:
                if pull(self.at, job, number):
                    return job
                job = self._jobs(job.target).stream(job)
            self._copy(job, uploads, number)
            return job

    def _copy(self, job: Job, uploads: Uploads, number: int) -> None:
        """Stream one part from the version that is copied."""
        start, length = job.plan.span(number)
        store = self.at.store_of(job.source)
        with ExitStack() as stack:
            try:
                download = stack.enter_context(store.get(job.key, token=job.version.token, start=start, length=length))
            except (NotFoundError, PreconditionFailedError) as error:
                raise _SourceChangedError from error
            if Version.of(download.state) != job.version:
                raise _SourceChangedError
            uploads.put_part(job.key, job.upload, number, _as_read(download.chunks), size=length)

    # --- the end ---------------------------------------------------------------------------------------------------

    def _join(self, route: Route, job: Job, parts: Sequence[Part]) -> Outcome:
        """Join the parts, if the source still holds what they are made of and the target what it held.

        Raises:
            SetError: The key belongs to a set, and its turn has not come; the parts stay.
            PreconditionFailedError: The target holds something else by now.
        """
        state = self._confirmed(job)
        made = whole(parts)
        if job.pull is not None and made.crc64nvme != state.checksums.crc64nvme:
            raise _MisreadError(state)
        proof = prove_whole(made, state.checksums, job.algorithm, f"{job.key!r} at {job.source}")
        origin = with_checksums(job.origin, made)
        metadata = stamped(state.metadata, origin)
        replaces = job.expect is not None
        for _ in range(TRIES):
            try:
                with self.at.sets.writing(
                    route.rule, job.key, source=job.source, target=job.target, body=b"", replaces=replaces
                ):
                    self.at.uploads_of(job.target).complete(
                        job.key, job.upload, parts, metadata=metadata, checksums=made, expect=job.expect
                    )
            except PreconditionFailedError:
                now = self.at.store_of(job.target).head(job.key)
                if (now.token if now else None) != job.expect:
                    raise
            except NotFoundError:  # a duplicate task may have written a part again, which then has another name
                parts = job.plan.fitting(self.at.uploads_of(job.target).parts(job.key, job.upload))
                if not job.plan.is_whole(parts) and self._jobs(job.target).holds(job):
                    break  # it is just being written
                if not job.plan.is_whole(parts) or whole(parts) != made:
                    raise
            except IntegrityError as error:
                raise PermanentError(error.message, hint="Redrive the message to copy it anew") from error
            else:
                self.at.remember(route, state, origin)
                told = f"written in {len(parts):,} parts{', which its cloud read by itself' if job.pull else ''}"
                size, crc = job.plan.size, made.crc32c
                return Outcome(route, Verdict.COPIED, told, size, crc, proof, replaced=replaces)
        raise TransientError(
            f"The parts of {job.key!r}, or a set around it, changed {TRIES} times at {job.target} as they were joined"
        )

    def _confirmed(self, job: Job) -> ObjectState:
        state = self.at.store_of(job.source).head(job.key)
        if state is None or Version.of(state) != job.version or digest(state.metadata) != job.metadata:
            raise _SourceChangedError
        return state

    def _stream_anew(self, route: Route, job: Job, state: ObjectState) -> Outcome:
        """Begin again where the target's cloud read other bytes: those that functions bring are proven on their way."""
        self._end(job)
        log.warning(
            "%s read other bytes of %r than %s keeps; they are streamed instead", job.target, job.key, job.source
        )
        return in_parts(self.at, route, state, job.origin, job.expect, streamed=True)

    def _is_there(self, job: Job) -> bool:
        state = self.at.store_of(job.target).head(job.key)
        claim = provenance_of(state) if state else None
        begun = job.origin
        return claim is not None and (claim.origin, claim.version, claim.metadata) == (
            begun.origin,
            begun.version,
            begun.metadata,
        )

    def _mark(self, job: Job, reason: str) -> None:
        """See to it that no sweep brings the same bytes again; if that fails, the next one does so once more."""
        with suppress(TradewindError):
            Refused(self.at.records_of(job.target), self.at.clock).mark(job, reason)

    def _end(self, job: Job) -> None:
        """Remove the job, and what there is left of its upload."""
        if self._jobs(job.target).end(job):
            self.at.budgets.conclude(job.rule, job.target, job.key, job.version)
            self.at.uploads_of(job.target).abort(job.key, job.upload)


def _as_read(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks; that the source was replaced while they were read is told apart from all other errors."""
    try:
        yield from chunks
    except (NotFoundError, PreconditionFailedError) as error:
        raise _SourceChangedError from error


def _moot(route: Route) -> Outcome:
    return Outcome(route, Verdict.IGNORED, "the part is of an upload that has ended")


def _going_on(route: Route, told: str) -> Outcome:
    return Outcome(route, Verdict.STARTED, told)
