"""What the three dialects have in common: buckets of objects, conditions, ranges, and counts of requests."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count

from bench.stores.content import Content, Stored, repeated
from bench.stores.wire import ADMIN, Answer, Request

SUMMED = 8 * 1024 * 1024
"""Bytes up to which an MD5 is kept, which would cost more than all the rest for larger objects."""
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(slots=True)
class Shelf:
    """The objects of one store.

    Args:
        summed: Bytes up to which an MD5 is kept where the cloud keeps one.
        clock: Returns seconds since the epoch.
    """

    summed: int = SUMMED
    clock: Callable[[], float] = time.time
    buckets: dict[str, dict[str, Stored]] = field(default_factory=dict)
    uploads: dict[str, dict[int | str, Stored]] = field(default_factory=dict)
    """Parts that have arrived, by upload and number or id."""
    begun: dict[str, Request] = field(default_factory=dict)
    """What an upload began with."""
    counts: Counter[str] = field(default_factory=Counter)
    received: int = 0
    """Bytes of bodies."""
    sent: int = 0
    _generations: count[int] = field(default_factory=lambda: count(1_700_000_000_000_000))

    def lose(self, size: int) -> None:
        """Count bytes of a body that never became whole."""
        self.received += size

    def next_generation(self) -> int:
        """Return a number that no version has."""
        return next(self._generations)

    def find(self, bucket: str, key: str) -> Stored | None:
        """Return an object, or None."""
        return self.buckets.get(bucket, {}).get(key)

    def keep(self, bucket: str, key: str, stored: Stored) -> None:
        """Make a version visible."""
        self.buckets.setdefault(bucket, {})[key] = stored

    def listed(self, bucket: str, prefix: str, delimiter: str, after: str, limit: int) -> Page:
        """Return a page of keys after `after`, in order."""
        page = Page()
        for key in sorted(key for key in self.buckets.get(bucket, {}) if key.startswith(prefix)):
            if key <= after or (page.prefixes and delimiter and key.startswith(page.prefixes[-1])):
                continue
            if len(page.keys) + len(page.prefixes) == limit:
                page.more = True
                break
            rest = key[len(prefix) :]
            if delimiter and delimiter in rest:
                folder = prefix + rest[: rest.index(delimiter) + 1]
                if folder > after:
                    page.prefixes.append(folder)
                    page.last = folder
                continue
            page.keys.append(key)
            page.last = key
        return page

    def administer(self, request: Request) -> Answer:
        """Answer the bench's own requests."""
        query = request.query
        match request.path.removeprefix(ADMIN):
            case "counts":
                told = {"requests": dict(self.counts), "received": self.received, "sent": self.sent}
                self.counts.clear()
                self.received = self.sent = 0
                return Answer(body=json.dumps(told).encode())
            case "digests":
                objects = self.buckets.get(query["bucket"], {})
                prefix = query.get("prefix", "")
                digests = {
                    key.removeprefix(prefix): [each.content.size, each.content.sha256]
                    for key, each in objects.items()
                    if key.startswith(prefix)
                }
                return Answer(body=json.dumps(digests).encode())
            case "checksum":
                found = self.buckets[query["bucket"]][query["key"]]
                return Answer(body=json.dumps({"size": found.content.size, "crc32c": found.content.crc32c}).encode())
            case "clear":
                objects = self.buckets.get(query["bucket"], {})
                for key in [key for key in objects if key.startswith(query.get("prefix", ""))]:
                    del objects[key]
                self.uploads.clear()
                self.begun.clear()
                return Answer()
            case other:
                return Answer(404, body=other.encode())


@dataclass(slots=True)
class Page:
    """One page of a listing."""

    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    more: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of a store, and how it is told from the others: by the first of a table that fits."""

    method: str
    mark: str
    """A parameter or a header that it has; "" if it has none of its own."""
    name: str
    answer: Callable[[str, str, Request], Answer]
    """Called with bucket, key and request."""

    def fits(self, request: Request) -> bool:
        """Say whether this is what is requested."""
        marked = not self.mark or self.mark in request.query or self.mark in request.headers
        return self.method == request.method and marked


def called(calls: Sequence[Call], request: Request, bucket: str, key: str = "") -> tuple[str, Answer]:
    """Answer a request, and name it."""
    for call in calls:
        if call.fits(request):
            return call.name, call.answer(bucket, key, request)
    return f"unknown {request.method} {request.target}", Answer(501)


def generated(request: Request) -> Content:
    """Return a large content that repeats the request's body, whose length shares no factor with any part's."""
    return repeated(request.body, int(request.query["size"]))


def http_date(seconds: float) -> str:
    """Return a moment as headers spell it."""
    return formatdate(seconds, usegmt=True)


def span(headers: Mapping[str, str], size: int) -> tuple[int, int] | None:
    """Return the first byte and the end of the requested range, or None if there is not a byte in it."""
    text = headers.get("x-ms-range") or headers.get("range")
    found = _RANGE.fullmatch(text) if text else None
    if found is None:
        return 0, size
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    start, end = int(first), min(size, int(last) + 1 if last else size)
    return (start, end) if start < size else None


def sent(stored: Stored, request: Request, headers: dict[str, str]) -> Answer:
    """Answer a GET or HEAD of an object with `headers` and the requested bytes."""
    size = stored.content.size
    asked = span(request.headers, size)
    if asked is None:
        return Answer(416, {"Content-Range": f"bytes */{size}"})
    start, end = asked
    headers["Accept-Ranges"] = "bytes"
    status = 200
    if "range" in request.headers or "x-ms-range" in request.headers:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        status = 206
    return Answer(status, headers, pieces=stored.content.between(start, end), length=end - start)
