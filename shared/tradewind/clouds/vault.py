"""What every place of secrets has in common: whatever keeps a secret from being read is said in one way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tradewind.errors import CredentialsError, IntegrityError, StoreUnavailableError, TradewindError


@contextmanager
def reading(name: str, *, permission: str) -> Iterator[None]:
    """Make a `CredentialsError` that names the secret of every refusal in the block.

    Args:
        name: The secret, as the fleet file names it.
        permission: What the identity of the process needs to read it.
    """
    try:
        yield
    except (CredentialsError, IntegrityError, StoreUnavailableError):
        raise
    except TradewindError as error:
        raise CredentialsError(
            error.message,
            hint=f"Check `credentials.name` in the fleet file ({name!r}), and that this process has {permission} on it",
        ) from error
