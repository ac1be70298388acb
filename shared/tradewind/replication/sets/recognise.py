"""Which keys close an artifact set, and which set a key may belong to, by their names alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tradewind.fleet import Rule
from tradewind.fleet.rules import SetKind
from tradewind.replication.routes import covers, matches

_CLOSING: tuple[tuple[SetKind, re.Pattern[str]], ...] = (
    # A variant stands before the last suffix: `model.safetensors.index.fp16.json` (Transformers, `_add_variant`).
    ("safetensors", re.compile(r".*\.safetensors\.index(\.[^./]+)?\.json")),
    ("pytorch", re.compile(r".*\.bin\.index(\.[^./]+)?\.json")),
    ("torch_checkpoint", re.compile(r"\.metadata")),
    ("success_folder", re.compile(r"_SUCCESS")),
    ("mlflow", re.compile(r"MLmodel")),
)
_SHARD = re.compile(r"(?P<stem>.*)-\d+-of-\d+\.(?P<suffix>safetensors|bin)")
_WILD = re.compile(r"[*?]")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of artifact set, as a rule knows it."""

    name: SetKind | Literal["manifest"]
    members: str = ""
    """Of a manifest of the rule's own: `json`, or a glob."""

    @property
    def by_place(self) -> bool:
        """Whether a key belongs to such a set by where it is, whatever the closing object holds."""
        return self.name in {"success_folder", "mlflow"} or (self.name == "manifest" and self.members != "json")


def closing_kind(rule: Rule, key: str) -> Kind | None:
    """Return which kind of set `key` closes, or None if it closes none; the rule's own manifests come first."""
    for manifest in rule.sets.manifests:
        if matches(manifest.closing, key):
            return Kind("manifest", manifest.members)
    name = key.rpartition("/")[2]
    for kind, pattern in _CLOSING:
        if kind in rule.sets.kinds and pattern.fullmatch(name):
            return Kind(kind)
    return None


def folder_of(key: str) -> str:
    """Return the folder of `key`, with its slash; "" at the top."""
    return key[: key.rfind("/") + 1]


def folders(rule: Rule, key: str) -> Iterator[str]:
    """Yield the folders in which a set that `key` belongs to may be closed under `rule`, the outermost first.

    Members are in the closing key's folder or below it, so these are the folders above `key`, down from the one that
    the rule's prefix ends in.
    """
    if not rule.sets.kinds and not rule.sets.manifests:
        return
    first = folder_of(rule.prefix)
    for end in (0, *(at + 1 for at, letter in enumerate(key) if letter == "/")):
        if end >= len(first):
            yield key[:end]


def candidates(rule: Rule, key: str) -> list[str]:
    """Return the closing keys of sets that `key` may be a member of, as far as its own name tells; without I/O.

    A shard names its index, a `.distcp` file is closed by the `.metadata` beside it, and a manifest of the rule's own
    whose last segment has no wildcard may stand in any folder above. Folders that `_SUCCESS` or `MLmodel` closes are
    not derived: every key might belong to one, and to look for them at each arrival would cost more than it helps.
    """
    folder, name = folder_of(key), key.rpartition("/")[2]
    found = [folder + each for each in _named_by(name)]
    for manifest in rule.sets.manifests:
        last = manifest.closing.rpartition("/")[2]
        if not _WILD.search(last):
            found += [above + last for above in folders(rule, key)]
    closing = [each for each in dict.fromkeys(found) if each != key and covers(rule, each)]
    return [each for each in closing if closing_kind(rule, each)]


def _named_by(name: str) -> Iterator[str]:
    if name.endswith(".distcp"):
        yield ".metadata"
    if shard := _SHARD.fullmatch(name):
        stem, suffix = shard["stem"], shard["suffix"]
        yield f"{stem}.{suffix}.index.json"
        base, dot, variant = stem.rpartition(".")
        if dot:
            yield f"{base}.{suffix}.index.{variant}.json"
