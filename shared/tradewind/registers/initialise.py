"""Making a register: its acceptors at every control store, and only then ready.

An acceptor acts only when it is ready, and all exist before the first of them is. So one that is missing while another
is ready was lost, with what it had promised, and can never be taken for one that promised nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from tradewind.errors import ConfigurationError, PreconditionFailedError, StoreUnavailableError
from tradewind.registers.acceptors import Acceptor, Held, look, step
from tradewind.registers.contents import Config
from tradewind.registers.panel import latest_config
from tradewind.registers.proposer import Place
from tradewind.registers.register import Registers

T = TypeVar("T")
AGAIN = "All control stores are needed for this; run `tradewind control init` again when all answer"


@dataclass(frozen=True, slots=True)
class Initialised:
    """What came of an initialisation."""

    name: str
    made: bool
    """Whether there was something to do."""
    config: Config


def initialise(registers: Registers, *names: str) -> tuple[Initialised, ...]:
    """Make registers at every store; safe to run again after it broke off, and beside itself.

    Registers that exist are left alone, so new ones can be added at any time.

    Raises:
        StoreUnavailableError: A store did not answer.
        ConfigurationError: A store refuses, or an acceptor was lost.
    """
    return tuple(_initialise(registers, name) for name in names)


def _initialise(registers: Registers, name: str) -> Initialised:
    place = registers.register(name).place
    found = _looks(place)
    agreed = latest_config(held.acceptor for held in found.values() if held)
    if agreed is not None:
        _refuse_lost(name, agreed, found)
    missing = [site for site, held in found.items() if held is None]
    lives = {site: f"{registers.rng.getrandbits(96):024x}" for site in missing}
    _all(place, {site: partial(_create, place, site, life) for site, life in lives.items()})
    made = _looks(place)
    config = agreed or Config(1, {site: held.acceptor.incarnation for site, held in sorted(made.items()) if held})
    _refuse_lost(name, config, made)
    waiting = {site: held for site, held in made.items() if held and not held.acceptor.ready}
    _all(place, {site: partial(_ready, place, site, held, config) for site, held in waiting.items()})
    return Initialised(name, bool(missing or waiting), config)


def _refuse_lost(name: str, agreed: Config, found: Mapping[str, Held | None]) -> None:
    for site, held in found.items():
        if site not in agreed.members:
            raise ConfigurationError(
                f"The register {name!r} was made at {', '.join(agreed.members)}, and {site} is none of them",
                hint=f"To put it in another's place, run `tradewind control replace SITE --by {site}`",
            )
        if held is None or held.acceptor.incarnation != agreed.members[site]:
            raise ConfigurationError(
                f"The acceptor of the register {name!r} at {site} was lost, and is not taken for empty",
                hint=f"Run `tradewind control replace {site}`",
            )


def _create(place: Place, site: str, incarnation: str) -> None:
    step(place.shelves[site], place.record, Acceptor(incarnation), expect=None, stands=lambda _: True)


def _ready(place: Place, site: str, held: Held, config: Config) -> None:
    def stands(found: Acceptor) -> bool:
        return found.incarnation == held.acceptor.incarnation and found.ready

    after = replace(held.acceptor, ready=True, config=config)
    if step(place.shelves[site], place.record, after, expect=held.token, stands=stands) is None:
        raise PreconditionFailedError(f"The acceptor of {place.record!r} at {site} changed meanwhile", hint=AGAIN)


def _looks(place: Place) -> Mapping[str, Held | None]:
    return _all(place, {site: partial(look, shelf, place.record) for site, shelf in place.shelves.items()})


def _all(place: Place, questions: Mapping[str, Callable[[], T]]) -> Mapping[str, T]:
    asked = place.asking.ask(questions, lambda _: False)
    for site, why in sorted(asked.silent.items()):
        raise StoreUnavailableError(f"The control store of {site} is away: {why}", hint=AGAIN)
    return asked.given
