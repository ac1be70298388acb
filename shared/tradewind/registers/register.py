"""A register: one small document with one history, agreed by a majority of control stores (CASPaxos).

D. Rystsov, "CASPaxos: Replicated State Machines without logs", 2018, https://arxiv.org/abs/1802.07000. The acceptors
are objects, and each step of one is a conditional write; docs/adr/0020-registers.md says why that is enough.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from threading import Lock
from time import sleep as pause
from typing import Any, TypeAlias, cast

from tradewind.errors import ConfigurationError
from tradewind.records import Document
from tradewind.registers.acceptors import Shelf
from tradewind.registers.asking import Asking
from tradewind.registers.contents import Content
from tradewind.registers.outcomes import Done, Indeterminate, NoMajority, Operation, Outcome, Reading, Unchanged
from tradewind.registers.proposer import Ballotted, Lease, Place, Proposer

FOLDER = "registers/"
"""Records of acceptors are named after it."""
TRIES = 24
"""Ballots of one call, at most."""
MISSES = 2
"""A call ends after so many tries in which too few stores answered; competing proposers are another matter."""
PAUSE = 0.05
"""Seconds before the second try, at most; twice as long before each further one."""
LONGEST_PAUSE = 2.0
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}(/[a-z0-9][a-z0-9._-]{0,99}){0,3}")

Become: TypeAlias = Callable[[Document | None], Document | None]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a call wants to come of the content that is there."""

    content: Content
    """To be proposed; the same content if all is well already."""
    outcome: Callable[[], Outcome]
    """What the call answers once that is chosen."""
    new: bool
    """Whether it is a change of this call."""


@dataclass(slots=True)
class _Course:
    """How a call goes."""

    operation: Operation
    based: int | None
    """The lowest revision on which a proposal of this operation was ever based; None if there was none."""
    proposed: bool = False
    """Whether a proposal of this operation may be at some acceptor."""
    silent: Mapping[str, str] = field(default_factory=dict)

    def note(self, wish: _Wish, came: Ballotted) -> None:
        """Remember what came of a ballot."""
        self.silent = came.silent
        if wish.new and came.traces:
            self.proposed = True
            base = wish.content.revision - 1
            self.based = base if self.based is None else min(self.based, base)

    def unresolved(self, reason: str = "") -> Indeterminate | NoMajority:
        """Return what a call answers that could not be brought to an end."""
        why = reason or "; ".join(f"{site}: {words}" for site, words in sorted(self.silent.items()))
        if self.based is not None:
            return Indeterminate(self.operation, self.based, why or "no majority was heard to the end")
        return NoMajority(dict(self.silent))


