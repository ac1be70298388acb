"""How a register stands, store by store, for whoever looks after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradewind.registers.contents import Config
from tradewind.registers.outcomes import Reading
from tradewind.registers.panel import Panel
from tradewind.registers.proposer import Proposer
from tradewind.registers.register import Registers


@dataclass(frozen=True, slots=True)
class Standing:
    """How a register stands."""

    name: str
    config: Config | None
    """Its members; None if no acceptor is ready."""
    agreed: Config | None
    """The members as they will be, where a replacement broke off: to be run again."""
    decides: bool
    """Whether a majority answers."""
    settled: bool
    """Whether a majority shows the same; else the next one who reads or changes it sees to that."""
    latest: Reading
    """The latest that any member shows; chosen for certain if `settled`."""
    sites: Mapping[str, str]
    """Each store in words."""


def status(registers: Registers, name: str) -> Standing:
    """Say how a register stands; nothing is written."""
    panel = Proposer(registers.register(name).place).look()
    latest = panel.latest
    agreed = latest.content.config if latest and latest.content else None
    return Standing(
        name,
        panel.config,
        agreed if agreed and panel.config and agreed.version > panel.config.version else None,
        panel.decides,
        panel.settled,
        panel.content.reading,
        {**panel.silent, **_words(panel)},
    )


def _words(panel: Panel) -> dict[str, str]:
    newest = panel.content.revision
    words = {}
    for site, held in panel.held.items():
        revision = held.acceptor.content.revision if held.acceptor.content else 0
        words[site] = f"revision {revision}" if revision == newest else f"revision {revision}, behind {newest}"
    return words
