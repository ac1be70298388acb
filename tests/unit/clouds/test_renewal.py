"""What lasts for a while: keys and tokens."""

from __future__ import annotations

import pytest

from tradewind.clouds import renewal
from tradewind.clouds.renewal import PAUSE, Renewed
from tradewind.errors import CredentialsError

LASTS = 3600.0
EARLY = 300.0


class Giver:
    """Gives out numbers, each for an hour, unless it is down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000_000.0
        self.asked = 0
        self.down = False
        monkeypatch.setattr(renewal, "time", lambda: self.now)

    def give(self) -> tuple[int, float]:
        """Give out the next."""
        self.asked += 1
        if self.down:
            raise CredentialsError("nobody is in")
        return self.asked, self.now + LASTS


@pytest.fixture
def giver(monkeypatch: pytest.MonkeyPatch) -> Giver:
    """Somebody who gives out numbers, and whose clock the test moves."""
    return Giver(monkeypatch)


def test_a_value_is_replaced_shortly_before_it_ends(giver: Giver) -> None:
    """It is fetched once, and again when little of its time is left."""
    held = Renewed(giver.give, early=EARLY)

    found = [held.value(), held.value()]
    giver.now += LASTS - EARLY - 1
    found.append(held.value())
    giver.now += 1
    found.append(held.value())

    assert found == [1, 1, 1, 2]


def test_what_lasts_is_used_while_it_cannot_be_renewed(giver: Giver) -> None:
    """Whoever gives it out is asked again now and then, and not by each request, until the value ends."""
    held = Renewed(giver.give, early=EARLY)
    held.value()
    giver.now += LASTS - EARLY
    giver.down = True

    assert [held.value(), held.value()] == [1, 1]
    assert giver.asked == 2
    giver.now += PAUSE
    assert held.value() == 1
    assert giver.asked == 3
    giver.now += EARLY - PAUSE
    with pytest.raises(CredentialsError, match="nobody is in"):
        held.value()


def test_what_can_be_renewed_again_is(giver: Giver) -> None:
    """A renewal that failed is made up for by the next attempt."""
    held = Renewed(giver.give, early=EARLY)
    held.value()
    giver.now += LASTS - EARLY
    giver.down = True
    held.value()
    giver.down = False
    giver.now += PAUSE

    assert held.value() == 3


def test_what_was_refused_is_not_used_again(giver: Giver) -> None:
    """It may have time left and be of no use all the same, so a failure to replace it is one."""
    held = Renewed(giver.give, early=EARLY)
    held.value()
    held.forget()
    giver.down = True

    with pytest.raises(CredentialsError):
        held.value()
    giver.down = False
    assert held.value() == 3