class Register:
    """One register. Calls may be made from several threads at once.

    Args:
        name: As in `Registers.register`.
        registers: Whose it is.
    """

    def __init__(self, name: str, registers: Registers) -> None:
        if not NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} is no name of a register",
                hint="Lower-case letters, digits, `.`, `_`, `-`, in up to 4 folders",
            )
        self.name = name
        self._registers = registers
        self.place = Place(FOLDER + name, registers.records, registers.asking, registers.rng)
        self._lease: Lease | None = None
        self._lock = Lock()

    def read(self) -> Reading | NoMajority:
        """Return what was there at some moment of the call; linearizable.

        1 request to each store, and 2 more if the last change is not yet at a majority that could be heard.
        """
        nobody = Operation("read", "", "")
        outcome = self._run(Proposer(self.place), _Course(nobody, None), _as_it_is)
        return outcome if isinstance(outcome, NoMajority) else cast("Unchanged", outcome).reading

    def change(self, become: Become, operation: Operation, *, since: int | None = None) -> Outcome:
        """Change the value once.

        3 requests to each store, or one if the same register object made the last change.

        Args:
            become: Is given the present value (None: there is none yet) and returns the new one; None, or the same,
                leaves it as it is. It may be called several times, each with a value of its own.
            operation: Its id says whether two tries are the same change; applied is the first that is chosen.
            since: When an earlier try of the same operation was `Indeterminate`: its `seen`.

        Raises:
            ConfigurationError: The new value is too large, or no JSON; nothing was written.
        """
        if not operation.id:
            raise ConfigurationError("An operation on a register has no id", hint="Choose one that is unique")
        proposer = Proposer(self.place)

        def wish(content: Content) -> _Wish | None:
            made = content.made(operation.id)
            if made is not None:
                again = made.call != proposer.id
                return _Wish(content, lambda: Done(content.reading, again=again), new=False)
            if course.based is not None and not content.reaches(course.based):
                return None
            value = _plain(become(deepcopy(content.value)))
            if value is None or value == content.value:
                return _as_it_is(content)
            at = self._registers.clock().isoformat(timespec="seconds")
            keep = self._registers.history
            new = content.then(value, operation, at=at, call=proposer.id, keep=keep)
            return _Wish(new, lambda: Done(new.reading), new=True)

        course = _Course(operation, since)
        return self._leased(proposer, course, wish) or self._run(proposer, course, wish)

    def _leased(self, proposer: Proposer, course: _Course, wish: Callable[[Content], _Wish | None]) -> Outcome | None:
        """Try the ballot that was promised with the last change of this object; None if it comes to nothing."""
        with self._lock:
            lease, self._lease = self._lease, None
        wanted = wish(lease.panel.content) if lease else None
        if lease is None or wanted is None or not wanted.new:
            return None
        return self._noted(course, wanted, proposer.accept(lease.panel, lease.ballot, wanted.content))

    def _run(self, proposer: Proposer, course: _Course, wish: Callable[[Content], _Wish | None]) -> Outcome:
        misses = 0
        for attempt in range(TRIES):
            if attempt:
                longest = min(LONGEST_PAUSE, PAUSE * 2 ** (attempt - 1))
                self._registers.sleep(longest * self._registers.rng.random())
            panel = proposer.look()
            if not panel.decides:
                course.silent = panel.silent
                misses += 1
                if misses == MISSES:
                    break
                continue
            wanted = wish(panel.content)
            if wanted is None:
                return course.unresolved("so many changes were made since that the history does not tell any more")
            if not wanted.new and panel.settled:
                return wanted.outcome()
            came = proposer.propose(panel, wanted.content)
            outcome = self._noted(course, wanted, came)
            if outcome is not None:
                return outcome
            misses += not came.contended
            if misses == MISSES:
                break
        return course.unresolved()

    def _noted(self, course: _Course, wish: _Wish, came: Ballotted) -> Outcome | None:
        course.note(wish, came)
        if not came.chosen:
            return None
        with self._lock:
            self._lease = came.lease
        return wish.outcome()


def _as_it_is(content: Content) -> _Wish:
    return _Wish(content, lambda: Unchanged(content.reading), new=False)


def _plain(value: Document | None) -> Any:  # noqa: ANN401 - it is what JSON makes of it
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"A register's value is JSON, and this is not: {error}") from error


class Registers:
    """The registers of a fleet.

    Args:
        records: tradewind's own records at the control stores, by site; at most one of them need be away.
        executor: Where questions wait for their answers.
        clock: Returns the time, UTC; for people who read the history.
        rng: Makes proposers' ids, which must never come twice, and pauses.
        answer_seconds: A store that has not answered by then is gone on without.
        history: So many changes are remembered.
        sleep: Waits.
    """

    def __init__(
        self,
        records: Mapping[str, Shelf],
        executor: Executor,
        clock: Callable[[], datetime],
        rng: Random,
        *,
        answer_seconds: float = 3.0,
        history: int = 64,
        sleep: Callable[[float], None] = pause,
    ) -> None:
        self.records = dict(records)
        self.clock = clock
        self.rng = rng
        self.history = history
        self.sleep = sleep
        self.asking = Asking(executor, answer_seconds)
        self._registers: dict[str, Register] = {}

    def register(self, name: str) -> Register:
        """Return a register, which is one object for each name.

        Raises:
            ConfigurationError: That is no name of one.
        """
        return self._registers.setdefault(name, Register(name, self))
