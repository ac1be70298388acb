"""Processes that change one register at the same time, over the emulators of three clouds."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from rigs.control_stores import COUNTER, Contender, ControlStores
from rigs.stores import azure_rig, gcs_rig, s3_rig
from tradewind.registers.initialise import initialise
from tradewind.registers.outcomes import Reading
from tradewind_sandbox.emulators import start_azurite, start_gcs, start_s3

CHANGES = 500
PROCESSES = 8
DEATHS = (1, 2, 3, 4, 5, 7, 0, 0)
"""After how many writes each is killed in the test of that; not at all: 0. A change that nobody disturbs makes six."""


@pytest.fixture(scope="module")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlStores]:
    """The three object stores, and nothing else of the sandbox."""
    folder = tmp_path_factory.mktemp("registers")
    for name in ("s3", "gcs", "azure"):
        (folder / name).mkdir()
    with start_s3(folder / "s3") as s3, start_gcs(folder / "gcs") as gcs, start_azurite(folder / "azure") as azurite:
        bucket = f"control-{uuid.uuid4().hex[:12]}"
        s3_rig(s3, bucket)
        gcs_rig(gcs, bucket)
        azure_rig(azurite, bucket)
        yield ControlStores(s3.url, gcs.url, azurite.blob_url, bucket)


@pytest.fixture
def stores(emulators: ControlStores) -> ControlStores:
    """Control stores with a register that was never changed."""
    records = emulators.records()
    for each in records.values():
        held = each.read(f"registers/{COUNTER}")
        if held:
            each.delete(f"registers/{COUNTER}", expect=held.token)
    initialise(emulators.registers(), COUNTER)
    return emulators


def ready(contender: Contender) -> subprocess.Popen[str]:
    """Start a contender, which waits for the others."""
    return subprocess.Popen(
        contender.command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )


def go(*contenders: subprocess.Popen[str]) -> None:
    """Let them begin at the same time."""
    for contender in contenders:
        assert contender.stdout
        assert contender.stdout.readline() == "ready\n"
    for contender in contenders:
        assert contender.stdin
        contender.stdin.write("go\n")
        contender.stdin.flush()


def made(said: str) -> dict[str, int]:
    """Return the revisions that came of operations, as a contender told them."""
    words = [line.split() for line in said.splitlines()]
    return {line[1]: int(line[2]) for line in words if line[0] == "done"}


def test_each_change_of_many_processes_is_applied_once(
    stores: ControlStores, capsys: pytest.CaptureFixture[str]
) -> None:
    """500 changes that 8 processes make of one counter at the same time are 500 revisions, and it ends at 500."""
    operations = [f"count-{number}" for number in range(CHANGES)]
    processes = [ready(Contender(stores, tuple(operations[which::PROCESSES]))) for which in range(PROCESSES)]

    go(*processes)
    began = monotonic()
    revisions: dict[str, int] = {}
    for process in processes:
        revisions |= made(process.communicate()[0])

    with capsys.disabled():
        sys.stdout.write(f" {CHANGES / (monotonic() - began):.1f} changes/s of {PROCESSES} processes ")
    assert sorted(revisions) == sorted(operations)
    assert sorted(revisions.values()) == list(range(1, CHANGES + 1))
    reading = stores.registers().register(COUNTER).read()
    assert isinstance(reading, Reading)
    assert (reading.value, reading.revision) == ({"n": CHANGES}, CHANGES)


def test_what_killed_processes_left_is_resolved(stores: ControlStores) -> None:
    """Operations of processes that are killed in the middle are tried again under their ids, and are applied once."""
    lots = [tuple(f"lot-{which}-{number}" for number in range(8)) for which in range(PROCESSES)]
    processes = [ready(Contender(stores, lot, dies=DEATHS[which])) for which, lot in enumerate(lots)]
    go(*processes)
    told = [made(process.communicate()[0]) for process in processes]
    survived = [process.returncode == 0 for process in processes]
    revisions: dict[str, int] = {}
    for lot, done in zip(lots, told, strict=True):
        left = tuple(operation for operation in lot if operation not in done)
        resolving = ready(Contender(stores, left, since=max(done.values(), default=0)))
        go(resolving)
        revisions |= done | made(resolving.communicate()[0])

    whole = PROCESSES * len(lots[0])
    assert survived == [not dies for dies in DEATHS]
    assert sorted(revisions.values()) == list(range(1, whole + 1))
    reading = stores.registers().register(COUNTER).read()
    assert isinstance(reading, Reading)
    assert (reading.value, reading.revision) == ({"n": whole}, whole)
