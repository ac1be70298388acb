"""What must be true of every world, whatever happened in it: one function for each property."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from zlib import crc32

from google_crc32c import value as crc32c_of

from simulation.history import Deed, Held, History
from simulation.oracle import Oracle
from simulation.plan import Plan
from tradewind.fleet import ActiveActiveRule, OneWayRule
from tradewind.ports import PROVENANCE_KEY

CRC64 = 0x9A6C9329AC4BC9B5
"""The polynomial of CRC-64/NVME, with its coefficients reflected."""
MASK = (1 << 64) - 1
Property = Callable[[Plan, History], Iterator[str]]
"""Yields what is wrong, in words."""


def _keys(history: History) -> list[str]:
    return sorted({deed.key for deed in history.deeds})


def _told(held: Held | None) -> str:
    return f"{held.body.decode()!r}" if held else "nothing"


def _same(one: Held | None, other: Held | None) -> bool:
    return (one.visible if one else None) == (other.visible if other else None)


def claim_in(held: Held) -> dict[str, Any]:
    """Return the provenance that an object carries, read without the core's help."""
    claim = json.loads(held.state.metadata.user.get(PROVENANCE_KEY, "{}"))
    return claim if isinstance(claim, dict) else {}


def targets_follow_the_source(plan: Plan, history: History) -> Iterator[str]:
    """One way: every target holds what the source holds, but for what the rule keeps."""
    rule = plan.rule
    if not isinstance(rule, OneWayRule):
        return
    for key in _keys(history):
        source = history.present.get((rule.from_, key))
        for target in rule.to:
            held = history.present.get((target, key))
            independent = held is not None and not held.ours
            if source is None:
                if rule.deletes == "propagate" and held is not None and held.ours:
                    yield f"{key} is deleted at {rule.from_}, and {target} holds {_told(held)}"
            elif not _same(source, held) and not (independent and rule.conflict != "overwrite"):
                yield f"{rule.from_} holds {_told(source)} as {key}, and {target} {_told(held)}"


def sites_agree(plan: Plan, history: History) -> Iterator[str]:
    """Active-active: every site holds the same; where a rule keeps what is deleted, a site may also hold nothing."""
    rule = plan.rule
    if not isinstance(rule, ActiveActiveRule):
        return
    for key in _keys(history):
        held = {site: history.present.get((site, key)) for site in rule.sites}
        deleted = any(deed.key == key and not deed.ours and deed.after is None for deed in history.deeds)
        compared = [each for each in held.values() if each or not (deleted and rule.deletes == "keep")]
        if any(not _same(compared[0], each) for each in compared[1:]):
            yield f"{key}: " + ", ".join(f"{site} holds {_told(each)}" for site, each in held.items())


def the_right_one_wins(plan: Plan, history: History) -> Iterator[str]:
    """Active-active: the winner is what the rule's policy says of all that users did."""
    rule = plan.rule
    if not isinstance(rule, ActiveActiveRule):
        return
    for key in plan.keys:
        oracle = Oracle(plan, rule, history, key)
        deleted = any(deed.after is None for deed in history.deeds if deed.key == key and not deed.ours)
        keeps = deleted and rule.deletes == "keep"
        wanted = oracle.kept() if keeps else oracle.expected()
        for site in rule.sites if oracle.last else ():
            held = history.present.get((site, key))
            if held is None and keeps:
                alive = [deed for deed in oracle.last.values() if deed.after]
                if any(deed.site == site for deed in alive):
                    yield f"{key} is lost at {site}, where a user wrote it and nobody deleted it"
            elif not any(_same(held, each) for each in wanted):
                what = "reappeared" if held and wanted == [None] else "is lost" if held is None else "lost the conflict"
                one = " or ".join(_told(each) for each in wanted)
                yield f"{key} {what}: {site} holds {_told(held)}, and users made it {one}"


def losers_are_kept(plan: Plan, history: History) -> Iterator[str]:
    """keep_both: what a user wrote last at a site and lost is at every site, under a key that says so."""
    rule = plan.rule
    if not isinstance(rule, ActiveActiveRule) or rule.conflict != "keep_both":
        return
    for key in plan.keys:
        for deed in Oracle(plan, rule, history, key).losers():
            assert deed.after is not None
            for site in rule.sites:
                beside = [held for (at, k), held in history.present.items() if at == site and k not in plan.keys]
                if not any(held.body == deed.after.body for held in beside):
                    yield f"{_told(deed.after)}, written to {key} at {deed.site}, lost and is not kept at {site}"


def users_objects_are_safe(plan: Plan, history: History) -> Iterator[str]:
    """One way: what a user wrote at a target is never deleted, and overwritten only if the rule says so."""
    rule = plan.rule
    if not isinstance(rule, OneWayRule):
        return
    for deed in history.deeds:
        if deed.ours and deed.before and not deed.before.ours:
            allowed = rule.conflict == "overwrite" and deed.after is not None
            if deed.site == rule.from_ or not allowed:
                yield f"deed {deed.number}: {_told(deed.before)} of a user at {deed.site} became {_told(deed.after)}"


def keeping_deletes_nothing(plan: Plan, history: History) -> Iterator[str]:
    """Where a rule keeps what is deleted, tradewind deletes nothing."""
    if plan.rule.deletes == "keep":
        for deed in history.deeds:
            if deed.ours and deed.after is None:
                yield f"deed {deed.number}: {deed.key} was deleted at {deed.site}"


