"""What stands in for threads, clocks and the reading of JSON while a world runs: nothing of it decides anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from simulation.processes import Processes
from tradewind.failover.looking import probing, viewing
from tradewind.failover.looking.codec import view_of
from tradewind.failover.moving import notices
from tradewind.failover.routing import Routing
from tradewind.records import Document
from tradewind.registers import asking, contents, register
from tradewind.registers.acceptors import Acceptor

T = TypeVar("T")


@contextmanager
def standing_in(processes: Processes) -> Iterator[None]:
    """Let registers and observers wait for simulated threads, and read what they have read before from memory."""
    there = [
        (asking, "wait", processes.wait),
        (asking, "monotonic", processes.monotonic),
        (viewing, "wait", processes.wait),
        (probing, "wait", processes.wait),
        (notices, "wait", processes.wait),
        (viewing, "view_of", remembering(view_of)),
        (contents, "deepcopy", _itself),
        (register, "deepcopy", _itself),
        (Acceptor, "of", staticmethod(remembering(Acceptor.of))),
        (Routing, "of", staticmethod(remembering(Routing.of))),
    ]
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in there]
    try:
        for owner, name, instead in there:
            setattr(owner, name, instead)
        yield
    finally:
        for owner, name, instead in before:
            setattr(owner, name, instead)


def _itself(document: T) -> T:
    return document


def remembering(read: Callable[[Document], T]) -> Callable[[Document], T]:
    """Return a reader that reads each document once: nobody changes one, and what comes of it is frozen."""
    known: dict[int, tuple[Document, T]] = {}

    def read_once(document: Document) -> T:
        found = known.get(id(document))
        if found is None:
            found = known[id(document)] = document, read(document)
        return found[1]

    return read_once
