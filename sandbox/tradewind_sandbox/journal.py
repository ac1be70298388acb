"""A journal: one JSON object a line, appended before the request that it tells of is answered."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

Entry = Mapping[str, str]


class Journal:
    """A file that only grows. What was noted survives the end of the process that noted it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._lock = threading.Lock()

    def note(self, **entry: str) -> None:
        """Append one entry."""
        line = json.dumps(entry).encode() + b"\n"
        with self._lock:
            self._file.write(line)

    def close(self) -> None:
        """Note nothing more."""
        self._file.close()


def read(path: Path, offset: int = 0) -> Iterator[tuple[Entry, int]]:
    """Yield the complete entries that begin at or after byte `offset`, each with the offset where it ends."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                return
            offset += len(line)
            yield json.loads(line), offset
