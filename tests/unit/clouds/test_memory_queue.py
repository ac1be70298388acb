"""What only a clock of one's own can show of a queue."""

from __future__ import annotations

from tradewind.clouds.memory.queue import MemoryQueue


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_a_message_that_nobody_settles_comes_back() -> None:
    """When its visibility ends, a message is delivered again, and counts."""
    clock = Clock()
    queue = MemoryQueue(clock=clock, visibility=30)
    queue.send("{}")
    queue.receive()

    clock.now += 29
    assert queue.receive() == []
    clock.now += 1
    (again,) = queue.receive()

    assert again.attempt == 2


def test_a_late_release_does_not_take_the_message_from_its_next_receiver() -> None:
    """The receipt of an earlier delivery releases nothing."""
    clock = Clock()
    queue = MemoryQueue(clock=clock, visibility=30)
    queue.send("{}")
    (first,) = queue.receive()
    clock.now += 30
    queue.receive()

    queue.release(first)

    assert queue.receive() == []


def test_what_was_received_last_comes_in_order_of_sending() -> None:
    """Messages come in the order in which they were sent, which makes tests readable."""
    queue = MemoryQueue(clock=Clock())
    for number in range(12):
        queue.send(str(number))

    assert [message.body for message in (*queue.receive(limit=10), *queue.receive(limit=10))] == [
        str(number) for number in range(12)
    ]
