"""How far a rule has come at each of its targets, as numbers that add up. Pure.

A comparison of the sites adds to a tally key by key. Tallies of pages, of workers and of days can be merged, and the
result is that of one tally of everything; so a sweep keeps its own in a record and goes on where it stopped.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

ERROR = 0.05
"""How far a quantile of lags may be from the true one, as a part of it; whole seconds of the stores' clocks come on
top. The largest lag is exact."""
IN_SYNC = frozenset({"match", "unproven"})
"""Findings that say that a target holds the present version; `unproven` says that nothing vouches for its bytes."""
BACKLOG = frozenset({"missing", "stale", "metadata", "extra"})
"""Findings that say that a target is still to become what its origin is; a delete that is to be brought is one."""
REFUSED = "refused"
"""Counted for a key that the compliance gate does not let go to the target."""
INCOMPLETE = "incomplete"
"""Counted once for an artifact set whose closing key is held back at the target, since a member is missing."""
EXTRA = "extra"
SAMPLE = 100
"""So many of the keys found extra are remembered: those of the smallest fingerprints, so two sweeps choose alike."""
_GAMMA = (1 + ERROR) / (1 - ERROR)
_FLOOR = 0.001
"""Seconds; no store's clock is good for less, and what is below it is told as 0."""


@dataclass(slots=True)
class Lags:
    """A histogram of durations whose buckets grow by a constant factor, so that it can be merged.

    It is the sketch of Masson, Rim and Lee, "DDSketch" (VLDB 2019), without its limit on buckets: a week has 300.
    """

    buckets: Counter[int] = field(default_factory=Counter)
    longest: float = 0.0
    """Seconds."""

    def add(self, lag: timedelta) -> None:
        """Count one duration; one below zero (two clocks) counts as zero."""
        seconds = max(lag.total_seconds(), 0.0)
        self.buckets[0 if seconds < _FLOOR else 1 + math.ceil(math.log(seconds / _FLOOR, _GAMMA))] += 1
        self.longest = max(self.longest, seconds)

    def merge(self, other: Lags) -> None:
        """Take in what `other` counted."""
        self.buckets.update(other.buckets)
        self.longest = max(self.longest, other.longest)

    def quantile(self, share: float) -> float | None:
        """Return the seconds that `share` of the durations do not exceed, within `ERROR` of it; None without any."""
        rank, seen = max(math.ceil(share * self.buckets.total()), 1), 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                middle = 0.0 if bucket == 0 else _FLOOR * 2 * _GAMMA ** (bucket - 1) / (_GAMMA + 1)
                return min(middle, self.longest)
        return None


