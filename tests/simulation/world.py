"""One simulated world: everything that happens in it follows from the seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from rigs.world import InlineExecutor
from simulation.core import Supplies, delivery_of, replicator_of
from simulation.history import History
from simulation.malice import Malice
from simulation.plan import GENTLE, TIME_LIMIT, Plan, Rates
from simulation.queues import SimulatedQueue
from simulation.sites import Site
from simulation.stores import Calls, Luck, SimulatedStore
from simulation.sweeps import Sweeps
from simulation.turns import SECOND, Clock, Turns, Worker
from simulation.uploads import SimulatedCopies, uploads_to
from simulation.users import Users
from tradewind.errors import StoreUnavailableError, TradewindError
from tradewind.fleet import ActiveActiveRule
from tradewind.ports import REASON, RESERVED_PREFIX, Copies, Message, Notification, Uploads
from tradewind.records import Records
from tradewind.replication import guard
from tradewind.replication.access import Access
from tradewind.replication.parts import jobs
from tradewind.replication.parts.start import PATIENCE
from tradewind.replication.parts.tasks import is_part_task
from tradewind.replication.requests import decode, encode, is_request

MOST_TURNS = 20_000
"""After so many it is a livelock."""
MOST_SWEEPS = 8
"""After so many sweeps of a healthy fleet nothing may be left to do."""


UNFILTERED = 0.1
"""How likely a part object at Cloud Storage is announced, which a subscription's filter prevents."""
LONG = 0.996
"""Beyond which a turn lets so much time pass that tasks of large objects are sent again."""
HOUR = int(PATIENCE.total_seconds() + 1) * SECOND
"""Microseconds after which the tasks of a job are sent again."""
MOST_REDRIVES = 3
DAMAGED = "that its store keeps"
"""Said of a large object of which other bytes arrived."""


class EndlessError(Exception):
    """The world did not come to rest."""


