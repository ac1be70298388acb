"""Uploads in parts to Google Cloud Storage: part objects in the bucket itself, joined by compose.

Cloud Storage's own multipart uploads know no preconditions; compose does
(https://cloud.google.com/storage/docs/json_api/v1/objects/compose). The part objects are under `.tradewind/parts/`,
in a folder whose name follows from key, version and algorithm, so that whoever begins the same upload finds its parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from operator import itemgetter
from secrets import token_hex

from tradewind.clouds.gcp.clients import open_wire
from tradewind.clouds.gcp.limits import check_key, check_metadata
from tradewind.clouds.gcp.objects import GcsObjects, Resource, described
from tradewind.clouds.pieces import Passing, checksum_in, checksums_from, combined, require_whole
from tradewind.errors import IntegrityError, NotFoundError, PermanentError, PreconditionFailedError, TradewindError
from tradewind.fleet import GcpSite
from tradewind.ports import RESERVED_PREFIX, Algorithm, Checksums, Metadata, Part, PartLimits, PutReceipt

LIMITS = PartLimits(parts=10_000, smallest=1, largest=5 * 1024**3, whole=5 * 1024**4)
TOGETHER = 32
"""Objects that one compose joins, at most."""
SIDE_BY_SIDE = 16
"""Requests about different parts at a time."""
_ALGORITHMS: Mapping[str, Algorithm] = {"crc32c": "crc32c", "crc64nvme": "crc64nvme", "crc32": "crc32"}
_JOINED = "joined-"
"""Begins the last segment of the names of objects between the parts and the whole."""


def open_uploads(site: GcpSite, credentials: Mapping[str, str] | None, *, bucket: str | None = None) -> GcsUploads:
    """Return the uploads into a site's bucket, or into another `bucket` of the same site."""
    return GcsUploads(GcsObjects(open_wire(site, credentials), bucket or site.bucket))


