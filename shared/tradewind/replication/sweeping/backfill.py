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


@dataclass(frozen=True, slots=True)
class Source:
    """Which inventory it is; of two that differ in anything, a note about one says nothing of the other."""

    location: str
    content: str
    """Another one whenever the manifest's bytes are others, though it lies at the same place."""


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

    def noted(self, source: Source) -> tuple[int, Source | None]:
        """Return how many rows an earlier start has gone through, and of which other inventory, if of another."""
        held = self.records.read(PREFIX + self.rule.name)
        if held is None or not held.value["rows"]:
            return 0, None
        before = Source(held.value["manifest"], held.value.get("content", ""))
        return int(held.value["rows"]), None if before == source else before

    def run(self, source: Source, inventory: Inventory, files: Files) -> Iterator[Sent]:
        """Go through the inventory, and yield after each page how far it has come.

        Whoever is killed has asked for at most one page more than is noted; whoever starts again goes on from the note.

        Args:
            source: Which one it is; another one begins anew.
            inventory: What it says.
            files: Where its files are.
        """
        before, other = self.noted(source)
        sent = Sent(rows=before if other is None else 0)
        rows = islice(rows_of(inventory, files), sent.rows, None)
        while page := list(islice(rows, PAGE)):
            self._ask(inventory, page, sent)
            sent.rows += len(page)
            self._note(source, sent.rows)
            yield sent
        self._note(source, 0)

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

    def _note(self, source: Source, rows: int) -> None:
        document: Document = {"manifest": source.location, "content": source.content, "rows": rows}
        self.records.change(PREFIX + self.rule.name, lambda _: document)
