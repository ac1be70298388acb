"""Two sites that write the same keys at the same time end with the same objects, whatever the policy."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from rigs import rclone
from rigs.acceptance import clients, tradewind
from tradewind_sandbox.clients import Client
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE
from tradewind_sandbox.supervisor import Sandbox

KEYS = int(os.environ.get("TRADEWIND_E2E_KEYS", "20"))
"""Keys of each policy; the full measure is 200."""
ROUNDS = 5
PATIENCE = 120.0 + 3 * KEYS
"""Seconds, on a machine that does other things, too."""
TOGETHER = 2
"""Requests that each site has under way at a time."""


@dataclass(frozen=True, slots=True)
class Contest:
    """A rule, and the two sites that write all of its keys."""

    rule: str
    policy: str
    sites: tuple[str, str]
    """In the order of the rule."""

    @property
    def prefix(self) -> str:
        """Where the keys are."""
        return f"conflicts/{self.policy}/"

    @property
    def keys(self) -> list[str]:
        """Return the keys that both write."""
        return [f"{self.prefix}{number:03}" for number in range(KEYS)]

    def body(self, site: str, round_: int, key: str) -> bytes:
        """Return what a site writes: another thing each time, and of another length."""
        chance = random.Random(f"{site} {round_} {key}")  # noqa: S311 - bytes, not secrets
        return f"{site} {round_} {key} ".encode() + chance.randbytes(chance.randrange(2048))


CONTESTS = (
    Contest("newest", "newest_wins", (AWS_SITE, AZURE_SITE)),
    Contest("source", "source_wins", (AZURE_SITE, GCP_SITE)),
    Contest("both", "keep_both", (GCP_SITE, AWS_SITE)),
)


def write(contest: Contest, site: str, client: Client, together: threading.Barrier) -> None:
    """Write every key in every round, in an order of one's own, beside the other site."""
    chance = random.Random(site)  # noqa: S311 - an order, not a secret
    with ThreadPoolExecutor(TOGETHER) as workers:
        for round_ in range(ROUNDS):
            keys = contest.keys
            chance.shuffle(keys)
            together.wait(PATIENCE)
            for done in [workers.submit(client.put, key, contest.body(site, round_, key)) for key in keys]:
                done.result()


def fight(sandbox: Sandbox, contests: Sequence[Contest]) -> None:
    """Let both sites of all contests write at the same time."""
    at = clients(sandbox)
    with ThreadPoolExecutor(2 * len(contests)) as writers:
        barriers = [(contest, threading.Barrier(2)) for contest in contests]
        for done in [
            writers.submit(write, contest, site, at[site], barrier)
            for contest, barrier in barriers
            for site in contest.sites
        ]:
            done.result()


@pytest.mark.timeout(3 * PATIENCE)
def test_two_sites_that_write_the_same_keys_for_5_rounds_converge_under_each_policy(whole: Sandbox) -> None:
    """To rclone the two sites are equal, byte by byte, and what is there is what the policy says; nothing waits."""
    fight(whole, CONTESTS)
    whole.wait_until_idle(PATIENCE)

    environment = rclone.remotes(whole.endpoints.sites)
    for contest in CONTESTS:
        one, other = (rclone.folder(whole.endpoints.sites[site], contest.prefix) for site in contest.sites)
        rclone.rclone(environment, "check", "--download", one, other)
        assert_outcome(contest, objects(clients(whole)[contest.sites[0]], contest.prefix))
        verified = tradewind(whole, "verify", contest.rule, "--json")
        assert (verified.code, verified.json["differences"]) == (0, []), verified
    assert whole.idle()


def objects(client: Client, prefix: str) -> dict[str, bytes | None]:
    """Return everything under a prefix."""
    keys = sorted(client.keys(prefix))
    with ThreadPoolExecutor(8) as workers:
        return dict(zip(keys, workers.map(client.get, keys), strict=True))


def assert_outcome(contest: Contest, found: dict[str, bytes | None]) -> None:
    """Assert that the last round decided, and that only `keep_both` keeps anything beside the keys."""
    first = contest.sites[0]
    aside = {key: body for key, body in found.items() if key not in contest.keys}
    for key in contest.keys:
        last = {contest.body(site, ROUNDS - 1, key) for site in contest.sites}
        if contest.policy == "source_wins":
            assert found[key] == contest.body(first, ROUNDS - 1, key)
        else:
            assert found[key] in last
        if contest.policy == "keep_both":
            kept = {body for other, body in aside.items() if other.startswith(f"{key}.conflict-")}
            assert last <= {found[key], *kept}, f"the loser of {key} is nowhere"
    assert bool(aside) == (contest.policy == "keep_both")
    assert all(".conflict-" in key for key in aside)
    assert set(aside.values()) <= {
        contest.body(site, round_, key) for site in contest.sites for round_ in range(ROUNDS) for key in contest.keys
    }
