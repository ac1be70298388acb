"""The calls of Amazon S3 that the measured programs make.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import unquote
from uuid import uuid4
from xml.sax.saxutils import escape

from bench.stores.content import Content, Stored, joined
from bench.stores.shelf import Call, Shelf, called, generated, http_date, sent
from bench.stores.wire import ADMIN, Answer, Request
from tradewind.checksums import crc64nvme

KEPT = ("content-type", "content-language", "content-disposition", "cache-control", "expires")
_META = "x-amz-meta-"
LARGE = 64 * 1024 * 1024
"""Bytes from which a CRC-64 would cost more than all the rest; a CRC-32C is kept instead."""
_PART = re.compile(r"<PartNumber>\s*(\d+)\s*</PartNumber>")
_XML = {"Content-Type": "application/xml"}


class S3:
    """Answers requests in S3's way.

    Args:
        shelf: Where the objects are.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._of_objects = (
            Call("GET", "tagging", "GetObjectTagging", lambda *_: _xml("<Tagging><TagSet/></Tagging>")),
            Call("GET", "uploadId", "ListParts", self._parts),
            Call("GET", "", "GetObject", self._read),
            Call("HEAD", "", "HeadObject", self._read),
            Call("PUT", "x-amz-copy-source-range", "UploadPartCopy", self._put_part),
            Call("PUT", "partNumber", "UploadPart", self._put_part),
            Call("PUT", "x-amz-copy-source", "CopyObject", self._copy),
            Call("PUT", "", "PutObject", self._put),
            Call("POST", "uploads", "CreateMultipartUpload", self._begin),
            Call("POST", "uploadId", "CompleteMultipartUpload", self._complete),
            Call("DELETE", "uploadId", "AbortMultipartUpload", self._abort),
            Call("DELETE", "", "DeleteObject", self._delete),
        )
        self._of_buckets = (
            Call("PUT", "", "CreateBucket", self._create),
            Call("HEAD", "", "HeadBucket", self._known),
            Call("GET", "location", "GetBucketLocation", lambda *_: _xml("<LocationConstraint/>")),
            Call("GET", "versioning", "GetBucketVersioning", lambda *_: _xml("<VersioningConfiguration/>")),
            Call("GET", "uploads", "ListMultipartUploads", lambda *_: _xml("<ListMultipartUploadsResult/>")),
            Call("GET", "", "ListObjectsV2", self._list),
        )

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path.startswith(ADMIN):
            if request.path == f"{ADMIN}generate":
                bucket, key = request.query["bucket"], request.query["key"]
                self._shelf.keep(bucket, key, self._version(generated(request), {}, parts=1))
                return Answer()
            return self._shelf.administer(request)
        _, bucket, *rest = request.path.split("/", 2)
        key = rest[0] if rest else ""
        name, answer = called(self._of_objects if key else self._of_buckets, request, bucket, key)
        self._shelf.counts[name] += 1
        self._shelf.received += request.content.size
        if request.method == "GET" and key:
            self._shelf.sent += answer.length or 0
        return answer

    # --- buckets ----------------------------------------------------------------------------------------------------

    def _create(self, bucket: str, _key: str, _request: Request) -> Answer:
        self._shelf.buckets.setdefault(bucket, {})
        return Answer()

    def _known(self, bucket: str, _key: str, _request: Request) -> Answer:
        return Answer(200 if bucket in self._shelf.buckets else 404)

    def _list(self, bucket: str, _key: str, request: Request) -> Answer:
        query = request.query
        after = query.get("continuation-token") or query.get("start-after") or query.get("marker") or ""
        limit = int(query.get("max-keys") or 1000)
        page = self._shelf.listed(bucket, query.get("prefix", ""), query.get("delimiter", ""), after, limit)
        rows = []
        for key in page.keys:
            stored = self._shelf.buckets[bucket][key]
            modified = datetime.fromtimestamp(int(stored.modified), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            rows.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{modified}</LastModified>"
                f"<ETag>&quot;{stored.etag}&quot;</ETag><Size>{stored.content.size}</Size>"
                "<StorageClass>STANDARD</StorageClass></Contents>"
            )
        rows += [f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in page.prefixes]
        more = f"<NextContinuationToken>{escape(page.last)}</NextContinuationToken>" if page.more else ""
        return _xml(
            f"<ListBucketResult><Name>{bucket}</Name><IsTruncated>{str(page.more).lower()}</IsTruncated>{more}"
            f"<KeyCount>{len(page.keys)}</KeyCount>{''.join(rows)}</ListBucketResult>"
        )

    # --- objects ----------------------------------------------------------------------------------------------------

    def _read(self, bucket: str, key: str, request: Request) -> Answer:
        stored = self._shelf.find(bucket, key)
        if stored is None:
            return _error(404, "NoSuchKey")
        wanted = request.headers.get("if-match")
        if wanted and wanted.strip('"') != stored.etag:
            return _error(412, "PreconditionFailed")
        headers = {"ETag": f'"{stored.etag}"', "Last-Modified": http_date(stored.modified), **stored.headers}
        headers |= {f"{_META}{name}": value for name, value in stored.user.items()}
        if "range" not in request.headers or request.method == "HEAD":
            headers |= stored.checksums
        headers["x-amz-request-id"] = "0"
        return sent(stored, request, headers)

    def _put(self, bucket: str, key: str, request: Request) -> Answer:
        if (refusal := self._refused(bucket, key, request)) is not None:
            return refusal
        sent_crc = request.headers.get("x-amz-checksum-crc32c")
        stored = self._version(request.content, request.headers)
        if sent_crc is not None and sent_crc != _crc32c(request.content):
            return _error(400, "BadDigest")
        self._shelf.keep(bucket, key, stored)
        return Answer(200, {"ETag": f'"{stored.etag}"', **stored.checksums})

    def _copy(self, bucket: str, key: str, request: Request) -> Answer:
        if (refusal := self._refused(bucket, key, request)) is not None:
            return refusal
        from_bucket, _, from_key = unquote(request.headers["x-amz-copy-source"].lstrip("/")).partition("/")
        source = self._shelf.find(from_bucket, from_key)
        if source is None:
            return _error(404, "NoSuchKey")
        wanted = request.headers.get("x-amz-copy-source-if-match")
        if wanted and wanted.strip('"') != source.etag:
            return _error(412, "PreconditionFailed")
        replaced = request.headers.get("x-amz-metadata-directive") == "REPLACE"
        stored = self._version(source.content, request.headers)
        if not replaced:
            stored.headers, stored.user = source.headers, source.user
        self._shelf.keep(bucket, key, stored)
        modified = datetime.fromtimestamp(int(stored.modified), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        checksums = (
            f"<ChecksumCRC32C>{_crc32c(source.content)}</ChecksumCRC32C><ChecksumType>FULL_OBJECT</ChecksumType>"
        )
        return _xml(
            f"<CopyObjectResult><ETag>&quot;{stored.etag}&quot;</ETag><LastModified>{modified}</LastModified>"
            f"{checksums}</CopyObjectResult>"
        )

    def _delete(self, bucket: str, key: str, request: Request) -> Answer:
        stored = self._shelf.find(bucket, key)
        wanted = request.headers.get("if-match")
        if wanted and stored is None:
            return _error(404, "NoSuchKey")
        if wanted and stored is not None and wanted.strip('"') != stored.etag:
            return _error(412, "PreconditionFailed")
        self._shelf.buckets.get(bucket, {}).pop(key, None)
        return Answer(204)

    def _refused(self, bucket: str, key: str, request: Request) -> Answer | None:
        if bucket not in self._shelf.buckets:
            return _error(404, "NoSuchBucket")
        stored = self._shelf.find(bucket, key)
        if request.headers.get("if-none-match") == "*" and stored is not None:
            return _error(412, "PreconditionFailed")
        wanted = request.headers.get("if-match")
        if wanted and stored is None:
            return _error(404, "NoSuchKey")
        if wanted and stored is not None and wanted.strip('"') != stored.etag:
            return _error(412, "PreconditionFailed")
        return None

    def _version(self, content: Content, headers: Mapping[str, str], parts: int = 0) -> Stored:
        # Whoever puts a whole object compares its ETag with the MD5; that of an upload in parts is opaque.
        opaque = parts or content.counted is not None
        etag = f"{content.crc32c:032x}-{parts}" if opaque else content.md5.hex()
        large = opaque or content.size > LARGE
        algorithm = (
            headers.get("x-amz-checksum-algorithm") or headers.get("x-amz-sdk-checksum-algorithm") or ""
        ).upper()
        return Stored(
            content,
            etag,
            self._shelf.next_generation(),
            self._shelf.clock(),
            {name: headers[name] for name in KEPT if name in headers} | _encoding(headers),
            {name.removeprefix(_META): value for name, value in headers.items() if name.startswith(_META)},
            checksums=_checksums(
                content, "crc32c" if large or "x-amz-checksum-crc32c" in headers else algorithm.lower()
            ),
        )

    # --- uploads in parts -------------------------------------------------------------------------------------------

    def _begin(self, bucket: str, key: str, request: Request) -> Answer:
        upload = uuid4().hex
        self._shelf.begun[upload] = request
        self._shelf.uploads[upload] = {}
        return _xml(
            f"<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{escape(key)}</Key>"
            f"<UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
        )

    def _abort(self, _bucket: str, _key: str, request: Request) -> Answer:
        self._shelf.uploads.pop(request.query["uploadId"], None)
        return Answer(204)

    def _put_part(self, _bucket: str, _key: str, request: Request) -> Answer:
        upload = self._shelf.uploads.get(request.query["uploadId"])
        if upload is None:
            return _error(404, "NoSuchUpload")
        content = request.content
        if source := request.headers.get("x-amz-copy-source"):
            bucket, _, key = unquote(source.lstrip("/")).partition("/")
            first, last = request.headers["x-amz-copy-source-range"].removeprefix("bytes=").split("-")
            content = Content(tuple(self._shelf.buckets[bucket][key].content.between(int(first), int(last) + 1)))
        checksums = _checksums(content, self._algorithm(request.query["uploadId"]))
        for name, value in checksums.items():
            if request.headers.get(name, value) != value:
                return _error(400, "BadDigest")
        # A part's ETag is opaque to everybody, and an MD5 of every part would cost more than all the rest.
        etag = f"{content.crc32c:032x}"
        part = Stored(content, etag, 0, self._shelf.clock(), checksums=checksums)
        upload[int(request.query["partNumber"])] = part
        if source:
            return _xml(f"<CopyPartResult><ETag>&quot;{etag}&quot;</ETag></CopyPartResult>")
        return Answer(200, {"ETag": f'"{etag}"', **checksums})

    def _algorithm(self, upload: str) -> str:
        return self._shelf.begun[upload].headers.get("x-amz-checksum-algorithm", "").lower()

    def _parts(self, _bucket: str, _key: str, request: Request) -> Answer:
        query = request.query
        upload = self._shelf.uploads.get(query["uploadId"])
        if upload is None:
            return _error(404, "NoSuchUpload")
        after, limit = int(query.get("part-number-marker") or 0), int(query.get("max-parts") or 1000)
        numbers = sorted(number for number in upload if isinstance(number, int) and number > after)
        page = numbers[:limit]
        rows = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{upload[number].etag}&quot;</ETag>"
            f"<Size>{upload[number].content.size}</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"{_elements(upload[number].checksums)}</Part>"
            for number in page
        )
        more = len(numbers) > limit
        marker = f"<NextPartNumberMarker>{page[-1]}</NextPartNumberMarker>" if page else ""
        algorithm = self._algorithm(query["uploadId"]).upper()
        kind = f"<ChecksumAlgorithm>{algorithm}</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
        return _xml(
            f"<ListPartsResult>{kind if algorithm else ''}<MaxParts>{limit}</MaxParts>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{marker}{rows}</ListPartsResult>"
        )

    def _complete(self, bucket: str, key: str, request: Request) -> Answer:
        name = request.query["uploadId"]
        upload = self._shelf.uploads.get(name)
        if upload is None:
            return _error(404, "NoSuchUpload")
        if (refusal := self._refused(bucket, key, request)) is not None:
            return refusal
        numbers = [int(number) for number in _PART.findall(request.body.decode())]
        if any(number not in upload for number in numbers):
            return _error(400, "InvalidPart")
        content = joined([upload[number].content for number in numbers])
        if (size := request.headers.get("x-amz-mp-object-size")) and int(size) != content.size:
            return _error(400, "InvalidRequest")
        stored = self._version(content, self._shelf.begun[name].headers, parts=len(numbers))
        for header, value in stored.checksums.items():
            if header.startswith("x-amz-checksum-crc") and request.headers.get(header, value) != value:
                return _error(400, "BadDigest")
        self._shelf.keep(bucket, key, stored)
        del self._shelf.uploads[name]
        return _xml(
            f"<CompleteMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{escape(key)}</Key>"
            f"<ETag>&quot;{stored.etag}&quot;</ETag>{_elements(stored.checksums)}</CompleteMultipartUploadResult>"
        )


