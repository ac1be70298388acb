"""What the copying of single keys asks of artifact sets: keys that only make sense together."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from tradewind.fleet import Rule


class SetRules(Protocol):
    """Keeps sets whole at every target (see `replication.sets`)."""

    def writing(
        self, rule: Rule, key: str, *, source: str, target: str, body: bytes, replaces: bool
    ) -> AbstractContextManager[None]:
        """Enter right before `key` is written at `target`.

        Args:
            rule: The rule that covers the key.
            key: A closing key, a member, or an ordinary key.
            source: Site of the object.
            target: Site of the replica.
            body: The object's bytes.
            replaces: Whether something is overwritten.

        Raises:
            SetError: Not now: members are missing, or the set is being written over; the message must come back.
            PreconditionFailedError: The whole set was brought over instead; look again.
        """

    def removing(self, rule: Rule, key: str, *, source: str, target: str) -> AbstractContextManager[None]:
        """Enter right before `key` is deleted at `target`: the key that closes its set goes first.

        Raises:
            SetError: Somebody else is at work on the set.
        """

    def arrived(self, rule: Rule, key: str, *, source: str, target: str) -> Sequence[str]:
        """Return the closing keys that may now appear at `target`, since `key` has been written there."""


class NoSets:
    """Every key stands for itself."""

    def writing(
        self,
        rule: Rule,  # noqa: ARG002 - the port's names
        key: str,  # noqa: ARG002
        *,
        source: str,  # noqa: ARG002
        target: str,  # noqa: ARG002
        body: bytes,  # noqa: ARG002
        replaces: bool,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Let every key be written."""
        return nullcontext()

    def removing(self, rule: Rule, key: str, *, source: str, target: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Let every key be removed."""
        return nullcontext()

    def arrived(self, rule: Rule, key: str, *, source: str, target: str) -> Sequence[str]:  # noqa: ARG002
        """Close no set."""
        return ()
