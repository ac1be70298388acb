"""A register in a world of a few clients: what they ask of it, what goes wrong, and what they are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from random import Random

from simulation.control import Bucket, Mishaps, SimulatedRecords
from simulation.findings import Findings, Heard, Written
from simulation.processes import Process, Processes
from simulation.turns import KilledError
from simulation.wishes import Deed, Plan, become, operations
from simulation.world import EndlessError
from tradewind.errors import ConfigurationError, TradewindError, TransientError
from tradewind.registers.initialise import initialise
from tradewind.registers.membership import replace_store
from tradewind.registers.outcomes import Done, Indeterminate, NoMajority, Operation, Outcome, Reading, Unchanged
from tradewind.registers.register import Register, Registers

NAME = "groups/g"
RECORD = f"registers/{NAME}"
LAST = "last"
"""The operation that is tried when all is well."""
MAKER = "maker"
"""Who makes the register."""
PERSON = "person"
"""Who replaces stores."""
HURRY = 0.05
"""How probable it is in each step that a late request arrives."""
AWAY = 0.4
"""How probable it is that a store on which the choice falls goes away; if it was away, it returns."""
PLAIN = 0.85
"""In so many worlds documents are kept as they are, which is faster; in the others as JSON, as real stores do."""
MOST_STEPS = 20_000
MOST_TRIES = 4
"""Of one operation, by one client."""
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(slots=True)
class World:
    """Stores, clients, a person who looks after the stores, and mishaps.

    Args:
        plan: What is fixed.
        rng: Decides everything else.
    """

    plan: Plan
    rng: Random
    processes: Processes = field(init=False)
    buckets: dict[str, Bucket] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    members: list[str] = field(init=False)
    """The sites of the fleet file."""
    alive: list[Process] = field(default_factory=list)
    """Clients, and whoever looks after the stores."""
    replacing: tuple[str, str] | None = None
    """Which store is to be replaced, and by which."""
    made: bool = False
    steps: int = 0
    _left: dict[str, list[Deed]] = field(default_factory=dict)
    _coming: dict[str, list[Deed]] = field(default_factory=dict)
    """Clients that have not begun."""
    _mishaps: Mishaps = field(init=False)

    def __post_init__(self) -> None:
        self.processes = Processes(self.rng)
        self.members = list(self.plan.sites)
        self._mishaps = self.plan.mishaps
        plain = self.rng.random() < PLAIN
        for site in (*self.plan.sites, self.plan.spare):
            self.buckets[site] = Bucket(site, by_content=not plain and self.rng.random() < 0.5, spelled=not plain)

    # --- who acts -----------------------------------------------------------------------------------------------------

    def registers(self, *besides: str) -> Registers:
        """Return what a new process works with: the stores of the fleet file, and others if need be."""
        processes = self.processes
        records = {
            site: SimulatedRecords(self.buckets[site], processes, self.rng, self._mishaps, words=Written)
            for site in dict.fromkeys((*self.members, *besides))
        }
        return Registers(
            records, processes, lambda: _NOON, self.rng, answer_seconds=3, history=self.plan.keep, sleep=processes.sleep
        )

    def _start(self, name: str, deeds: list[Deed], since: int | None = None) -> None:
        """Start a client.

        Args:
            name: The client's.
            deeds: What is left for it to do.
            since: A revision before the first of them, if somebody may have tried that already.
        """
        self._left[name] = deeds
        self.alive.append(self.processes.start(name, lambda: self._serve(deeds, since)))

    def _serve(self, deeds: list[Deed], since: int | None) -> None:
        register = self.registers().register(NAME)
        while deeds:
            if deeds[0].operation:
                self._change(register, deeds[0], since)
            else:
                self._look(register)
            deeds.pop(0)
            since = None

    def _look(self, register: Register) -> None:
        began = self.findings.moment()
        reading = register.read()
        self.processes.note("reads", answer=Heard(reading))
        if isinstance(reading, Reading):
            self.findings.look(reading, began, self.plan.keep)

    def _change(self, register: Register, deed: Deed, since: int | None) -> None:
        for _ in range(MOST_TRIES):
            outcome = self._try(register, deed, since)
            if isinstance(outcome, Indeterminate):
                since = outcome.seen
            elif not isinstance(outcome, NoMajority):
                return

    def _try(self, register: Register, deed: Deed, since: int | None) -> Outcome:
        findings, operation = self.findings, deed.operation
        began = findings.moment()
        self.processes.note("changes", key=operation)
        try:
            outcome = register.change(become(deed), Operation(operation, "somebody", "to see"), since=since)
        except KilledError:
            findings.told.may(operation, began)
            raise
        self.processes.note("is told", key=operation, answer=Heard(outcome))
        match outcome:
            case Done(reading):
                findings.look(reading, began, self.plan.keep)
                findings.told.did(operation, began, findings.moments)
            case Unchanged(reading):
                findings.look(reading, began, self.plan.keep)
                if not deed.even or len(operations(reading.value)) % 2 == 0:
                    findings.wrong.append(f"{operation} changed nothing of {reading}")
            case Indeterminate():
                findings.told.may(operation, began)
        return outcome

    # --- who looks after the stores -----------------------------------------------------------------------------------

    def _make(self) -> None:
        """Make the register, or leave it to a later time."""
        for _ in range(MOST_TRIES):
            try:
                initialise(self.registers(), NAME)
            except TradewindError as error:
                self.processes.note("cannot make", answer=error)
                self.processes.sleep(1)
            else:
                self.made = True
                return

    def _replace(self) -> None:
        """Replace the store that is to be replaced, sooner or later, and try again until it is done."""
        self.processes.sleep(self.rng.choice((0, 5, 50)))
        for _ in range(MOST_TRIES):
            if self.replacing is None:
                return
            site, by = self.replacing
            try:
                replace_store(self.registers(site, by), NAME, site, by=by, who="person")
            except ConfigurationError as error:  # it went so far last time that only the new one is left to be made
                self.processes.note("cannot replace", site, answer=error)
                self.replacing = by, by
            except TransientError as error:
                self.processes.note("cannot replace", site, answer=error)
                self.processes.sleep(1)
            else:
                self.processes.note("has replaced", site, answer=f"by {by}")
                self.members = [each for each in dict.fromkeys((*self.members, by)) if each != site or site == by]
                self.replacing = None
                self._welcome()

    # --- what happens -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Let clients act and things go wrong; then heal everything, and see that a change can be made.

        Raises:
            EndlessError: It does not come to rest.
        """
        if self.plan.prompt:
            self._make()  # by the world, which acts at once and to the end
        else:
            self.alive.append(self.processes.start(MAKER, self._make))
        self._coming = {f"c{number}": list(deeds) for number, deeds in enumerate(self.plan.deeds)}
        while len(self._coming) > self.plan.newcomers:
            self._start(*self._coming.popitem())
        trouble = self.plan.trouble + HURRY
        while not self.processes.idle:
            if (fate := self.rng.random()) < trouble:
                self._happen(fate)
            self._step()
            if self.processes.idle:
                self._welcome()
        self._heal()
        if not self.made:
            self._make()
        if self.replacing:
            self._replace()
        self._serve([Deed(LAST), Deed("")], None)
        if LAST not in self.findings.told.tried or self.findings.told.tried[LAST].done == inf:
            self.findings.wrong.append("all is well, and the last change was not made")

    def _step(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            message = f"not at rest after {MOST_STEPS:,} steps"
            raise EndlessError(message)
        self.processes.step()

    def _happen(self, fate: float) -> None:
        """Let something go wrong, or nothing."""
        if (fate := fate - self.plan.crash) < 0:
            self._crash()
        elif (fate := fate - self.plan.dark) < 0:
            bucket = self.rng.choice(list(self.buckets.values()))
            bucket.away = not bucket.away and self.rng.random() < AWAY
            self.processes.note("is away" if bucket.away else "is there", bucket.site)
        elif (fate := fate - self.plan.lapse) < 0:
            if self.processes.waiting:
                self.processes.expire(self.rng.choice(self.processes.waiting))
        elif (fate := fate - self.plan.harm) < 0:
            self._harm()
        elif fate < HURRY and self.processes.late:
            self.processes.hurry()

    def _crash(self) -> None:
        """End a process; whoever it worked for starts it again."""
        self.alive = [each for each in self.alive if not each.over]
        if not self.alive:
            return
        process = self.rng.choice(self.alive)
        self.processes.kill(process)
        if process.name == MAKER:
            self.alive.append(self.processes.start(MAKER, self._make))
        elif process.name == PERSON:
            self._start_person()
        else:
            self._start(process.name, self._left[process.name], since=0)

    def _welcome(self) -> None:
        """Let those begin who are still to come."""
        while self._coming:
            self._start(*self._coming.popitem())

    def _harm(self) -> None:
        """Let a store lose what it held, or a person think that one should be replaced; one at a time."""
        if self.replacing or not self.made:
            return
        site = self.rng.choice(self.members)
        fate = self.rng.random()
        if fate < self.plan.loss:
            self.buckets[site].held.clear()
            self.processes.note("loses all", site)
        self.replacing = site, self.rng.choice((site, *(each for each in self.buckets if each not in self.members)))
        self._start_person()

    def _start_person(self) -> None:
        self.alive.append(self.processes.start(PERSON, self._replace))

    def _heal(self) -> None:
        self.processes.note("everything is well from here on")
        self._mishaps.heal()
        for bucket in self.buckets.values():
            bucket.away = False
