"""When an object of Cloud Storage was written, as its two APIs tell it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tradewind.clouds.gcp.states import Resource, by_headers, by_resource

WRITTEN = datetime(2026, 11, 21, 15, 0, 17, tzinfo=UTC)
MICROSECONDS = str(int(WRITTEN.timestamp()) * 1_000_000 + 842_555)


def told(generation: str, created: str, last_modified: str) -> tuple[datetime, datetime]:
    """Return when an object was written by the JSON API and by the XML API."""
    resource = Resource(name="k", generation=generation, size="1", timeCreated=created, crc32c="AAAAAA==")
    headers = {
        "x-goog-generation": generation,
        "last-modified": last_modified,
        "x-goog-hash": "crc32c=AAAAAA==",
        "content-length": "1",
    }
    state = by_headers("k", headers)
    assert state is not None
    return by_resource(resource).modified, state.modified


def test_times_on_either_side_of_a_second_are_one_moment() -> None:
    """What the two APIs tell of one generation is the same, or a replica would be taken for that of another version."""
    moments = told(MICROSECONDS, "2026-11-21T15:00:17.842Z", "Sat, 21 Nov 2026 15:00:18 GMT")

    assert moments == (WRITTEN, WRITTEN)


@pytest.mark.parametrize("generation", ["7", str(int(MICROSECONDS) * 3)])
def test_a_generation_that_is_no_time_is_not_taken_for_one(generation: str) -> None:
    """Where the generation is far from what is told, what is told counts."""
    moments = told(generation, "2026-11-21T15:00:17.842Z", "Sat, 21 Nov 2026 15:00:17 GMT")

    assert moments == (WRITTEN, WRITTEN)
