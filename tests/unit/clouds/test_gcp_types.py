"""What an object of Cloud Storage is whose writer gave it no content type, as its two APIs tell it."""

from __future__ import annotations

import pytest

from tradewind.clouds.gcp.states import Resource, by_headers, by_resource
from tradewind.replication.provenance import is_of
from tradewind.replication.transfer import originating

RESOURCE = Resource(
    name="k", generation="7", size="1", timeCreated="2026-11-21T15:00:17.842Z", crc32c="AAAAAA==", md5Hash="AA=="
)
HEADERS = {
    "x-goog-generation": "7",
    "last-modified": "Sat, 21 Nov 2026 15:00:17 GMT",
    "x-goog-hash": "crc32c=AAAAAA==,md5=AA==",
    "content-length": "1",
}


@pytest.mark.parametrize("served", [{"content-type": "application/octet-stream"}, {}])
def test_a_replica_of_an_object_without_a_type_is_of_it_whichever_api_told(served: dict[str, str]) -> None:
    """What is served with a type that nobody gave it is no other object than its resource, which has none."""
    read = by_headers("k", HEADERS | served)
    assert read is not None

    seen = by_resource(RESOURCE)

    assert seen == read
    assert is_of(originating("gcp", read, 0), seen)


def test_a_type_that_was_given_is_told() -> None:
    """A content type that a writer gave is the same by both APIs, and is no default."""
    read = by_headers("k", HEADERS | {"content-type": "text/plain"})
    seen = by_resource(RESOURCE | {"contentType": "text/plain"})

    assert read == seen
    assert seen.metadata.content_type == "text/plain"
