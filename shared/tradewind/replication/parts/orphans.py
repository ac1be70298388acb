"""Ending uploads that nobody works on any more, and asking again for those that still should be.

A job outlives its workers: its record says what was begun. Where that is no longer wanted, because the source holds
something else or the target has it, the record and the upload go; where it is, the key is looked at again, which sends
the tasks of the missing parts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from tradewind.errors import TradewindError, TransientError
from tradewind.fleet import Fleet, Rule
from tradewind.ports import ObjectStore, Uploads
from tradewind.records import Records
from tradewind.replication.parts.jobs import PREFIX, Held, Job, Jobs, job_of
from tradewind.replication.parts.leftovers import Leftovers
from tradewind.replication.parts.start import PATIENCE
from tradewind.replication.provenance import Version
from tradewind.replication.routes import covers

log = logging.getLogger(__name__)
GIVEN_UP = timedelta(days=30)
"""An upload that was begun so long ago and is not done never will be, however little its rule may send in a second."""


@dataclass(frozen=True, slots=True)
class Orphans:
    """The uploads that may have been left, as the timer of one site looks at them.

    They are those of the rules whose first site it is, and whatever goes into it by rules that there are no longer.

    Args:
        fleet: Sites and rules.
        site: Whose timer it is.
        store_of: Returns the store of a site, by name.
        records_of: Returns the records of a site, by name.
        uploads_of: Returns the uploads in parts of a site, by name.
        ask: Asks for keys of a site to be looked at, for a rule.
        clock: Returns the time, UTC.
    """

    fleet: Fleet
    site: str
    store_of: Callable[[str], ObjectStore]
    records_of: Callable[[str], Records]
    uploads_of: Callable[[str], Uploads]
    ask: Callable[[str, Sequence[str], str], None]
    clock: Callable[[], datetime]

    def tidy(self) -> int:
        """End what is not wanted any more and ask for what is; return how many uploads were ended.

        Raises:
            TradewindError: A site could not be asked; the others were.
        """
        ended, failed = 0, []
        for target in self._targets():
            try:
                ended += self._at(target)
            except TradewindError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return ended

    def _at(self, target: str) -> int:
        jobs, live, ended = Jobs(self.records_of(target)), set(), 0
        unreadable = 0
        for held in self._held(target):
            if held is None:
                unreadable += 1
                continue
            job = held.job
            live.add(job.upload)
            rule = self._rule_of(job)
            if self.clock() - (job.asked or job.began) < PATIENCE or (rule and rule.members[0] != self.site):
                continue
            if rule and self._wanted(held):
                self.ask(job.source, [job.key], rule.name)
            elif jobs.end(job):
                self.uploads_of(target).abort(job.key, job.upload)
                ended += 1
        if not unreadable:  # else nobody knows whose parts they are
            Leftovers(self.store_of(target), partial(self.uploads_of, target), self.clock).sweep(live)
        return ended

    def _targets(self) -> Iterable[str]:
        """Return the sites at which to look."""
        ours = [rule for rule in self.fleet.rules if rule.members[0] == self.site]
        targets = [site for rule in ours for each in rule.members for site in rule.targets_of(each)]
        return dict.fromkeys([*targets, self.site])

    def _rule_of(self, job: Job) -> Rule | None:
        """Return the rule that a job is for, or None if no rule brings its key there any more."""
        rule = next((rule for rule in self.fleet.rules if rule.name == job.rule), None)
        return rule if rule and job.target in rule.targets_of(job.source) and covers(rule, job.key) else None

    def _held(self, target: str) -> Iterator[Held | None]:
        """Yield the jobs into a site; None for what this version cannot read, which a newer one looks at."""
        records = self.records_of(target)
        for summary in records.list(PREFIX):
            record = records.read(summary.key)
            if record is None:
                continue
            try:
                job = job_of(record.value)
            except TransientError as error:
                log.warning("%s: %s", target, error)
                yield None
                continue
            yield Held(job, record.token)

    def _wanted(self, held: Held) -> bool:
        """Say whether the source still holds what the job copies, and the target what that is to replace."""
        job = held.job
        if self.clock() - job.began > GIVEN_UP:
            log.warning("the upload of %r to %s is given up after %s", job.key, job.target, GIVEN_UP)
            return False
        source = self.store_of(job.source).head(job.key)
        if source is None or Version.of(source) != job.version:
            return False
        target = self.store_of(job.target).head(job.key)
        return (target.token if target else None) == job.expect  # or its parts can never be joined
