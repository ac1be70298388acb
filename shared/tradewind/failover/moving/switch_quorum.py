"""What the objects of a quorum switch show together. Pure.

At most one text can be shown by a majority. Where none is, a publisher died half-way, or several are at it: DNS then
goes by the marks that a majority of objects has, and whoever publishes next makes it whole.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from tradewind.ports import Traffic
from tradewind.switch_text import SwitchText


@dataclass(frozen=True, slots=True)
class Held:
    """One object as it was read."""

    token: str | None
    """Its version; None if there is no object."""
    text: SwitchText | None
    """What it says; None if there is no object."""

    def before(self, text: SwitchText) -> bool:
        """Say whether it says nothing yet, or shows an earlier epoch."""
        return self.text is None or self.text.epoch < text.epoch


@dataclass(frozen=True)
class Sight:
    """All objects of a switch as they were read."""

    sites: tuple[str, ...]
    """All that there are."""
    held: Mapping[str, Held]
    """By site, those that could be read."""
    away: Mapping[str, str]
    """By site, why it could not be."""

    @property
    def majority(self) -> int:
        """How many objects decide."""
        return len(self.sites) // 2 + 1

    @cached_property
    def shown(self) -> SwitchText | None:
        """The text that a majority of all objects shows; None if there is none."""
        counted = Counter(held.text for held in self.held.values() if held.text is not None)
        return next((text for text, count in counted.items() if count >= self.majority), None)

    @property
    def latest(self) -> int:
        """The latest epoch that any object shows; 0 if none does."""
        return max((held.text.epoch for held in self.held.values() if held.text is not None), default=0)

    @property
    def differing(self) -> Mapping[str, str]:
        """What the objects say that do not show what a majority shows, in words."""
        return {site: _words(held.text) for site, held in self.held.items() if held.text != self.shown}

    @property
    def lacking(self) -> Mapping[str, str]:
        """What is wrong with the objects that do not show what a majority shows, in words, by site."""
        away = {site: f"it cannot be read: {why}" for site, why in self.away.items()}
        return {**away, **self.differing}

    @property
    def behind(self) -> Mapping[str, Held]:
        """The objects that do not show what a majority does, but for those of a later epoch: somebody is at those.

        One of the same epoch was away when the group got another endpoint, or lost one.
        """
        shown = self.shown
        if shown is None:
            return {}
        return {
            site: held
            for site, held in self.held.items()
            if held.text != shown and (held.text is None or held.text.epoch <= shown.epoch)
        }

    @property
    def traffic(self) -> Traffic:
        """What the switch shows: no weights if no majority of objects shows the same."""
        token = json.dumps({site: held.token for site, held in self.held.items()}, sort_keys=True)
        if self.shown is None:
            return Traffic({}, self.latest, token)
        return Traffic(self.shown.weights, self.shown.epoch, token)


def tokens_of(traffic: Traffic) -> Mapping[str, str | None]:
    """Return the versions of the objects that somebody read, by site; those that were away are not there."""
    try:
        tokens = json.loads(traffic.token)
    except ValueError:
        tokens = None
    return tokens if isinstance(tokens, dict) else {}


def agree(held: Iterable[Held], majority: int) -> bool:
    """Say whether so many objects say the same; that there is none is a thing to say, too."""
    return max(Counter(each.text for each in held).values(), default=0) >= majority


def moved(now: Sight, before: Mapping[str, str | None], wanted: SwitchText) -> Collection[str]:
    """Return the sites whose objects were changed since they were read, to something else than what is wanted."""
    return [
        site for site, held in now.held.items() if site in before and before[site] != held.token and held.text != wanted
    ]


def _words(text: SwitchText | None) -> str:
    return "there is no object" if text is None else f"epoch {text.epoch}, {text.on} is on"
