"""The faults of a running sandbox, in a file of its state folder; and what they mean to a model server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tradewind_sandbox.fault import Fault, parse

FILE = "faults.json"
"""In the state folder."""
OBSERVER = "tradewind-observer/"
"""Begins the User-Agent of an observer; its site follows."""


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What becomes of one request."""

    hangs: bool = False
    """It is never answered."""
    seconds: float = 0.0
    """The answer comes so much later."""
    fails: bool = False
    """It is answered by an error."""


def disturbance(faults: Iterable[Fault], endpoint: str, agent: str, chance: float) -> Disturbance:
    """Say what becomes of a request to `endpoint`.

    Args:
        faults: All that are active.
        endpoint: Which model server is asked.
        agent: The request's User-Agent.
        chance: At least 0 and less than 1: below the share of errors it is one.
    """
    hangs, seconds, fails = False, 0.0, False
    for fault in faults:
        if fault.kind == "blackhole" and fault.detail == endpoint:
            hangs = hangs or agent.split(" ", maxsplit=1)[0] == f"{OBSERVER}{fault.subject}"
        elif fault.subject == endpoint and fault.kind == "slow":
            seconds += fault.amount
        elif fault.subject == endpoint and fault.kind == "errors":
            fails = fails or chance < fault.amount
    return Disturbance(hangs, seconds, fails)


def read(state: Path) -> list[Fault]:
    """Return the faults that a state folder has."""
    with suppress(FileNotFoundError):
        return [parse(text) for text in json.loads((state / FILE).read_text())]
    return []


def write(state: Path, faults: Sequence[Fault]) -> None:
    """Let a state folder have these faults."""
    scratch = state / f"{FILE}.new"
    scratch.write_text(json.dumps([str(fault) for fault in faults]) + "\n")
    scratch.replace(state / FILE)


class Watched:
    """The faults of a state folder, read again when they have changed: one look at a file's date for each request."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._version: tuple[int, int] | None = None
        self._faults: list[Fault] = []

    def now(self) -> list[Fault]:
        """Return what is active now."""
        try:
            found = (self._state / FILE).stat()
        except FileNotFoundError:
            return []
        version = (found.st_mtime_ns, found.st_ino)
        if version != self._version:
            self._faults, self._version = read(self._state), version
        return self._faults
