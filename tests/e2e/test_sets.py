"""A sharded model is never torn at a target, for whoever looks there with a client of their own."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Self, TypeAlias

from rigs.acceptance import clients, eventually, users
from rigs.users import User
from tradewind_sandbox.clients import Client
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE
from tradewind_sandbox.supervisor import Sandbox

ORIGIN = AWS_SITE
TARGETS = (GCP_SITE, AZURE_SITE)
SHARDS = 12
RATE = 20
"""Listings of each target in a second."""
DELAY = 30.0
"""Seconds for which one shard is late."""
Listing: TypeAlias = frozenset[str]
Reading: TypeAlias = tuple[int, frozenset[int | None]]
"""Versions of an index, and of the shards that were there while it was."""


class Model:
    """A model in 12 shards and an index, whose files say which version of it they are of.

    Args:
        prefix: Folder of its files.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.index = f"{prefix}model.safetensors.index.json"
        self.shards = [f"{prefix}model-{number:05}-of-{SHARDS:05}.safetensors" for number in range(1, SHARDS + 1)]

    def files(self, version: int) -> dict[str, bytes]:
        """Return the files of a version, the index last."""
        chance = random.Random(f"{self.prefix} {version}")  # noqa: S311 - bytes, not secrets
        names = [shard.rpartition("/")[2] for shard in self.shards]
        index = {
            "metadata": {"total_size": SHARDS * 65_536, "version": version},
            "weight_map": {f"model.layers.{number}.weight": name for number, name in enumerate(names)},
        }
        shards = {shard: f"version {version}\n".encode() + chance.randbytes(65_536) for shard in self.shards}
        return {**shards, self.index: json.dumps(index).encode()}

    def read(self, user: User) -> Reading | None:
        """Load the model as a program does; None if there is no index, or another one when everything was read."""
        index = user.look(self.index)
        if index is None:
            return None
        bodies = [user.look(shard) for shard in self.shards]
        again = user.look(self.index)
        if again is None or again.version != index.version:
            return None
        return json.loads(index.body)["metadata"]["version"], frozenset(
            None if shard is None else int(shard.body.partition(b"\n")[0].split()[1]) for shard in bodies
        )


class Poller:
    """Looks again and again, in threads, for as long as the block lasts."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor()
        self._watches: list[Future[None]] = []

    def watch(self, look: Callable[[], None], *, rate: float) -> None:
        """Look `rate` times a second, or as often as the machine can."""
        self._watches.append(self._threads.submit(self._run, look, rate))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End, and raise what a look raised."""
        self._stopping.set()
        self._threads.shutdown()
        for watch in self._watches:
            watch.result()

    def _run(self, look: Callable[[], None], rate: float) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            look()
            due = max(due + 1 / rate, time.monotonic())
            self._stopping.wait(due - time.monotonic())


def have_grown(seen: Mapping[str, Sequence[object]], lengths: Mapping[str, int]) -> bool:
    """Say whether each list is so long."""
    return all(len(seen[target]) >= length for target, length in lengths.items())


def listing(client: Client, model: Model, seen: list[Listing]) -> None:
    """List what is there of a model."""
    seen.append(frozenset(client.keys(model.prefix)))


def reading(user: User, model: Model, seen: list[Reading]) -> None:
    """Read what is there of a model, if it can be loaded."""
    if (found := model.read(user)) is not None:
        seen.append(found)


def holds(sandbox: Sandbox, model: Model, version: int) -> bool:
    """Say whether every site has exactly this version of the model."""
    files = model.files(version)
    return all(
        at.keys(model.prefix) == set(files) and all(at.get(key) == body for key, body in files.items())
        for at in clients(sandbox).values()
    )


def test_a_model_in_12_shards_is_never_listed_with_its_index_and_without_all_its_shards(whole: Sandbox) -> None:
    """Uploaded in random order, with one shard 30 s late, it arrives whole; 20 listings a second show nothing torn."""
    model = Model("sets/delayed/")
    chance = random.Random(12)  # noqa: S311 - an order, not a secret
    files = model.files(1)
    order = list(files)
    chance.shuffle(order)
    late = chance.choice(model.shards)
    origin = clients(whole)[ORIGIN]

    listings: dict[str, list[Listing]] = {target: [] for target in TARGETS}
    with Poller() as poller:
        for target, seen in listings.items():
            poller.watch(partial(listing, clients(whole)[target], model, seen), rate=RATE)
        for key in order:
            if key != late:
                origin.put(key, files[key])
        # The upload itself is late; nothing is waited for.
        threading.Event().wait(DELAY)
        origin.put(late, files[late])
        eventually(lambda: holds(whole, model, 1), "the model is whole everywhere", 60)
        more = {target: len(seen) + 2 for target, seen in listings.items()}
        eventually(partial(have_grown, listings, more), "the poller looks at what is there in the end")

    for target, seen in listings.items():
        torn = [keys for keys in seen if model.index in keys and not keys.issuperset(model.shards)]
        assert torn == [], f"{target} showed the index and {len(torn[0])} files"
        assert seen[-1] == set(files)
        waiting = [keys for keys in seen if 0 < len(keys) < SHARDS]
        assert len(waiting) > RATE * DELAY / 4, "it was watched while the shard was late"


def test_a_new_version_of_a_model_is_never_mixed_with_the_old_one(whole: Sandbox) -> None:
    """Whoever finds the index at a target, before and after the upload over the old version, reads one version."""
    model = Model("sets/renewed/")
    origin = clients(whole)[ORIGIN]
    for key, body in model.files(1).items():
        origin.put(key, body)
    eventually(lambda: holds(whole, model, 1), "the first version is everywhere")
    # S3 dates its objects to the second, and two versions of a set must not share one (docs/objects.md).
    written = int(time.time())
    eventually(lambda: int(time.time()) > written + 1, "another second")
    readings: dict[str, list[Reading]] = {target: [] for target in TARGETS}
    with Poller() as poller:
        for target, seen in readings.items():
            poller.watch(partial(reading, users(whole)[target], model, seen), rate=RATE)
        for number, (key, body) in enumerate(model.files(2).items()):
            if number in (1, SHARDS // 2, SHARDS):  # the functions are given time to do harm, and the poller to see it
                enough = {target: len(seen) + 5 for target, seen in readings.items()}
                eventually(partial(have_grown, readings, enough), "the poller looks again")
            origin.put(key, body)
        eventually(lambda: holds(whole, model, 2), "the second version is everywhere", 90)
        eventually(lambda: all(seen[-1][0] == 2 for seen in readings.values()), "the second version was read")

    for target, seen in readings.items():
        mixed = [found for found in seen if found[1] != {found[0]}]
        assert mixed == [], f"{target}: an index and shards of the versions {mixed[:3]}"
        assert {index for index, _ in seen} == {1, 2}
