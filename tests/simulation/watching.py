"""Observers of one group in a world of endpoints, stores, clocks and a director that fail: the whole loop."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from random import Random

from simulation.control import Bucket, Mishaps, SimulatedRecords
from simulation.landscape import AtOnce, Clock, Endpoints, Look, Pager, SimulatedDirector, SimulatedProber
from simulation.moves import Moves
from simulation.persons import Persons
from simulation.processes import Process, Processes
from simulation.scenes import ENDPOINTS, EVERY, GROUP, LIMIT, SITES, Policy, Scene, fleet_of
from simulation.sightings import Sightings
from simulation.turns import SECOND
from simulation.world import EndlessError
from tradewind.errors import TradewindError
from tradewind.failover.instruments import Instruments
from tradewind.failover.looking.viewing import Exchange
from tradewind.failover.observer import Observer
from tradewind.failover.routing import Routing, State
from tradewind.ports import Traffic
from tradewind.records import Record
from tradewind.registers.initialise import initialise
from tradewind.registers.outcomes import NoMajority, Reading
from tradewind.registers.register import Register, Registers

REGISTER = f"groups/{GROUP}"
RECORD = f"registers/{REGISTER}"
STEP = 20_000
"""Microseconds that a step takes, at most."""
RETURNS = 0.4
"""How probable it is at each ring that a process that hangs goes on."""
MOST_STEPS = 60_000
MOST_RINGS = 120
"""Until all is as it should be, once nothing goes wrong any more."""
_WRONG = {"a": 0, "b": 3_600 * SECOND, "c": -86_400 * SECOND, "d": 7 * SECOND, "e": -2_000 * SECOND}


@dataclass(frozen=True, slots=True)
class Begun:
    """A group whose first epoch is settled, and whose observers have heard each other."""

    elapsed: int
    held: dict[str, dict[str, Record]]
    looks: dict[tuple[str, str], list[Look]]
    traffic: Traffic
    value: Reading


@dataclass(slots=True)
class World:
    """Observers, what they watch, and mishaps.

    Args:
        scene: What is fixed.
        rng: Decides everything else.
    """

    scene: Scene
    rng: Random
    processes: Processes = field(init=False)
    moves: Moves = field(init=False)
    director: SimulatedDirector = field(init=False)
    pager: Pager = field(init=False)
    persons: Persons = field(init=False)
    endpoints: Endpoints = field(default_factory=Endpoints)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)
    sites: tuple[str, ...] = field(init=False)
    healthy: bool = False
    wrong: list[str] = field(default_factory=list)
    _absent: set[str] = field(default_factory=set)
    _warm: dict[str, tuple[Process, Observer]] = field(default_factory=dict)
    _running: list[Process] = field(default_factory=list)
    _telling: set[str] = field(default_factory=set)
    """Processes that told callers how things stand."""
    _steps: int = 0
    _started: int = 0

    def __post_init__(self) -> None:
        self.sites = tuple(SITES)[: self.scene.policy.observers]
        self.processes = Processes(self.rng, haste=self.rng.choice((0.0, 0.8, 0.95)))
        self.moves = Moves(self.scene)
        self.director = SimulatedDirector(self.processes, self.rng, self.scene.director, careful=self.scene.careful)
        self.pager = Pager(self.processes)
        clock = Clock(self.processes, 5 * SECOND)
        register = partial(self._register, clock)
        self.persons = Persons(self.scene, self.rng, self.processes, register, clock)
        self.endpoints.weights = lambda: self.director.inner.published[-1].weights
        for site in self.sites:
            by_content = self.rng.random() < 0.05
            self.buckets[site] = Bucket(site, by_content=by_content, watch=partial(self._written, site))
            self.clocks[site] = Clock(self.processes, _WRONG[site])

    # --- who acts -----------------------------------------------------------------------------------------------------

    def _records(self) -> dict[str, SimulatedRecords]:
        return {
            site: SimulatedRecords(bucket, self.processes, self.rng, self.scene.mishaps)
            for site, bucket in self.buckets.items()
        }

    def registers(self, clock: Clock) -> Registers:
        """Return what a process works with that asks for the group's register."""
        at_once = AtOnce(self.processes)
        return Registers(self._records(), at_once, clock.read, self.rng, history=64, sleep=self.processes.sleep)

    def _register(self, clock: Clock) -> Register:
        return self.registers(clock).register(REGISTER)

    def observer(self, site: str) -> Observer:
        """Return a new instance of an observer."""
        fleet, clock = fleet_of(self.scene.policy), self.clocks[site]
        registers, at_once = self.registers(clock), AtOnce(self.processes)
        names = {endpoint.url: name for name, endpoint in fleet.endpoints.items()}
        records = self._records()
        return Observer(
            site,
            fleet,
            Instruments(
                Exchange(site, records, at_once, 3.0),
                SimulatedProber(site, self.endpoints, self.processes, names),
                lambda group: registers.register(f"groups/{group}"),
                lambda _: self.director,
                lambda _: {"pager": self.pager},
                self._tell,
                at_once,
                at_once,
                clock.read,
            ),
        )

    def _ring(self, site: str) -> None:
        """Start one look of an observer, by an instance that is not at work, or a new one."""
        process, observer = self._warm.get(site, (None, None))
        if process is None or observer is None or process.dead or not process.over:
            observer = self.observer(site)
        self._started += 1
        started = self.processes.start(f"{site}{self._started}", lambda: self._look(observer))
        self._warm[site] = started, observer
        self._running.append(started)

    def _look(self, observer: Observer) -> None:
        try:
            done = observer.round()
        except TradewindError as error:
            self.processes.note("fails", observer.me, answer=error)
            return
        decision, acting = done.decisions.get(GROUP), self.processes.acting
        self.processes.note("looks", observer.me, answer=decision)
        if GROUP in done.routings and acting and acting.process.name not in self._telling:
            self.wrong.append(f"{acting.process.name} knows the routing, and told no callers how the endpoints are")

    def _tell(self, *_: object) -> None:
        """Note that callers are told."""
        if acting := self.processes.acting:
            self._telling.add(acting.process.name)

    def _hand(self) -> None:
        """Let a person do something."""
        self._started += 1
        name = f"p{self._started}"
        self._running.append(self.processes.start(name, self.persons.wish(name)))

    # --- what happens -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Let the timers ring and things go wrong; then heal everything, and see that all ends as it should.

        Raises:
            EndlessError: It does not come to rest.
        """
        if self.rng.random() < 0.8:
            self._begin()
        else:
            initialise(self.registers(self.clocks["a"]), REGISTER)
        for _ in range(self.scene.rings):
            self._mishap()
            self._period()
        self._heal()
        unfinished: list[str] = []
        for ring in range(MOST_RINGS):
            if self.scene.careful:
                self.persons.force()
            self._period()
            if ring >= self.scene.calm and not (unfinished := list(self.unfinished())):
                self.processes.note("is as it should be", answer=f"after {ring + 1} rings")
                return
        self.wrong += unfinished

    def _begin(self) -> None:
        begun = begin(self.scene.policy)
        self.processes.elapsed = begun.elapsed
        for site, held in begun.held.items():
            self.buckets[site].held = dict(held)
            self.buckets[site].writes = 1000
        self.endpoints.looks = {pair: list(looks) for pair, looks in begun.looks.items()}
        self.director.inner.published.append(replace(begun.traffic, token="begun"))  # no other has this one
        self.moves.first = begun.traffic.weights
        if begun.value.value is not None:
            self.moves.choose(begun.elapsed, begun.value.revision, begun.value.value)

    def _period(self) -> None:
        """Let every timer ring once, and what follows from it happen."""
        began = self.processes.elapsed
        self._go_on()
        rings = [site for site in self.sites if site not in self._absent]
        self.rng.shuffle(rings)
        if not self.healthy:
            rings += [site for site in rings if self.rng.random() < self.scene.twice]
        for nth, site in enumerate(rings):
            if not self.scene.together:
                self.processes.elapsed = max(self.processes.elapsed, began + nth * EVERY * SECOND // len(rings))
            self._ring(site)
            if not self.scene.together and self.rng.random() < 0.7:
                self._drain()
        self._drain()
        self.processes.elapsed = max(self.processes.elapsed, began + EVERY * SECOND)

    def _drain(self) -> None:
        processes = self.processes
        while processes.ready or processes.waiting:
            self._steps += 1
            if self._steps > MOST_STEPS:
                message = f"not at rest after {MOST_STEPS:,} steps"
                raise EndlessError(message)
            if self.scene.crash and not self.healthy and self.rng.random() < self.scene.crash:
                self._crash()
            processes.step()
            processes.elapsed += int(self.rng.random() * STEP)

    def _crash(self) -> None:
        self._running = [each for each in self._running if not each.over]
        if self._running:
            self.processes.kill(self.rng.choice(self._running))

    def _go_on(self) -> None:
        """Let those that hang go on, or end them because their time is over."""
        processes, late = self.processes, self.processes.late
        processes.late = []
        for task in late:
            if processes.elapsed - task.process.born > LIMIT * SECOND:
                processes.kill(task.process)
                if self.rng.random() < 0.5:
                    processes.ready.append(task)  # what it has under way still arrives
                else:
                    processes.drop(task)
            elif self.healthy or self.rng.random() < RETURNS:
                processes.ready.append(task)
            else:
                processes.late.append(task)

    def _mishap(self) -> None:
        """Let things go wrong, or right again."""
        scene, chance = self.scene, self.rng.random
        if chance() < scene.fall:
            name = self.rng.choice(list(ENDPOINTS))
            which = self.endpoints.fallen if chance() < 0.7 else self.endpoints.slow
            which ^= {name}
            self.processes.note("falls" if name in self.endpoints.fallen else "stands, or is slow", name)
        if chance() < scene.cut:
            pair = self.rng.choice(self.sites), self.rng.choice(list(ENDPOINTS))
            self.endpoints.cut ^= {pair}
            self.processes.note("is cut off" if pair in self.endpoints.cut else "is reached", *pair)
        if chance() < scene.dark:
            bucket = self.buckets[self.rng.choice(self.sites)]
            bucket.away = not bucket.away
            self.processes.note("is away" if bucket.away else "is there", bucket.site)
        if chance() < scene.dark / 2:
            self.director.inner.away = not self.director.inner.away
            self.processes.note("is away" if self.director.inner.away else "is there", "director")
        self._restrain()
        if chance() < scene.absent:
            site = self.rng.choice(self.sites)
            self._absent ^= {site}
            self.processes.note("is not run" if site in self._absent else "is run", site)
        if chance() < scene.shift:
            site = self.rng.choice(self.sites)
            jump = self.rng.choice((-3600, -30, -15, -5, 5, 15, 30, 3600))
            self.clocks[site].wrong += jump * SECOND
            self.processes.note("clock jumps", site, answer=f"{jump} s")
        if chance() < scene.hand:
            self._hand()
        if chance() < 0.2:
            self.endpoints.load = self.rng.choice((10, 50, 90, 150))

    def _restrain(self) -> None:
        """Let something be read and not be written, or let the pager be away; or end it."""
        dark, chance = self.scene.dark, self.rng.random
        if chance() < dark:
            bucket = self.buckets[self.rng.choice(self.sites)]
            bucket.unwritable = not bucket.unwritable
            self.processes.note("can be read only" if bucket.unwritable else "can be written", bucket.site)
        if chance() < dark:
            self.director.unwritable = not self.director.unwritable
            self.processes.note("can be read only" if self.director.unwritable else "can be written", "director")
        if chance() < dark:
            self.pager.away = not self.pager.away
            self.processes.note("is away" if self.pager.away else "is there", "pager")

    def _heal(self) -> None:
        """Let nothing go wrong any more; but in some worlds a whole cloud is lost then, or a little later."""
        self.processes.note("nothing goes wrong any more")
        self.healthy = True
        self.scene.mishaps.heal()
        self.scene.director.heal()
        self.director.inner.away = self.director.unwritable = self.pager.away = False
        self._absent.clear()
        self.endpoints.cut.clear()
        if self.scene.calm:
            self.endpoints.fallen.clear()
        for bucket in self.buckets.values():
            bucket.away = bucket.unwritable = False
        self._go_on()
        self._drain()
        self.persons.thaw()
        if self.scene.loses:
            self._lose(self.scene.loses)

    def _lose(self, cloud: str) -> None:
        if self.scene.quiet and self.rng.random() < 0.5:  # long before, so that it is known to everybody
            self.endpoints.fallen.add(self.rng.choice(list(ENDPOINTS)))
        for _ in range(self.scene.quiet):
            self._period()
        lost = [site for site in self.sites if SITES[site] == cloud]
        self.processes.note("is lost", cloud)
        self.endpoints.fallen |= {name for name, site in ENDPOINTS.items() if SITES[site] == cloud}
        self._absent |= set(lost)
        for process in [each for each in self._running if each.name.rstrip("0123456789") in lost and not each.over]:
            self.processes.kill(process)
        for site in lost:
            self.buckets[site].away = True
            for sites in self.endpoints.told.values():
                sites.discard(site)

    def sightings(self) -> Sightings:
        """Return who saw what of the endpoints."""
        told = {process for process, sites in self.endpoints.told.items() if sites}
        return Sightings(self.scene.policy, self.endpoints.looks, told)

    def _written(self, site: str, name: str) -> None:
        """See whether what was written to a store is at a majority of them now."""
        if name.startswith("views/") and (acting := self.processes.acting):
            self.endpoints.told.setdefault(acting.process.name, set()).add(site)
        if name != RECORD:
            return
        shown = [bucket.held[RECORD].value for bucket in self.buckets.values() if RECORD in bucket.held]
        contents = [each["content"] for each in shown if each["content"]]
        if not contents or max(each["revision"] for each in contents) <= self.moves.revision:
            return
        for each in shown:
            ballot, content = each["accepted"], each["content"]
            if ballot and 2 * sum(other["accepted"] == ballot for other in shown) > len(self.buckets):
                if content["value"] is not None:
                    self.moves.choose(self.processes.elapsed, content["revision"], content["value"])
                return

    def unfinished(self) -> list[str]:
        """Return what is not as it should be in the end."""
        reading = self.registers(self.clocks["a"]).register(REGISTER).read()
        if isinstance(reading, NoMajority) or reading.value is None:
            return [f"the register cannot be read: {reading}"]
        routing, traffic = Routing.of(reading.value), self.director.inner.read()
        if routing.state is not State.SETTLED:
            return [f"epoch {routing.epoch} stays {routing.state}"]
        if (traffic.epoch, dict(traffic.weights)) != (routing.epoch, dict(routing.weights)):
            return [f"the director shows {traffic}, and epoch {routing.epoch} is {dict(routing.weights)}"]
        standing = [name for name in ENDPOINTS if name not in self.endpoints.fallen]
        down = [name for name in routing.serving if name in self.endpoints.fallen]
        if down and len(standing) >= self.scene.policy.minimum:
            return [f"traffic goes to {down}, which are down, and {standing} are not"]
        return []


@lru_cache(maxsize=1024)
def begin(policy: Policy) -> Begun:
    """Let a group begin in a world where nothing goes wrong; made once for all worlds that have the policy."""
    still = Mishaps()
    world = World(Scene(policy, 0, False, still, still, 0, 0, 0, 0, 0, 0, 0, 0), Random(0))  # noqa: FBT003, S311 - see there
    initialise(world.registers(world.clocks["a"]), REGISTER)
    for _ in range(6):
        for site in world.sites:
            world.observer(site).round()
        world.processes.elapsed += EVERY * SECOND
    reading = world.registers(world.clocks["a"]).register(REGISTER).read()
    if isinstance(reading, NoMajority) or world.unfinished():
        message = f"a world where nothing goes wrong did not settle: {world.unfinished()}"
        raise EndlessError(message)
    held = {site: bucket.held for site, bucket in world.buckets.items()}
    return Begun(world.processes.elapsed, held, world.endpoints.looks, world.director.inner.read(), reading)
