"""How one key stands at all the sites of a rule. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tradewind.fleet import OneWayRule, Rule
from tradewind.ports import ObjectState
from tradewind.replication.provenance import Provenance, Version, claim_of, is_of, provenance_of
from tradewind.replication.routes import Passage


class Finding(StrEnum):
    """What is said of one key at one site."""

    MATCH = "match"
    """The replica of the present version, and its store keeps the checksum that was computed when it was copied."""
    MISSING = "missing"
    STALE = "stale"
    """A replica of another version than the origin's present one."""
    EXTRA = "extra"
    """A replica whose origin has no such object any more, though the rule propagates deletes."""
    CONFLICT = "conflict"
    """Written independently at two sites."""
    FORBIDDEN = "forbidden"
    """A replica where the compliance gate lets none be."""
    DAMAGED = "damaged"
    """It says that it is a replica, and its bytes are others than were copied."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A finding that a person may have to do something about."""

    key: str
    site: str
    finding: Finding
    reason: str


def compare(
    rule: Rule, states: Mapping[str, ObjectState | None], passage: Callable[[str, str], Passage]
) -> dict[str, tuple[Finding, str]]:
    """Return what is to be said of one key at each site that should hold a replica of it.

    Args:
        rule: A rule that covers the key.
        states: The key's state at every site of the rule; None where it is absent.
        passage: Says whether the key is to go from one site to another by this rule.
    """
    claims = {site: provenance_of(state) if state else None for site, state in states.items()}
    sources = [rule.from_] if isinstance(rule, OneWayRule) else rule.members
    owners = [site for site in sources if states[site] is not None and claims[site] is None]
    if not owners:
        if rule.deletes == "keep":
            return {}
        return {
            site: (Finding.EXTRA, f"a replica of {claim.origin}, which has no such object")
            for site, claim in claims.items()
            if claim is not None and claim.origin in states and passage(claim.origin, site) is Passage.OPEN
        }
    origin = owners[0]
    original = states[origin]
    assert original is not None  # noqa: S101 - an owner has a state
    found: dict[str, tuple[Finding, str]] = {}
    for site in rule.members:
        claim = claims[site]
        allowed = passage(origin, site) if site != origin else Passage.ELSEWHERE
        if allowed is Passage.OPEN:
            found[site] = _stands(origin, original, states[site], claim)
        elif allowed is Passage.FORBIDDEN and claim is not None and claim.origin == origin:
            found[site] = Finding.FORBIDDEN, f"a replica of {origin}, which the compliance gate does not let go there"
    return found


def _stands(
    origin: str, original: ObjectState, state: ObjectState | None, claim: Provenance | None
) -> tuple[Finding, str]:
    kept = original.checksums.crc32c
    if state is None:
        found = Finding.MISSING, f"{origin} has it"
    elif claim is None and (said := claim_of(state)) is not None and said.origin == origin:
        found = Finding.DAMAGED, f"it says that it is a replica of {origin}, and these are other bytes than were copied"
    elif claim is None:
        found = Finding.CONFLICT, f"not a replica, and {origin} has an object of that key"
    elif claim.origin != origin:
        found = Finding.CONFLICT, f"a replica of {claim.origin}, and {origin} has an object of that key"
    elif claim.version != Version.of(original):
        found = Finding.STALE, f"a replica of {claim.version.token} of {origin}, which is at {original.token} now"
    elif not is_of(claim, original):
        found = Finding.STALE, f"the metadata at {origin} was changed since"
    elif kept is not None and kept != claim.crc32c:
        found = Finding.DAMAGED, f"its CRC32C is {claim.crc32c:08x}, and {origin} keeps {kept:08x}"
    else:
        found = Finding.MATCH, f"crc32c {claim.crc32c:08x}"
    return found
