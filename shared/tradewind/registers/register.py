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
from datetime import datetime
from random import Random
from threading import Lock
from time import sleep as pause
from typing import Any, TypeAlias

from tradewind.errors import ConfigurationError
from tradewind.records import Document
from tradewind.registers.acceptors import Shelf
from tradewind.registers.asking import Asking
from tradewind.registers.contents import Content
from tradewind.registers.course import FORGOTTEN, Course, Wish, Wishing, as_it_is
from tradewind.registers.outcomes import Done, Indeterminate, NoMajority, Operation, Outcome, Reading
from tradewind.registers.panel import Panel
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
LONGEST_ID = 200
"""Characters of an operation's id."""
_NOBODY = Operation("", "", "")

Become: TypeAlias = Callable[[Document | None], Document | None]


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

        1 request to each store, and 2 more if the last change is not yet at a majority of those that answer.
        """
        outcome = self.run(Proposer(self.place), Course(_NOBODY), as_it_is)
        if isinstance(outcome, Indeterminate):
            return NoMajority({})
        return outcome if isinstance(outcome, NoMajority) else outcome.reading

    def change(self, become: Become, operation: Operation, *, since: int | None = None) -> Outcome:
        """Change the value once.

        3 requests to each store; 1 if nobody changed it since this object did.

        Args:
            become: Is given the present value (None: there is none yet) and returns the new one; None, or the same,
                leaves it as it is. It may be called several times, each with a value of its own.
            operation: Tries with the same id are the same change, of which one is applied; the history remembers ids.
            since: When an earlier try of the same operation was `Indeterminate`: its `seen`.

        Raises:
            ConfigurationError: The new value is too large, or no JSON, or the id is too long; it was not proposed.
        """
        if not 0 < len(operation.id) <= LONGEST_ID:
            raise ConfigurationError(
                f"The id of an operation on a register has {len(operation.id)} characters",
                hint=f"Choose one that is unique, of at most {LONGEST_ID}",
            )
        proposer, course = Proposer(self.place), Course(operation, since)

        def wishing(panel: Panel) -> Wish | None:
            return self._wish(panel, become, course, proposer.id)

        return self._leased(proposer, course, wishing) or self.run(proposer, course, wishing)

    def _wish(self, panel: Panel, become: Become, course: Course, call: str) -> Wish | None:
        content, operation = panel.content, course.operation
        made = content.made(operation.id)
        if made is not None:
            return Wish(content, Done(content.reading, again=made.call != call), new=False)
        if course.based is not None and not content.reaches(course.based):
            return None
        value = _plain(become(deepcopy(content.value)))
        if value is None or value == content.value:
            return as_it_is(panel)
        new = self.following(content, value, operation, call)
        return Wish(new, Done(new.reading), new=True)

    def following(self, content: Content, value: Document | None, operation: Operation, call: str) -> Content:
        """Return what follows when `operation` changes the value now."""
        at = self._registers.clock().isoformat(timespec="seconds")
        return content.then(value, operation, at=at, call=call, keep=self._registers.history)

    def _leased(self, proposer: Proposer, course: Course, wishing: Wishing) -> Outcome | None:
        """Try the ballot that was promised with the last change of this object; None if it comes to nothing."""
        with self._lock:
            lease, self._lease = self._lease, None
        wish = wishing(lease.panel) if lease else None
        if lease is None or wish is None or not wish.new:
            return None
        return self._noted(course, wish, proposer.accept(lease.panel, lease.ballot, wish.content))

    def run(self, proposer: Proposer, course: Course, wishing: Wishing) -> Outcome:
        """Look and propose until what is wanted is chosen, or there is no use in going on."""
        misses = 0
        for attempt in range(TRIES):
            if attempt:
                longest = min(LONGEST_PAUSE, PAUSE * 2 ** (attempt - 1))
                self._registers.sleep(longest * self._registers.rng.random())
            panel = proposer.look()
            if panel.decides:
                wish = wishing(panel)
                if wish is None:
                    return course.unresolved(FORGOTTEN)
                if panel.settled and not wish.new:
                    return wish.outcome
                came = proposer.propose(panel, wish.content)
                if outcome := self._noted(course, wish, came):
                    return outcome
                misses += not came.contended
            else:
                course.silent = panel.silent
                misses += 1
            if misses == MISSES:
                break
        return course.unresolved()

    def _noted(self, course: Course, wish: Wish, came: Ballotted) -> Outcome | None:
        course.note(wish, traces=came.traces, silent=came.silent)
        if not came.chosen:
            return None
        with self._lock:
            self._lease = came.lease
        return wish.outcome


def _plain(value: Document | None) -> Any:  # noqa: ANN401 - it is what JSON makes of it
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"A register's value is JSON, and this is not: {error}") from error


class Registers:
    """The registers of a fleet.

    Args:
        records: tradewind's own records at the control stores, by site.
        executor: Where questions wait for their answers, one of its threads for each store that is asked. It must not
            be the one that calls the registers, whose threads would wait for each other.
        clock: Returns the time, UTC; for people who read the history, nothing is decided by it.
        rng: Makes proposers' ids, which must never come twice in the world, and pauses.
        answer_seconds: A store that has not answered by then is gone on without.
        history: So many changes are remembered.
        sleep: Waits between tries.
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
