"""Plant a bug in a copy of tradewind, and see how soon the simulation finds it: `python -m simulation.plant NAME`.

A simulation that passes says something only if it fails where it should. Each bug takes one of the promises away; its
text must be found exactly once, so that a plant that no longer fits the source is noticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
COPIES = ROOT / "build" / "plants"


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug: in `file`, each `old` becomes `new`."""

    file: str
    old: str
    new: str
    suite: str = "replication"


PLANTS = {
    "write-condition": Plant(
        "replication/copying.py",
        "            store.put(self.key, payload.body, metadata=metadata, crc32c=payload.crc32c, "
        "md5=checksum, expect=expect)",
        "            now = store.head(self.key)\n            store.put(self.key, payload.body, metadata=metadata, "
        "crc32c=payload.crc32c, md5=checksum, expect=now.token if now else None)",
    ),
    "confirm-read": Plant(
        "replication/copying.py",
        "        now = self.source.head(self.key)\n",
        "        return True\n",
    ),
}


def plant(name: str) -> Path:
    """Make a copy of tradewind with the bug in it, and return the folder that it is in.

    Raises:
        SystemExit: The source is no longer what the bug was written for.
    """
    bug, copy = PLANTS[name], COPIES / name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT / "shared" / "tradewind", copy / "tradewind", ignore=shutil.ignore_patterns("__pycache__"))
    target = copy / "tradewind" / bug.file
    text = target.read_text() if target.exists() else ""
    if text.count(bug.old) != 1:
        sys.exit(f"{name}: its text is {text.count(bug.old)} times in {bug.file}, and must be there once")
    target.write_text(text.replace(bug.old, bug.new))
    return copy


def hunt(name: str, seeds: int) -> int:
    """Run seeds over the copy until one fails; return 0 if one did."""
    path = os.pathsep.join((str(plant(name)), str(TESTS)))
    command = [sys.executable, "-m", "simulation.run", "--suite", PLANTS[name].suite, "--seeds", str(seeds)]
    ended = subprocess.run([*command, "--failures", "1"], env={**os.environ, "PYTHONPATH": path}, check=False)
    print(f"{name}: {'found' if ended.returncode else 'NOT found'}")
    return 0 if ended.returncode else 1


if __name__ == "__main__":
    sys.exit(hunt(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20_000))
