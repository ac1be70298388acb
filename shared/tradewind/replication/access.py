"""How the core comes to what there is at each site."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tradewind.errors import ConfigurationError
from tradewind.ports import Copies, Links, ObjectStore, Pulls, Queue, Uploads
from tradewind.records import Records


def no_uploads(site: str) -> Uploads:
    """Say that nothing goes in parts here."""
    raise ConfigurationError(f"Nothing is set up for uploads in parts to {site}")


def no_copies(site: str) -> Copies:
    """Say that nothing is copied inside a bucket here."""
    raise ConfigurationError(f"Nothing is set up for copies inside the bucket of {site}")


def no_links(_site: str) -> Links | None:
    """Say that nobody is given addresses of objects here."""
    return None


def no_pulls(_site: str) -> Pulls | None:
    """Say that no cloud reads by itself here."""
    return None


def no_queue(site: str) -> Queue:
    """Say that nothing can be left for later here."""
    raise ConfigurationError(f"Nothing is set up for the queue of {site}, so nothing can be left for later")


def unsent(site: str, _messages: Iterable[str]) -> None:
    """Say that nothing can be left for later here."""
    no_queue(site)


@dataclass(frozen=True, slots=True)
class Access:
    """What there is at each site, by the site's name.

    Args:
        store_of: Returns the store of the site's bucket.
        records_of: Returns tradewind's own records there.
        queue_of: Returns the queue of the site's notifications.
        uploads_of: Returns the uploads in parts into its bucket.
        copies_of: Returns the copies inside its bucket.
        links_of: Returns the addresses of its bucket's objects, or None if there are none.
        pulls_of: Returns what reads from addresses into its bucket, or None if nothing does.
    """

    store_of: Callable[[str], ObjectStore]
    records_of: Callable[[str], Records]
    queue_of: Callable[[str], Queue] = no_queue
    uploads_of: Callable[[str], Uploads] = no_uploads
    copies_of: Callable[[str], Copies] = no_copies
    links_of: Callable[[str], Links | None] = no_links
    pulls_of: Callable[[str], Pulls | None] = no_pulls
