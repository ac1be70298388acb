"""A group's routing, as its register holds it: the epoch, the weights, and how far the traffic was moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from tradewind.errors import ConfigurationError
from tradewind.records import Document


class State(StrEnum):
    """How far an epoch is; each says what has been done."""

    DETECTED = "DETECTED"
    """A majority sees that traffic must move; the epoch is still the one before."""
    ELECTED = "ELECTED"
    """A new epoch says where it goes."""
    DRAINING = "DRAINING"
    """Nothing new is sent to what is left, as far as enough others serve."""
    REDIRECTED = "REDIRECTED"
    """The director shows the epoch's weights."""
    VERIFIED = "VERIFIED"
    """What serves now was asked, and answers as it should."""
    NOTIFIED = "NOTIFIED"
    """Everybody who is to be told was."""
    SETTLED = "SETTLED"
    """Nothing is left to do."""


class Kind(StrEnum):
    """Why traffic moves."""

    INITIAL = "initial"
    FAILOVER = "failover"
    SHIFT = "shift"
    RESTORE = "restore"
    ROLLBACK = "rollback"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Step:
    """That an epoch came to a state."""

    state: State
    at: str
    """RFC 3339, UTC, by the clock of whoever did it; to be read by people."""
    by: str
    note: str = ""
    """What else there is to say of it: what passed, who could not be told."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Where a group's traffic goes, and how far the last move of it is."""

    epoch: int
    """Grows by one with each decision."""
    state: State
    kind: Kind
    weights: Mapping[str, int]
    """Percent by endpoint, 100 together, as this epoch wants it."""
    before: Mapping[str, int]
    """The same as of the epoch before it; what a failed move goes back to."""
    reason: str
    by: str
    """Who decided."""
    doubted: tuple[str, ...] = ()
    """Observers that did not find what this epoch moves to as it should be, though the others see it well."""
    tried: tuple[str, ...] = ()
    """Endpoints that were moved to in this affair, and did not pass verification."""
    steps: tuple[Step, ...] = ()
    """Of this epoch, in order."""
    frozen: str = ""
    """Who froze it and why; while it is, nothing but a person's change moves traffic."""
    forced: str = ""
    """Who lets this epoch change more of a zone than `most_of_zone` allows, and why; "" again once it is shown."""

    @property
    def serving(self) -> tuple[str, ...]:
        """The endpoints that traffic goes to."""
        return tuple(name for name, weight in self.weights.items() if weight)

    @property
    def leaving(self) -> tuple[str, ...]:
        """The endpoints from which this epoch takes all traffic."""
        return tuple(name for name, weight in self.before.items() if weight and not self.weights.get(name))

    def as_document(self) -> Document:
        """Return the routing as JSON."""
        return {
            "epoch": self.epoch,
            "state": self.state.value,
            "kind": self.kind.value,
            "weights": dict(self.weights),
            "before": dict(self.before),
            "reason": self.reason,
            "by": self.by,
            "doubted": list(self.doubted),
            "tried": list(self.tried),
            "steps": [asdict(step) for step in self.steps],
            "frozen": self.frozen,
            "forced": self.forced,
        }

    @classmethod
    def of(cls, document: Document) -> Routing:
        """Return the routing that a document holds; what a later tradewind added to it is read over.

        Raises:
            ConfigurationError: It holds none that this tradewind knows: a later one wrote it.
        """
        try:
            return cls(
                epoch=int(document["epoch"]),
                state=State(document["state"]),
                kind=Kind(document["kind"]),
                weights=_weights(document["weights"]),
                before=_weights(document["before"]),
                reason=str(document["reason"]),
                by=str(document["by"]),
                doubted=tuple(document["doubted"]),
                tried=tuple(document["tried"]),
                steps=tuple(_step(each) for each in document["steps"]),
                frozen=str(document["frozen"]),
                forced=str(document.get("forced", "")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigurationError(
                f"A group's register holds what this tradewind does not know ({error!r})",
                hint="A later one wrote it: bring this function up to that",
            ) from error


def _weights(document: Document) -> dict[str, int]:
    return {str(name): int(weight) for name, weight in document.items()}


def _step(document: Document) -> Step:
    return Step(State(document["state"]), str(document["at"]), str(document["by"]), str(document["note"]))
