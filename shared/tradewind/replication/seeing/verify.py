"""Comparing the sites of a rule, object by object."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from itertools import islice

from tradewind.checksums import crc32c
from tradewind.errors import IntegrityError, NotFoundError, PreconditionFailedError, TradewindError
from tradewind.fleet import Fleet, Rule
from tradewind.ports import Gate, ObjectState, ObjectStore
from tradewind.replication.modes.compression import unpack
from tradewind.replication.provenance import claim_of, provenance_of
from tradewind.replication.seeing.compare import IN_ORDER, Difference, Finding, Judgement
from tradewind.replication.sweeping.examining import Examination, Examiner, Refine, as_found
from tradewind.replication.sweeping.listing import Listed, merged
from tradewind.replication.sweeping.unreadable import is_of_one_key, unlooked

log = logging.getLogger(__name__)
BATCH = 256
"""Keys that are looked at side by side."""
KEPT = 10_000
"""Differences that a report names, the first ones; the others it only counts, so that it never outgrows the memory."""


@dataclass(slots=True)
class Report:
    """What was found."""

    rule: str
    keys: int = 0
    replicas: int = 0
    """That match."""
    size: int = 0
    """Bytes of the replicas that match."""
    unproven: int = 0
    """Replicas among those for whose bytes no store vouches."""
    read: int = 0
    """Bytes that were read to be sure, at all sites together."""
    differing: int = 0
    """Differences, all together."""
    findings: dict[str, int] = field(default_factory=dict)
    """How many of them are of which finding."""
    differences: list[Difference] = field(default_factory=list)
    """The first `KEPT` of those that were asked for."""

    def add(self, look: Examination, named: Collection[Finding] = frozenset(Finding)) -> None:
        """Count one key; its differences are named if their finding is one of `named`."""
        self.keys += 1
        for site, judged in look.judgements.items():
            state = look.states[site]
            if judged.finding not in IN_ORDER:
                self.differing += 1
                self.findings[judged.finding.value] = self.findings.get(judged.finding.value, 0) + 1
                if judged.finding in named and len(self.differences) < KEPT:
                    self.differences.append(Difference(look.key, site, judged.finding, judged.reason))
            elif state is not None:
                self.replicas += 1
                self.size += state.size
                self.unproven += judged.finding is Finding.UNPROVEN


def verify(
    fleet: Fleet,
    rule: Rule,
    store_of: Callable[[str], ObjectStore],
    gate: Gate,
    executor: Executor,
    *,
    deep: bool = False,
    refine: Refine = as_found,
    named: Collection[Finding] = frozenset(Finding),
) -> Report:
    """Compare every object that `rule` covers, page by page.

    Args:
        fleet: Says which rule decides, where several cover a key.
        rule: One of the fleet's.
        store_of: Returns the store of a site, by name.
        gate: Says where data may be.
        executor: Looks at several keys side by side.
        deep: Read every byte of what seems to match, at its origin and at each site, and compute its checksum again;
            else go by what the stores keep, and read no object.
        refine: Says why something is held back.
        named: Findings of which the keys are wanted; all are counted.
    """
    report = Report(rule.name)
    examiner = Examiner(fleet, rule, store_of, gate, refine)

    def look(listed: Listed) -> tuple[Examination, int] | None:
        found = examiner.look(listed.key)
        if not found.counts(listed):
            return None
        return _deeper(found, store_of) if deep else (found, 0)

    keys = merged(rule, store_of)
    while batch := list(islice(keys, BATCH)):
        for done in executor.map(look, batch):
            if done is not None:
                report.add(done[0], named)
                report.read += done[1]
    return report


def _deeper(look: Examination, store_of: Callable[[str], ObjectStore]) -> tuple[Examination, int]:
    """Read what seems to match, and say of it what its bytes say."""
    doubtful = {
        site: each for site, each in look.judgements.items() if each.finding in (Finding.MATCH, Finding.UNPROVEN)
    }
    if not doubtful:
        return look, 0
    read: Counter[str] = Counter()
    computed: dict[str, int | None] = {}
    unreadable: dict[str, str] = {}
    judgements: dict[str, Judgement] = dict(look.judgements)
    for site, judged in doubtful.items():
        for place in (judged.origin, site):
            state = look.states.get(place)
            if place not in computed and place not in unreadable and state is not None:
                try:
                    computed[place] = _read(store_of(place), state, read, place)
                except TradewindError as error:
                    if not is_of_one_key(error):
                        raise
                    unreadable[place] = str(error)
        judgements[site] = _by_bytes(judged, computed, look.states, site)
    judgements |= {
        site: unlooked(place, reason)
        for site, judged in doubtful.items()
        for place, reason in unreadable.items()
        if place in (judged.origin, site)
    }
    return replace(look, judgements=judgements), read.total()


def _read(store: ObjectStore, state: ObjectState, read: Counter[str], place: str) -> int | None:
    """Return the CRC-32C of an object's bytes as its origin had them; None if it is no longer that version.

    One chunk is in memory at a time.
    """
    claim = provenance_of(state)
    stored = claim.stored if claim else None
    kept = _Sum()
    plain = _Sum()
    try:
        with store.get(state.key, token=state.token) as download:
            chunks = kept.over(download.chunks)
            for _ in plain.over(unpack(stored.encoding, chunks) if stored else chunks):
                pass
    except (NotFoundError, PreconditionFailedError):
        return None
    except IntegrityError:
        log.warning("%r at %s is not what its store, or its encoding, says that it is", state.key, place)
    read[place] += kept.size
    # What is damaged only as it is stored has other bytes, too, whatever they are unpacked to.
    return plain.crc32c if stored is None or stored.crc32c == kept.crc32c else kept.crc32c


@dataclass(slots=True)
class _Sum:
    """The CRC-32C of what has passed."""

    crc32c: int = 0
    size: int = 0

    def over(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks, and count them."""
        for chunk in chunks:
            self.crc32c = crc32c(chunk, self.crc32c)
            self.size += len(chunk)
            yield chunk


def _by_bytes(
    judged: Judgement, computed: Mapping[str, int | None], states: Mapping[str, ObjectState | None], site: str
) -> Judgement:
    state = states[site]
    claim = claim_of(state) if state else None
    there, origin = computed.get(site), computed.get(judged.origin)
    if claim is None or there is None or (judged.origin in computed and origin is None):
        return Judgement(Finding.STALE, "it was written while it was read", judged.origin)
    if claim.crc32c not in (None, there):
        reason = f"its bytes have the CRC32C {there:08x}, and {claim.crc32c or 0:08x} was copied"
        return Judgement(Finding.CORRUPT, reason, judged.origin)
    if origin is not None and origin != there:
        reason = f"its bytes have the CRC32C {there:08x}, and those at {judged.origin} have {origin:08x}"
        return Judgement(Finding.CORRUPT, reason, judged.origin)
    return Judgement(Finding.MATCH, f"crc32c {there:08x}, of every byte", judged.origin)
