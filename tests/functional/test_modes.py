"""Rules that do not copy at once, and those that store another form, through the real handlers."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

from rigs.announcements import announce
from rigs.command_line import CommandLine
from rigs.platforms import Platform, Ring
from rigs.three_clouds import PACKED, ThreeClouds
from tradewind.replication import requests
from tradewind.replication.modes import marks

ROWS = b"a,b,c\n" + b"1,2,3\n" * 1000


def end_window(clouds: ThreeClouds, site: str, rule: str, key: str) -> None:
    """Let the window of a marked key be over, as it is a minute later."""
    records = clouds.runtime.records(site)
    (mark,) = list(records.list(marks.PREFIX))
    held = records.read(mark.key)
    assert held is not None
    records.write(marks.name_of(rule, datetime(2026, 1, 1, tzinfo=UTC), key), held.value, expect=None)
    records.delete(mark.key, expect=held.token)


def test_a_buffered_key_is_copied_once_when_its_window_is_over(
    clouds: ThreeClouds, ring: Ring, platform: Platform, site: str, others: list[str]
) -> None:
    """Two writes leave a mark and no replica; the timer asks for the key, and the last write arrives."""
    rule, key = f"buffered-{site}", f"buffered/{site}/hot"
    for body in (b"first", b"second"):
        clouds.upload(site, key, body)
        assert platform.deliver(announce(site, key)) == [True]
    assert [clouds.users[other].look(key) for other in others] == [None, None]

    end_window(clouds, site, rule, key)
    ring(site)

    assert list(clouds.runtime.records(site).list(marks.PREFIX)) == []
    waiting = clouds.drain(site, "notifications")
    assert any(key in message.body for message in waiting)
    assert all(platform.deliver(*waiting))
    clouds.assert_replicated(key, site, *others)


def test_text_is_stored_compressed_and_proven(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str], tradewind: CommandLine
) -> None:
    """Each cloud keeps the compressed bytes as they are, tells their encoding, and gives them back to be unpacked."""
    rule, key = f"packed-{site}", f"packed/{site}/t.csv"
    clouds.users[site].put(key, ROWS, {}, "text/csv")
    (body,) = requests.encode(site, [key], why="batch")
    clouds.runtime.queue(site, "notifications").send(body)
    assert all(platform.deliver(*clouds.drain(site, "notifications")))

    for other in others:
        state = clouds.runtime.store(other).head(key)
        assert state is not None
        assert state.metadata.content_encoding == PACKED[site]
        assert state.size < len(ROWS) / 10
        with clouds.runtime.store(other).get(key) as download:
            stored = b"".join(download.chunks)
        assert len(stored) == state.size
        assert PACKED[site] == "zstd" or gzip.decompress(stored) == ROWS
    said = json.loads(tradewind("verify", rule, "--deep", "--json").out)
    assert (said["replicas"], said["differences"]) == (2, [])
