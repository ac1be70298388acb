"""The secrets port: a fleet file names credentials, and never holds them."""

from __future__ import annotations

from typing import Protocol


class Secrets(Protocol):
    """One place where secrets are kept."""

    def get(self, name: str) -> str:
        """Return the present value of secret `name`.

        Raises:
            CredentialsError: There is no such secret, or it may not be read.
            StoreUnavailableError: The place did not answer.
        """
