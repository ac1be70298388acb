"""The objects of a quorum switch, one at each site: all of them are read or written at once.

A site that hangs is waited for a little when enough of the others have answered, and is not asked while it still owes
answers (`registers.asking`). What it was asked to do goes on meanwhile: every write holds only for the very version
that was read, so that none of them can be late.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tradewind.checksums import crc32c, md5, prove
from tradewind.errors import (
    ConfigurationError,
    NotFoundError,
    PreconditionFailedError,
    StoreUnavailableError,
    TradewindError,
)
from tradewind.failover.moving.switch_quorum import Held
from tradewind.ports import Metadata, ObjectStore
from tradewind.registers.asking import Asking
from tradewind.switch_text import SwitchText, decode, encode

log = logging.getLogger(__name__)
PUBLIC = Metadata(content_type="text/plain; charset=utf-8", cache_control="no-store, max-age=0")
"""Cloud Storage caches public objects for an hour unless they say otherwise."""
TRIES = 4
"""How often an object is read that is written all the time."""


@dataclass(frozen=True, slots=True)
class Told:
    """What several sites answered."""

    held: Mapping[str, Held]
    """By site, the objects as they are."""
    failed: Mapping[str, TradewindError]
    """By site, why that is not known."""


@dataclass(frozen=True, slots=True)
class SwitchObjects:
    """The objects of one group's switch.

    Args:
        group: Its name.
        keys: Of the object at each site.
        store_of: Opens the bucket of a site's object, in a thread.
        asking: Asks the sites: the same one for all groups of a process, since it is sites that hang.
    """

    group: str
    keys: Mapping[str, str]
    store_of: Callable[[str], ObjectStore]
    asking: Asking

    def read(self, enough: Callable[[Mapping[str, Held]], bool], mend: SwitchText | None = None) -> Told:
        """Read all objects: 1 request to each.

        Args:
            enough: Whether what was answered so far is all that is needed.
            mend: What a majority is known to show. Objects that are lost or show an earlier epoch are made to say it,
                too; also those that answer when nobody waits any more.
        """
        return self._at_all({site: partial(self._read, site, mend) for site in self.keys}, enough)

    def write(self, wanted: SwitchText, known: Mapping[str, Held], needed: int) -> Told:
        """Let objects say what is wanted, each if it is as it was read or says so already.

        Args:
            wanted: What they are to say.
            known: How they were read.
            needed: Once so many have taken it, the others are waited for a little only.
        """
        return self._at_all(
            {site: partial(self._put, site, wanted, held) for site, held in known.items()},
            lambda taken: len(taken) >= needed,
        )

    def _read(self, site: str, mend: SwitchText | None) -> Held:
        held = self._get(site)
        if mend is None or not held.before(mend):
            return held
        try:
            return self._put(site, mend, held)
        except PreconditionFailedError:  # somebody else is at it
            return held
        except TradewindError as error:  # it is behind again the next time
            log.warning("the quorum switch of %s: its object at %s could not be mended: %s", self.group, site, error)
            return held

    def _get(self, site: str) -> Held:
        store, key = self.store_of(site), self.keys[site]
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
            f"The object {key!r} is none of the quorum switch of {self.group}",
            hint="Nothing else may write there: delete it",
        )
        try:
            text = decode(body)
        except ValueError as error:
            raise foreign from error
        if text.group != self.group:
            raise foreign
        return text

    def _put(self, site: str, wanted: SwitchText, held: Held) -> Held:
        if held.text == wanted:
            return held
        store, body = self.store_of(site), encode(wanted)
        checksum = md5(body) if store.checksum == "md5" else None
        try:
            receipt = store.put(
                self.keys[site], body, metadata=PUBLIC, crc32c=crc32c(body), md5=checksum, expect=held.token
            )
        except PreconditionFailedError:
            # This very write may have arrived before its answer was lost, or another observer publishes the same.
            again = self._get(site)
            if again.text == wanted:
                return again
            raise
        return Held(receipt.token, wanted)

    def _at_all(
        self, questions: Mapping[str, Callable[[], Held]], enough: Callable[[Mapping[str, Held]], bool]
    ) -> Told:
        asked = {site: partial(_answer, question) for site, question in questions.items()}
        answers = self.asking.ask(asked, lambda given: enough(_held(given)))
        failed = {site: each for site, each in answers.given.items() if isinstance(each, TradewindError)}
        silent = {site: StoreUnavailableError(why) for site, why in answers.silent.items()}
        return Told(_held(answers.given), {**failed, **silent})


def _answer(question: Callable[[], Held]) -> Held | TradewindError:
    """Return an error as the answer that it is: who asks needs to know its kind, and that it makes nothing enough."""
    try:
        return question()
    except TradewindError as error:
        return error


def _held(given: Mapping[str, Held | TradewindError]) -> Mapping[str, Held]:
    return {site: each for site, each in given.items() if isinstance(each, Held)}
