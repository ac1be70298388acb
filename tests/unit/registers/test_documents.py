"""What acceptors keep."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rigs.acceptors import operation
from tradewind.registers.acceptors import Acceptor
from tradewind.registers.ballots import NONE, Ballot
from tradewind.registers.contents import Config, Content

TEXTS = st.text(max_size=8)
BALLOTS = st.builds(Ballot, st.integers(0, 10**12), TEXTS)
CONFIGS = st.builds(Config, st.integers(1, 99), st.dictionaries(TEXTS, TEXTS, max_size=5))
VALUES = st.none() | st.dictionaries(TEXTS, st.none() | st.integers() | TEXTS | st.lists(st.floats(allow_nan=False)))


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Return a content that came of some changes."""
    content = Content(0, None, (), draw(CONFIGS))
    for number in range(draw(st.integers(0, 6))):
        content = content.then(draw(VALUES), operation(number), at=draw(TEXTS), call=draw(TEXTS), keep=4)
    return content


ACCEPTORS = st.builds(
    Acceptor,
    incarnation=TEXTS,
    config=st.none() | CONFIGS,
    ready=st.booleans(),
    promised=BALLOTS,
    accepted=st.none() | BALLOTS,
    content=st.none() | contents(),
    seeded=st.booleans(),
    floors=st.dictionaries(TEXTS, BALLOTS, max_size=5),
)


@given(acceptor=ACCEPTORS)
def test_an_acceptor_is_read_as_it_was_written(acceptor: Acceptor) -> None:
    """Its record is JSON and loses nothing."""
    assert Acceptor.of(json.loads(json.dumps(acceptor.as_document()))) == acceptor


@given(one=BALLOTS, other=BALLOTS)
def test_of_two_ballots_one_is_higher(one: Ballot, other: Ballot) -> None:
    """Unless they are the same; the counter goes first, and none is lower than no ballot."""
    assert (one < other) + (one > other) + (one == other) == 1
    assert one >= NONE
    assert replace(one, counter=other.counter + 1) > other


@given(content=contents(), revision=st.integers(0, 6))
def test_the_history_says_how_far_it_reaches(content: Content, revision: int) -> None:
    """It reaches back to a revision if it has every change after it."""
    after = set(range(revision + 1, content.revision + 1))

    assert content.reaches(revision) == (after <= {each.entry.revision for each in content.history})
