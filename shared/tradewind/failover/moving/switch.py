"""The quorum switch: a director that needs no API of the DNS, and none of the cloud that is down.

A decision is one small public text at each of an odd number of sites (`tradewind.switch_text`). Route 53's health
checks read all of them all the time, and count: what a majority shows is what DNS answers (docs/quorum-switch.md).

A publisher writes each object under the condition that it is as it was read. What a majority took is published; a
minority changes nothing that DNS answers. Two rules keep an older decision from displacing a newer one:

- no object that shows a later epoch is written over, which the condition of the write keeps true to the end;
- only objects that the caller's `expect` speaks of count towards the majority. Any two majorities share an object, so
  whoever published after `expect` was read has changed one of them, and is found out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping

from tradewind.errors import (
    ConfigurationError,
    PreconditionFailedError,
    StoreUnavailableError,
    TradewindError,
)
from tradewind.failover.moving.switch_objects import SwitchObjects, Told
from tradewind.failover.moving.switch_quorum import Held, Sight, agree, moved, tokens_of
from tradewind.ports import ObjectStore, Traffic
from tradewind.registers.asking import Asking
from tradewind.switch_text import SwitchText, text_of

log = logging.getLogger(__name__)


class SwitchDirector:
    """Directs the traffic of one group by its objects (see `ports.TrafficDirector`).

    Args:
        group: Its name.
        endpoints: Of the group.
        keys: Of the object at each site.
        store_of: Opens the bucket of a site's object, in a thread.
        asking: Asks all sites at once; one for all groups of a process. What calls this must not wait in all of the
            threads of its executor.
    """

    def __init__(
        self,
        group: str,
        endpoints: Collection[str],
        keys: Mapping[str, str],
        store_of: Callable[[str], ObjectStore],
        asking: Asking,
    ) -> None:
        self._group = group
        self._endpoints = frozenset(endpoints)
        self._sites = tuple(keys)
        self._majority = len(keys) // 2 + 1
        self._objects = SwitchObjects(group, dict(keys), store_of, asking)

    def look(self) -> Sight:
        """Return what every object shows, and which sites are away: 1 request to each, and all are waited for."""
        return self._sight(self._objects.read(lambda _: False))

    def read(self) -> Traffic:
        """Return what a majority of the objects shows: 1 request to each.

        Where no majority shows the same there are no weights, and the epoch is the latest that any object shows.

        Raises:
            StoreUnavailableError: No majority of them can be read.
        """
        return self._seen(self._objects.read(lambda held: agree(held.values(), self._majority))).traffic

    def publish(
        self,
        weights: Mapping[str, int],
        *,
        epoch: int,
        expect: Traffic,
        force: bool = False,  # noqa: ARG002 - its objects are nobody else's
    ) -> Traffic:
        """Write the decision to every object that can be reached; done when a majority took it.

        Takes 1 request to each site, and another to each that does not show the decision yet. Publishing what a
        majority shows already mends the other objects: those that were away, and those that were lost. What remains
        wrong is logged.

        Raises:
            PreconditionFailedError: Somebody else published since `expect` was read, or a later epoch is there. At
                most a minority of the objects was changed, which DNS does not go by.
            StoreUnavailableError: No majority can be written. The decision may have been taken by some: publish again.
            ConfigurationError: The weights are shares, which the switch does not know, or of other endpoints.
        """
        if wrong := sorted(set(weights) ^ self._endpoints):
            raise ConfigurationError(
                f"Could not publish weights at {self}: its endpoints and the given ones differ by {wrong[0]!r}"
            )
        done = self._published(text_of(self._group, epoch, weights), expect)
        for site, wrong_there in done.lacking.items():
            log.warning("%s: its object at %s does not show epoch %d: %s", self, site, epoch, wrong_there)
        return done.traffic

    def __str__(self) -> str:
        return f"the quorum switch of {self._group}"

    def _published(self, wanted: SwitchText, expect: Traffic) -> Sight:
        before = tokens_of(expect)
        if (expect.epoch, expect.weights) == (wanted.epoch, wanted.weights):
            # A majority was seen to show it, so an object that shows less cannot be ahead of it, and need not wait.
            told = self._objects.read(lambda held: agree(held.values(), self._majority), mend=wanted)
        else:
            told = self._objects.read(lambda held: agree(_of(held, before).values(), self._majority))
        now = self._seen(told)
        latest = max(expect.epoch, now.latest)
        if wanted.epoch < latest:
            raise PreconditionFailedError(f"Could not publish epoch {wanted.epoch} at {self}: epoch {latest} is there")
        if now.shown == wanted:
            return self._brought_up(now, wanted)
        if others := moved(now, before, wanted):
            raise PreconditionFailedError(
                f"Could not publish epoch {wanted.epoch} at {self}: it was changed meanwhile at {', '.join(others)}",
                hint="Look again",
            )
        taken = self._settle(wanted, _of(now.held, before), now)
        late = self._objects.write(wanted, {site: each for site, each in now.held.items() if site not in before}, 0)
        return self._sight(Told({**taken.held, **late.held}, {**told.failed, **taken.failed, **late.failed}))

    def _sight(self, told: Told) -> Sight:
        return Sight(self._sites, told.held, {site: error.message for site, error in told.failed.items()})

    def _seen(self, told: Told) -> Sight:
        if len(told.held) < self._majority:
            raise self._without_majority("read", told.failed)
        return self._sight(told)

    def _brought_up(self, now: Sight, shown: SwitchText) -> Sight:
        written = self._objects.write(shown, now.behind, 0)  # what cannot be written now is behind again the next time
        return Sight(now.sites, {**now.held, **written.held}, now.away)

    def _settle(self, wanted: SwitchText, known: Mapping[str, Held], now: Sight) -> Told:
        """Write what counts, and return the objects that took it: a majority.

        The first object is written alone: of several publishers that saw the same, one gets past it, and the others
        have changed nothing. All at once, each could win an object, and nobody a majority.
        """
        first, rest = self._first(wanted, known)
        taken, failed = first.held, first.failed
        if taken:
            more = self._objects.write(wanted, rest, self._majority - len(taken))
            taken, failed = {**taken, **more.held}, {**failed, **more.failed}
        if len(taken) >= self._majority:
            return Told(taken, failed)
        if others := [site for site, error in failed.items() if isinstance(error, PreconditionFailedError)]:
            raise PreconditionFailedError(
                f"Could not publish epoch {wanted.epoch} at {self}: somebody else was faster at {', '.join(others)}",
                hint="Look again",
            )
        away = {site: StoreUnavailableError(why) for site, why in now.away.items()}
        back = {site: StoreUnavailableError("it is back just now") for site in now.held if site not in known}
        raise self._without_majority("publish at", {**away, **back, **failed})

    def _first(self, wanted: SwitchText, known: Mapping[str, Held]) -> tuple[Told, Mapping[str, Held]]:
        """Write the first object that is there: what took it and what failed before, and what is left to be written."""
        failed: dict[str, TradewindError] = {}
        left = dict(known)
        for site, held in known.items():
            del left[site]
            told = self._objects.write(wanted, {site: held}, 1)
            failed.update(told.failed)
            if told.held or isinstance(told.failed[site], PreconditionFailedError):
                return Told(told.held, failed), left
        return Told({}, failed), left

    def _without_majority(self, operation: str, failed: Mapping[str, TradewindError]) -> TradewindError:
        reasons = "; ".join(f"{site}: {error.message}" for site, error in failed.items())
        wrong = all(isinstance(error, ConfigurationError) for error in failed.values())
        kind = ConfigurationError if wrong else StoreUnavailableError
        hint = next((error.hint for error in failed.values() if error.hint), "")
        return kind(f"Could not {operation} {self}: no majority of its objects answered ({reasons})", hint=hint)


def _of(held: Mapping[str, Held], sites: Collection[str]) -> Mapping[str, Held]:
    return {site: each for site, each in held.items() if site in sites}
