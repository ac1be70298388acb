"""Looking at the members of a set at its source and at its target."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from os.path import commonprefix
from typing import TypeVar

from tradewind.ports import ObjectState, ObjectStore, ObjectSummary
from tradewind.replication.provenance import Version, agree, provenance_of
from tradewind.replication.sets.named import MOST, Member

T = TypeVar("T")
SPARE_PAGES = 2
"""Pages of foreign keys that are listed before the members are rather looked at one by one."""
_PER_PAGE = 1000


def each(executor: Executor | None, call: Callable[[str], T], keys: Sequence[str]) -> dict[str, T]:
    """Call for every key, side by side if there is an executor."""
    answers = executor.map(call, keys) if executor else map(call, keys)
    return dict(zip(keys, answers, strict=True))


def look(store: ObjectStore, keys: Sequence[str], executor: Executor | None) -> dict[str, ObjectSummary | None]:
    """Return what `store` holds under each of `keys`, by listing what they have in common: a request per 1,000.

    Where too much else lies between them, the rest is looked at one by one.
    """
    wanted = dict.fromkeys(keys)
    found: dict[str, ObjectSummary | None] = {}
    prefix = commonprefix(list(wanted))  # noqa: RUF071 - letter by letter is what a listing's prefix is
    cursor = None
    for _ in range(SPARE_PAGES + len(wanted) // _PER_PAGE):
        page = store.list(prefix, cursor=cursor)
        found |= {summary.key: summary for summary in page.objects if summary.key in wanted}
        if (cursor := page.cursor) is None:
            return dict.fromkeys(wanted) | found
    rest = [key for key in wanted if key not in found]
    return found | {
        key: summary_of(state) if state else None for key, state in each(executor, store.head, rest).items()
    }


def summary_of(state: ObjectState) -> ObjectSummary:
    """Return what a listing would say of an object."""
    return ObjectSummary(state.key, state.token, state.size, state.modified)


def below(store: ObjectStore, folder: str, wanted: Callable[[str], bool]) -> dict[str, ObjectSummary]:
    """Return what is in a folder and below it, as far as it is `wanted`; stops past the size of the largest set."""
    found: dict[str, ObjectSummary] = {}
    cursor = None
    while len(found) <= MOST:
        page = store.list(folder, cursor=cursor)
        found |= {summary.key: summary for summary in page.objects if wanted(summary.key)}
        if (cursor := page.cursor) is None:
            break
    return found


def state_of(held: Iterable[ObjectSummary]) -> str:
    """Return 16 hexadecimal digits that stand for the versions of these objects."""
    lines = sorted(f"{summary.key}\0{summary.token}\0{summary.modified.isoformat()}" for summary in held)
    return hashlib.blake2b("\n".join(lines).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def is_same(
    site: str, target: str, seen: ObjectSummary, state: ObjectState, source: Callable[[], ObjectState | None]
) -> bool:
    """Say whether `state` at `target` is what was seen at `site`.

    Args:
        site: Where it was seen.
        target: Where `state` is.
        seen: What was listed.
        state: What the target holds.
        source: Looks at the source's object, where the listing does not settle it.
    """
    claim = provenance_of(state)
    if claim is not None and claim.origin == site and claim.version == Version(seen.token, seen.modified):
        return True
    original = source()
    if original is None or original.token != seen.token:
        return False
    theirs = provenance_of(original)
    if claim is not None:
        mine = (site, Version.of(original)) if theirs is None else (theirs.origin, theirs.version)
        return (claim.origin, claim.version) == mine
    if theirs is not None and theirs.origin == target and theirs.version == Version.of(state):
        return True
    return state.size == original.size and agree(state.checksums, original.checksums) is True


def contradicted(member: Member, state: ObjectState) -> bool:
    """Say whether an object has another size or CRC-32C than its set's closing object says."""
    claim = provenance_of(state)
    size, kept = (claim.size, claim.crc32c) if claim is not None else (state.size, state.checksums.crc32c)
    wrong_size = member.size is not None and member.size != size
    return wrong_size or (member.crc32c is not None and kept is not None and kept != member.crc32c)
