"""What a register's acceptors hold: the value with its revision, its last changes, and who the acceptors are. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from tradewind.errors import ConfigurationError
from tradewind.records import Document
from tradewind.registers.outcomes import Entry, Operation, Reading

VALUE_BYTES = 64 * 1024
"""A register's value has no more, as JSON."""


@dataclass(frozen=True, slots=True)
class Config:
    """Which acceptors there are; each is one life of one store."""

    version: int
    """From 1, and one more with each store that is replaced."""
    members: Mapping[str, str]
    """Incarnations by site."""

    @property
    def majority(self) -> int:
        """How many of the members decide."""
        return len(self.members) // 2 + 1

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"version": self.version, "members": dict(self.members)}

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Config:
        """Return what JSON says."""
        return cls(int(value["version"]), {str(site): str(life) for site, life in value["members"].items()})

    def replaced(self, site: str, by: str, incarnation: str) -> Config:
        """Return the next version, in which `by` stands for `site`."""
        others = {name: life for name, life in self.members.items() if name != site}
        return Config(self.version + 1, {**others, by: incarnation})


@dataclass(frozen=True, slots=True)
class Remembered:
    """A change in the history, and which call made it."""

    entry: Entry
    call: str
    """The proposer of the call whose proposal it was."""

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        operation = self.entry.operation
        return {
            "revision": self.entry.revision,
            "id": operation.id,
            "who": operation.who,
            "why": operation.why,
            "at": self.entry.at,
            "call": self.call,
        }

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Remembered:
        """Return what JSON says."""
        operation = Operation(str(value["id"]), str(value["who"]), str(value["why"]))
        return cls(Entry(int(value["revision"]), operation, str(value["at"])), str(value["call"]))


@dataclass(frozen=True, slots=True)
class Content:
    """What is proposed and accepted as one."""

    revision: int
    value: Document | None
    history: tuple[Remembered, ...]
    """The last changes, oldest first, without a gap."""
    config: Config
    """The acceptors as they were agreed; those that are still to be told of it work by the version before."""

    @property
    def reading(self) -> Reading:
        """What callers see of it."""
        return Reading(deepcopy(self.value), self.revision, tuple(each.entry for each in self.history))

    def made(self, operation: str) -> Remembered | None:
        """Return the change of that operation id, or None if the history does not have it."""
        return next((each for each in self.history if each.entry.operation.id == operation), None)

    def reaches(self, revision: int) -> bool:
        """Say whether the history has every change that was made after `revision`."""
        return self.revision - len(self.history) <= revision

    def then(self, value: Document | None, made: Operation, *, at: str, call: str, keep: int) -> Content:
        """Return what follows when `made` changes the value, with the last `keep` changes.

        Raises:
            ConfigurationError: The value is too large.
        """
        size = len(json.dumps(value, separators=(",", ":")).encode())
        if size > VALUE_BYTES:
            raise ConfigurationError(
                f"A register's value has at most {VALUE_BYTES:,} bytes, and after {made.id!r} it would have {size:,}",
                hint="Keep what is large in an object, and its key in the register",
            )
        newest = Remembered(Entry(self.revision + 1, made.bounded, at), call)
        return replace(self, revision=self.revision + 1, value=value, history=(*self.history, newest)[-keep:])

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "revision": self.revision,
            "value": self.value,
            "history": [each.as_json() for each in self.history],
            "config": self.config.as_json(),
        }

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Content:
        """Return what JSON says."""
        history = tuple(Remembered.of(each) for each in value["history"])
        return cls(int(value["revision"]), value["value"], history, Config.of(value["config"]))
