"""A backfill: what was there before the rule, asked for at once, going on wherever the last one stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice

from tradewind.errors import UnportableError
from tradewind.fleet import Rule
from tradewind.ports import ObjectStore, Queue
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
    unportable: int = 0
    """Keys that some target can never hold, this time."""


@dataclass(frozen=True, slots=True)
class ManifestBackfill:
    """Asks for every key that an inventory lists.

    Args:
        rule: Only keys that it covers are asked for.
        bucket: The bucket or container of the rule's first site, as inventories name it.
        queue: Of that site's notifications.
        records: Of that site.
        executor: Sends several messages side by side.
        store_of: Returns the store of a site, by name; it is asked what it could hold, which is no request.
        complain: Told of each line that says nothing.
        tell: Told of each key that some targets can never hold, and why, by site.
    """

    rule: Rule
    bucket: str
    queue: Queue
    records: Records
    executor: Executor
    store_of: Callable[[str], ObjectStore]
    complain: Callable[[Malformed], None]
    tell: Callable[[str, Mapping[str, str]], None]

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
                continue
            key = key_of(inventory, row, self.bucket)
            if key is not None and covers(self.rule, key) and self._fits_somewhere(key, sent):
                keys.append(key)
        messages = requests.encode(self.rule.members[0], keys, why="backfill", rule=self.rule.name)
        list(self.executor.map(self.queue.send, messages))
        sent.keys += len(keys)

    def _fits_somewhere(self, key: str, sent: Sent) -> bool:
        """Say whether some target can hold a key; asking for one that none can would only bury the request."""
        targets, never = self.rule.targets_of(self.rule.members[0]), {}
        for site in targets:
            try:
                self.store_of(site).check_key(key)
            except UnportableError as error:
                never[site] = error.message
        if never:
            sent.unportable += 1
            self.tell(key, never)
        return len(never) < len(targets)

    def _note(self, source: Source, rows: int) -> None:
        document: Document = {"manifest": source.location, "content": source.content, "rows": rows}
        self.records.change(PREFIX + self.rule.name, lambda _: document)
