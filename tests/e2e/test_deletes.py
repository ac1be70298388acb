"""Deletes reach every site, resurrect nothing, and stop when very much would go."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from rigs.acceptance import clients, control_clients, eventually, tradewind
from tradewind.replication.agreeing.tombstones import name_of
from tradewind_sandbox.clients import Client
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE
from tradewind_sandbox.supervisor import Sandbox

COUNT = 100
GUARDED = 60
SHARE = 0.25
"""The guard's, unless a rule says otherwise."""


def bodies(prefix: str, count: int) -> dict[str, bytes]:
    """Return small objects."""
    return {f"{prefix}{number:03}": f"{prefix} {number}".encode() * 50 for number in range(count)}


def put_all(client: Client, objects: dict[str, bytes]) -> None:
    """Write objects, some at a time."""
    with ThreadPoolExecutor(4) as workers:
        for done in [workers.submit(client.put, key, body) for key, body in objects.items()]:
            done.result()


def test_deleting_100_keys_while_100_are_created_and_a_target_is_down_ends_with_the_right_keys(whole: Sandbox) -> None:
    """What was deleted is gone everywhere and remembered as deleted, and what was created or left alone is there."""
    at = clients(whole)
    stay, go, come = (bodies(f"deletes/{name}/", COUNT) for name in ("stay", "go", "come"))
    put_all(at[AWS_SITE], stay | go)
    whole.wait_until_idle(120)
    assert [each.keys("deletes/") for each in at.values()] == [stay.keys() | go.keys()] * 3
    halfway = threading.Barrier(3)

    def delete() -> None:
        for number, key in enumerate(go):
            if number == COUNT // 2:
                halfway.wait(60)
            at[AWS_SITE].delete(key)

    def create() -> None:
        for number, (key, body) in enumerate(come.items()):
            if number == COUNT // 2:
                halfway.wait(60)
            at[AWS_SITE].put(key, body)

    with ThreadPoolExecutor(2) as workers:
        working = [workers.submit(delete), workers.submit(create)]
        halfway.wait(60)
        whole.stop("gcs")
        for work in working:
            work.result()
    right = stay | come
    eventually(lambda: at[AZURE_SITE].keys("deletes/") == right.keys(), "the other target is served meanwhile", 120)
    whole.start("gcs")
    whole.wait_until_idle(240)

    for each in at.values():
        assert each.keys("deletes/") == right.keys()
    with ThreadPoolExecutor(8) as workers:
        for each in at.values():
            assert list(workers.map(each.get, right)) == list(right.values())
    remembered = control_clients(whole)[AWS_SITE].keys("tradewind/tombstones/")
    assert {f"tradewind/{name_of(key)}" for key in go} <= remembered
    assert not {f"tradewind/{name_of(key)}" for key in right} & remembered
    again = tradewind(whole, "backfill", "deletes")
    assert (again.code, f"{2 * COUNT:,} keys compared, 0 asked for" in again.out) == (0, True), again
    assert tradewind(whole, "verify", "deletes").code == 0


def test_the_delete_guard_stops_what_a_wiped_origin_would_take_along_and_lets_it_go_when_told(whole: Sandbox) -> None:
    """At most a quarter of the keys goes, `status` says so; after `guard allow` a backfill removes the rest."""
    at = clients(whole)
    objects = bodies("guarded/", GUARDED)
    put_all(at[GCP_SITE], objects)
    whole.wait_until_idle(120)
    assert [each.keys("guarded/") for each in at.values()] == [objects.keys()] * 3

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(at[GCP_SITE].delete, objects))
    whole.wait_until_idle(120)

    targets = (AWS_SITE, AZURE_SITE)
    left = {site: at[site].keys("guarded/") for site in targets}
    for site, keys in left.items():
        assert 0 < GUARDED - len(keys) <= SHARE * GUARDED, f"{GUARDED - len(keys)} of {GUARDED} went at {site}"
    said = tradewind(whole, "status", "guarded", "--json")
    assert said.code == 1
    for site, keys in left.items():
        assert said.json["rules"][0]["targets"][site]["findings"] == {"held": len(keys)}
        assert (
            f"rule guarded at {site}: {len(keys)} removals that the delete guard holds back" in said.json["attention"]
        )
    asked = tradewind(whole, "guard", "status", "--json")
    assert asked.code == 1
    assert {row["site"] for row in asked.json if row["shut"] and row["rule"] == "guarded"} == set(targets)

    assert tradewind(whole, "guard", "allow", "guarded").code == 0
    assert tradewind(whole, "backfill", "guarded").code == 0
    whole.wait_until_idle(120)

    assert [each.keys("guarded/") for each in at.values()] == [set()] * 3
    assert tradewind(whole, "verify", "guarded").code == 0
    assert not [said for said in tradewind(whole, "status", "guarded", "--json").json["attention"] if "guarded" in said]
