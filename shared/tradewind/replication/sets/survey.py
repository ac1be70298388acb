"""A set as its source holds it at one moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime

from tradewind.errors import NotFoundError, PermanentError, SetError
from tradewind.fleet import Rule
from tradewind.ports import ObjectState, ObjectStore, ObjectSummary
from tradewind.replication.routes import covers
from tradewind.replication.sets.contents import contents, placed
from tradewind.replication.sets.looking import below, look, state_of, summary_of
from tradewind.replication.sets.manifest import members_in
from tradewind.replication.sets.named import Member, Named
from tradewind.replication.sets.recognise import Kind, closing_kind
from tradewind.replication.sets.settled import Published
from tradewind.replication.transfer import read

_KEPT = 256
"""Closing objects whose members a process remembers."""
_MANIFESTS = 1000
"""Manifests within a manifest that are followed."""
_NAMES = 20
"""Names that an error spells out."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A closing object, and what it names; None: nothing."""

    state: ObjectState
    body: bytes
    named: Named | None


@dataclass(frozen=True, slots=True)
class View:
    """All objects of a set, as they were listed after its closing object was read."""

    began: datetime
    """When the look began: whatever is written later counts as just written."""
    closing: ObjectState
    body: bytes
    members: tuple[Member, ...]
    seen: dict[str, ObjectSummary]
    """The members, by key."""

    @property
    def times(self) -> list[datetime]:
        """When each member was written."""
        return [summary.modified for summary in self.seen.values()]

    @property
    def version(self) -> Published:
        """Which version of the set this is, for the record."""
        newest = max([self.closing.modified, *self.times])
        return Published(newest, state_of([summary_of(self.closing), *self.seen.values()]))


@dataclass(frozen=True, slots=True)
class Survey:
    """Reads closing objects and looks at what they name.

    Args:
        store_of: Returns the store of a site, by name.
        clock: Returns the time, UTC.
        executor: Looks at several keys side by side.
    """

    store_of: Callable[[str], ObjectStore]
    clock: Callable[[], datetime]
    executor: Executor | None
    _known: dict[tuple[str, str, str], Named | None] = field(default_factory=dict)

    def names(self, rule: Rule, site: str, closing: str, key: str) -> bool:
        """Say whether the closing object at `site` names `key`: at most 1 request, and none for a kind by place."""
        kind = closing_kind(rule, closing)
        if kind is None:
            return False
        if kind.by_place:
            return placed(kind, closing).has(key)
        try:
            seen = self._read(site, kind, closing)
        except PermanentError:  # it is refused, so it was never published
            return False
        return seen is not None and seen.named is not None and seen.named.has(key)

    def names_as_of(self, rule: Rule, site: str, state: ObjectState, key: str) -> bool:
        """Say the same of the closing object in `state`, of which the members may be known already."""
        known = self._known.get((site, state.key, state.token))
        return known.has(key) if known else self.names(rule, site, state.key, key)

    def view(self, rule: Rule, site: str, closing: str) -> View | None:
        """Return the set that `closing` closes at `site`, or None if there is no such object or it closes nothing.

        Raises:
            SetError: Members are missing, or are not as large as the closing object says.
            PermanentError: The set can never be published under this rule.
        """
        began = self.clock()
        kind = closing_kind(rule, closing)
        found = self._read(site, kind, closing) if kind else None
        if found is None or found.named is None:
            return None
        named = found.named
        store = self.store_of(site)
        there: dict[str, ObjectSummary] = {}
        if named.glob is not None:
            there = below(store, named.folder, lambda key: named.places(key) and covers(rule, key))
        members = named.members(there)
        _require_covered(rule, closing, members)
        rest = [member.key for member in members if member.key not in there]
        looked = look(store, rest, self.executor) if rest else {}
        seen = there | {key: summary for key, summary in looked.items() if summary is not None}
        _require_whole(site, closing, members, named.lacking(there), seen)
        return View(began, found.state, found.body, members, seen)

    def at_target(self, rule: Rule, route: tuple[str, str], closing: str) -> bool:
        """Say whether a target holds something under the key of every member that the source's object names.

        Args:
            rule: Of the closing key.
            route: Source and target.
            closing: The closing key.
        """
        source, target = route
        try:
            view = self.view(rule, source, closing)
        except (SetError, PermanentError):  # its own message says so
            return False
        return view is not None and None not in look(self.store_of(target), list(view.seen), self.executor).values()

    def _read(self, site: str, kind: Kind, closing: str) -> _Read | None:
        try:
            with self.store_of(site).get(closing) as download:
                payload = read(download)
        except NotFoundError:
            return None
        state, body = payload.state, payload.body
        at = (site, closing, state.token)
        if at not in self._known and (named := contents(kind, closing, body)) and any(m.manifest for m in named.listed):
            return _Read(state, body, self._expanded(site, named))  # further manifests may come, so it is not kept
        if at not in self._known:
            for old in list(self._known)[: max(0, len(self._known) + 1 - _KEPT)]:
                self._known.pop(old, None)
            self._known[at] = contents(kind, closing, body)
        return _Read(state, body, self._known[at])

    def _expanded(self, site: str, named: Named) -> Named:
        """Add the members that manifests among the members name, and those among these, as far as they are there."""
        listed = {member.key: member for member in named.listed}
        waiting = [member for member in named.listed if member.manifest]
        for _ in range(_MANIFESTS):
            if not waiting:
                break
            for member in self._within(site, named.closing, waiting.pop()):
                if member.key not in listed:
                    listed[member.key] = member
                    waiting += [member] if member.manifest else []
        return replace(named, listed=tuple(listed.values()))

    def _within(self, site: str, closing: str, manifest: Member) -> Sequence[Member]:
        try:
            with self.store_of(site).get(manifest.key) as download:
                return members_in(closing, json.loads(read(download).body)) or ()
        except (NotFoundError, ValueError, RecursionError):  # missing, which is said elsewhere; or no manifest
            return ()


def spelled(keys: Sequence[str]) -> str:
    """Return the first keys for an error, and how many more there are."""
    more = f" and {len(keys) - _NAMES:,} more" if len(keys) > _NAMES else ""
    return ", ".join(repr(key) for key in keys[:_NAMES]) + more


def _require_covered(rule: Rule, closing: str, members: Sequence[Member]) -> None:
    if left := [member.key for member in members if not covers(rule, member.key)]:
        raise PermanentError(
            f"{closing!r} names {len(left):,} members that the rule {rule.name!r} leaves out: {spelled(left)}",
            hint="Let the rule cover them, or take this kind of set out of its `sets`",
        )


def _require_whole(
    site: str, closing: str, members: Sequence[Member], lacking: Sequence[str], seen: dict[str, ObjectSummary]
) -> None:
    missing = [*lacking, *(member.key for member in members if member.key not in seen)]
    if missing:
        raise SetError(
            f"{len(missing):,} of the {len(members) + len(lacking):,} members that {closing!r} names are missing at "
            f"{site}: {spelled(missing)}",
            hint="Upload them; the closing key is copied once all are there",
        )
    other = [m.key for m in members if m.size is not None and m.size != seen[m.key].size]
    if other:
        raise SetError(
            f"{len(other):,} members at {site} have another size than {closing!r} says: {spelled(other)}",
            hint="Upload the files that the manifest was made for, or its new version",
        )
