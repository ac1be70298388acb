"""What was done to every object, by whom and when: the facts that the properties are checked against."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from tradewind.ports import PROVENANCE_KEY, Metadata, ObjectState


@dataclass(frozen=True, slots=True)
class Held:
    """One version of an object at one site."""

    body: bytes
    state: ObjectState
    ours: bool
    """Tradewind wrote it, not a user."""

    @property
    def visible(self) -> tuple[bytes, Metadata]:
        """Return all that a user would compare."""
        metadata = self.state.metadata
        user = {name: value for name, value in metadata.user.items() if name != PROVENANCE_KEY}
        return self.body, replace(metadata, user=user)


@dataclass(frozen=True, slots=True)
class Deed:
    """One change of one object."""

    number: int
    site: str
    key: str
    ours: bool
    time: datetime
    """By the site's clock, as coarse as that is."""
    elapsed: int
    """Microseconds since the world began."""
    before: Held | None
    after: Held | None
    """None: it was deleted."""


@dataclass(slots=True)
class History:
    """Every deed so far, in order."""

    deeds: list[Deed] = field(default_factory=list)
    present: dict[tuple[str, str], Held] = field(default_factory=dict)
    """What each site holds, by site and key."""
    swept: int | None = None
    """Number of the deed that was next when the last sweeps began; None before."""
    overlooked: int | None = None
    """Number of the deed that was next when the sweeps had nothing left to do."""
    allowed: int | None = None
    """Number of the deed that was next when a person let the delete guards open."""
    untold: set[int] = field(default_factory=set)
    """Numbers of the deeds whose notification was lost."""

    def add(self, site: str, key: str, time: datetime, elapsed: int, after: Held | None, *, ours: bool) -> Deed:
        """Write down a change that has just been made."""
        deed = Deed(len(self.deeds), site, key, ours, time, elapsed, self.present.get((site, key)), after)
        self.deeds.append(deed)
        if after is None:
            self.present.pop((site, key), None)
        else:
            self.present[site, key] = after
        return deed

    def last_by_users(self, key: str) -> dict[str, Deed]:
        """Return what users did last to `key`, by site."""
        return {deed.site: deed for deed in self.deeds if deed.key == key and not deed.ours}
