"""Uploads in parts as each cloud has them, request by request: others act between any two, and each may go wrong.

The uploads to Cloud Storage and Azure are the real ones, over requests that are simulated here. Those to S3 are the
ones in memory, which were made after S3's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from simulation.sites import Bucket
from simulation.stores import Calls
from tradewind.checksums import crc32c, md5
from tradewind.clouds.azure.blocks import checksums_of_blocks
from tradewind.clouds.azure.lists import BlockLists
from tradewind.clouds.azure.uploads import BlobUploads
from tradewind.clouds.gcp.objects import GcsObjects, Resource
from tradewind.clouds.gcp.states import PLAIN_TYPE
from tradewind.clouds.gcp.uploads import GcsUploads
from tradewind.clouds.memory.copies import MemoryCopies
from tradewind.clouds.memory.uploads import LIMITS, MemoryUploads
from tradewind.clouds.pieces import Passing
from tradewind.errors import IntegrityError, NotFoundError, PreconditionFailedError
from tradewind.ports import Algorithm, Checksums, Metadata, ObjectState, Part, PutReceipt, Uploads

Changed = Callable[[str], None]
"""Told each key that was written or deleted."""
LOSES = 0.5
"""How likely S3 loses an upload whose condition fails as it is completed."""


def uploads_to(calls: Calls, bucket: Bucket, changed: Changed) -> Uploads:
    """Return the uploads in parts to a site's bucket."""
    match calls.site.plan.cloud:
        case "gcp":
            return GcsUploads(cast("GcsObjects", SimulatedObjects(calls, bucket, changed)))
        case "azure":
            return BlobUploads(cast("BlockLists", SimulatedBlockLists(calls, bucket, changed)))
        case _:
            return S3LikeUploads(calls, bucket, changed)


@dataclass(slots=True)
class S3LikeUploads:
    """Uploads that have an id each, are gone once they are done, and date the object from when they were begun.

    S3 may lose an upload whose condition fails. https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html

    Args:
        calls: What goes to the site.
        bucket: Where to.
        changed: Told what became visible.
    """

    calls: Calls
    bucket: Bucket
    changed: Changed
    limits = LIMITS
    _uploads: MemoryUploads = field(init=False)
    _begun: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._uploads = MemoryUploads(self.bucket)

    def begin(self, key: str, *, version: str, algorithm: Algorithm, metadata: Metadata, final: bool) -> str:
        """As in memory."""

        def begin() -> str:
            upload = self._uploads.begin(key, version=version, algorithm=algorithm, metadata=metadata, final=final)
            self._begun[upload] = self.calls.site.now()
            return upload

        return self.calls.make("begin", key, begin, str)

    def put_part(self, key: str, upload: str, number: int, chunks: Iterable[bytes], *, size: int) -> Part:
        """As in memory."""
        body = b"".join(chunks)

        def put() -> Part:
            return self._uploads.put_part(key, upload, number, [body], size=size)

        return self.calls.make(f"put part {number}", key, put, lambda _: upload)

    def parts(self, key: str, upload: str) -> Sequence[Part]:
        """As in memory."""
        return self.calls.make("list parts", key, lambda: self._uploads.parts(key, upload), _numbers)

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
        """Look first, as the real uploads do, then join as in memory; the ETag is made of those of the parts."""

        def look() -> None:
            if self.bucket.token_of(key) != expect:
                raise PreconditionFailedError(f"{key} is not {expect}")

        def complete() -> PutReceipt:
            if self.bucket.token_of(key) != expect and self.calls.luck.rng.random() < LOSES:
                self._uploads.abort(key, upload)
            pending = self.bucket.pending.get(upload)
            tags = [md5(held.body) for _, held in sorted(pending.parts.items())] if pending else []
            receipt = self._uploads.complete(key, upload, parts, metadata=metadata, checksums=checksums, expect=expect)
            self.bucket.amend(key, modified=self._begun[upload])
            if self.calls.site.plan.etags:
                token = f"{md5(b''.join(tags)).hex()}-{len(tags)}"
                receipt = PutReceipt(self.bucket.amend(key, token=token).token)
            self.changed(key)
            return receipt

        self.calls.make(f"head, {expect and expect[:6]}?", key, look)
        return self.calls.make(f"complete if {expect and expect[:6]}", key, complete, _token)

    def abort(self, key: str, upload: str) -> None:
        """As in memory."""
        self.calls.make("abort", key, lambda: self._uploads.abort(key, upload), lambda _: upload)

    def needs(self, key: str, live: Collection[str]) -> bool:
        """As in memory."""
        return self._uploads.needs(key, live)


