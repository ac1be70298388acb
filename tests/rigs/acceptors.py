"""Registers over memory stores, each of which can be away, lose answers, or lose what it holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from rigs.world import InlineExecutor, WatchedStore
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import StoreUnavailableError
from tradewind.records import Document, Records
from tradewind.registers.acceptors import Acceptor, Held
from tradewind.registers.initialise import initialise
from tradewind.registers.outcomes import Operation, Reading
from tradewind.registers.register import Register, Registers

NAME = "groups/g"
RECORD = f"registers/{NAME}"


@dataclass
class Stores:
    """Control stores, and processes that have registers there."""

    sites: str = "abc"
    members: str = ""
    """Those with which the register is made; all, unless given."""
    watched: dict[str, WatchedStore] = field(init=False)
    pauses: list[float] = field(default_factory=list)
    rng: Random = field(default_factory=lambda: Random(7))  # noqa: S311 - a test is to go the same way each time
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __post_init__(self) -> None:
        self.watched = {site: WatchedStore(MemoryStore(site)) for site in self.sites}

    def registers(self, sites: str = "", *, executor: Executor | None = None, history: int = 64) -> Registers:
        """Return what a process has that knows these sites; all, unless given."""
        return Registers(
            {site: self.records(site) for site in sites or self.sites},
            executor or InlineExecutor(),
            lambda: self.now,
            self.rng,
            answer_seconds=0.2,
            history=history,
            sleep=self.pauses.append,
        )

    def made(self) -> Register:
        """Make the register, and return it as a process has it."""
        initialise(self.registers(self.members), NAME)
        return self.register()

    def register(self, *, history: int = 64) -> Register:
        """Return the register as another process has it."""
        return self.registers(history=history).register(NAME)

    def records(self, site: str) -> Records:
        """Return the records of a site."""
        return Records(self.watched[site], "tradewind/")

    def held(self, site: str) -> Acceptor:
        """Return the acceptor of a site as it is kept."""
        record = Records(self.watched[site].inner, "tradewind/").read(RECORD)
        assert record
        return Acceptor.of(record.value)

    def put(self, site: str, acceptor: Acceptor) -> None:
        """Write over an acceptor, as nothing but an accident does."""
        records = Records(self.watched[site].inner, "tradewind/")
        record = records.read(RECORD)
        records.write(RECORD, acceptor.as_document(), expect=record.token if record else None)

    def lose(self, site: str) -> None:
        """Delete the acceptor of a site."""
        records = Records(self.watched[site].inner, "tradewind/")
        record = records.read(RECORD)
        assert record
        records.delete(RECORD, expect=record.token)

    def away(self, *sites: str, calls: tuple[str, ...] = ("get", "put")) -> None:
        """Let stores answer none of these calls."""
        for site in sites:
            self.watched[site].before = _failing(site, calls)

    def deaf(self, *sites: str) -> None:
        """Let stores make each write, and lose the answer."""
        for site in sites:
            self.watched[site].after = _failing(site, ("put",))

    def back(self, *sites: str) -> None:
        """Let stores answer."""
        for site in sites:
            self.watched[site].before = self.watched[site].after = lambda _: None


def _failing(site: str, calls: tuple[str, ...]) -> Callable[[str], None]:
    def fail(call: str) -> None:
        if call in calls:
            raise StoreUnavailableError(f"The store of {site} is down")

    return fail


def holding(acceptor: Acceptor) -> Held:
    """Return an acceptor as it was read."""
    return Held(acceptor, "1")


def operation(number: int = 1) -> Operation:
    """Return an operation."""
    return Operation(f"op-{number}", "somebody", "it is time")


def one_more(value: Document | None) -> Document:
    """Count."""
    return {"n": value["n"] + 1 if value else 1}


def counted(register: Register) -> object:
    """Return what a register holds."""
    reading = register.read()
    assert isinstance(reading, Reading), reading
    return reading.value and reading.value["n"]
