"""Uploads in parts to Amazon S3, which knows them as such."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import NoReturn

from tradewind.checksums import crc32c
from tradewind.clouds.aws.answers import fault_of
from tradewind.clouds.aws.clients import open_wire
from tradewind.clouds.aws.errors import translate
from tradewind.clouds.aws.framing import HEADERS, Framed, encoded
from tradewind.clouds.aws.late import FOLDER, LATE, encode, key_in
from tradewind.clouds.aws.limits import check_key, check_metadata
from tradewind.clouds.aws.multipart import listed_in, naming, read_fields, upload_in
from tradewind.clouds.aws.states import USER, token_of
from tradewind.clouds.aws.store import described
from tradewind.clouds.aws.wire import S3Wire
from tradewind.clouds.http import AnswerError
from tradewind.clouds.pieces import Passing, checksum_in, require_whole
from tradewind.clouds.telling import told
from tradewind.clouds.understood import understood
from tradewind.errors import IntegrityError, NotFoundError, PreconditionFailedError
from tradewind.fleet import AwsSite
from tradewind.ports import Algorithm, Checksums, Metadata, Part, PartLimits, PutReceipt

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
LIMITS = PartLimits(parts=10_000, smallest=5 * 1024**2, largest=5 * 1024**3, whole=5 * 1024**4)
_NOTHING_LATE = "0"
_LOST = "ConditionalRequestConflict"
"""What S3 answers to a completion that met a conflicting request: the upload is gone with all its parts."""


def open_uploads(site: AwsSite, credentials: Mapping[str, str] | None, *, bucket: str | None = None) -> S3Uploads:
    """Return the uploads into a site's bucket, or into another `bucket` of the same site."""
    name = bucket or site.bucket
    return S3Uploads(open_wire(site, credentials, name), name)


@dataclass(frozen=True, slots=True)
class _Named:
    """What an upload's id says."""

    algorithm: Algorithm
    late: str
    """Names the object beside, for metadata that comes late; `_NOTHING_LATE` if none does."""
    id: str
    """S3's own."""

    def __str__(self) -> str:
        return f"{self.algorithm}-{self.late}-{self.id}"

    @classmethod
    def read(cls, upload: str) -> _Named:
        algorithm, _, rest = upload.partition("-")
        late, _, own = rest.partition("-")
        known = next((name for name in HEADERS if name == algorithm), None)
        if known is None or not own:
            raise NotFoundError(f"There is no upload {upload!r}")
        return cls(known, late, own)