def _encoding(headers: Mapping[str, str]) -> dict[str, str]:
    kept = [each for each in headers.get("content-encoding", "").split(",") if each and each != "aws-chunked"]
    return {"content-encoding": ",".join(kept)} if kept else {}


def _crc32c(content: Content) -> str:
    return b64encode(content.crc32c.to_bytes(4)).decode()


def _checksums(content: Content, algorithm: str) -> dict[str, str]:
    """Return the checksum headers of a whole object; CRC-64/NVME unless another was asked for, as S3 does."""
    kind = {"x-amz-checksum-type": "FULL_OBJECT"}
    if algorithm == "crc32c" or content.counted is not None:
        return {"x-amz-checksum-crc32c": _crc32c(content), **kind}
    value = 0
    for piece in _pieces(content):
        value = crc64nvme(bytes(piece)) if not value else _extended(value, piece)
    return {"x-amz-checksum-crc64nvme": b64encode(value.to_bytes(8)).decode(), **kind}


def _pieces(content: Content) -> Iterator[memoryview]:
    return content.between(0, content.size)


def _extended(value: int, piece: memoryview) -> int:
    from azure.storage.extensions.checksums import crc64  # noqa: PLC0415 - beside `crc64nvme`, which imports it so, too

    return int(crc64.compute(bytes(piece), value))


def _elements(checksums: Mapping[str, str]) -> str:
    names = {
        "x-amz-checksum-crc32c": "ChecksumCRC32C",
        "x-amz-checksum-crc64nvme": "ChecksumCRC64NVME",
        "x-amz-checksum-type": "ChecksumType",
    }
    return "".join(f"<{names[name]}>{value}</{names[name]}>" for name, value in checksums.items())


def _xml(text: str, status: int = 200) -> Answer:
    return Answer(status, _XML, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode())


def _error(status: int, code: str) -> Answer:
    return _xml(f"<Error><Code>{code}</Code><Message>{code}</Message></Error>", status)
