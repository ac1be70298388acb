"""Which acceptors a register has: making them, and putting one in another's place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from tradewind.errors import ConfigurationError, PreconditionFailedError, StoreUnavailableError
from tradewind.registers.acceptors import Acceptor, Held, look, step
from tradewind.registers.contents import Config
from tradewind.registers.proposer import Place
from tradewind.registers.register import Registers

T = TypeVar("T")
HINT = "Initialisation needs every control store once; run `tradewind control init` again when all answer"


@dataclass(frozen=True, slots=True)
class Initialised:
    """What came of an initialisation."""

    name: str
    made: bool
    """Whether there was something to do."""
    config: Config


def initialise(registers: Registers, name: str) -> Initialised:
    """Make a register's acceptors at every store, and then ready; safe to run again, and beside itself.

    They exist at all stores before the first of them acts, so one that is missing later was lost.

    Raises:
        StoreUnavailableError: A store did not answer.
        ConfigurationError: A store is refused, or an acceptor was lost.
    """
    place = registers.register(name).place
    found = _all(place, {site: partial(look, shelf, place.record) for site, shelf in place.shelves.items()})
    ready = {site: held.acceptor for site, held in found.items() if held and held.acceptor.ready}
    if ready:
        _refuse_lost(name, {site: held for site, held in found.items() if not held})
        agreed = max((acceptor.config for acceptor in ready.values() if acceptor.config), key=lambda each: each.version)
    missing = [site for site, held in found.items() if held is None]
    _all(place, {site: partial(_create, place, site, _life(registers)) for site in missing})
    made = {
        site: held
        for site, held in _all(
            place, {site: partial(look, shelf, place.record) for site, shelf in place.shelves.items()}
        ).items()
        if held
    }
    _refuse_lost(name, {site: None for site in place.shelves if site not in made})
    config = agreed if ready else Config(1, {site: held.acceptor.incarnation for site, held in sorted(made.items())})
    waiting = {site: held for site, held in made.items() if not held.acceptor.ready and site in config.members}
    _all(place, {site: partial(_ready, place, site, held, config) for site, held in waiting.items()})
    return Initialised(name, bool(missing or waiting), config)


def _life(registers: Registers) -> str:
    return f"{registers.rng.getrandbits(96):024x}"


def _refuse_lost(name: str, lost: Mapping[str, Held | None]) -> None:
    for site in lost:
        raise ConfigurationError(
            f"The register {name!r} has acceptors that are ready, and none at {site}: it was lost",
            hint=f"It is not taken for empty; run `tradewind control replace {site}`",
        )


def _create(place: Place, site: str, incarnation: str) -> Held | None:
    fresh = Acceptor(incarnation)
    return step(place.shelves[site], place.record, fresh, expect=None, stands=lambda _: True)


def _ready(place: Place, site: str, held: Held, config: Config) -> Held:
    after = replace(held.acceptor, ready=True, config=config)

    def stands(found: Acceptor) -> bool:
        return found.incarnation == after.incarnation and found.ready

    done = step(place.shelves[site], place.record, after, expect=held.token, stands=stands)
    if done is None:
        raise PreconditionFailedError(f"The acceptor of {place.record} at {site} changed meanwhile", hint=HINT)
    return done


def _all(place: Place, questions: Mapping[str, Callable[[], T]]) -> Mapping[str, T]:
    asked = place.asking.ask(questions, lambda _: False)
    for site, why in sorted(asked.silent.items()):
        raise StoreUnavailableError(f"The control store of {site} is away ({why})", hint=HINT)
    return asked.given
