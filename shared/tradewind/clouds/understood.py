"""Answers that are not what a store says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tradewind.errors import StoreUnavailableError, TradewindError


@contextmanager
def understood(operation: str, subject: str) -> Iterator[None]:
    """Take an answer that cannot be read for none: a proxy's page may come in the place of the store's.

    Args:
        operation: What is done, as an infinitive.
        subject: What it is done to.

    Raises:
        StoreUnavailableError: What is read in the block has not the form that it must have.
    """
    try:
        yield
    except TradewindError:
        raise
    except (ValueError, KeyError, SyntaxError) as error:  # of JSON, of fields, and of XML
        raise StoreUnavailableError(
            f"Could not {operation} {subject}: the answer is none of the store's",
            hint="Something between here and the store answers in its place, if this repeats",
        ) from error