@dataclass(slots=True)
class SimulatedObjects:
    """The requests to Cloud Storage (see `clouds.gcp.objects.GcsObjects`)."""

    calls: Calls
    bucket: Bucket
    changed: Changed

    def uri(self, key: str) -> str:
        """Return how to call an object in an error."""
        return f"{self.calls.name}://{key}"

    def upload(self, name: str, body: Passing, subject: str) -> Resource:
        """Write an object, whatever was there; one that was garbled is written as it arrived."""
        data = b"".join(body)

        def upload() -> Resource:
            arrived = bytes((data[0] ^ 1,)) + data[1:] if self.calls.garbled() else data
            self.bucket.overwrite(name, arrived, Metadata())
            self.changed(name)
            return self._resource(name)

        return self.calls.make(f"put {subject.partition(' of ')[0]}", name, upload, _generation)

    def describe(self, resource: Resource, metadata: Mapping[str, str], _subject: str) -> None:
        """Give an object metadata, if it is of this generation."""

        def describe() -> None:
            self._require(resource)
            self.bucket.describe(resource.name, Metadata(user=metadata))

        self.calls.make("describe", resource.name, describe)

    def find(self, name: str, _subject: str) -> Resource | None:
        """Return an object, or None."""

        def find() -> Resource | None:
            return self._resource(name) if self.bucket.head(name) else None

        return self.calls.make("head", name, find, lambda found: found.generation if found else "absent")

    def compose(
        self,
        name: str,
        sources: Sequence[Resource],
        expect: str,
        _subject: str,
        destination: Mapping[str, Any] | None = None,
    ) -> Resource:
        """Join objects under a condition."""

        def compose() -> Resource:
            for source in sources:
                self._require(source)
            self.bucket.put(
                name,
                body := b"".join(self.bucket.body_of(source.name) for source in sources),
                metadata=_metadata(destination or {}),
                crc32c=crc32c(body),
                md5=None,
                expect=None if expect == "0" else expect,
            )
            self.changed(name)
            return self._resource(name)

        return self.calls.make(f"compose if {expect}", name, compose, _generation)

    def delete(self, resource: Resource, subject: str) -> None:
        """Delete an object of this generation, if there is one."""

        def delete() -> None:
            if self.bucket.token_of(resource.name) == resource.generation:
                self.bucket.delete(resource.name, expect=resource.generation)
                self.changed(resource.name)

        self.calls.make("delete", resource.name, delete)

    def list(self, prefix: str, _subject: str) -> Iterator[Resource]:
        """Yield the objects of a prefix."""

        def found() -> list[Resource]:
            return [self._resource(name) for name in self.bucket.keys() if name.startswith(prefix)]  # noqa: SIM118

        yield from self.calls.make("list", prefix, found, lambda found: str(len(found)))

    def _resource(self, name: str) -> Resource:
        state = self.bucket.head(name)
        assert state is not None
        return Resource(name, state.token, state.size, state.checksums.crc32c or 0, state.metadata.user)

    def _require(self, resource: Resource) -> None:
        token = self.bucket.token_of(resource.name)
        if token is None:
            raise NotFoundError(f"There is no {resource.name}")
        if token != resource.generation:
            raise PreconditionFailedError(f"{resource.name} is of another generation")


@dataclass(slots=True)
class SimulatedBlockLists:
    """The requests to Azure (see `clouds.azure.lists.BlockLists`)."""

    calls: Calls
    bucket: Bucket
    changed: Changed

    def uri(self, key: str) -> str:
        """Return how to call a blob in an error."""
        return f"{self.calls.name}://{key}"

    def put_block(self, key: str, name: str, body: bytes, _crc64: str) -> None:
        """Send one block."""

        def put() -> None:
            if self.calls.garbled():
                raise IntegrityError(f"{self.calls.name} received other bytes")
            self.bucket.blocks.setdefault(key, {})[name] = body

        self.calls.make("put block", key, put)

    def uncommitted(self, key: str) -> Sequence[tuple[str, int]]:
        """Return ids and sizes of the blocks that were sent and not joined yet."""

        def listed() -> list[tuple[str, int]]:
            return [(name, len(body)) for name, body in self.bucket.blocks.get(key, {}).items()]

        return self.calls.make("list blocks", key, listed, lambda found: str(len(found)))

    def commit(self, key: str, names: Sequence[str], metadata: Metadata, expect: str | None) -> str:
        """Join blocks under a condition; the blob shows the checksums that their ids carry."""

        def commit() -> str:
            sent = self.bucket.blocks.get(key, {})
            if self.bucket.token_of(key) != expect:
                raise PreconditionFailedError(f"{key} is not {expect}")
            if not set(names) <= sent.keys():
                raise NotFoundError(f"A block of {key} is gone")
            sums = checksums_of_blocks([(name, len(sent[name])) for name in names]) or Checksums()
            body = b"".join(sent[name] for name in names)
            token = self.bucket.place(key, body, metadata=metadata, checksums=sums, expect=expect).token
            self.changed(key)
            return token

        return self.calls.make(f"commit if {expect}", key, commit, str)

    def token(self, key: str) -> str | None:
        """Return the blob's token, or None if there is none."""
        return self.calls.make("head", key, lambda: self.bucket.token_of(key), str)


@dataclass(slots=True)
class SimulatedCopies:
    """See `ports.Copies`."""

    calls: Calls
    bucket: Bucket
    changed: Changed

    def copy(self, source: ObjectState, key: str, *, metadata: Metadata, expect: str | None) -> PutReceipt:
        """As in memory."""

        def copy() -> PutReceipt:
            receipt = MemoryCopies(self.bucket).copy(source, key, metadata=metadata, expect=expect)
            self.changed(key)
            return receipt

        return self.calls.make(f"copy if {expect}", key, copy, _token)


def _metadata(resource: Mapping[str, Any]) -> Metadata:
    """Return what `clouds.gcp.objects.described` was made of."""
    return Metadata(
        content_type=None if (said := resource.get("contentType")) == PLAIN_TYPE else said,
        content_encoding=resource.get("contentEncoding"),
        content_language=resource.get("contentLanguage"),
        content_disposition=resource.get("contentDisposition"),
        cache_control=resource.get("cacheControl"),
        user=resource.get("metadata", {}),
    )


def _numbers(parts: Sequence[Part]) -> str:
    return " ".join(str(part.number) for part in parts) or "none"


def _token(receipt: PutReceipt) -> str:
    return receipt.token[:6]


def _generation(resource: Resource) -> str:
    return resource.generation
