"""Metadata that every cloud can carry, in one spelling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

PROVENANCE_KEY = "tradewind"
"""The one user-metadata name that tradewind owns; each replica carries its provenance under it."""

RESERVED_PREFIX = ".tradewind/"
"""Keys under this are tradewind's own in every bucket, and are never replicated."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What travels with an object's bytes.

    The named fields are the HTTP headers that S3, Cloud Storage and Blob Storage all keep. `user` holds the user's own
    names and values, as text, with the names in lower case (S3 and Azure do not keep the case of names). `tags` are
    what S3 calls object tags and Azure blob index tags, in their case; Cloud Storage has none (see `keeps_tags`).
    """

    content_type: str | None = None
    content_encoding: str | None = None
    content_language: str | None = None
    content_disposition: str | None = None
    cache_control: str | None = None
    user: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
