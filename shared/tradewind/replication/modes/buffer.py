"""The buffer of a site: which keys changed, kept as marks until their window is over.

A mark is created only where there is none, so however often a key is overwritten in a window, it is copied once.
Whoever asks for the marked keys asks first and deletes the marks afterwards, each under the condition that was listed;
so a crash in between asks twice, which does no harm, and none is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TypeAlias

from tradewind.errors import PreconditionFailedError
from tradewind.fleet import Buffered
from tradewind.ports import ObjectSummary
from tradewind.records import Records
from tradewind.replication.modes import marks

Ask: TypeAlias = Callable[[str, Iterable[str]], None]
"""Asks a site's own queue for keys to be looked at (see `requests`)."""
PAGE = 200
"""Marks that are asked for before they are deleted; so many are asked for twice, at most, after a crash."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """The marks at one site.

    Args:
        site: The site.
        records: Its records.
        ask: Asks for keys to be looked at.
        executor: Runs the calls for several marks side by side.
        clock: Returns the time, UTC.
    """

    site: str
    records: Records
    ask: Ask
    executor: Executor
    clock: Callable[[], datetime]

    def mark(self, rule: str, of: Buffered, key: str) -> datetime:
        """Mark a key as changed, and return the end of its window: 1 request, and now and then a listing.

        A key that is marked already counts only if the window was not over by then: nobody has listed its marks to
        delete them. Otherwise the key is marked in the next one.
        """
        while True:
            end = marks.window_end(self.clock(), of.seconds)
            # The time makes each mark another version, so no condition takes a later mark for an earlier one.
            document = {"v": 1, "key": key, "at": self.clock().isoformat()}
            try:
                self.records.write(marks.name_of(rule, end, key), document, expect=None)
            except PreconditionFailedError:
                if self.clock() < end:
                    return end
                continue
            if marks.counts(key, of.count):
                self._count(rule, of, end)
            return end

    def flush(self, until: datetime) -> int:
        """Ask for the keys of all windows that are over, and return how many there were.

        Args:
            until: When to stop, UTC; what is left is done the next time.
        """
        over = (each for each in self.records.list(marks.PREFIX) if marks.is_over(each.key, self.clock()))
        asked = 0
        while self.clock() < until and (page := list(islice(over, PAGE))):
            asked += self._ask([each for each in page if marks.is_mark(each.key)])
            list(self.executor.map(self._forget, page))
        return asked

    def _count(self, rule: str, of: Buffered, end: datetime) -> None:
        """Ask for a window's keys early if there are many. Its marks stay, so its end finds what came after this."""
        listed = list(self.records.list(marks.folder_of(rule, end)))
        marked = [each for each in listed if marks.is_mark(each.key)]
        earlier = [each for each in listed if not marks.is_mark(each.key)]
        if not marks.early_due(len(marked), len(earlier), of.count):
            return
        name = f"{marks.folder_of(rule, end)}{marks.EARLY}{len(earlier) + 1}"
        with suppress(PreconditionFailedError):  # somebody else is at it
            self.records.write(name, {"v": 1, "at": self.clock().isoformat()}, expect=None)
            since = max((each.modified for each in earlier), default=None)
            self._ask([each for each in marked if since is None or each.modified >= since])

    def _ask(self, marked: Sequence[ObjectSummary]) -> int:
        """Ask for the keys of marks. A mark that is gone was asked for by somebody else."""
        found = list(self.executor.map(self.records.read, [each.key for each in marked]))
        keys = [record.value["key"] for record in found if record is not None]
        self.ask(self.site, keys)
        return len(keys)

    def _forget(self, listed: ObjectSummary) -> None:
        with suppress(PreconditionFailedError):
            self.records.delete(listed.key, expect=listed.token)
