"""The cheap check of histories says what a search of all orders says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from itertools import count
from math import inf
from random import Random

from simulation.linear import Ids, Seen, Told, wrong

HISTORIES = 4000


def explained(told: Told) -> bool:
    """Search all orders and moments of changes for one that explains what was told."""
    moments: set[float] = {each.ended for each in told.seen} | {each.began for each in told.seen}
    moments |= {moment for each in told.tried.values() for moment in (each.began, each.done)} - {inf}
    points = sorted(moments)
    tried: set[tuple[int, Ids, frozenset[Seen]]] = set()

    def holds(at: int, order: Ids, met: frozenset[Seen]) -> bool:
        """Say whether all can go well from the time after `points[at - 1]`, the value being `order` by then."""
        now = points[at - 1] if at else -1
        then = points[at] if at < len(points) else inf
        met |= {each for each in told.seen if each.value == order and each.began <= now and then <= each.ended}
        if (at, order, met) in tried:
            return False
        tried.add((at, order, met))
        if at == len(points):
            return met.issuperset(told.seen)
        due = all(name in order for name, each in told.tried.items() if each.done == then)
        if due and all(each in met for each in told.seen if each.ended == then) and holds(at + 1, order, met):
            return True
        open_now = [name for name, each in told.tried.items() if each.began <= now and name not in order]
        return any(holds(at, (*order, name), met) for name in open_now)

    return holds(0, (), frozenset())


@dataclass(slots=True)
class Drawn:
    """What a few clients of a register that has one history could be told; then it is spoilt a little, or not."""

    rng: Random
    told: Told = field(default_factory=Told)
    value: Ids = ()

    def run(self) -> Told:
        """Let the clients act in any order, one at each moment."""
        names = ("a", "b", "c")[: self.rng.randrange(4)]
        clients = [self._client(name) for name in (*names, *names[:1], "", "")]
        for client in clients:
            next(client)
        moments = count()
        while clients:
            client = self.rng.choice(clients)
            try:
                client.send(next(moments))
            except StopIteration:
                clients.remove(client)
        return self.told

    def _client(self, name: str) -> Generator[None, int]:
        began = yield
        if name:
            self.told.may(name, began if self.rng.random() < 0.95 else began + 3)
        yield
        if name and name not in self.value and self.rng.random() < 0.8:
            self.value = (*self.value, name)
        value = self._perhaps_spoilt()
        ended = yield
        if not name:
            self.told.see(value, began, ended)
        elif name in value and self.rng.random() < 0.8:
            self.told.see(value, began, ended)
            self.told.did(name, began, ended)

    def _perhaps_spoilt(self) -> Ids:
        fate = self.rng.random()
        if fate < 0.85:
            return self.value
        return self.value[:-1] if fate < 0.95 else (*self.value, self.rng.choice("abc"))


def test_it_says_what_a_search_of_all_orders_says() -> None:
    """On small histories, right and wrong ones, the cheap check and the exhaustive one agree."""
    verdicts = Counter[bool]()
    for seed in range(HISTORIES):
        told = Drawn(Random(seed)).run()  # noqa: S311 - chance, not secrets
        fits = not list(wrong(told))

        assert fits == explained(told), (seed, told)
        verdicts[fits] += 1

    assert min(verdicts[True], verdicts[False]) > HISTORIES // 8
