"""Sets over memory stores: users who write them, and workers that may be interleaved at every store call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from greenlet import greenlet

from rigs.world import WatchedStore, fleet_of
from tradewind.checksums import crc32c
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import NotFoundError, PreconditionFailedError, SetError
from tradewind.fleet import Rule
from tradewind.ports import Metadata, ObjectState
from tradewind.records import Records
from tradewind.replication.provenance import Provenance, Version, digest, fingerprint, is_of, provenance_of, stamped
from tradewind.replication.sets import SetKeeper

ROUNDS = 8
PLAIN = Metadata()
Schedule = Sequence[int]


class CrashError(BaseException):
    """The worker's process is killed."""


class SetWorld:
    """A source `a`, a target `b` with its control bucket, and one rule between them."""

    def __init__(self, **sets: object) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.fleet = fleet_of({"name": "one", "to": ["b"], "deletes": "propagate", "sets": sets})
        self.rule: Rule = self.fleet.rules[0]
        names = ("a", "b", "control")
        self.memory = {name: MemoryStore(clock=lambda: self.now) for name in names}
        self.stores = {name: WatchedStore(store) for name, store in self.memory.items()}
        self.withdrawn: list[str] = []

    def pass_time(self, seconds: float = 1) -> None:
        """Let the one clock go on."""
        self.now += timedelta(seconds=seconds)

    def write(self, key: str, body: bytes, *, site: str = "a") -> None:
        """Write as a user, a second after whatever was before."""
        self.pass_time()
        state = self.memory[site].head(key)
        self.memory[site].put(
            key, body, metadata=PLAIN, crc32c=crc32c(body), md5=None, expect=state.token if state else None
        )

    def delete(self, key: str, *, site: str = "a") -> None:
        """Delete as a user."""
        state = self.memory[site].head(key)
        assert state is not None
        self.memory[site].delete(key, expect=state.token)

    def body(self, key: str, *, site: str = "b") -> bytes | None:
        """Return what is under a key, or None."""
        try:
            with self.memory[site].get(key) as download:
                return b"".join(download.chunks)
        except NotFoundError:
            return None

    def keys(self, site: str = "b") -> list[str]:
        """Return what is at a site."""
        return [summary.key for summary in self.memory[site].list().objects]

    def calls(self) -> list[str]:
        """Return the requests since this was asked last, as `store call`."""
        made = [f"{name} {call}" for name, store in self.stores.items() for call in store.calls]
        for store in self.stores.values():
            store.calls.clear()
        return made


class Worker:
    """One function: the copy loop in miniature around a keeper of its own."""

    def __init__(self, world: SetWorld) -> None:
        self.world = world
        self.keeper = SetKeeper(
            fleet=world.fleet,
            store_of=world.stores.__getitem__,
            records_of=lambda _: Records(world.stores["control"], "tradewind/"),
            fetch=self._fetch,
            clock=lambda: world.now,
            withdraw=self._withdraw,
        )

    def copy(self, key: str, *, again: bool = False) -> None:
        """Bring a key to the target, as the copy loop does; what is absent at the source is removed.

        Args:
            key: The key.
            again: This is not the first delivery of the message.
        """
        for _ in range(ROUNDS):
            with suppress(PreconditionFailedError, NotFoundError):
                if self._turn(key, again=again):
                    return
        raise PreconditionFailedError(f"{key!r} changes all the time")

    def _turn(self, key: str, *, again: bool) -> bool:
        source, target, rule = self.world.stores["a"], self.world.stores["b"], self.world.rule
        held = target.head(key)
        claim = provenance_of(held) if held else None
        try:
            with source.get(key) as download:
                state, body = download.state, b"".join(download.chunks)
        except NotFoundError:
            if held is not None and claim is not None:
                with self.keeper.removing(rule, key, source="a", target="b"):
                    target.delete(key, expect=held.token)
            return True
        if claim is not None and is_of(claim, state):
            if again:
                self._try_sets(key, replaced=True)
            return True
        if held is not None and claim is None:
            return True  # somebody else's object is kept
        with self.keeper.writing(rule, key, source="a", target="b", body=body, replaces=held is not None):
            self._put(state, body, held)
        now = source.head(key)
        if now is None or Version.of(now) != Version.of(state):
            return False
        self._try_sets(key, replaced=held is not None)
        return True

    def _put(self, state: ObjectState, body: bytes, held: ObjectState | None) -> None:
        provenance = Provenance(
            "a", Version.of(state), len(body), crc32c(body), fingerprint(state.key), None, digest(state.metadata)
        )
        self.world.stores["b"].put(
            state.key,
            body,
            metadata=stamped(state.metadata, provenance),
            crc32c=crc32c(body),
            md5=None,
            expect=held.token if held else None,
        )

    def _try_sets(self, key: str, *, replaced: bool) -> None:
        for closing in self.keeper.arrived(self.world.rule, key, source="a", target="b", replaced=replaced):
            with suppress(SetError):
                self.copy(closing)

    def _fetch(self, rule: Rule, key: str, source: str, target: str) -> None:
        assert (rule, source, target) == (self.world.rule, "a", "b")
        self.copy(key)

    def _withdraw(self, site: str, key: str, token: str) -> None:
        self.world.withdrawn.append(key)
        self.world.stores[site].delete(key, expect=token)


