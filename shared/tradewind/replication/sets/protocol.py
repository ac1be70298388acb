"""What the copy loop asks about artifact sets."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from tradewind.fleet import Rule


class SetRules(Protocol):
    """Says when a key may be written or removed at a target, so that no set is ever seen torn there."""

    def writing(
        self, rule: Rule, key: str, *, source: str, target: str, body: bytes, replaces: bool
    ) -> AbstractContextManager[None]:
        """Enter before the conditional write of `key` at `target`, and leave after it.

        The source's object must have been read before this is entered; what was read of the target may be older.

        Args:
            rule: The rule of the route.
            key: What is to be written.
            source: Site whose object is copied.
            target: Site that is written.
            body: The object's bytes; those of a key that closes no set are not looked at.
            replaces: Whether there is an object under the key at the target.

        Raises:
            SetError: The write must wait: the set is not whole at the source, or is being written over.
            PreconditionFailedError: What was read of the target is outdated, maybe by this very call; look again.
            PermanentError: The closing object can never be published under this rule.
        """

    def removing(self, rule: Rule, key: str, *, source: str, target: str) -> AbstractContextManager[None]:
        """Enter before the conditional delete of a replica at `target`, and leave after it.

        Withdraws the closing keys of the sets that the key is in, so that they go first.

        Raises:
            SetError: A set that the key is in is just being published.
            PreconditionFailedError: Somebody else changed a closing key; look again.
        """

    def arrived(self, rule: Rule, key: str, *, source: str, target: str, replaced: bool = False) -> Sequence[str]:
        """Return closing keys that should be tried now that `key` is at `target`.

        Args:
            rule: The rule of the route.
            key: What was written, or found in sync by a later delivery.
            source: Site whose object it is.
            target: Where it is now.
            replaced: Whether something was there before; then sets are found, too, that were withdrawn and whose
                worker died before they were published again.
        """


class NoSets:
    """No key belongs to any set."""

    def writing(
        self,
        rule: Rule,  # noqa: ARG002 - the protocol's
        key: str,  # noqa: ARG002
        *,
        source: str,  # noqa: ARG002
        target: str,  # noqa: ARG002
        body: bytes,  # noqa: ARG002
        replaces: bool,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Let every write through."""
        return nullcontext()

    def removing(
        self,
        rule: Rule,  # noqa: ARG002 - the protocol's
        key: str,  # noqa: ARG002
        *,
        source: str,  # noqa: ARG002
        target: str,  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Let every delete through."""
        return nullcontext()

    def arrived(
        self,
        rule: Rule,  # noqa: ARG002 - the protocol's
        key: str,  # noqa: ARG002
        *,
        source: str,  # noqa: ARG002
        target: str,  # noqa: ARG002
        replaced: bool = False,  # noqa: ARG002
    ) -> Sequence[str]:
        """Return nothing."""
        return ()
