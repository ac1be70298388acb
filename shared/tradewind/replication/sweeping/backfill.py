"""A backfill: what was there before the rule, asked for at once, going on wherever the last one stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice

from tradewind.fleet import Rule
from tradewind.ports import Queue
from tradewind.records import Document, Records
from tradewind.replication import requests
from tradewind.replication.routes import covers
from tradewind.replication.sweeping.manifest import Inventory, Row, key_of
from tradewind.replication.sweeping.rows import Files, Malformed, rows_of

PREFIX = "backfills/"
PAGE = 1000
"""Rows between two notes of how far it has come."""


@dataclass(slots=True)
class Sent:
    """How far a manifest has been worked through."""

    rows: int = 0
    """That were read, those of an earlier start included."""
    keys: int = 0
    """That were asked for, this time."""
    malformed: int = 0
    """This time."""


@dataclass(frozen=True, slots=True)
class ManifestBackfill:
    """Asks for every key that an inventory lists.

    Args:
        rule: Only keys that it covers are asked for.
        bucket: The bucket or container of the rule's first site, as inventories name it.
        queue: Of that site's notifications.
        records: Of that site.
        executor: Sends several messages side by side.
        complain: Told of each line that says nothing.
    """

    rule: Rule
    bucket: str
    queue: Queue
    records: Records
    executor: Executor
    complain: Callable[[Malformed], None]

    def run(self, location: str, inventory: Inventory, files: Files) -> Iterator[Sent]:
        """Go through the inventory, and yield after each page how far it has come.

        Whoever is killed has asked for at most one page more than is noted; whoever starts again goes on from the note.

        Args:
            location: Of the inventory; another one begins anew.
            inventory: What it says.
            files: Where its files are.
        """
        held = self.records.read(PREFIX + self.rule.name)
        sent = Sent(rows=_noted(held.value if held else None, location))
        rows = islice(rows_of(inventory, files), sent.rows, None)
        while page := list(islice(rows, PAGE)):
            self._ask(inventory, page, sent)
            sent.rows += len(page)
            self._note(location, sent.rows)
            yield sent
        self._note(location, 0)

    def _ask(self, inventory: Inventory, page: list[Row | Malformed], sent: Sent) -> None:
        keys = []
        for row in page:
            if isinstance(row, Malformed):
                sent.malformed += 1
                self.complain(row)
            elif (key := key_of(inventory, row, self.bucket)) is not None and covers(self.rule, key):
                keys.append(key)
        messages = requests.encode(self.rule.members[0], keys, why="backfill", rule=self.rule.name)
        list(self.executor.map(self.queue.send, messages))
        sent.keys += len(keys)

    def _note(self, location: str, rows: int) -> None:
        self.records.change(PREFIX + self.rule.name, lambda _: {"manifest": location, "rows": rows})


def _noted(document: Document | None, location: str) -> int:
    return int(document["rows"]) if document and document["manifest"] == location else 0
