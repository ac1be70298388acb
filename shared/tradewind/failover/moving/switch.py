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

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor, wait
from functools import partial
from typing import TypeVar

from tradewind.checksums import crc32c, md5, prove
from tradewind.errors import (
    ConfigurationError,
    NotFoundError,
    PreconditionFailedError,
    StoreUnavailableError,
    TradewindError,
)
from tradewind.failover.moving.switch_quorum import Held, Sight, moved, tokens_of
from tradewind.ports import Metadata, ObjectStore, Traffic
from tradewind.switch_text import SwitchText, decode, encode, text_of

PUBLIC = Metadata(content_type="text/plain; charset=utf-8", cache_control="no-store, max-age=0")
"""Cloud Storage caches public objects for an hour unless they say otherwise."""
TRIES = 4
"""How often an object is read that is written all the time."""

T = TypeVar("T")


class SwitchDirector:
    """Directs the traffic of one group by its objects (see `ports.TrafficDirector`).

    Args:
        group: Its name.
        endpoints: Of the group.
        keys: Of the object at each site.
        store_of: Opens the bucket of a site's object, in a thread of the executor.
        executor: Asks all sites at once; what calls this must not wait in all of its threads.
        answer_seconds: A site that has not answered by then is away.
    """

    def __init__(
        self,
        group: str,
        endpoints: Collection[str],
        keys: Mapping[str, str],
        store_of: Callable[[str], ObjectStore],
        executor: Executor,
        *,
        answer_seconds: float = 3.0,
    ) -> None:
        self._group = group
        self._endpoints = frozenset(endpoints)
        self._keys = dict(keys)
        self._store_of = store_of
        self._executor = executor
        self._seconds = answer_seconds

    def look(self) -> Sight:
        """Return what every object shows, and which sites are away: 1 request to each."""
        return self._look()[0]

    def read(self) -> Traffic:
        """Return what a majority of the objects shows: 1 request to each.

        Where no majority shows the same there are no weights, and the epoch is the latest that any object shows.

        Raises:
            StoreUnavailableError: No majority of them can be read.
        """
        return self._seen().traffic

    def publish(self, weights: Mapping[str, int], *, epoch: int, expect: Traffic) -> Traffic:
        """Write the decision to every object that can be reached; done when a majority took it.

        Takes 1 request to each site, and another to each that does not show the decision yet. Objects that were behind
        are brought up with the rest.

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
        wanted = text_of(self._group, epoch, weights)
        now = self._seen()
        latest = max(expect.epoch, now.latest)
        if epoch < latest:
            raise PreconditionFailedError(f"Could not publish epoch {epoch} at {self}: epoch {latest} is there")
        if now.shown == wanted:
            return self._brought_up(now, wanted).traffic
        before = tokens_of(expect)
        if others := moved(now, before, wanted):
            raise PreconditionFailedError(
                f"Could not publish epoch {epoch} at {self}: it was changed meanwhile at {', '.join(others)}",
                hint="Look again",
            )
        taken = self._settle(wanted, {site: held for site, held in now.held.items() if site in before}, now)
        late, _ = self._write(wanted, {site: held for site, held in now.held.items() if site not in before})
        return Sight(now.sites, {**taken, **late}, {}).traffic

    def repair(self) -> Sight:
        """Bring objects that are behind to what a majority shows, and return what is there now.

        An object that could not be reached when a decision was published shows the one before it until then.

        Raises:
            StoreUnavailableError: No majority of the objects can be read.
        """
        now = self._seen()
        return now if now.shown is None else self._brought_up(now, now.shown)

    def __str__(self) -> str:
        return f"the quorum switch of {self._group}"

    def _look(self) -> tuple[Sight, Mapping[str, TradewindError]]:
        held, failed = self._at_all({site: partial(self._get, site) for site in self._keys})
        return Sight(tuple(self._keys), held, {site: error.message for site, error in failed.items()}), failed

    def _seen(self) -> Sight:
        seen, failed = self._look()
        if len(seen.held) < seen.majority:
            raise self._without_majority("read", failed)
        return seen

    def _brought_up(self, now: Sight, shown: SwitchText) -> Sight:
        written, _ = self._write(shown, now.behind)  # what cannot be written now is behind again the next time
        return Sight(now.sites, {**now.held, **written}, now.away)

    def _settle(self, wanted: SwitchText, known: Mapping[str, Held], now: Sight) -> Mapping[str, Held]:
        """Write what counts, and return the objects that took it: a majority.

        The first object is written alone: of several publishers that saw the same, one gets past it, and the others
        have changed nothing. All at once, each could win an object, and nobody a majority.
        """
        taken, failed, rest = self._first(wanted, known)
        if taken:
            more, refused = self._write(wanted, rest)
            taken, failed = {**taken, **more}, {**failed, **refused}
        if len(taken) >= now.majority:
            return taken
        if others := [site for site, error in failed.items() if isinstance(error, PreconditionFailedError)]:
            raise PreconditionFailedError(
                f"Could not publish epoch {wanted.epoch} at {self}: somebody else was faster at {', '.join(others)}",
                hint="Look again",
            )
        away = {site: StoreUnavailableError(why) for site, why in now.away.items()}
        back = {site: StoreUnavailableError("it is back just now") for site in now.held if site not in known}
        raise self._without_majority("publish at", {**away, **back, **failed})

    def _write(
        self, wanted: SwitchText, known: Mapping[str, Held]
    ) -> tuple[Mapping[str, Held], Mapping[str, TradewindError]]:
        return self._at_all({site: partial(self._put, site, wanted, held) for site, held in known.items()})

    def _first(
        self, wanted: SwitchText, known: Mapping[str, Held]
    ) -> tuple[Mapping[str, Held], Mapping[str, TradewindError], Mapping[str, Held]]:
        """Write the first object that is there: what took it, what failed before, and what is left to be written."""
        failed: dict[str, TradewindError] = {}
        left = dict(known)
        for site, held in known.items():
            del left[site]
            taken, refused = self._write(wanted, {site: held})
            failed.update(refused)
            if taken or isinstance(refused[site], PreconditionFailedError):
                return taken, failed, left
        return {}, failed, left

    def _get(self, site: str) -> Held:
        store, key = self._store_of(site), self._keys[site]
        for _ in range(TRIES):
            try:
                with store.get(key) as download:
                    state, body = download.state, b"".join(download.chunks)
            except NotFoundError:
                return Held(None, None)
            except PreconditionFailedError:  # Cloud Storage asks twice, and it was written in between
                continue
            prove(body, state.checksums, crc=crc32c(body), subject=repr(key))
            return Held(state.token, self._decoded(key, body))
        raise StoreUnavailableError(f"The object {key!r} changed {TRIES} times under a read of it")

    def _decoded(self, key: str, body: bytes) -> SwitchText:
        foreign = ConfigurationError(
            f"The object {key!r} is none of {self}", hint="Nothing else may write there: delete it"
        )
        try:
            text = decode(body)
        except ValueError as error:
            raise foreign from error
        if text.group != self._group:
            raise foreign
        return text

    def _put(self, site: str, wanted: SwitchText, held: Held) -> Held:
        """Let an object say what is wanted, if it is as it was read or says so already."""
        if held.text == wanted:
            return held
        store, body = self._store_of(site), encode(wanted)
        checksum = md5(body) if store.checksum == "md5" else None
        try:
            receipt = store.put(
                self._keys[site], body, metadata=PUBLIC, crc32c=crc32c(body), md5=checksum, expect=held.token
            )
        except PreconditionFailedError:
            # This very write may have arrived before its answer was lost, or another observer publishes the same.
            again = self._get(site)
            if again.text == wanted:
                return again
            raise
        return Held(receipt.token, wanted)

    def _at_all(self, asked: Mapping[str, Callable[[], T]]) -> tuple[Mapping[str, T], Mapping[str, TradewindError]]:
        """Ask several sites at once, and return what they answered and what came of the others."""
        futures = {site: self._executor.submit(ask) for site, ask in asked.items()}
        wait(futures.values(), timeout=self._seconds)
        answered: dict[str, T] = {}
        failed: dict[str, TradewindError] = {}
        for site, future in futures.items():
            if not future.done():
                future.cancel()
                failed[site] = StoreUnavailableError(f"no answer within {self._seconds:g} s")
                continue
            try:
                answered[site] = future.result()
            except TradewindError as error:
                failed[site] = error
        return answered, failed

    def _without_majority(self, operation: str, failed: Mapping[str, TradewindError]) -> TradewindError:
        reasons = "; ".join(f"{site}: {error.message}" for site, error in failed.items())
        wrong = all(isinstance(error, ConfigurationError) for error in failed.values())
        kind = ConfigurationError if wrong else StoreUnavailableError
        hint = next((error.hint for error in failed.values() if error.hint), "")
        return kind(f"Could not {operation} {self}: no majority of its objects answered ({reasons})", hint=hint)
