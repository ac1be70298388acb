"""Large objects between the three clouds: whole, proven, once, whoever dies on the way."""

from __future__ import annotations

import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import pytest

from rigs import rclone
from rigs.acceptance import clients, eventually, users
from rigs.users import S3User
from tradewind.errors import TradewindError
from tradewind.ports import Message
from tradewind.replication.parts.tasks import is_part_task
from tradewind.replication.provenance import provenance_of
from tradewind.runtime import Runtime, read_fleet
from tradewind_sandbox.fleet_file import PART
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE
from tradewind_sandbox.supervisor import Sandbox

SITES = (AWS_SITE, GCP_SITE, AZURE_SITE)
RUNTIMES = {AWS_SITE: "aws-runtime", GCP_SITE: "gcp-runtime", AZURE_SITE: "azure-runtime"}
MIB = 1024 * 1024


def body(seed: int, mebibytes: int) -> bytes:
    """Return bytes that have no structure, and do not end with a part."""
    return random.Random(seed).randbytes(mebibytes * MIB + 12_345)  # noqa: S311 - content, no secret


def require_everywhere(sandbox: Sandbox, key: str, content: bytes) -> None:
    """Require these bytes at every site, believed by their provenance, and no upload that is left."""
    runtime = read_fleet(str(sandbox.endpoints.fleet))
    for site, client in clients(sandbox).items():
        assert client.get(key) == content
        assert not list(runtime.records(site).list("uploads/"))
        assert not runtime.store(site).list(".tradewind/parts/").objects
    origins = [state and provenance_of(state) for state in (runtime.store(site).head(key) for site in SITES)]
    assert [claim is None for claim in origins].count(True) == 1


@pytest.mark.parametrize("origin", SITES)
def test_a_large_object_goes_everywhere_in_parts(whole: Sandbox, origin: str, files: Path) -> None:
    """From each cloud to the two others, uploaded by rclone as its users do: every byte, and one visible write each."""
    content = body(1, 3 * PART)
    (files / "weights.bin").write_bytes(content)
    folder = f"models/large/{origin}"
    where = whole.endpoints.sites[origin]
    rclone.rclone(rclone.remotes(whole.endpoints.sites), "copy", str(files), rclone.folder(where, folder))
    whole.wait_until_idle(120)

    require_everywhere(whole, f"{folder}/weights.bin", content)
    written = {each: count for each, count in whole.writes().items() if each[1].startswith(folder)}
    assert written == {(site, f"{folder}/weights.bin"): 1 for site in SITES}


def test_what_boto3_uploads_by_default_is_proven_by_its_checksums(whole: Sandbox) -> None:
    """A file of 20 MiB, in parts and with a CRC32 of their CRC32s, is compared with all of them on its way."""
    content, key = random.Random(5).randbytes(20 * MIB), "models/large/boto3.bin"  # noqa: S311 - content, no secret
    user = users(whole)[AWS_SITE]
    assert isinstance(user, S3User)
    user.put_in_parts(key, content, part_size=8 * MIB)
    whole.wait_until_idle(120)

    require_everywhere(whole, key, content)
    assert proofs(whole, AWS_SITE, key) == {GCP_SITE: "crc32", AZURE_SITE: "crc32"}


def test_parts_that_are_delivered_twice_at_once_are_joined_once(whole: Sandbox) -> None:
    """Whoever works at the same parts at the same time ends with one whole object at each target, written once."""
    content, key, runtime = body(6, 4 * PART), "models/large/twice.bin", read_fleet(str(whole.endpoints.fleet))
    queue = runtime.queue(AWS_SITE, "notifications")
    whole.stop(RUNTIMES[AWS_SITE])
    clients(whole)[AWS_SITE].put(key, content)
    tasks: list[str] = []

    def take() -> bool:
        for message in queue.receive():
            if is_part_task(message):
                tasks.append(message.body)
            else:
                runtime.deliver(AWS_SITE, message)
            queue.acknowledge(message)
        return len(tasks) == 2 * 5  # parts for each target

    eventually(take, "the copy begins")
    whole.start(RUNTIMES[AWS_SITE])
    with ThreadPoolExecutor(4) as others:
        for task in tasks:
            others.submit(work_off, runtime, task)
            others.submit(work_off, runtime, task)
            queue.send(task)
    whole.wait_until_idle(120)

    require_everywhere(whole, key, content)
    written = {each: count for each, count in whole.writes().items() if each[1] == key}
    assert written == {(site, key): 1 for site in SITES}


@pytest.mark.parametrize("origin", SITES)
def test_a_runtime_that_dies_again_and_again_ends_with_the_whole_object(whole: Sandbox, origin: str) -> None:
    """Whoever takes over does what is missing, and what is there in the end is what was uploaded."""
    others = [client for site, client in clients(whole).items() if site != origin]
    content, key, runtime = body(2, 8 * PART), f"models/large/killed-{origin}.bin", RUNTIMES[origin]
    clients(whole)[origin].put(key, content)
    stop = threading.Event()

    def kill() -> None:
        for wait in cycle([0.7, 1.5, 1.1]):
            if stop.wait(wait):
                return
            whole.kill(runtime)
            whole.restart(runtime)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        stop.wait(6)
    finally:
        stop.set()
        killer.join()
    eventually(lambda: all(other.get(key) == content for other in others), "the object arrives", 120)
    whole.wait_until_idle(120)
    require_everywhere(whole, key, content)


@pytest.mark.parametrize("origin", SITES)
def test_an_object_that_is_replaced_on_the_way_is_never_mixed(whole: Sandbox, origin: str) -> None:
    """What a reader of another cloud sees is nothing, the old object or the new one, and the new one in the end."""
    old, new, key = body(3, 6 * PART), body(4, 6 * PART), f"models/large/replaced-{origin}.bin"
    others = [client for site, client in clients(whole).items() if site != origin]
    seen: set[bytes | None] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.2):
            seen.update(other.get(key) for other in others)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        clients(whole)[origin].put(key, old)
        eventually(lambda: any(under_way(whole, site) for site in SITES), "the copy begins")
        clients(whole)[origin].put(key, new)
        eventually(lambda: all(other.get(key) == new for other in others), "the new object arrives", 120)
    finally:
        stop.set()
        watcher.join()
    whole.wait_until_idle(120)
    assert seen <= {None, old, new}
    require_everywhere(whole, key, new)


def work_off(runtime: Runtime, task: str) -> None:
    """Work off a part task as another function does; what fails comes back to whoever has it from the queue."""
    with suppress(TradewindError):
        runtime.deliver(AWS_SITE, Message(task))


def proofs(sandbox: Sandbox, origin: str, key: str) -> dict[str, str | None]:
    """Return what copies of a key were compared with, by target, as the audit log has it."""
    lines = sandbox.log(RUNTIMES[origin]).read_text().splitlines()
    told = [json.loads(line)["message"]["audit"] for line in lines if '"audit"' in line and f'"{key}"' in line]
    return {each["target_site"]: each.get("proof") for each in told if each["verdict"] == "copied"}


def under_way(sandbox: Sandbox, site: str) -> list[str]:
    """Return the names of the jobs whose target a site is."""
    return [each.key for each in read_fleet(str(sandbox.endpoints.fleet)).records(site).list("uploads/")]