def nothing_is_written_twice(plan: Plan, history: History) -> Iterator[str]:
    """No echo: a replica is never replaced by a replica of the same version.

    Where tokens are made of bytes, two versions of the same bytes have one token, and no condition can tell them apart:
    there a replica of the one may replace a replica of the other, and be replaced again.
    """
    blind = {site.name for site in plan.sites if site.etags}
    for deed in history.deeds:
        before, after = deed.before, deed.after
        if not (deed.ours and before and after and before.ours) or claim_in(before) != claim_in(after):
            continue
        if deed.site not in blind or _versions(history, deed.key, after.body) == 1:
            yield f"deed {deed.number}: {deed.key} was written at {deed.site} over the same replica"


def _versions(history: History, key: str, body: bytes) -> int:
    """Return how often these bytes were written to a key as something new: by users, or back to their own origin."""
    return sum(
        deed.key == key
        and deed.after is not None
        and deed.after.body == body
        and (not deed.ours or claim_in(deed.after).get("origin") == deed.site)
        for deed in history.deeds
    )


def notifications_suffice(plan: Plan, history: History) -> Iterator[str]:
    """Where no notification was lost, all is done when the last one is, and a sweep finds nothing to do.

    But for what users do at a target, and for deletes that a rule keeps: those go nowhere, and only sweeps look there.
    And but for a key that users wrote and deleted at Azure while a large object was on its way there: its blocks are
    gone, and the key looks as if nothing had been, so that only the timer asks for them again.
    """
    if history.untold or history.swept is None:
        return
    one_way, keeps = isinstance(plan.rule, OneWayRule), plan.rule.deletes == "keep"
    azure = {site.name for site in plan.sites if site.cloud == "azure" and plan.large}
    nowhere = {
        (d.site, d.key)
        for d in history.deeds
        if not d.ours and (one_way or (d.after is None and (keeps or d.site in azure)))
    }
    for deed in history.deeds[history.swept :]:
        if (deed.site, deed.key) not in nowhere:
            yield f"deed {deed.number}: {deed.key} at {deed.site} was left for a sweep to make {_told(deed.after)}"


def sweeps_overlook_nothing(_plan: Plan, history: History) -> Iterator[str]:
    """When sweeps have nothing left to do, asking every site for every key finds nothing either."""
    for deed in history.deeds[history.overlooked :] if history.overlooked is not None else ():
        yield f"deed {deed.number}: {deed.key} at {deed.site} was left by the sweeps, and became {_told(deed.after)}"


def every_byte_is_proven(plan: Plan, history: History) -> Iterator[str]:
    """Each replica carries the checksum of its bytes, and they are what a user wrote, at the site that it names.

    A loser that is kept aside is no replica where it was, and carries nothing; it must still be what a user wrote.
    """
    for (site, key), held in history.present.items():
        if not held.ours:
            continue
        claim = claim_in(held)
        if key not in plan.keys and not claim:  # a loser, kept as the user's object that it was
            if not any(deed.after and not deed.ours and deed.after.body == held.body for deed in history.deeds):
                yield f"no user wrote {_told(held)}, which {site} holds as {key}"
        elif claim.get("size") != len(held.body) or not _proven(claim, held.body):
            yield f"{key} at {site} holds {_told(held)}, and its provenance is {claim}"
        elif key in plan.keys and not any(_is_origin(deed, key, held, claim) for deed in history.deeds):
            yield f"no user wrote {_told(held)} to {key}, which {site} holds as a replica of {claim}"


def _proven(claim: dict[str, Any], body: bytes) -> bool:
    """Say whether a claim has checksums, and they are those of the bytes."""
    sums = {"crc32c": f"{crc32c_of(body):08x}", "crc32": f"{crc32(body):08x}", "crc64nvme": f"{_crc64nvme(body):016x}"}
    said = {name: claim[name] for name in sums if name in claim}
    return bool(said) and said.items() <= sums.items()


def _crc64nvme(body: bytes) -> int:
    value = MASK
    for byte in body:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (CRC64 if value & 1 else 0)
    return value ^ MASK


def nothing_is_made_up(_plan: Plan, history: History) -> Iterator[str]:
    """At no moment does a site show bytes that no user wrote: no mixture of versions, and nothing cut short."""
    written: set[bytes] = set()
    for deed in history.deeds:
        if deed.after is None:
            continue
        if not deed.ours:
            written.add(deed.after.body)
        elif deed.after.body not in written:
            yield f"deed {deed.number}: no user wrote {_told(deed.after)}, which {deed.site} shows as {deed.key}"


def _is_origin(deed: Deed, key: str, held: Held, claim: dict[str, Any]) -> bool:
    """Say whether a replica is of what a deed made.

    A deed of our own counts where it brought an object back to its origin, which had let it go: there it is as if a
    user had written it anew.
    """
    if deed.after is None or (deed.site, deed.key) != (claim.get("origin"), key):
        return False
    if deed.ours and claim_in(deed.after).get("origin") != deed.site:
        return False
    return deed.after.body == held.body and deed.after.state.token == claim.get("version")


PROPERTIES: tuple[Property, ...] = (
    targets_follow_the_source,
    sites_agree,
    the_right_one_wins,
    losers_are_kept,
    users_objects_are_safe,
    keeping_deletes_nothing,
    nothing_is_written_twice,
    notifications_suffice,
    sweeps_overlook_nothing,
    every_byte_is_proven,
    nothing_is_made_up,
)