@dataclass(slots=True)
class _Running:
    key: str
    since: datetime
    again: bool
    thread: greenlet


@dataclass(slots=True)
class Interleaving:
    """Two workers and a user who take turns at every store call, in an order that is given.

    Args:
        world: In which it happens.
        user: What the user does, one thing after the other; each returns the key that is announced, or None.
        check: Called after every call that was made.
    """

    world: SetWorld
    user: list[Callable[[], str | None]]
    check: Callable[[], None]
    queue: list[tuple[str, bool]] = field(default_factory=list)
    running: list[_Running] = field(default_factory=list)
    workers: int = 2

    def run(self, schedule: Schedule) -> None:
        """Follow the schedule, then go on fairly, and with time passing, until nothing is left to do."""
        hub = greenlet.getcurrent()
        for store in self.world.stores.values():
            store.before = lambda _: hub.switch()
        try:
            self._follow(schedule)
        finally:
            for store in self.world.stores.values():
                store.before = lambda _: None

    def _follow(self, schedule: Schedule) -> None:
        for choice in schedule:
            self._step(choice)
        for _ in range(20_000):
            if not (self.queue or self.running or self.user):
                return
            self._step(0 if self.user else 50)
        raise AssertionError(f"never quiet: {self.queue}")

    def _step(self, choice: int) -> None:
        """Do one thing: 0..29 the user's next, 30..95 a worker's next call, above that a worker dies."""
        limit = timedelta(seconds=self.world.fleet.time_limit_seconds)
        for late in [each for each in self.running if self.world.now - each.since >= limit]:
            self._end(late)
        if choice < 30 and self.user:
            self._announce(self.user.pop(0)())
        elif choice > 95 and self.running:
            self._end(self.running[choice % len(self.running)])
        elif self.queue and len(self.running) < self.workers:
            key, again = self.queue.pop(choice % len(self.queue))
            self._resume(_Running(key, self.world.now, again, greenlet(self._work)), first=True)
        elif self.running:
            self._resume(self.running.pop(choice % len(self.running)))
        self.check()

    def _announce(self, key: str | None) -> None:
        if key is not None:
            self.queue.append((key, False))

    def _resume(self, one: _Running, *, first: bool = False) -> None:
        try:
            if first:
                one.thread.switch(one.key, one.again)
            else:
                one.thread.switch()
        except SetError:
            self.queue.append((one.key, True))
            if not self.user:  # a user in the middle of a set goes on without a pause
                self.world.pass_time(30)
        except PreconditionFailedError:
            self.queue.append((one.key, True))
        if not one.thread.dead:
            self.running.append(one)

    def _work(self, key: str, again: bool) -> None:  # noqa: FBT001 - a greenlet is given positions
        Worker(self.world).copy(key, again=again)

    def _end(self, one: _Running) -> None:
        self.running.remove(one)
        with suppress(CrashError):
            one.thread.throw(CrashError)
        self.queue.append((one.key, True))


def marks(world: SetWorld, closing: str, members: Sequence[str]) -> Iterator[bytes]:
    """Yield the first word of every object of a set at the target, if its closing key is visible there."""
    if (first := world.body(closing)) is not None:
        yield _mark(first)
        for member in members:
            yield _mark(world.body(member) or b"absent")


def _mark(body: bytes) -> bytes:
    found = re.search(rb"v\d+|absent", body)
    assert found
    return found[0]
