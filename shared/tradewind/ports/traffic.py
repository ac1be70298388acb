"""What directs a group's traffic: reads and publishes the weights of its endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a director shows at one moment."""

    weights: Mapping[str, int]
    """Percent of the traffic by endpoint; empty if nothing was published yet."""
    epoch: int
    """Of the decision that was published, which stands beside the weights; 0 if nothing was published yet."""
    token: str
    """Its version, for `publish`; equal only to that of the same state."""


class TrafficDirector(Protocol):
    """Directs the traffic of one group. Every method may be called by several observers at once.

    Errors are those of the object store: StoreUnavailableError (the API is down, slow or throttling),
    AccessDeniedError, CredentialsError, ConfigurationError (there is no such zone, profile, route). Where an API has no
    conditions, its director says what it does instead (Traffic Manager).
    """

    def read(self) -> Traffic:
        """Return what is published: at most a few requests, and none of them changes anything."""

    def publish(self, weights: Mapping[str, int], *, epoch: int, expect: Traffic, force: bool = False) -> Traffic:
        """Publish the weights with their epoch, if what is published is still `expect`, and return what is there now.

        Publishing what is there already changes nothing. An answer that got lost leaves open what is published;
        `read` tells.

        Args:
            weights: Percent by endpoint, 100 together; every endpoint of the group is named.
            epoch: Of the decision; never less than that of `expect`.
            expect: What `read` returned.
            force: Whether a change of much of a zone is meant.

        Raises:
            PreconditionFailedError: Somebody else published meanwhile, or `expect` is of a later epoch; nothing was
                changed.
            SafetyStopError: The change would touch more than may be at once, and is not forced; nothing changed.
        """


@runtime_checkable
class Stops(Protocol):
    """A director that refuses a change of too much of a zone, and can say beforehand that it will."""

    def stop_ahead(self) -> str:
        """Say in a sentence why a move that changes every weight would be refused; "" if it would not be."""
