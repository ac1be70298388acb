"""Making a replica of what is at the target already, under another key or under this one, instead of sending it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from tradewind.errors import PreconditionFailedError, TradewindError
from tradewind.ports import ObjectState
from tradewind.replication.contents.index import Index, with_key
from tradewind.replication.contents.known import Content, content_of, name_of, same
from tradewind.replication.contents.saving import Saving
from tradewind.replication.contents.worth import dollars_per_gib
from tradewind.replication.decide import Verdict
from tradewind.replication.modes.immutable import is_versioned
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.proof import with_checksums
from tradewind.replication.provenance import Provenance, provenance_of, stamped
from tradewind.replication.routes import Route
from tradewind.replication.transfer import left_behind
from tradewind.replication.workplace import Workplace

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of it."""

    outcome: Outcome | None = None
    """If the replica was made."""
    again: bool = False
    """Whether the target is no longer what was seen; then nothing was made, and the caller looks again."""


SEND = Attempt()
"""Nothing at the target helps: the bytes must be sent."""
LOOK_AGAIN = Attempt(again=True)


def place(
    at: Workplace, route: Route, source: ObjectState, origin: Provenance, seen: ObjectState | None, expect: str | None
) -> Attempt:
    """Make the replica of an object from the same content at its target, if that is there: 1 read if it is not.

    The caller has asked the gate for this key and target. Safe to repeat.

    Args:
        at: Where the work is done.
        route: From where to where.
        source: The object, as its store described it; no byte of it is read.
        origin: What the replica is to say of itself, as far as it is known.
        seen: What was under the key at the target.
        expect: Its token, or None if it is to be absent.

    Raises:
        SetError: The key belongs to a set, and its turn has not come.
        IntegrityError: The rule reads back what it writes, and other bytes were there; they were removed.
    """
    content = content_of(source, given=at.store_of(route.source).checksum == "md5")
    if content is None or (seen is not None and is_versioned(route.rule)):
        return SEND
    name = name_of(content, route.rule.classification)
    if name is None or not at.reuses(route, source):
        return SEND
    return _Placing(at, route, source, origin, expect, content, name).run(seen)


class _UnusableError(Exception):
    """What was found cannot be copied."""


@dataclass(frozen=True, slots=True)
class _Placing:
    at: Workplace
    route: Route
    source: ObjectState
    origin: Provenance
    expect: str | None
    content: Content
    name: str

    @property
    def index(self) -> Index:
        return Index(self.at.records_of(self.route.target), self.at.clock)

    def run(self, seen: ObjectState | None) -> Attempt:
        """Find a candidate, copy it, and look at what was made."""
        try:
            candidates = [seen] if seen and self._serves(seen) else self._found()
        except TradewindError as error:
            return self._sent(error)
        return self._made_of(candidates[0]) if candidates else SEND

    def _made_of(self, candidate: ObjectState) -> Attempt:
        try:
            with self.at.sets.writing(
                self.route.rule,
                self.source.key,
                source=self.route.source,
                target=self.route.target,
                body=b"",
                replaces=self.expect is not None,
            ):
                token, provenance = self._copied(candidate)
                made = self._checked(candidate, token, provenance)
        except PreconditionFailedError:
            return LOOK_AGAIN
        except _UnusableError as error:
            return self._sent(error)
        return Attempt(self._outcome(candidate, made, provenance))

    # --- finding ---------------------------------------------------------------------------------------------------

    def _found(self) -> list[ObjectState]:
        """Return the first object that the index names and that is still what it was, if any.

        What a record names and is not so any more is dropped from it, and the new key is added before it is there: as
        long as it is not, it serves nobody.
        """
        entry = self.index.find(self.name)
        if entry is None:
            return []
        store = self.at.store_of(self.route.target)
        for gone, key in enumerate(entry.keys):
            state = store.head(key)
            if state is not None and self._serves(state):
                keys = with_key(entry.keys[gone:], self.source.key)
                if tuple(keys) != entry.keys:
                    self.index.note(self.name, keys, over=entry)
                return [state]
        self.index.forget(self.name, entry)
        return []

    def _serves(self, state: ObjectState) -> bool:
        """Say whether an object at the target is a replica of the same bytes: by what it shows itself, nothing else.

        An MD5 that its store was only given is compared with the bytes by the copy (see `ports.Copies`).
        """
        held = content_of(state) if provenance_of(state) is not None else None
        return held is not None and same(self.content, held)

    # --- copying ---------------------------------------------------------------------------------------------------

    def _copied(self, candidate: ObjectState) -> tuple[str, Provenance]:
        """Copy under both conditions, and return the copy's token and what it says of itself."""
        store = self.at.store_of(self.route.target)
        claim = provenance_of(candidate)
        if claim is None:
            raise _UnusableError(candidate.key)
        known = replace(self.origin.kept_as(claim.md5), origin_md5=self.content.checksums.md5 or claim.origin_md5)
        provenance = with_checksums(known, claim.checksums)
        metadata = stamped(self.source.metadata, provenance)
        try:
            store.check_metadata(metadata)
            copies = self.at.copies_of(self.route.target)
            return copies.copy(candidate, self.source.key, metadata=metadata, expect=self.expect).token, provenance
        except PreconditionFailedError as error:
            now = store.head(self.source.key)
            if (now.token if now else None) != self.expect:
                raise
            raise _UnusableError(str(error)) from error
        except TradewindError as error:
            raise _UnusableError(str(error)) from error

    def _checked(self, candidate: ObjectState, token: str, provenance: Provenance) -> ObjectState:
        """Return the state of what was made, if that is what was meant; else remove it."""
        target, key = self.route.target, self.source.key
        made = self.at.store_of(target).head(key)
        if made is None or made.token != token:
            raise PreconditionFailedError(f"{key!r} at {target} was written over at once")
        if made.size != candidate.size or provenance_of(made) is None:
            self.at.delete(target, key, token)
            raise _UnusableError(f"the copy of {candidate.key!r} has other bytes, and was removed")
        # Larger objects, which go in parts, are not read back either.
        if is_versioned(self.route.rule) and provenance.crc32c is not None and made.size <= self.at.parts.above:
            self.at.read_back(target, key, token, provenance.crc32c)
        return made

    # --- the end ---------------------------------------------------------------------------------------------------

    def _outcome(self, candidate: ObjectState, made: ObjectState, provenance: Provenance) -> Outcome:
        saving = Saving.of(
            made.size, dollars_per_gib(self.at.fleet, self.route.rule, self.route.source, self.route.target)
        )
        where = "this key" if candidate.key == self.source.key else repr(candidate.key)
        telling = self.content.telling
        left = left_behind(self.at.store_of(self.route.target), self.source.metadata)
        return Outcome(
            self.route,
            Verdict.COPIED,
            f"copied inside {self.route.target} from {where}, which holds the same content: {saving.told()}{left}",
            size=made.size,
            crc32c=provenance.crc32c,
            proof=telling[0] if telling else None,
            replaced=self.expect is not None,
            saving=saving,
        )

    def _sent(self, error: Exception) -> Attempt:
        """Go the usual way: what saves money must not keep anything from arriving."""
        log.warning("%r is sent to %s, though its content may be there: %s", self.source.key, self.route.target, error)
        return SEND
