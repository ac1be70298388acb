"""Three control stores at the emulators, and a program that changes a register there: one of several contenders.

As a program it is given a `Contender` as JSON, writes `ready`, waits for a line, and then writes one for each operation
when it begins and when it is done: `begin ID` and `done ID REVISION`. It imports no SDK, so that many start fast.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from random import SystemRandom

from tradewind.clouds.aws.store import open_store as open_s3
from tradewind.clouds.azure.store import open_store as open_blob
from tradewind.clouds.gcp.store import open_store as open_gcs
from tradewind.fleet import AwsSite, AzureSite, GcpSite
from tradewind.ports import ObjectStore
from tradewind.records import Document, Record, Records
from tradewind.registers.acceptors import Shelf
from tradewind.registers.outcomes import Done, Indeterminate, Operation
from tradewind.registers.register import Register, Registers
from tradewind_sandbox import azurite

COUNTER = "tests/counter"
PATIENCE = 20
"""Calls until an operation is given up."""
PLAIN = {"region": "r", "jurisdiction": "EU", "control_bucket": "control"}


@dataclass(frozen=True, slots=True)
class ControlStores:
    """Where the three are."""

    s3: str
    gcs: str
    azure: str
    """URLs of the emulators."""
    bucket: str

    def records(self) -> dict[str, Records]:
        """Open them."""
        keys = {"access_key_id": "sandbox", "secret_access_key": "sandbox"}
        stores: dict[str, ObjectStore] = {
            "aws": open_s3(AwsSite(cloud="aws", bucket=self.bucket, endpoint=self.s3, **PLAIN), keys),
            "gcp": open_gcs(
                GcpSite(cloud="gcp", project="tradewind-sandbox", bucket=self.bucket, endpoint=self.gcs, **PLAIN),
                {"type": "anonymous"},
            ),
            "azure": open_blob(
                AzureSite(
                    cloud="azure",
                    account=azurite.ACCOUNT,
                    container=self.bucket,
                    endpoint=self.azure,
                    **PLAIN,
                ),
                {"account_key": azurite.KEY},
            ),
        }
        return {site: Records(store, "tradewind/") for site, store in stores.items()}

    def registers(self, dies: int = 0) -> Registers:
        """Return the registers there, as a process has them.

        Args:
            dies: The process is killed when it has made so many writes, at whichever stores; 0: it lives.
        """
        writes = count(1)
        return registers_of({site: Mortal(records, writes, dies) for site, records in self.records().items()})


@dataclass(frozen=True, slots=True)
class Mortal:
    """Records of a process that does not live to hear of one of its writes."""

    inner: Records
    writes: Iterator[int]
    dies: int

    def read(self, name: str) -> Record | None:
        """As the records behind it."""
        return self.inner.read(name)

    def write(self, name: str, value: Document, *, expect: str | None) -> str:
        """As the records behind it."""
        token = self.inner.write(name, value, expect=expect)
        if next(self.writes) == self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return token


@dataclass(frozen=True, slots=True)
class Contender:
    """What one process does."""

    stores: ControlStores
    operations: tuple[str, ...]
    """Each adds 1 to the counter."""
    since: int | None = None
    """If the first of them may have been made already: the revision before it was begun."""
    dies: int = 0
    """The process is killed when it has made so many writes."""

    def command(self) -> list[str]:
        """Return the command that does it."""
        return [sys.executable, __file__, json.dumps(asdict(self))]


def registers_of(records: Mapping[str, Shelf], *, answer_seconds: float = 10.0) -> Registers:
    """Return the registers at these stores, with a clock, dice and threads of their own."""
    return Registers(
        records,
        ThreadPoolExecutor(16),
        lambda: datetime.now(UTC),
        SystemRandom(),
        answer_seconds=answer_seconds,
        history=512,  # so that whoever is overtaken by hundreds of changes can still tell what came of its own
    )


def one_more(value: Document | None) -> Document:
    """Count."""
    return {"n": value["n"] + 1 if value else 1}


def add_one(register: Register, operation: str, since: int | None) -> int:
    """Count once, and return the revision that came of it."""
    for _ in range(PATIENCE):
        outcome = register.change(one_more, Operation(operation, "contender", "it counts"), since=since)
        if isinstance(outcome, Done):
            entries = outcome.reading.history
            return next(each.revision for each in entries if each.operation.id == operation)
        if isinstance(outcome, Indeterminate):
            since = outcome.seen
    raise TimeoutError(operation)


def main(contender: str) -> None:
    """Do what a contender does."""
    given = json.loads(contender)
    register = ControlStores(**given["stores"]).registers(given["dies"]).register(COUNTER)
    since = given["since"]
    _say("ready")
    sys.stdin.readline()
    for operation in given["operations"]:
        _say(f"begin {operation}")
        revision = add_one(register, operation, since)
        since = None
        _say(f"done {operation} {revision}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
