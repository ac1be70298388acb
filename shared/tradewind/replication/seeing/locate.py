"""Where an object is, and which copy of it is the nearest that may be used."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from tradewind.checksums import strongest
from tradewind.errors import TradewindError, UnportableError
from tradewind.facts import regions
from tradewind.fleet import Fleet, Site
from tradewind.ports import Admission, Checksums, Gate, ObjectState, ObjectStore
from tradewind.replication.provenance import Provenance, claim_of, fingerprint, is_of, provenance_of
from tradewind.replication.routes import Route, admission, covers, routes_for
from tradewind.replication.seeing.whereabouts import connected, uri_of

Holds = Literal["origin", "replica", "other", "damaged", "nothing", "unknown"]
"""`other`: an object of this key that is neither the one in question nor a replica of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """One site, as seen by somebody who looks for an object."""

    site: str
    cloud: str
    region: str
    jurisdiction: str
    allowed: bool
    """Whether the compliance gate lets the object be there."""
    gate: str
    """The gate's reason."""
    uri: str = ""
    """Of what is there, as its cloud writes it; "" if nothing is."""
    holds: Holds = "unknown"
    current: bool | None = None
    """Whether it is what the origin holds now; None if the origin cannot tell."""
    proof: str | None = None
    """The checksum that the site's store keeps, and that of a replica is the one computed when it was copied."""
    size: int | None = None
    """Bytes."""
    modified: datetime | None = None
    note: str = ""
    """What else is to be said."""
    kilometres: float | None = None
    """From the reader's site, along a great circle; None where a region's place is not known."""

    @property
    def usable(self) -> bool:
        """Whether it may be read there instead of at the origin."""
        return self.allowed and self.holds in ("origin", "replica") and self.current is not False


@dataclass(frozen=True, slots=True)
class Location:
    """Where an object is."""

    key: str
    origin: str
    reader: str
    readable: bool
    """Whether the compliance gate lets the object be where the reader is."""
    places: tuple[Place, ...]
    """The nearest first."""

    @property
    def nearest(self) -> Place | None:
        """The nearest copy that may be used, or None."""
        return next((place for place in self.places if place.usable), None) if self.readable else None


Sighting = ObjectState | TradewindError | None
"""A key's state at a site; None where it is absent; or why that is not known."""


def locate(
    fleet: Fleet,
    gate: Gate,
    store_of: Callable[[str], ObjectStore],
    executor: Executor,
    *,
    site: str,
    key: str,
    reader: str,
) -> Location:
    """Look for the object that `site` holds under `key` at every site that a rule connects with it: 1 request each.

    Args:
        fleet: Sites and rules.
        gate: Says where the object may be.
        store_of: Returns the store of a site, by name.
        executor: Looks at several sites side by side.
        site: Where the object is known to have been.
        key: Its key.
        reader: The site near which a copy is wanted.
    """
    names, _ = connected(fleet, site, key)
    seen = dict(zip(names, executor.map(lambda name: _look(store_of, name, key), names), strict=True))
    return survey(fleet, gate, seen, site=site, key=key, reader=reader)


def _look(store_of: Callable[[str], ObjectStore], site: str, key: str) -> Sighting:
    try:
        state = store_of(site).head(key)
        if state is not None:
            claim_of(state)  # what cannot be understood there is not known, and hides no other site
    except TradewindError as error:
        return error
    return state


def survey(fleet: Fleet, gate: Gate, seen: Mapping[str, Sighting], *, site: str, key: str, reader: str) -> Location:
    """Say what was seen at each site, the nearest to `reader` first. Pure; arguments as for `locate`."""
    origin = origin_of(seen, site)
    original = seen.get(origin, TradewindError(f"{origin} was not asked"))
    places = [
        _place(fleet, name, sighting, original, origin, _admission(fleet, gate, origin, name, key))
        for name, sighting in seen.items()
    ]
    here = fleet.sites[reader]
    ranked = sorted((_measured(place, here) for place in places), key=lambda place: _nearness(place, reader, here))
    readable = _admission(fleet, gate, origin, reader, key).allowed
    return Location(key, origin, reader, readable, tuple(ranked))


