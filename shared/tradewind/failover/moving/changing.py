"""Changing a register that holds a group's routing."""

from __future__ import annotations

from collections.abc import Callable

from tradewind.errors import StoreUnavailableError
from tradewind.failover.routing import Routing
from tradewind.records import Document
from tradewind.registers.outcomes import Done, Indeterminate, NoMajority, Operation
from tradewind.registers.register import Register


def change(register: Register, operation: Operation, become: Callable[[Routing], Routing | None]) -> Routing | None:
    """Change the routing, and return it if it was this call that changed it.

    Raises:
        StoreUnavailableError: No majority of the control stores took it, or whether one did is not known. Stores that
            can be read, and not written, are told by nothing else.
    """
    outcome = register.change(on_routing(become), operation)
    if isinstance(outcome, NoMajority):
        silent = "; ".join(f"{site}: {why}" for site, why in outcome.silent.items())
        raise StoreUnavailableError(f"No majority of the control stores takes a change of the register ({silent})")
    if isinstance(outcome, Indeterminate):
        raise StoreUnavailableError(f"Whether the register was changed is not known: {outcome.reason}")
    if not isinstance(outcome, Done) or outcome.again or outcome.reading.value is None:
        return None
    return Routing.of(outcome.reading.value)


def on_routing(become: Callable[[Routing], Routing | None]) -> Callable[[Document | None], Document | None]:
    """Return a change of a register's document that is one of the routing in it; one that is not there stays so."""

    def changed(document: Document | None) -> Document | None:
        routing = become(Routing.of(document)) if document is not None else None
        return None if routing is None else routing.as_document()

    return changed
