"""What users do: they write and delete blindly, copy replicas, and keep metadata that is not theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from simulation.plan import MOST_PARTS, SMALL, Plan
from simulation.sites import Site
from tradewind.checksums import crc32c, crc64nvme, md5
from tradewind.fleet import OneWayRule
from tradewind.ports import PROVENANCE_KEY, Checksums, Metadata

OTHERWISE = 0.4
_METADATA = (
    Metadata(),
    Metadata(content_type="text/plain", user={"team": "vision"}),
    Metadata(content_encoding="zstd", cache_control="no-store"),
)


@dataclass(slots=True)
class Users:
    """People and programs that know nothing of tradewind.

    Args:
        rng: Decides what they do.
        plan: Where they can do it.
        sites: All sites.
        changed: Told the site and key of each change.
    """

    rng: Random
    plan: Plan
    sites: dict[str, Site]
    changed: Callable[[str, str], None]
    _bodies: int = 0
    _written: set[tuple[str, bytes]] = field(default_factory=set)

    def act(self) -> None:
        """Do one thing somewhere."""
        site = self.sites[self._where()]
        key = self.rng.choice(self.plan.keys)
        held = site.data.head(key)
        mood = self.rng.random()
        if held is not None and mood < 0.3:
            site.data.delete(key, expect=held.token)
        elif mood < 0.4 and self._copied(site, key):
            pass
        elif held is not None and mood < 0.5:
            self._write(site, key, self._body(), held.metadata)
        elif held is not None and mood > 0.9 and site.plan.cloud == "gcp" and PROVENANCE_KEY not in held.metadata.user:
            site.data.describe(key, self.rng.choice(_METADATA))
        elif held is not None and mood < 0.55 and not site.plan.etags and PROVENANCE_KEY not in held.metadata.user:
            self._write(site, key, site.data.body_of(key), held.metadata)
        else:
            self._write(site, key, self._body(), self.rng.choice(_METADATA))
        self.changed(site.plan.name, key)

    def interfere(self) -> None:
        """Delete what somebody is just about to copy, or do something else."""
        site = self.sites[self.plan.sites[0].name]
        key = self.rng.choice(self.plan.keys)
        held = site.data.head(key)
        if held is None or self.rng.random() < OTHERWISE:
            self.act()
            return
        site.data.delete(key, expect=held.token)
        self.changed(site.plan.name, key)

    def fill(self, site: str, key: str) -> None:
        """Write a key that was not there."""
        self._write(self.sites[site], key, self._body(), self.rng.choice(_METADATA))
        self.changed(site, key)

    def _where(self) -> str:
        names = [site.name for site in self.plan.sites]
        if isinstance(self.plan.rule, OneWayRule) and self.rng.random() < 0.75:
            return names[0]
        return self.rng.choice(names)

    def _body(self) -> bytes:
        """Return bytes that nobody wrote before; each part of what goes in parts is like no other version's."""
        self._bodies += 1
        body = b"write %4d" % self._bodies
        if self.rng.random() >= self.plan.large:
            return body
        size = self.rng.randrange(SMALL + 1, MOST_PARTS * SMALL + 1)
        return (body * MOST_PARTS)[:size]

    def _write(self, site: Site, key: str, body: bytes, metadata: Metadata) -> None:
        self._written.add((key, body))
        site.data.overwrite(key, body, metadata)
        if len(body) > SMALL:
            site.data.amend(key, checksums=self.rng.choice(_kept(site.plan.cloud, body)))

    def _copied(self, site: Site, key: str) -> bool:
        """Copy another key's object here, metadata included, if there is one whose bytes this key never had.

        Where tokens are made of bytes, no condition could tell such bytes from those that were there before.
        """
        for other in self.plan.keys:
            held = site.data.head(other)
            if other != key and held is not None and (key, site.data.body_of(other)) not in self._written:
                self._write(site, key, site.data.body_of(other), held.metadata)
                return True
        return False


def _kept(cloud: str, body: bytes) -> tuple[Checksums, ...]:
    """Return what a cloud may keep of a large object, whose user uploaded it in parts most likely.

    S3 has whichever checksum the user's program chose, or none of the whole; Azure has an MD5 only of what came in one
    piece, or if the program says it.
    """
    match cloud:
        case "gcp":
            return (Checksums(crc32c=crc32c(body)),)
        case "azure":
            return Checksums(), Checksums(md5=md5(body))
        case _:
            return Checksums(), Checksums(crc32c=crc32c(body)), Checksums(crc64nvme=crc64nvme(body))
