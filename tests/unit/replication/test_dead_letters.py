"""Looking at dead letters, and sending them to work again."""

from collections.abc import Mapping

from tradewind.clouds.memory.queue import MemoryQueue
from tradewind.ports import REASON
from tradewind.replication.dead_letters import read_letters, redrive


class StillBroken(MemoryQueue):
    """A notification queue whose handler dead-letters at once whatever arrives."""

    def __init__(self, dead_letters: MemoryQueue) -> None:
        super().__init__()
        self.dead_letters = dead_letters

    def send(self, body: str, *, attributes: Mapping[str, str] | None = None) -> None:
        """Dead-letter it."""
        self.dead_letters.send(body, attributes={**(attributes or {}), REASON: "still broken"})


def letters(count: int) -> MemoryQueue:
    """Return a queue of dead letters."""
    queue = MemoryQueue()
    for number in range(count):
        queue.send(str(number), attributes={REASON: "odd" if number % 2 else "even", "kept": "yes"})
    return queue


def test_reading_leaves_them_where_they_are() -> None:
    """A look shows reasons and bodies, at most so many, and takes nothing away."""
    queue = letters(25)

    assert [letter.reason for letter in read_letters(queue, limit=3)] == ["even", "odd", "even"]
    assert len(read_letters(queue, limit=100)) == 25


def test_redriving_sends_what_is_wanted_without_our_own_attributes() -> None:
    """A redriven message is as it was first sent; what is not wanted stays."""
    dead, notifications = letters(4), MemoryQueue()

    assert redrive(dead, notifications, wanted=lambda letter: letter.reason == "odd") == 2

    sent = notifications.receive()
    assert [(message.body, message.attributes) for message in sent] == [("1", {"kept": "yes"}), ("3", {"kept": "yes"})]
    assert [letter.reason for letter in read_letters(dead, limit=10)] == ["even", "even"]


def test_what_is_not_mended_is_sent_once() -> None:
    """Letters that come back at once are not sent round for ever."""
    dead = letters(12)

    assert redrive(dead, StillBroken(dead), wanted=lambda _: True) == 12
    assert [letter.reason for letter in read_letters(dead, limit=100)] == ["still broken"] * 12
