"""Nothing is lost or torn when processes are killed, clouds are down, or messages are poison."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from tradewind.replication.dead_letters import DeadLetter, read_letters
from tradewind.runtime import read_fleet
from tradewind_sandbox.clients import Client, client_of
from tradewind_sandbox.supervisor import Sandbox

SITES = ("aws-use1", "gcp-euw4", "azure-weu")
RUNTIMES = {"aws-use1": "aws-runtime", "gcp-euw4": "gcp-runtime", "azure-weu": "azure-runtime"}
STORES = {"aws-use1": "s3", "gcp-euw4": "gcs", "azure-weu": "azure-blob"}


def clients(sandbox: Sandbox) -> dict[str, Client]:
    """Return a client of each site that knows nothing of tradewind."""
    return {site: client_of(where) for site, where in sandbox.endpoints.sites.items()}


def bodies(prefix: str, count: int, seed: int) -> dict[str, bytes]:
    """Return `count` objects of up to 256 KiB under `prefix`."""
    chance = random.Random(seed)  # noqa: S311 - sizes and bytes, not secrets
    return {f"{prefix}{number:03}": chance.randbytes(int(2 ** chance.uniform(0, 18))) for number in range(count)}


def upload(client: Client, objects: Mapping[str, bytes], *, after: Mapping[int, Callable[[], None]]) -> None:
    """Upload `objects`, with something happening after so many of them."""
    for number, (key, body) in enumerate(objects.items(), 1):
        client.put(key, body)
        after.get(number, lambda: None)()


def assert_everywhere_once(sandbox: Sandbox, prefix: str, objects: Mapping[str, bytes]) -> None:
    """Every site holds exactly these objects under `prefix`, and each was written once at each."""
    with ThreadPoolExecutor(8) as executor:
        for client in clients(sandbox).values():
            assert client.keys(prefix) == set(objects)
            for found, body in zip(executor.map(client.get, objects), objects.values(), strict=True):
                assert found == body
    written = {each: count for each, count in sandbox.writes().items() if each[1].startswith(prefix)}
    assert written == {(site, key): 1 for site in SITES for key in objects}


@pytest.mark.parametrize("site", SITES)
def test_a_runtime_that_is_killed_in_the_middle_loses_and_tears_nothing(whole: Sandbox, site: str) -> None:
    """SIGKILL of a runtime during 300 uploads, and its restart, end with every object whole at every site."""
    prefix = f"models/killed/{site}/"
    objects = bodies(prefix, 300, seed=len(site))
    runtime = RUNTIMES[site]

    upload(clients(whole)[site], objects, after={100: lambda: whole.kill(runtime), 200: lambda: whole.restart(runtime)})
    whole.wait_until_idle(180)

    assert_everywhere_once(whole, prefix, objects)


@pytest.mark.parametrize("down", SITES)
def test_a_store_that_is_down_for_20_seconds_delays_its_replicas_and_loses_none(whole: Sandbox, down: str) -> None:
    """What is uploaded elsewhere while one cloud refuses connections arrives there when it is back."""
    prefix = f"models/outage/{down}/"
    origin = next(site for site in SITES if site != down)
    other = next(site for site in SITES if site not in (down, origin))
    objects = bodies(prefix, 40, seed=7)

    whole.stop(STORES[down])
    upload(clients(whole)[origin], objects, after={})
    # The outage itself lasts that long; nothing is waited for.
    threading.Event().wait(20)
    meanwhile = clients(whole)[other].keys(prefix)
    whole.start(STORES[down])
    whole.wait_until_idle(240)

    assert meanwhile == set(objects), "the other target was served during the outage"
    assert_everywhere_once(whole, prefix, objects)


def letters(sandbox: Sandbox, site: str) -> list[DeadLetter]:
    """Return what is in a site's dead-letter queue."""
    return read_letters(read_fleet(str(sandbox.endpoints.fleet)).queue(site, "dead_letters"), limit=100)


@pytest.mark.parametrize("site", SITES)
def test_a_poison_message_is_dead_lettered_while_the_others_succeed(whole: Sandbox, site: str) -> None:
    """Junk between real notifications ends in the dead-letter queue with its reason, and stops nobody."""
    prefix = f"models/poison/{site}/"
    objects = bodies(prefix, 12, seed=3)
    notifications = read_fleet(str(whole.endpoints.fleet)).queue(site, "notifications")

    def poison() -> None:
        notifications.send(f"this is poison for {site}")

    upload(clients(whole)[site], objects, after={3: poison, 7: poison})
    whole.wait_until_idle(120)

    found = [letter for letter in letters(whole, site) if f"this is poison for {site}" in letter.body]
    assert len(found) == 2
    assert all(letter.reason.startswith("BadEventError: ") for letter in found)
    assert_everywhere_once(whole, prefix, objects)
