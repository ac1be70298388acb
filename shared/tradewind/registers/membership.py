"""Putting one acceptor in another's place, while the register is in use.

The next configuration is agreed first, as a change of the register itself, so there is one order of configurations.
Then those members that stay are moved to it, as many as are a majority of the old ones, so that the old configuration
can decide nothing more. Only then the new member begins, with all that these have promised and accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from tradewind.errors import ConfigurationError, StoreUnavailableError, TransientError
from tradewind.registers.acceptors import Acceptor, Held, look, step
from tradewind.registers.ballots import NONE
from tradewind.registers.contents import Config
from tradewind.registers.course import Course, Wish, as_it_is
from tradewind.registers.outcomes import Done, Operation, Unchanged
from tradewind.registers.panel import Panel, known_floors
from tradewind.registers.proposer import Place, Proposer
from tradewind.registers.register import Register, Registers

ROUNDS = 8
"""How often a step is tried against other writers."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """What came of a replacement."""

    name: str
    config: Config
    behind: tuple[str, ...]
    """Members that did not answer; they follow when they are next heard."""


def replace_store(
    registers: Registers, name: str, site: str, *, by: str = "", who: str = "", why: str = ""
) -> Replaced:
    """Put the acceptor of `by` in the place of that of `site`; of the same site, a new one that has promised nothing.

    Safe while others change the register, and to run again after it broke off. The store that is replaced need not
    answer; a majority of all members must, without it.

    Args:
        registers: With the records of `by`, and of the members.
        name: The register's.
        site: Whose acceptor goes.
        by: Where the new one is; `site`, unless given.
        who: For the history.
        why: For the history.

    Raises:
        ConfigurationError: `site` is no member, or `by` is one already or unknown.
        StoreUnavailableError: Too few members answered, or `by` did not; what was done so far is safe.
        TransientError: Others were in the way all the time.
    """
    by = by or site
    register = registers.register(name)
    if by not in registers.records:
        raise ConfigurationError(f"{by} is none of the control stores: {', '.join(registers.records)}")
    before = look(register.place.shelves[by], register.place.record)
    life = f"{registers.rng.getrandbits(96):024x}"
    operation = Operation(f"replace-{site}-{life}", who, why or f"{by} takes the place of {site}")
    old, new = _agree(register, site, by, life, operation)
    moved = _move(register.place, old, new)
    known = {before.acceptor.incarnation if before else None, old.members.get(by)}
    _seed(register.place, by, life, before, moved, known)
    return Replaced(name, new, tuple(sorted(new.members.keys() - moved.held.keys() - {by})))


def _agree(register: Register, site: str, by: str, life: str, operation: Operation) -> tuple[Config, Config]:
    for _ in range(ROUNDS):
        agreed = _proposed(register, site, by, life, operation)
        if agreed is not None:
            return agreed
        _finish(register)
    raise TransientError(f"Others replaced stores of the register {register.name!r} all the time")


def _proposed(register: Register, site: str, by: str, life: str, operation: Operation) -> tuple[Config, Config] | None:
    """Have the next configuration agreed by the present one; None if another one is agreed and not in effect yet."""
    proposer, agreed = Proposer(register.place), list[tuple[Config, Config]]()

    def wishing(panel: Panel) -> Wish | None:
        content = panel.content
        if content.made(operation.id):
            return Wish(content, Done(content.reading), new=False)
        if panel.config is None or content.config != panel.config:
            return as_it_is(panel)
        broken_off = site not in panel.config.members and by in panel.config.members and by not in panel.held
        going = by if broken_off else site  # an earlier run came as far as to agree
        _check(panel, panel.config, register.name, going, by)
        new = panel.config.replaced(going, by, life)
        agreed[:] = [(panel.config, new)]
        after = register.following(content, content.value, operation, proposer.id)
        return Wish(replace(after, config=new), Done(after.reading), new=True)

    outcome = register.run(proposer, Course(operation), wishing)
    match outcome:
        case Done():
            return agreed[0]
        case Unchanged():
            return None
    raise StoreUnavailableError(f"No majority agrees to replace {site} in the register {register.name!r}: {outcome}")


def _check(panel: Panel, config: Config, name: str, site: str, by: str) -> None:
    members = ", ".join(config.members)
    if site not in config.members:
        raise ConfigurationError(f"{site} has no acceptor of the register {name!r}; its members are {members}")
    if by != site and by in config.members:
        raise ConfigurationError(f"{by} has an acceptor of the register {name!r} already; its members are {members}")
    staying = panel.held.keys() - {site}
    if len(staying) < config.majority:
        silent = "; ".join(f"{other}: {why}" for other, why in sorted(panel.silent.items()) if other != site)
        raise StoreUnavailableError(
            f"Of the members of the register {name!r} that would stay, too few answer to replace {site} ({silent})",
            hint="Nothing was changed; one that is lost is replaced before one that is well",
        )


def _finish(register: Register) -> None:
    """Put a configuration into effect that was agreed, and whose maker did not come to it."""
    panel = Proposer(register.place).look()
    if panel.config is not None and panel.decides and panel.content.config.version > panel.config.version:
        _move(register.place, panel.config, panel.content.config)


def _move(place: Place, old: Config, new: Config) -> Panel:
    """Tell the members that stay of the new configuration, until a majority of the old one knows of it.

    Returns:
        These, with all that they have promised and accepted.
    """
    staying = [site for site, life in old.members.items() if new.members.get(site) == life and site in place.shelves]
    asked = place.asking.ask({site: partial(_moved, place, site, new) for site in staying}, lambda _: False)
    held = {site: each for site, each in asked.given.items() if each.acceptor.incarnation == old.members[site]}
    if len(held) < old.majority:
        raise StoreUnavailableError(
            f"Only {', '.join(held) or 'none'} of the acceptors of {place.record!r} could be told of the new members: "
            + "; ".join(f"{site}: {why}" for site, why in asked.silent.items()),
            hint="Nothing is lost; run the replacement again when a majority answers",
        )
    return Panel(new, held, asked.silent)


def _moved(place: Place, site: str, new: Config) -> Held:
    for _ in range(ROUNDS):
        held = look(place.shelves[site], place.record)
        if held is None or not held.acceptor.ready or held.acceptor.config is None:
            raise ConfigurationError("its acceptor is missing or not ready")
        if held.acceptor.config.version >= new.version:
            return held
        after = replace(held.acceptor, config=new)
        done = step(place.shelves[site], place.record, after, expect=held.token, stands=after.__eq__)
        if done is not None:
            return done
    raise TransientError("others changed its acceptor all the time")


def _seed(place: Place, by: str, life: str, before: Held | None, moved: Panel, known: set[str | None]) -> None:
    """Let the new member begin as if it had taken part in all that those which were moved took part in.

    Only what was there before is written over (`known`, incarnations): a later replacement may have been here already.
    """
    latest = moved.latest
    promised = max((held.acceptor.promised for held in moved.held.values()), default=NONE)
    seeded = Acceptor(
        life,
        moved.config,
        ready=True,
        promised=promised,
        accepted=latest.accepted if latest else None,
        content=latest.content if latest else None,
        seeded=True,
        floors=known_floors(moved),
    )
    held = before
    for _ in range(ROUNDS):
        expect = held.token if held else None
        if step(place.shelves[by], place.record, seeded, expect=expect, stands=lambda found: found.incarnation == life):
            return
        held = look(place.shelves[by], place.record)
        if (held.acceptor.incarnation if held else None) not in known:
            raise TransientError(f"Somebody else replaced the acceptor of {place.record!r} at {by} at the same time")
    raise TransientError(f"The acceptor of {place.record!r} at {by} changed all the time")
