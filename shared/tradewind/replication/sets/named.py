"""What a closing object names: the members of its set. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tradewind.errors import PermanentError
from tradewind.replication.routes import matches
from tradewind.replication.sets.recognise import folder_of

MOST = 10_000
"""Members of the largest set that is published as a whole."""


@dataclass(frozen=True, slots=True)
class Member:
    """One key of a set, with what its closing object says of the bytes."""

    key: str
    size: int | None = None
    crc32c: int | None = None
    manifest: bool = False
    """Whether its own content names further members, as an OCI index names image manifests."""


@dataclass(frozen=True, slots=True)
class Named:
    """The members of a set, as its closing object gives them."""

    closing: str
    listed: tuple[Member, ...] = ()
    """Named one by one."""
    needed: tuple[str, ...] = ()
    """Keys or folders that must be there, and are among the members by place."""
    glob: str | None = None
    """Whatever matches it, relative to the folder, is a member, too; None: nothing is."""
    beside: frozenset[str] = frozenset()
    """Keys that are no members though they match `glob`."""

    @property
    def folder(self) -> str:
        """The closing key's folder."""
        return folder_of(self.closing)

    @property
    def nothing(self) -> bool:
        """Whether it can have no member."""
        return not self.listed and self.glob is None

    def places(self, key: str) -> bool:
        """Say whether `key` is a member by where it is."""
        if self.glob is None or key == self.closing or key in self.beside or not key.startswith(self.folder):
            return False
        return matches(self.glob, key[len(self.folder) :])

    def has(self, key: str) -> bool:
        """Say whether `key` is a member."""
        return self.places(key) or any(member.key == key for member in self.listed)

    def members(self, keys: Iterable[str]) -> tuple[Member, ...]:
        """Return the members, given the keys that there are in the folder and below it.

        Raises:
            PermanentError: There are more than `MOST`.
        """
        listed = {member.key: member for member in self.listed}
        placed = {key: Member(key) for key in keys if self.places(key)}
        found = placed | listed
        if len(found) > MOST:
            raise PermanentError(
                f"The set that {self.closing!r} closes has {len(found):,} members, and up to {MOST:,} are published "
                "as a whole",
                hint="Take its kind out of the rule's `sets`, and it is copied object by object",
            )
        return tuple(found.values())

    def lacking(self, keys: Iterable[str]) -> list[str]:
        """Return what of `needed` is neither one of `keys` nor a folder with one of them in it."""
        there = set(keys)
        return [want for want in self.needed if want not in there and not any(k.startswith(want + "/") for k in there)]


def inside(closing: str, path: str) -> str:
    """Return the key that `path`, relative to the closing key's folder, stands for.

    Raises:
        PermanentError: It leaves the folder, or is no path.
    """
    while path.startswith("./"):
        path = path[2:]
    if not path or path.startswith("/") or "\\" in path or "://" in path or ".." in path.split("/") or "\0" in path:
        raise PermanentError(
            f"{closing!r} names {path[:200]!r}, which is not a key in its own folder or below it",
            hint="Write relative paths into it; no set reaches beyond the folder of its closing key",
        )
    return folder_of(closing) + path
