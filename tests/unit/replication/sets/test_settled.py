"""Whether a source holds one version of a set or two, by times alone."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tradewind.replication.sets.settled import Published, settled

START = datetime(2026, 1, 1, tzinfo=UTC)
QUIET = timedelta(seconds=600)


def at(seconds: float) -> datetime:
    """Return a time."""
    return START + timedelta(seconds=seconds)


def is_settled(closing: float, members: list[float], *, now: float, over: Published | None = None) -> bool:
    """Ask with seconds."""
    return settled(at(closing), [at(each) for each in members], now=at(now), quiet=QUIET, over=over)


def test_a_first_upload_is_settled_in_any_order() -> None:
    """What was written without a long pause is one upload, whichever came first."""
    assert is_settled(0, [5, 30], now=31)
    assert is_settled(30, [0, 5], now=31)


def test_a_member_much_younger_than_the_rest_waits() -> None:
    """It may be the beginning of the next version."""
    assert not is_settled(5, [0, 700], now=701)
    assert is_settled(5, [0, 700], now=1300)


def test_over_another_version_everything_is_new_and_the_closing_key_last() -> None:
    """A part of the new version alone is not enough, nor an index that came before its shards."""
    over = Published(at(10), "x")

    assert is_settled(22, [20, 21], now=23, over=over)
    assert not is_settled(22, [20, 9], now=23, over=over)
    assert not is_settled(20, [21, 22], now=23, over=over)
    assert not is_settled(10, [20, 9], now=23, over=over)


def test_nothing_that_is_quiet_waits() -> None:
    """Whatever was written over, after the rule's time without a change it is taken as it is."""
    assert is_settled(0, [10, 5], now=610, over=Published(at(7)))
    assert not is_settled(0, [10, 5], now=609, over=Published(at(7)))


@st.composite
def uploads(draw: st.DrawFn) -> tuple[list[list[float]], int]:
    """Draw versions of a set of three: for each, when each object is written; and how many writes have happened."""
    start = 0.0
    versions = []
    for _ in range(draw(st.integers(1, 4))):
        times = [start + sum(draw(st.integers(0, 599)) for _ in range(n)) / 3 for n in (1, 2, 3)]
        versions.append(draw(st.permutations(times)))
        start = max(times) + 600 + draw(st.integers(0, 5000))
    return versions, draw(st.integers(0, 3 * len(versions)))


@given(uploads(), st.booleans(), st.floats(0, 599))
def test_a_mixture_is_never_settled_if_writers_keep_to_the_pause(
    drawn: tuple[list[list[float]], int],
    known: bool,  # noqa: FBT001 - Hypothesis gives positions
    later: float,
) -> None:
    """Whoever finishes a version without a pause, and pauses before the next, is never seen in the middle."""
    versions, happened = drawn
    writes = sorted(
        (time, version, which) for version, times in enumerate(versions) for which, time in enumerate(times)
    )
    held: dict[int, tuple[float, int]] = {which: (time, version) for time, version, which in writes[:happened]}
    if len(held) < 3:
        return
    newest = max(time for time, _ in held.values())
    following = [time for time, _, _ in writes[happened:]]
    now = min([newest + later, *following])
    over = Published(at(max(versions[0])), "x") if known and happened > 3 else None

    found = is_settled(held[0][0], [held[1][0], held[2][0]], now=now, over=over)

    assert not found or len({version for _, version in held.values()}) == 1
