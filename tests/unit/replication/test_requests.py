"""Requests to look at keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.world import World
from tradewind.errors import BadEventError, TransientError
from tradewind.ports import Change, Message
from tradewind.replication.requests import BATCH, decode, encode, is_request

FLEET = World({"name": "one", "to": ["b"]}).fleet


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=3 * BATCH))
def test_every_key_arrives(keys: list[str]) -> None:
    """Whatever is in the keys, they arrive in order, a bounded number in each message."""
    messages = [Message(body, id="m") for body in encode("a", keys, why="sweep", rule="one")]

    assert all(is_request(message) for message in messages)
    batches = [[each.key for each in decode(FLEET, message)] for message in messages]
    assert [key for batch in batches for key in batch] == keys
    assert all(len(batch) <= BATCH for batch in batches)


def test_a_request_says_nothing_happened() -> None:
    """It names the bucket as an event would, and who asks."""
    [message] = encode("a", ["k"], why="sweep")

    [asked] = decode(FLEET, Message(message, id="m"))

    assert (asked.cloud, asked.bucket, asked.change, asked.id) == ("aws", "bucket-a", Change.NOTHING, "m sweep")


def test_a_key_that_is_said_to_be_new_is_like_one_that_was_just_written() -> None:
    """Whoever works it off may spare a look at the targets first; every write is conditional in any case."""
    [message] = encode("a", ["k"], why="sweep", new=True)

    assert [each.change for each in decode(FLEET, Message(message))] == [Change.WRITTEN]


def test_a_rule_that_was_not_read_of_yet_is_waited_for() -> None:
    """A function that trusts an older fleet file gives the message back: somebody may want the key."""
    [message] = encode("a", ["k"], why="backfill", rule="new")

    with pytest.raises(TransientError, match="'new'"):
        decode(FLEET, Message(message))


@pytest.mark.parametrize("body", ['{"tradewind":2}', '{"tradewind":1,"site":"a","keys":[]}', '{"tradewind":'])
def test_what_is_malformed_is_refused(body: str) -> None:
    """A message that only begins like a request is none."""
    with pytest.raises(BadEventError):
        decode(FLEET, Message(body))


def test_a_site_that_was_not_read_of_yet_is_waited_for() -> None:
    """A function that trusts an older fleet file gives the message back."""
    [message] = encode("elsewhere", ["k"], why="sweep")

    with pytest.raises(TransientError):
        decode(FLEET, Message(message))
