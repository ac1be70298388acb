"""How values are shown to a person."""

import pytest

from tradewind.cli.text import as_json, duration, one_line, size


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (3 * 86400 + 7260, "3 d 2 h"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    """A duration is told in its two largest units."""
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (1023, "1,023 B"), (1024, "1.0 KiB"), (3 * 1024**4, "3.0 TiB"), (2000 * 1024**5, "2,000.0 PiB")],
)
def test_sizes(count: int, said: str) -> None:
    """Bytes are told in the unit that fits."""
    assert size(count) == said


def test_text_from_outside() -> None:
    """Nothing that a key contains moves the cursor or begins another line."""
    assert one_line("a\nb\x1b[2J\tc\u202e") == "a b�[2J c�"


def test_what_is_no_json() -> None:
    """A value that has no place in JSON is a mistake of ours, and not passed over."""
    with pytest.raises(TypeError, match="object is no JSON value"):
        as_json({"x": object()})
