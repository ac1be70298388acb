"""Reading the manifests of users: lists of files in JSON, and the manifests of the OCI image format. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from tradewind.replication.sets.named import Member, inside

_PATH = ("path", "key", "name")
_LISTS = ("files", "members", "objects", "entries", "shards")
_DIGEST = re.compile(r"(sha256|sha512):([0-9a-f]{64,128})")
_HEX = re.compile(r"(?:0x)?([0-9a-fA-F]{8})")
_TITLE = "org.opencontainers.image.title"
_MANIFEST = re.compile(r"\.(manifest|index|manifest\.list)\.v\d+\+json$")
_CRC_BYTES = 4


def members_in(closing: str, document: Any) -> list[Member] | None:  # noqa: ANN401 - whatever JSON there is
    """Return the members that a manifest lists, or None if it is of no form that is known.

    Known are: a list of paths; a list of objects with `path`, `key` or `name`, and optionally `size` and `crc32c`; an
    object of such objects, by path; one of these under `files`, `members`, `objects`, `entries` or `shards`; and the
    manifests and indexes of the OCI image format. Other checksums than CRC-32C are not compared.

    Raises:
        PermanentError: A path leaves the manifest's folder.
    """
    if isinstance(document, list):
        return _listed(closing, document)
    if not isinstance(document, dict):
        return None
    if any(name in document for name in ("layers", "manifests")):
        return _oci(closing, document)
    for name in _LISTS:
        if name in document:
            return members_in(closing, document[name]) if isinstance(document[name], list | dict) else None
    if document and all(isinstance(each, dict) for each in document.values()):
        return _listed(closing, [{"path": path} | each for path, each in document.items()])
    return None


def _listed(closing: str, entries: list[Any]) -> list[Member] | None:
    members: list[Member] = []
    for entry in entries:
        if isinstance(entry, str):
            members.append(Member(inside(closing, entry)))
            continue
        path = (
            next((entry[n] for n in _PATH if isinstance(entry.get(n), str)), None) if isinstance(entry, dict) else None
        )
        if path is None:
            return None
        members.append(Member(inside(closing, path), _size(entry.get("size")), _crc32c(entry.get("crc32c"))))
    return members


def _oci(closing: str, document: Mapping[str, Any]) -> list[Member] | None:
    """Read an image manifest or index (https://github.com/opencontainers/image-spec): its own descriptors.

    A descriptor is the file that its title annotation names, as ORAS writes it, or else the blob of an image layout.
    """
    descriptors: list[Any] = []
    for name in ("config", "layers", "manifests"):
        value = document.get(name, [])
        descriptors += value if isinstance(value, list) else [value]
    members: list[Member] = []
    for each in descriptors:
        digest = _DIGEST.fullmatch(str(each.get("digest"))) if isinstance(each, dict) else None
        if digest is None:
            return None
        annotations = each.get("annotations")
        title = annotations.get(_TITLE) if isinstance(annotations, dict) else None
        path = title if isinstance(title, str) and title else f"blobs/{digest[1]}/{digest[2]}"
        further = bool(_MANIFEST.search(str(each.get("mediaType")))) or each in document.get("manifests", [])
        members.append(Member(inside(closing, path), _size(each.get("size")), manifest=further))
    return members


def _size(value: Any) -> int | None:  # noqa: ANN401 - whatever JSON there is
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _crc32c(value: Any) -> int | None:  # noqa: ANN401 - whatever JSON there is
    """Return a CRC-32C that is spelled as a number, as 8 hexadecimal digits, or as the base64 of Cloud Storage."""
    if isinstance(value, int):
        return _size(value)
    if not isinstance(value, str):
        return None
    if digits := _HEX.fullmatch(value):
        return int(digits[1], 16)
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    return int.from_bytes(raw, "big") if len(raw) == _CRC_BYTES else None
