"""How errors spell a key."""

import pytest

from tradewind.clouds.telling import told


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("models/größe 模型.bin", "models/größe 模型.bin"),
        ("a\nERROR b\x00\x1f\t", "a?ERROR b???"),
        ("\x7f", "\x7f"),
        ("", ""),
    ],
)
def test_a_key_stays_on_one_line(key: str, shown: str) -> None:
    """Control characters of ASCII are question marks, and everything else is itself."""
    assert told(key) == shown