@dataclass(slots=True)
class World:
    """Sites, users, mishaps, and the workers that replicate.

    Args:
        plan: What is fixed.
        rng: Decides everything else.
        users: Makes whoever acts on the sites; the users of single objects unless it is said otherwise.
        watch: Called after every change of an object.
    """

    plan: Plan
    rng: Random
    users: Callable[[World], Callable[[], None]] | None = None
    watch: Callable[[World], None] = lambda _: None
    history: History = field(default_factory=History)
    turns: Turns = field(default_factory=lambda: Turns(Clock()))
    sites: dict[str, Site] = field(default_factory=dict)
    notices: list[Notification] = field(default_factory=list)
    taken: int = 0
    """Turns so far."""
    healthy: bool = False
    luck: Luck = field(init=False)
    sweeps: Sweeps = field(init=False)
    malice: Malice = field(init=False)
    _stores: dict[str, SimulatedStore] = field(default_factory=dict)
    _records: dict[str, Records] = field(default_factory=dict)
    _uploads: dict[str, Uploads] = field(default_factory=dict)
    _copies: dict[str, Copies] = field(default_factory=dict)
    _deliver: dict[str, Callable[[Message], object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.luck = Luck(self.rng, self.plan.rates)
        self.malice = Malice(self.rng, self.plan)
        for each in self.plan.sites:
            self._build(each.name, Site(each, self.turns.clock, self._queue(each.name), self._queue(each.name)))
        sites = Access(
            self._stores.__getitem__,
            self._records.__getitem__,
            lambda name: self.sites[name].queue,
            self._uploads.__getitem__,
            self._copies.__getitem__,
        )
        supplies = Supplies(
            self.plan.fleet, sites, self.turns, InlineExecutor(), self.turns.clock.read, self.plan.parts
        )
        self.sweeps = Sweeps(supplies, self.rng)
        replicator = replicator_of(supplies)
        for name, site in self.sites.items():
            self._deliver[name] = delivery_of(replicator, self._decode, site.queue, site.letters).deliver

    # --- what it is made of -------------------------------------------------------------------------------------------

    def _build(self, name: str, site: Site) -> None:
        self.sites[name] = site

        def changed(key: str) -> None:
            self.changed(name, key, ours=True)

        calls = Calls(site, name, self.turns, self.luck)
        self._stores[name] = SimulatedStore(calls, site.data, changed)
        self._uploads[name] = uploads_to(calls, site.data, changed)
        self._copies[name] = SimulatedCopies(calls, site.data, changed)
        control = SimulatedStore(Calls(site, f"{name}*", self.turns, self.luck), site.control, lambda _: None)
        self._records[name] = Records(control, "tradewind/")

    def _queue(self, name: str) -> SimulatedQueue:
        def check() -> None:
            if self.sites[name].dark:
                raise StoreUnavailableError(f"The queue of {name} does not answer")

        return SimulatedQueue(self.turns, check, self._deliveries)

    def _decode(self, message: Message) -> Sequence[Notification]:
        return decode(self.plan.fleet, message) if is_request(message) else [self.notices[int(message.body)]]

    # --- what happens -------------------------------------------------------------------------------------------------

    def changed(self, name: str, key: str, *, ours: bool) -> None:
        """Take note of a change that was just made, and let the cloud announce it."""
        site = self.sites[name]
        if key.startswith(RESERVED_PREFIX):
            if self.rng.random() < UNFILTERED:
                self._announce(site, site.notice_of(self.plan.fleet, key))
            return
        deed = self.history.add(
            name, key, site.now(), self.turns.clock.elapsed, site.data.held(key, ours=ours), ours=ours
        )
        if not ours:
            what = f"write {deed.after.body.decode()}" if deed.after else "delete"
            self.turns.note(what, name, key, deed.after.state.token[:6] if deed.after else "", who="user")
        if self._tells(deed.ours, deed.after is None, deed.before is not None and deed.before.ours):
            self._announce(site, site.announcement(self.plan.fleet, deed))
        else:
            self.history.untold.add(deed.number)
            self.turns.note("untold", name, key)
        self.watch(self)

    def _announce(self, site: Site, notice: Notification) -> None:
        self.notices.append(notice)
        for delay in self._deliveries():
            site.queue.add(str(len(self.notices) - 1), delay=delay)

    def _deliveries(self) -> Iterator[int]:
        """Yield for each time that a message comes, how late it is."""
        yield self._delay()
        while self.rng.random() < self.luck.rates.duplicate:
            yield self._delay()

    def _tells(self, ours: bool, deleted: bool, was_ours: bool) -> bool:  # noqa: FBT001 - three facts of one change
        """Say whether the cloud announces a change; the one that no sweep can find again is always announced."""
        rule = self.plan.rule
        fact = isinstance(rule, ActiveActiveRule) and rule.deletes == "propagate" and deleted and was_ours and not ours
        return fact or self.rng.random() >= self.luck.rates.drop

    def _delay(self) -> int:
        return self.rng.randrange(120 * SECOND) if self.rng.random() < self.luck.rates.delay else 0

    def look(self, name: str, keys: Sequence[str]) -> None:
        """Ask a site's function to look at keys."""
        for body in encode(name, keys, why="sweep"):
            self.sites[name].queue.add(body)

    # --- turns --------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Let users act and things go wrong; then heal everything, and sweep until nothing is left to do.

        When that is so, a person lets the delete guards open, and it must be so again.

        Raises:
            EndlessError: It does not come to rest.
        """
        users = Users(self.rng, self.plan, self.sites, self._by_user)
        act = self.users(self) if self.users else users.act
        left = self.plan.acts
        while left or self.turns.live or self._waits():
            fate = self.rng.random()
            if left and self.malice.tempted:
                self.malice.tempted = False
                users.interfere()
                left -= 1
            elif left and (fate < self.plan.haste or (self.plan.malice and self._is_idle())):
                act()
                left -= 1
            elif left and 0.08 <= fate < 0.1:
                self.turns.clock.elapsed += self.rng.choice((0, 1, 1, 5)) * SECOND
            elif left and 0.1 <= fate < 0.11:
                self.look(self.rng.choice(self.plan.sites).name, self.plan.keys)
            elif not self.healthy and 0.11 <= fate < 0.11 + self.plan.sweeps:
                self.rng.choice((self.sweeps.start, self.sweeps.start, self.sweeps.tidy))()
            elif not self.healthy and self.plan.large and fate > LONG:
                self.turns.clock.elapsed += HOUR
            else:
                self._turn(fate)
            if not left and not self.healthy and self.rng.random() < 0.05:
                self._heal()
        self._heal()
        self._redrive()
        self.history.swept = len(self.history.deeds)
        self._until_rest(self._sweep)
        if self._allow():
            self._until_rest(self._sweep)
        self.history.overlooked = len(self.history.deeds)
        self._until_rest(self._look_everywhere)
        self._tidy()

    def _by_user(self, name: str, key: str) -> None:
        self.changed(name, key, ours=False)

    def _turn(self, fate: float) -> None:
        """Let somebody do one thing."""
        self.taken += 1
        if self.taken > MOST_TURNS:
            raise EndlessError(f"not at rest after {MOST_TURNS:,} turns")
        self.turns.clock.elapsed += self.rng.randrange(GENTLE if self.healthy else self.plan.pace)
        if self.rng.random() < self.luck.rates.dark:
            self._darken()
        live = self.turns.live
        if len(live) < self.plan.hands and (fate < 0.35 or not live) and self._begin():
            return
        if live:
            self._pick(self.rng.choice(live))
        else:
            self._wait()

    def _pick(self, worker: Worker) -> None:
        """Let a worker go on, unless it hangs."""
        if worker.asleep:
            worker.asleep -= 1
        elif self.rng.random() < self.luck.rates.stall:
            worker.asleep = self.rng.randrange(3, self.plan.nap)
        else:
            worker.asleep = 0
            self._go_on(worker)

    def _go_on(self, worker: Worker) -> None:
        if self.turns.clock.elapsed - worker.born > TIME_LIMIT * SECOND:
            self.turns.kill(worker, "out of time")
        elif self.rng.random() < self.luck.rates.crash:
            self.turns.kill(worker, "crashes")
        else:
            self.turns.go_on(worker)
            if self.turns.log:
                self.malice.watch(worker, self.turns.log[-1])

    def _begin(self) -> bool:
        """Start a worker on any message that can be received."""
        found = [(s, name) for s in self.sites.values() if not s.dark for name in s.queue.visible()]
        if not found:
            return False
        site, name = self.rng.choice(found)
        message = site.queue.take(name)
        worker = self.turns.start(lambda: self._work(site, message))
        self.turns.note(
            f"gets {self._called(message)}",
            site.plan.name,
            answer=f"attempt {message.attempt}",
            who=f"w{worker.number}",
        )
        return True

    def _called(self, message: Message) -> str:
        if message.body.isdecimal():
            return self.notices[int(message.body)].id
        return message.body.partition('"upload":')[2].strip("{}") if is_part_task(message) else "sweep"

    def _work(self, site: Site, message: Message) -> None:
        try:
            self._deliver[site.plan.name](message)
        except TradewindError as error:
            self.turns.note("gives up", site.plan.name, answer=f"{type(error).__name__}: {error}")
            return
        self.turns.pause()
        site.queue.waiting.pop(message.id, None)
        self.turns.note("is done", site.plan.name)

    def _waits(self) -> bool:
        return any(site.queue.waiting for site in self.sites.values())

    def _is_idle(self) -> bool:
        return not (self.turns.live or self._waits())

    def _wait(self) -> None:
        """Nothing can be done now: let time pass, or the dark sites return."""
        self.turns.clock.elapsed += SECOND
        times = [held.visible_at for s in self.sites.values() if not s.dark for held in s.queue.waiting.values()]
        if times:
            self.turns.clock.elapsed = max(self.turns.clock.elapsed, min(times))
        elif self._waits():
            self._lighten()

    def _darken(self) -> None:
        site = self.rng.choice(list(self.sites.values()))
        site.dark = not site.dark
        self.turns.note("goes dark" if site.dark else "returns", site.plan.name)

    def _lighten(self) -> None:
        for site in self.sites.values():
            site.dark = False

    def _heal(self) -> None:
        if not self.healthy:
            self.turns.note("everything is well from here on")
        self.healthy = True
        self.luck.rates = Rates()
        self._lighten()

    # --- afterwards ---------------------------------------------------------------------------------------------------

    def _until_rest(self, mend: Callable[[], None]) -> None:
        for _ in range(MOST_SWEEPS):
            before = len(self.history.deeds)
            mend()
            self._drain()
            if not any(map(self.jobs_to, self.sites)):
                if len(self.history.deeds) == before:
                    return
            else:
                self.turns.clock.elapsed += HOUR
        raise EndlessError(f"{MOST_SWEEPS} sweeps of a healthy fleet still found something to do")

    def _sweep(self) -> None:
        """Sweep from beginning to end, and once more if half a sweep was under way already."""
        since = self.turns.clock.read()
        while not self.sweeps.completed_since(since):
            self.sweeps.tidy()
            self.sweeps.start()
            self._drain()
            self.turns.clock.elapsed += self.sweeps.until_next() * SECOND

    def _look_everywhere(self) -> None:
        """Ask every site for every key, whatever sweeps think of it."""
        self.turns.note("look everywhere")
        keys = sorted({key for site in self.sites.values() for key in site.data.keys()})  # noqa: SIM118 - no dict
        for name in self.sites:
            self.look(name, keys)

    def _redrive(self) -> None:
        """Do as a person does who finds among the dead letters that the bytes of a large object were wrong.

        What fails once more, since it was delivered before what it waits for, is redriven once more.
        """
        for _ in range(MOST_REDRIVES):
            for site in self.sites.values():
                for name, held in list(site.letters.waiting.items()):
                    if DAMAGED in held.attributes.get(REASON, ""):
                        site.queue.add(site.letters.waiting.pop(name).body)
            self._drain()

    def _tidy(self) -> None:
        """Let so much time pass that nothing may be left of any upload, and tidy."""
        self.turns.clock.elapsed += 48 * HOUR
        self.sweeps.tidy()
        self._drain()

    def jobs_to(self, name: str) -> list[str]:
        """Return the records of the jobs whose target is a site."""
        return [key for key in self.sites[name].control.keys() if key.startswith(f"tradewind/{jobs.PREFIX}")]  # noqa: SIM118 - no dict

    def _drain(self) -> None:
        while self.turns.live or self._waits():
            self._turn(self.rng.random())

    def _allow(self) -> bool:
        """Let the delete guards that are shut open for good; say whether there were any."""
        rule, until = self.plan.rule.name, self.turns.clock.read() + timedelta(days=365)
        shut = [records for records in self._records.values() if guard.read_state(records, rule).shut]
        if shut:
            self.turns.note("a person lets everything go")
            self.history.allowed = len(self.history.deeds)
        for records in shut:
            guard.allow(records, rule, until)
        return bool(shut)
