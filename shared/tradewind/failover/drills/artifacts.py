"""What a site's loss costs: objects are uploaded there before the fault, and looked for elsewhere while it lasts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tradewind.checksums import crc32c, md5
from tradewind.errors import TradewindError
from tradewind.failover.drills.timeline import Artifact
from tradewind.ports import Metadata, ObjectStore

SIZE = 16 * 1024
"""Bytes of each object."""


@dataclass(slots=True)
class Artifacts:
    """Uploads at one site. Each drill writes over those of the one before it: nothing piles up, and nothing is deleted.

    Args:
        store: The site's.
        others: The stores that the rules bring the objects to, by site.
        prefix: What their keys start with; the rules cover it.
    """

    store: ObjectStore
    others: Mapping[str, ObjectStore]
    prefix: str
    uploaded: list[Artifact] = field(default_factory=list)

    def upload(self) -> Artifact:
        """Upload one more, of bytes that nobody else has; what was under its key before goes."""
        body = os.urandom(SIZE)
        key, crc = f"{self.prefix}{len(self.uploaded):05}", crc32c(body)
        proof = md5(body) if self.store.checksum == "md5" else None
        present = self.store.head(key)
        expect = present.token if present else None
        self.store.put(key, body, metadata=Metadata(), crc32c=crc, md5=proof, expect=expect)
        return Artifact(key, len(body), crc)

    def look(self) -> Sequence[Artifact]:
        """Return them with the other sites that hold their bytes now; the site itself is not asked."""
        return [replace(each, proven_at=self._proven_at(each)) for each in self.uploaded]

    def _proven_at(self, artifact: Artifact) -> tuple[str, ...]:
        return tuple(name for name, store in self.others.items() if _holds(store, artifact))


def _holds(store: ObjectStore, artifact: Artifact) -> bool:
    """Say whether a store hands out an artifact's bytes; what it does not answer proves nothing."""
    try:
        with store.get(artifact.key) as download:
            return crc32c(b"".join(download.chunks)) == artifact.crc32c
    except TradewindError:
        return False
