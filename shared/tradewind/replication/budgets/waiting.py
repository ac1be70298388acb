"""What waits, on record in the control bucket of the site that it is to come from: a record for each key and target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from tradewind.errors import PreconditionFailedError
from tradewind.fleet import Rule
from tradewind.ports import ObjectState
from tradewind.records import Records
from tradewind.replication.budgets.account import Wait
from tradewind.replication.budgets.entries import Entry, folder_for, parsed

SEEN = 20_000
"""Records of one rule that a round of the timer looks through, the oldest; it lists 1,000 with one request."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The keys that wait at one site.

    Args:
        records: The site's.
        executor: Runs the calls for several keys side by side.
        clock: Returns the time, UTC.
    """

    records: Records
    executor: Executor
    clock: Callable[[], datetime]

    def add(self, rule: Rule, target: str, state: ObjectState, wait: Wait) -> None:
        """Put a key on record, or do so again: 1 PUT for a key that is not.

        A record that is there is written again, so that whoever just lets the key go, and removes the record under the
        condition that it is what was listed, does not remove this one.
        """
        document = {
            "v": 1,
            "key": state.key,
            "cause": wait.cause,
            "reason": wait.reason,
            "until": wait.until.isoformat() if wait.until else None,
            "at": self.clock().isoformat(),
        }
        name = Entry.of(rule, target, state).name
        try:
            self.records.write(name, document, expect=None)
        except PreconditionFailedError:
            self.records.change(name, lambda _: document)

    def list(self, rule: str, most: int | None = SEEN) -> Iterator[Entry]:
        """Yield what waits under a rule, of each target the oldest first; `most` None yields all of it."""
        return parsed(islice(self.records.list(folder_for(rule)), most))

    def reason(self, entry: Entry) -> str:
        """Return why an entry waits, or "" if it does no longer."""
        held = self.records.read(entry.name)
        return str(held.value["reason"]) if held else ""

    def let_go(self, entries: Sequence[Entry], ask: Callable[[Iterable[str]], None]) -> int:
        """Ask for keys to be looked at, in order, and remove their records; return how many were asked for.

        They are removed after the queue has the requests: a crash in between asks twice, which does no harm.
        """
        found = self.executor.map(lambda entry: self.records.read(entry.name), entries)
        keys = [record.value["key"] for record in found if record is not None]
        ask(dict.fromkeys(keys))
        list(self.executor.map(self.forget, entries))
        return len(keys)

    def forget(self, entry: Entry) -> None:
        """Remove a record if it is still what was listed."""
        with suppress(PreconditionFailedError):
            self.records.delete(entry.name, expect=entry.token)
