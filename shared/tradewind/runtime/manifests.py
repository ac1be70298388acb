"""Where an inventory is: files on this machine, or in a bucket of a cloud that the fleet is on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tradewind.checksums import crc32c
from tradewind.errors import ConfigurationError, PermanentError
from tradewind.fleet import AzureSite, Rule, Site
from tradewind.ports import ObjectStore
from tradewind.replication.sweeping.backfill import Source
from tradewind.replication.sweeping.manifest import Inventory, plain_list, read_manifest
from tradewind.replication.sweeping.rows import BLOCK, Files
from tradewind.runtime.clients import Runtime

CLOUDS = {"s3": "aws", "gs": "gcp", "az": "azure"}


class Identified(Files, Protocol):
    """Files that can be told from others of the same name."""

    def content(self, name: str) -> str | None:
        """Return what is another whenever the file's bytes are others; None if there is no such file."""


def open_inventory(runtime: Runtime, rule: Rule, location: str) -> tuple[Source, Inventory, Files]:
    """Return the inventory that `location` names: a manifest if it ends with `.json`, else a list of keys.

    Args:
        runtime: The fleet, whose credentials it is read with.
        rule: If the first site's cloud is the inventory's, it is read as that site.
        location: A path, or `s3://bucket/key`, `gs://bucket/key`, `az://account/container/key`.

    Raises:
        ConfigurationError: There is none, or no site of the fleet is on its cloud.
        PermanentError: The manifest is not understood.
    """
    files, name = _files(runtime, rule, location)
    content = files.content(name)
    if content is None:
        raise ConfigurationError(f"There is no inventory at {location!r}", hint="Correct --from-manifest")
    source = Source(location, content)
    if not name.endswith(".json"):
        return source, plain_list(name), files
    try:
        with files.open(name) as chunks:
            document = json.loads(b"".join(chunks))
    except ValueError as error:
        raise PermanentError(f"{location!r} is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise PermanentError(f"{location!r} is no manifest of an inventory")
    return source, read_manifest(name, document), files


def _files(runtime: Runtime, rule: Rule, location: str) -> tuple[Identified, str]:
    scheme, _, rest = location.partition("://")
    if not rest:
        path = Path(location)
        return LocalFiles(path.parent), path.name
    account, rest = rest.split("/", 1) if scheme == "az" and "/" in rest else ("", rest)
    bucket, _, name = rest.partition("/")
    if scheme not in CLOUDS or not name:
        raise ConfigurationError(
            f"{location!r} does not say where the inventory is",
            hint="Use a file name, s3://bucket/key, gs://bucket/key or az://account/container/key",
        )
    return BucketFiles(runtime.bucket(_site(runtime, rule, CLOUDS[scheme], account), bucket)), name


def bucket_of(site: Site) -> str:
    """Return a site's bucket as inventories name it."""
    return site.container if isinstance(site, AzureSite) else site.bucket


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Files beside a manifest on this machine, wherever they were in the bucket."""

    folder: Path

    def content(self, name: str) -> str | None:
        """Return its size and the CRC32C of its first MiB, which is no reading of a file of gigabytes."""
        path = self._path(name)
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return f"{path.stat().st_size}-{crc32c(file.read(BLOCK)):08x}"

    @contextmanager
    def open(self, name: str) -> Iterator[Iterator[bytes]]:
        """Open a file for reading."""
        with self._path(name).open("rb") as file:
            yield iter(lambda: file.read(BLOCK), b"")

    def _path(self, name: str) -> Path:
        path = self.folder / name
        return path if path.exists() else self.folder / Path(name).name


@dataclass(frozen=True, slots=True)
class BucketFiles:
    """Files in a bucket."""

    store: ObjectStore

    def content(self, name: str) -> str | None:
        """Return the token of its present version: 1 request."""
        state = self.store.head(name)
        return None if state is None else state.token

    @contextmanager
    def open(self, name: str) -> Iterator[Iterator[bytes]]:
        """Open a file for reading."""
        with self.store.get(name) as download:
            yield download.chunks


def _site(runtime: Runtime, rule: Rule, cloud: str, account: str) -> str:
    first = rule.members[0]
    for name in (first, *runtime.fleet.sites):
        site = runtime.site(name)
        if site.cloud == cloud and (not isinstance(site, AzureSite) or site.account == account):
            return name
    where = f"the storage account {account!r}" if account else f"the cloud {cloud!r}"
    raise ConfigurationError(
        f"The inventory is in {where}, where the fleet has no site", hint="Download the inventory, and name its file"
    )
