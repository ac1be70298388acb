"""What stands in for threads, clocks and the reading of JSON while a world runs: nothing of it decides anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from simulation.processes import Processes
from tradewind.failover.looking import probing, viewing
from tradewind.failover.looking.codec import as_document, view_of
from tradewind.failover.moving import notices
from tradewind.failover.routing import Routing
from tradewind.records import Document
from tradewind.registers import asking, contents, register
from tradewind.registers.acceptors import Acceptor

T = TypeVar("T")


@contextmanager
def standing_in(processes: Processes) -> Iterator[None]:
    """Let registers and observers wait for simulated threads, and read what they have read before from memory."""
    views = Memory(view_of)
    there = [
        (asking, "wait", processes.wait),
        (asking, "monotonic", processes.monotonic),
        (viewing, "wait", processes.wait),
        (probing, "wait", processes.wait),
        (notices, "wait", processes.wait),
        (viewing, "view_of", views.read),
        (viewing, "as_document", lambda view: views.keep(as_document(view), view)),
        (contents, "deepcopy", _itself),
        (register, "deepcopy", _itself),
        (Acceptor, "of", staticmethod(Memory(Acceptor.of).read)),
        (Routing, "of", staticmethod(Memory(Routing.of).read)),
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


class Memory(Generic[T]):
    """A reader that reads each document once: nobody changes one, and what comes of it is frozen.

    Args:
        first: Reads a document.
    """

    def __init__(self, first: Callable[[Document], T]) -> None:
        self._first = first
        self._known: dict[int, tuple[Document, T]] = {}

    def read(self, document: Document) -> T:
        """Return what a document holds."""
        found = self._known.get(id(document))
        if found is None:
            found = self._known[id(document)] = document, self._first(document)
        return found[1]

    def keep(self, document: Document, value: T) -> Document:
        """Remember what was made into a document, and return that."""
        self._known[id(document)] = document, value
        return document
