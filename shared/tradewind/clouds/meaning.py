"""What an SDK's error means, as far as it means the same in every cloud; each cloud's `errors.py` has its own table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    IntegrityError,
    NotFoundError,
    PreconditionFailedError,
    StoreUnavailableError,
    TradewindError,
)

Meaning: TypeAlias = tuple[type[TradewindError], str]
"""The error to raise, and its hint."""

GONE: Meaning = (NotFoundError, "")
MOVED: Meaning = (PreconditionFailedError, "")
NO_BUCKET: Meaning = (BucketNotFoundError, "Create it, or correct the site's bucket or queue in the fleet file")
DENIED: Meaning = (AccessDeniedError, "Grant {permission} to the identity that the site's credentials name")
BROKEN: Meaning = (IntegrityError, "Nothing was written; the bytes are sent again")


def down(status_page: str) -> Meaning:
    """Return what an outage, a time-out or throttling means."""
    return StoreUnavailableError, f"Try again later, as queues do by themselves; see {status_page} if it lasts"


@contextmanager
def translating(
    operation: str,
    subject: str,
    *,
    meaning: Callable[[Exception, str], Meaning | None],
    describe: Callable[[Exception], str],
) -> Iterator[None]:
    """Turn what an SDK raises in the block into an error of `tradewind.errors`; what has no meaning passes.

    Args:
        operation: What is done, as an infinitive.
        subject: What it is done to.
        meaning: Returns what an error means during an operation, or None.
        describe: Returns the SDK's own words.
    """
    try:
        yield
    except TradewindError:
        raise
    except Exception as error:
        found = meaning(error, operation)
        if found is None:
            raise
        family, hint = found
        raise family(f"Could not {operation} {subject}: {describe(error)}", hint=hint) from error
