"""Records of a control store that are opened by whoever asks it, so that one that cannot be is one that is silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tradewind.errors import CredentialsError
from tradewind.records import Document, Record, Records


@dataclass(frozen=True, slots=True)
class LateShelf:
    """The records of one control store, opened at each use by the thread that asks.

    Opening them reads a secret, which may be gone, or in a vault that is away; whoever asks several stores at once
    counts that as this one's silence.

    Args:
        records: Opens them, and keeps what it has opened.
        refused: Called when the store does not know the credentials, or there are none.
    """

    records: Callable[[], Records]
    refused: Callable[[], None]

    def read(self, name: str) -> Record | None:
        """Return a record, or None if there is none."""
        with self._noting():
            return self.records().read(name)

    def write(self, name: str, value: Document, *, expect: str | None) -> str:
        """Write it if its version is `expect` (None: if it does not exist), and return its new version."""
        with self._noting():
            return self.records().write(name, value, expect=expect)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except CredentialsError:
            self.refused()
            raise