def origin_of(seen: Mapping[str, Sighting], asked: str) -> str:
    """Return the site of the user's write: what the copy at `asked` says, else whoever has it, else what others say."""
    states = {site: state for site, state in seen.items() if isinstance(state, ObjectState)}
    claims = {site: _claim(site, state) for site, state in states.items()}
    owners = [site for site, claim in claims.items() if claim is None]
    said = [claim.origin for claim in claims.values() if claim is not None]
    origin = asked if asked in states else next(iter([*owners, *said]), asked)
    followed = set[str]()
    while (claim := claims.get(origin)) is not None and origin not in followed:
        followed.add(origin)
        origin = claim.origin
    return origin


def _claim(site: str, state: ObjectState) -> Provenance | None:
    """Return the provenance of a replica. One that came back to its own origin was put there by a user."""
    claim = provenance_of(state)
    if claim is None and state.checksums == Checksums():
        said = claim_of(state)
        claim = said if said and (said.key, said.size) == (fingerprint(state.key), state.size) else None
    return None if claim is None or claim.origin == site else claim


def _admission(fleet: Fleet, gate: Gate, origin: str, site: str, key: str) -> Admission:
    """Ask the gate whether what was written at `origin` may be at `site`, along whatever route."""
    covering = [rule for rule in fleet.rules if covers(rule, key)]
    if not covering or origin not in fleet.sites:
        return Admission(allowed=True, reason="no rule speaks of this key")
    return admission(fleet, gate, Route(covering[0], origin, site), key)


def _place(fleet: Fleet, name: str, seen: Sighting, original: Sighting, origin: str, gate: Admission) -> Place:
    site = fleet.sites[name]
    place = Place(name, site.cloud, site.region, site.jurisdiction, gate.allowed, gate.reason)
    if isinstance(seen, TradewindError):
        return replace(place, holds="nothing" if isinstance(seen, UnportableError) else "unknown", note=seen.message)
    if seen is None:
        return replace(place, holds="nothing")
    place = replace(
        place, uri=uri_of(site, seen.key), size=seen.size, modified=seen.modified, proof=strongest(seen.checksums)
    )
    claim, said = _claim(name, seen), claim_of(seen)
    if name == origin and claim is None:
        return replace(place, holds="origin", current=True)
    if claim is None and said is not None and (said.origin, said.key) == (origin, fingerprint(seen.key)):
        return replace(place, holds="damaged", current=False, proof=None, note="it has other bytes than were copied")
    if claim is None or claim.origin != origin:
        return replace(place, holds="other", current=False, note=_whose(claim))
    current, note = _currency(fleet, name, seen.key, claim, original)
    return replace(place, holds="replica", current=current, note=note)


def _whose(claim: Provenance | None) -> str:
    return f"a replica of another object, of {claim.origin}" if claim else "another object, which was written here"


def _currency(fleet: Fleet, site: str, key: str, claim: Provenance, original: Sighting) -> tuple[bool | None, str]:
    """Say whether a replica is what its origin holds now."""
    if isinstance(original, ObjectState):
        current = is_of(claim, original)
        return current, "" if current else f"{claim.origin} holds another version by now"
    if original is not None or claim.origin not in fleet.sites:
        return None, f"{claim.origin} could not be asked"
    if _outlives(fleet, claim.origin, site, key):
        return None, f"{claim.origin} no longer holds it, and the rule keeps what was deleted"
    return False, f"{claim.origin} no longer holds it"


def _outlives(fleet: Fleet, origin: str, site: str, key: str) -> bool:
    """Say whether the rule keeps a replica at `site` of what was deleted at `origin`."""
    route = next((route for route in routes_for(fleet, origin, key) if route.target == site), None)
    return route is not None and route.rule.deletes == "keep"


def _measured(place: Place, here: Site) -> Place:
    one = regions.coordinates(here.cloud, here.region)
    other = regions.coordinates(place.cloud, place.region)
    return replace(place, kilometres=regions.distance(one, other) if one and other else None)


def _nearness(place: Place, reader: str, here: Site) -> tuple[bool, bool, bool, float]:
    """Order places by how near they are: the site itself, its region, its jurisdiction, then by distance."""
    return (
        place.site != reader,
        (place.cloud, place.region) != (here.cloud, here.region),
        place.jurisdiction != here.jurisdiction,
        math.inf if place.kilometres is None else place.kilometres,
    )