@dataclass(slots=True)
class TargetTally:
    """How it stands at one target."""

    objects: int = 0
    """Replicas of the present version."""
    size: int = 0
    """Bytes of those."""
    backlog: int = 0
    """Keys that are still to be brought there, or to be removed."""
    backlog_size: int = 0
    """Bytes of those, as their origins hold them."""
    oldest: float | None = None
    """Seconds since the origin wrote what waits longest; None if nothing waits or its age is not known. No store says
    when something was deleted: what is extra counts from the comparison before, if that found it so (see `linger`)."""
    stuck: int = 0
    """Keys that are not as they should be, and that looking at again does not mend: a person has to."""
    extras: list[str] = field(default_factory=list)
    """Fingerprints of up to `SAMPLE` keys that are extra."""
    findings: Counter[str] = field(default_factory=Counter)
    """How often each finding was made, `REFUSED` and `INCOMPLETE` included."""
    lags: Lags = field(default_factory=Lags)
    """From the origin's write to the replica's, of replicas of the present version."""

    def merge(self, other: TargetTally) -> None:
        """Take in what `other` counted."""
        self.objects += other.objects
        self.size += other.size
        self.backlog += other.backlog
        self.backlog_size += other.backlog_size
        self.oldest = max((age for age in (self.oldest, other.oldest) if age is not None), default=None)
        self.stuck += other.stuck
        self.remember(other.extras)
        self.findings.update(other.findings)
        self.lags.merge(other.lags)

    def remember(self, extras: Iterable[str]) -> None:
        """Take in fingerprints of keys that are extra."""
        self.extras = sorted({*self.extras, *extras})[:SAMPLE]

    def wait_for(self, age: timedelta) -> None:
        """Take in that something waits for so long."""
        self.oldest = max(self.oldest or 0.0, age.total_seconds())

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "objects": self.objects,
            "size": self.size,
            "backlog": self.backlog,
            "backlog_size": self.backlog_size,
            "oldest": self.oldest,
            "stuck": self.stuck,
            "extras": self.extras,
            "findings": dict(self.findings),
            "lags": {str(bucket): count for bucket, count in self.lags.buckets.items()},
            "longest": self.lags.longest,
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Return what `as_document` wrote."""
        lags = Counter({int(bucket): int(count) for bucket, count in document["lags"].items()})
        return cls(
            objects=document["objects"],
            size=document["size"],
            backlog=document["backlog"],
            backlog_size=document["backlog_size"],
            oldest=document["oldest"],
            stuck=document.get("stuck", 0),
            extras=list(document.get("extras", ())),
            findings=Counter(document["findings"]),
            lags=Lags(lags, document["longest"]),
        )


@dataclass(slots=True)
class Tally:
    """How it stands with one rule."""

    rule: str
    keys: int = 0
    """Keys that were looked at."""
    targets: dict[str, TargetTally] = field(default_factory=dict)
    """By the target's site."""

    def add(
        self,
        target: str,
        finding: str,
        *,
        size: int = 0,
        lag: timedelta | None = None,
        age: timedelta | None = None,
        repairable: bool = True,
        key: str = "",
    ) -> None:
        """Count what was found of one key at one target. `keys` is counted by the caller, once for each key.

        Args:
            target: Site.
            finding: A `compare.Finding`, or `REFUSED` or `INCOMPLETE`.
            size: Bytes of the replica if it is in sync, else of what the origin holds.
            lag: From the origin's write to the replica's; counts for a replica that is in sync.
            age: Since the origin's write; counts for what is still to be brought.
            repairable: Whether looking at the key again mends it; what it does not is no backlog, which goes by itself.
            key: Its fingerprint.
        """
        of = self.targets.setdefault(target, TargetTally())
        of.findings[str(finding)] += 1
        if finding in IN_SYNC:
            of.objects += 1
            of.size += size
            if lag is not None:
                of.lags.add(lag)
        elif finding in BACKLOG and not repairable:
            of.stuck += 1
        elif finding in BACKLOG:
            of.backlog += 1
            of.backlog_size += size
            if age is not None:
                of.wait_for(age)
            if finding == EXTRA and key:
                of.remember([key])

    def linger(self, before: Tally, apart: timedelta) -> None:
        """Take in that what is extra and was so in an earlier tally waits at least since then.

        Args:
            before: The earlier tally of the same rule.
            apart: How long ago that was begun.
        """
        for target, of in self.targets.items():
            earlier = before.targets.get(target)
            if earlier is not None and not {*of.extras}.isdisjoint(earlier.extras):
                of.wait_for(apart)

    def merge(self, other: Tally) -> None:
        """Take in what `other` counted of the same rule."""
        self.keys += other.keys
        for target, tally in other.targets.items():
            self.targets.setdefault(target, TargetTally()).merge(tally)

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON values, for a record; `of_document` reads them."""
        targets = {name: tally.as_document() for name, tally in self.targets.items()}
        return {"rule": self.rule, "keys": self.keys, "targets": targets}

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Return what `as_document` wrote."""
        targets = {name: TargetTally.of_document(each) for name, each in document["targets"].items()}
        return cls(document["rule"], document["keys"], targets)