class S3Uploads:
    """The uploads into one bucket (see `ports.Uploads`).

    Args:
        wire: To the bucket.
        bucket: Its name, for messages.
    """

    limits = LIMITS

    def __init__(self, wire: S3Wire, bucket: str) -> None:
        self._wire = wire
        self._bucket = bucket

    def begin(self, key: str, *, version: str, algorithm: Algorithm, metadata: Metadata, final: bool) -> str:  # noqa: ARG002 - of the port; every upload has an id of its own here
        """Begin an upload: 1 request."""
        check_key(key)
        check_metadata(metadata)
        late = _NOTHING_LATE if final else token_hex(16)
        if not final:
            metadata = replace(metadata, user={**metadata.user, LATE: late})
        headers = {
            **described(metadata),
            "x-amz-checksum-algorithm": algorithm.upper(),
            "x-amz-checksum-type": "FULL_OBJECT",
        }
        with (
            translate("begin an upload of", self._uri(key)),
            self._wire.request("POST", key, query={"uploads": ""}, headers=headers) as answer,
            understood("begin an upload of", self._uri(key)),
        ):
            return str(_Named(algorithm, late, upload_in(answer.read())))

    def put_part(self, key: str, upload: str, number: int, chunks: Iterable[bytes], *, size: int) -> Part:
        """Write one part: 1 request; its checksum follows the bytes, and S3 compares them."""
        named = _Named.read(upload)
        subject = f"part {number} of {self._uri(key)}"
        passing = Passing(chunks, size, (named.algorithm,), subject)
        framed = Framed(passing, named.algorithm)
        query = {"partNumber": str(number), "uploadId": named.id}
        with (
            passing.errors_pass(),
            translate("put", subject),
            self._wire.request(
                "PUT", key, query=query, headers=framed.headers, body=framed, size=framed.size
            ) as answer,
        ):
            answer.read()
        sent = encoded(named.algorithm, checksum_in(passing.checksums, named.algorithm) or 0)
        if answer.headers.get(HEADERS[named.algorithm]) != sent:
            raise IntegrityError(
                f"S3 does not confirm the {named.algorithm} of {subject}",
                hint="A store that stands in for S3 must compare the checksum of a part, and keep it",
            )
        return Part(number, size, token_of(answer.headers["etag"]), passing.checksums)

    def parts(self, key: str, upload: str) -> Sequence[Part]:
        """Return the parts that have arrived: 1 request for 1,000 of them."""
        named = _Named.read(upload)
        parts: list[Part] = []
        query = {"uploadId": named.id}
        while True:
            with (
                translate("list the parts of", self._uri(key)),
                self._wire.request("GET", key, query=query) as answer,
                understood("list the parts of", self._uri(key)),
            ):
                page = listed_in(answer.read(), named.algorithm)
            parts += page.parts
            if page.next_marker is None:
                return parts
            query["part-number-marker"] = page.next_marker

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
        """Join the parts: 1 request, 1 that looks at the key first, and 1 that writes what metadata came late.

        S3 loses the whole upload if a condition fails while another request writes the key, so that is seen before.
        """
        named = _Named.read(upload)
        require_whole(named.algorithm, parts, checksums, subject=self._uri(key))
        self._require(key, expect)
        if named.late != _NOTHING_LATE:
            self._write_late(key, named.late, metadata)
        headers = {
            **({"if-none-match": "*"} if expect is None else {"if-match": f'"{expect}"'}),
            HEADERS[named.algorithm]: encoded(named.algorithm, checksum_in(checksums, named.algorithm) or 0),
            "x-amz-checksum-type": "FULL_OBJECT",
            "x-amz-mp-object-size": str(sum(part.size for part in parts)),
        }
        try:
            return PutReceipt(self._join(key, named.id, naming(parts), headers))
        except NotFoundError as error:
            self._require(key, expect)  # S3 says so, too, when If-Match meets a key that does not exist
            raise NotFoundError(error.message) from error

    def abort(self, key: str, upload: str) -> None:
        """Remove the parts, and what metadata came late if no object has it: 1 request, or up to 3."""
        with suppress(NotFoundError):
            named = _Named.read(upload)
            with (
                translate("abort the upload of", self._uri(key)),
                self._wire.request("DELETE", key, query={"uploadId": named.id}) as answer,
            ):
                answer.read()
            # S3 answers alike for hours after an upload was completed, so the object itself says whose the metadata is.
            if named.late not in (_NOTHING_LATE, self._late_of(key)):
                beside = FOLDER + named.late
                with translate("delete", self._uri(beside)), self._wire.request("DELETE", beside) as answer:
                    answer.read()

    def needs(self, key: str, live: Collection[str]) -> bool:
        """Ask the object that it was written for: 2 requests."""
        late = key.removeprefix(FOLDER)
        if any(_Named.read(upload).late == late for upload in live):
            return True
        body = b""
        with suppress(NotFoundError), translate("get", self._uri(key)), self._wire.request("GET", key) as answer:
            body = answer.read()
        owner = key_in(body)
        return owner is None or self._late_of(owner) == late

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{told(key)}"

    def _join(self, key: str, upload: str, body: bytes, headers: Mapping[str, str]) -> str:
        query = {"uploadId": upload}
        try:
            with (
                translate("join the parts of", self._uri(key)),
                self._wire.request("POST", key, query=query, headers=headers, body=body) as answer,
                understood("join the parts of", self._uri(key)),
            ):
                said = answer.read()
                fields = read_fields(said)
                if fields[""] == "Error":  # S3 may begin its answer before it knows how it ends
                    _fail(said)
                return token_of(fields["ETag"])
        except PreconditionFailedError as error:
            cause = error.__cause__
            if isinstance(cause, AnswerError) and fault_of(cause).code == _LOST:
                raise NotFoundError(
                    f"The upload of {self._uri(key)} is lost: the key was written while the parts were joined"
                ) from error
            raise

    def _write_late(self, key: str, name: str, metadata: Metadata) -> None:
        """Write the metadata beside the object; whoever completes the same upload again writes the same."""
        body = encode(key, metadata.user)
        check_metadata(replace(metadata, user={}))
        beside = FOLDER + name
        headers = {
            "content-type": "application/json",
            "x-amz-sdk-checksum-algorithm": "CRC32C",
            HEADERS["crc32c"]: encoded("crc32c", crc32c(body)),
        }
        with (
            translate("put", self._uri(beside)),
            self._wire.request("PUT", beside, headers=headers, body=body) as answer,
        ):
            answer.read()

    def _late_of(self, key: str) -> str | None:
        """Return the name of what an object's metadata came late in."""
        with suppress(NotFoundError), translate("head", self._uri(key)), self._wire.request("HEAD", key) as answer:
            return answer.headers.get(USER + LATE)
        return None

    def _require(self, key: str, expect: str | None) -> None:
        found = None
        with suppress(NotFoundError), translate("head", self._uri(key)), self._wire.request("HEAD", key) as answer:
            found = token_of(answer.headers["etag"])
        if found != expect:
            raise PreconditionFailedError(f"Could not join the parts of {self._uri(key)}: its token is not {expect}")


def _fail(said: bytes) -> NoReturn:
    raise AnswerError(500, {}, said)