class GcsUploads:
    """The uploads into one bucket (see `ports.Uploads`).

    Args:
        objects: The bucket's.
    """

    limits = LIMITS

    def __init__(self, objects: GcsObjects) -> None:
        self.side_by_side = SIDE_BY_SIDE
        self._objects = objects

    def begin(
        self,
        key: str,
        *,
        version: str,
        algorithm: Algorithm,
        metadata: Metadata,
        final: bool,  # noqa: ARG002 - of the port; here all metadata is given at the end
    ) -> str:
        """Name an upload: no request."""
        check_key(key)
        check_metadata(metadata)
        named = f"{algorithm}\0{version}\0{key}".encode("utf-8", "surrogatepass")
        return f"{algorithm}-{hashlib.blake2b(named, digest_size=16).hexdigest()}"

    def put_part(self, key: str, upload: str, number: int, chunks: Iterable[bytes], *, size: int) -> Part:
        """Write one part object, and then its checksum as its metadata: 2 requests.

        Without the second the part has not arrived: whoever wrote it may have died, or lost the answer, before it was
        known that Cloud Storage received what was sent. Each attempt writes an object of its own, so that no part that
        has arrived is ever gone again while somebody writes it once more.
        """
        algorithm = _algorithm(upload)
        name = f"{_folder(upload)}{number:05d}-{token_hex(4)}"
        subject = f"part {number} of {self._objects.uri(key)}"
        passing = Passing(chunks, size, {"crc32c", algorithm}, subject)
        with passing.errors_pass():
            written = self._objects.upload(name, passing, subject)
        if written.size != size or written.crc32c != passing.checksums.crc32c:
            self._objects.delete(written, subject)
            raise IntegrityError(f"Cloud Storage received other bytes of {subject} than were sent")
        value = checksum_in(passing.checksums, algorithm)
        with suppress(NotFoundError):  # the upload was completed or aborted meanwhile
            self._objects.describe(written, {algorithm: f"{value:x}"}, subject)
        return Part(number, size, _tag(name, written.generation), passing.checksums)

    def parts(self, key: str, upload: str) -> Sequence[Part]:
        """Return the parts that have arrived: 1 request for 1,000 of them."""
        algorithm = _algorithm(upload)
        listed = self._objects.list(_folder(upload), f"the parts of {self._objects.uri(key)}")
        latest: dict[int, tuple[int, Part]] = {}
        for resource in listed:
            part = _part(resource, algorithm)
            if part is not None:
                written = int(resource.generation)
                latest[part.number] = max(latest.get(part.number, (0, part)), (written, part), key=itemgetter(0))
        return [part for _, (_, part) in sorted(latest.items())]

    def complete(
        self,
        key: str,
        upload: str,
        parts: Sequence[Part],
        *,
        metadata: Metadata,
        checksums: Checksums,
        expect: str | None,
    ) -> PutReceipt:
        """Compose the object: 1 request for each 32 parts, as a tree, and 1 that looks at the key first.

        What becomes visible is proven before: from the checksums that Cloud Storage keeps of what it joins, each named
        by its generation. Should it tell another checksum of the whole, that stays, since what it replaced is gone.

        Raises:
            PermanentError: Cloud Storage joined the parts to other bytes than they have.
        """
        algorithm = _algorithm(upload)
        check_metadata(metadata)
        uri = self._objects.uri(key)
        require_whole(algorithm, parts, checksums, subject=uri)
        crc32c = combined("crc32c", _pieces(parts))
        size = sum(part.size for part in parts)
        try:
            sources = self._joined(upload, parts, uri)
        except (PreconditionFailedError, NotFoundError) as error:
            raise _gone(uri, error) from error
        self._require(key, expect)
        try:
            whole = self._objects.compose(key, sources, expect or "0", uri, described(metadata))
        except (PreconditionFailedError, NotFoundError) as error:
            self._require(key, expect)
            raise _gone(uri, error) from error
        if (whole.size, whole.crc32c) != (size, crc32c):
            raise PermanentError(
                f"Cloud Storage shows {uri}, which it has just joined, with another checksum than its parts have",
                hint="Read the object; if it is damaged, remove it and redrive the message",
            )
        return PutReceipt(whole.generation)

    def abort(self, key: str, upload: str) -> None:
        """Delete what is left of an upload: 1 request for each object."""
        with suppress(NotFoundError):
            folder = _folder(upload)
            subject = f"the parts of {self._objects.uri(key)}"
            with ThreadPoolExecutor(self.side_by_side) as pool:
                list(pool.map(partial(self._objects.delete, subject=subject), self._objects.list(folder, subject)))

    def needs(self, key: str, live: Collection[str]) -> bool:  # noqa: ARG002 - of the port; nothing is left beside objects here
        """Say yes: whatever is there is none of ours."""
        return True

    def _joined(self, upload: str, parts: Sequence[Part], uri: str) -> Sequence[Resource]:
        """Return at most 32 objects that are the parts in order, having composed them as often as it takes."""
        folder = _folder(upload)
        sources = [_resource(folder, part) for part in parts]
        level = 0
        with ThreadPoolExecutor(self.side_by_side) as pool:
            while len(sources) > TOGETHER:
                level += 1
                groups = [sources[at : at + TOGETHER] for at in range(0, len(sources), TOGETHER)]
                names = [f"{folder}{_JOINED}{level}-{number:05d}" for number in range(len(groups))]
                sources = list(pool.map(partial(self._group, uri), names, groups))
        return sources

    def _group(self, uri: str, name: str, sources: Sequence[Resource]) -> Resource:
        """Compose some of the parts, unless whoever completes the same upload at the same time has done it."""
        crc32c = combined("crc32c", ((source.crc32c, source.size) for source in sources))
        size = sum(source.size for source in sources)
        expect = "0"
        try:
            group = self._objects.compose(name, sources, expect, uri)
        except PreconditionFailedError:
            found = self._objects.find(name, uri)
            if found is None:
                raise
            group = found
            if (group.size, group.crc32c) != (size, crc32c):
                group = self._objects.compose(name, sources, group.generation, uri)
        if (group.size, group.crc32c) != (size, crc32c):
            self._objects.delete(group, uri)
            raise IntegrityError(f"Cloud Storage joined parts of {uri} to other bytes than they have")
        return group

    def _require(self, key: str, expect: str | None) -> None:
        """Fail before the last compose where it would fail, and say which condition failed it otherwise."""
        uri = self._objects.uri(key)
        found = self._objects.find(key, uri)
        if (found.generation if found else None) != expect:
            raise PreconditionFailedError(f"Could not join the parts of {uri}: it is not generation {expect or 0}")


def _gone(uri: str, error: TradewindError) -> NotFoundError:
    return NotFoundError(f"Parts of {uri} are gone or were written again: {error.message}")


def _algorithm(upload: str) -> Algorithm:
    name, _, rest = upload.partition("-")
    if name not in _ALGORITHMS or not rest:
        raise NotFoundError(f"There is no upload {upload!r}")
    return _ALGORITHMS[name]


def _folder(upload: str) -> str:
    return f"{RESERVED_PREFIX}parts/{upload}/"


def _tag(name: str, generation: str) -> str:
    return f"{name.rpartition('/')[2]}/{generation}"


def _resource(folder: str, part: Part) -> Resource:
    name, _, generation = part.tag.partition("/")
    return Resource(folder + name, generation, part.size, part.checksums.crc32c or 0)


def _pieces(parts: Sequence[Part]) -> Iterable[tuple[int, int]]:
    return ((part.checksums.crc32c or 0, part.size) for part in parts)


def _part(resource: Resource, algorithm: Algorithm) -> Part | None:
    """Return the part that an object is, or None if it is none, or has not arrived whole."""
    number = resource.name.rpartition("/")[2].partition("-")[0]
    value = resource.metadata.get(algorithm)
    if not number.isdecimal() or value is None:
        return None
    sums: dict[Algorithm, int] = {"crc32c": resource.crc32c}
    if algorithm != "crc32c":
        sums[algorithm] = int(value, 16)
    return Part(int(number), resource.size, _tag(resource.name, resource.generation), checksums_from(sums))
