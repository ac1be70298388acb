"""The calls of Azure Blob Storage that the measured programs make.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from bench.stores.content import Content, Stored, joined
from bench.stores.shelf import Call, Shelf, called, generated, http_date, sent
from bench.stores.wire import ADMIN, Answer, Request

_META = "x-ms-meta-"
_KEPT = ("content-type", "content-encoding", "content-language", "content-disposition", "cache-control", "content-md5")
_BLOCK = re.compile(r"<(?:Latest|Uncommitted|Committed)>([^<]+)</")
_XML = {"Content-Type": "application/xml"}
_VERSION = {"x-ms-version": "2025-05-05", "x-ms-request-id": "0"}


class Azure:
    """Answers requests in Blob Storage's way; the account's name begins every path, as with Azurite.

    Args:
        shelf: Where the blobs are.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._of_objects = (
            Call("PUT", "blockid", "Put Block", self._put_block),
            Call("PUT", "comp", "Put Block List", self._commit),
            Call("PUT", "x-ms-copy-source", "Copy Blob", self._copy),
            Call("PUT", "", "Put Blob", self._put),
            Call("GET", "blocklisttype", "Get Block List", self._blocks),
            Call("GET", "comp", "Get Blob Tags", lambda *_: _xml("<Tags><TagSet></TagSet></Tags>")),
            Call("GET", "", "Get Blob", self._read),
            Call("HEAD", "", "Get Blob Properties", self._read),
            Call("DELETE", "", "Delete Blob", self._delete),
        )
        self._of_buckets = (
            Call("PUT", "", "Create Container", self._create),
            Call("GET", "comp", "List Blobs", self._list),
            Call("GET", "", "Get Container Properties", self._known),
            Call("HEAD", "", "Get Container Properties", self._known),
        )

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        if request.path.startswith(ADMIN):
            if request.path == f"{ADMIN}generate":
                bucket, key = request.query["bucket"], request.query["key"]
                self._shelf.keep(bucket, key, self._version(generated(request), {}))
                return Answer()
            return self._shelf.administer(request)
        _, _account, *rest = request.path.split("/", 3)
        bucket, key = (*rest, "", "")[:2]
        name, answer = called(self._of_objects if key else self._of_buckets, request, bucket, key)
        self._shelf.counts[name] += 1
        self._shelf.received += request.content.size
        if answer.pieces is not None and request.method == "GET":
            self._shelf.sent += answer.length or 0
        return answer

    def _create(self, bucket: str, _key: str, _request: Request) -> Answer:
        if bucket in self._shelf.buckets:
            return _error(409, "ContainerAlreadyExists")
        self._shelf.buckets[bucket] = {}
        return Answer(201, _VERSION)

    def _known(self, bucket: str, _key: str, _request: Request) -> Answer:
        if bucket not in self._shelf.buckets:
            return _error(404, "ContainerNotFound")
        return Answer(200, {**_VERSION, "ETag": '"0"', "Last-Modified": http_date(0)})

    def _list(self, bucket: str, _key: str, request: Request) -> Answer:
        query = request.query
        if bucket not in self._shelf.buckets:
            return _error(404, "ContainerNotFound")
        limit = int(query.get("maxresults") or 5000)
        page = self._shelf.listed(
            bucket, query.get("prefix", ""), query.get("delimiter", ""), query.get("marker", ""), limit
        )
        rows = [self._row(bucket, key) for key in page.keys]
        rows += [f"<BlobPrefix><Name>{escape(each)}</Name></BlobPrefix>" for each in page.prefixes]
        marker = escape(page.last) if page.more else ""
        return _xml(
            f'<EnumerationResults ContainerName="{bucket}"><Blobs>{"".join(rows)}</Blobs>'
            f"<NextMarker>{marker}</NextMarker></EnumerationResults>"
        )

    def _row(self, bucket: str, key: str) -> str:
        stored = self._shelf.buckets[bucket][key]
        md5 = stored.headers.get("content-md5", "")
        meta = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in stored.user.items())
        return (
            f"<Blob><Name>{escape(key)}</Name><Properties><Last-Modified>{http_date(stored.modified)}</Last-Modified>"
            f"<Etag>{stored.etag}</Etag><Content-Length>{stored.content.size}</Content-Length>"
            f"<Content-Type>{stored.headers.get('content-type', '')}</Content-Type><Content-MD5>{md5}</Content-MD5>"
            f"<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier></Properties><Metadata>{meta}</Metadata></Blob>"
        )

    # --- blobs ------------------------------------------------------------------------------------------------------

    def _delete(self, bucket: str, key: str, request: Request) -> Answer:
        if (refusal := self._refused(bucket, key, request)) is not None:
            return refusal
        if self._shelf.buckets[bucket].pop(key, None) is None:
            return _error(404, "BlobNotFound")
        return Answer(202, _VERSION)

    def _read(self, bucket: str, key: str, request: Request) -> Answer:
        stored = self._shelf.find(bucket, key)
        if stored is None:
            return _error(404, "BlobNotFound")
        wanted = request.headers.get("if-match", "*")
        if wanted not in ("*", stored.etag):
            return _error(412, "ConditionNotMet")
        headers = {"ETag": stored.etag, "Last-Modified": http_date(stored.modified), **stored.headers, **_VERSION}
        headers |= {f"{_META}{name}": value for name, value in stored.user.items()}
        headers |= {"x-ms-blob-type": "BlockBlob", "x-ms-creation-time": http_date(stored.modified)}
        return sent(stored, request, headers)

    def _put(self, bucket: str, key: str, request: Request) -> Answer:
        if (refusal := self._refused(bucket, key, request)) is not None:
            return refusal
        content = request.content
        sent_md5 = request.headers.get("content-md5")
        md5 = ""
        if content.counted is None and content.size <= self._shelf.summed:
            md5 = b64encode(content.md5).decode()
            if sent_md5 is not None and sent_md5 != md5:
                return _error(400, "Md5Mismatch")
        stored = self._version(content, request.headers, md5)
        self._shelf.keep(bucket, key, stored)
        told = {"ETag": stored.etag, "Last-Modified": http_date(stored.modified), **_VERSION}
        return Answer(201, told | ({"Content-MD5": md5} if md5 else {}))

    def _copy(self, bucket: str, key: str, request: Request) -> Answer:
        if (refusal := self._refused(bucket, key, request)) is not None:
            return refusal
        path = unquote(urlsplit(request.headers["x-ms-copy-source"]).path)
        _, _account, from_bucket, from_key = path.split("/", 3)
        source = self._shelf.find(from_bucket, from_key)
        if source is None:
            return _error(404, "CannotVerifyCopySource")
        if request.headers.get("x-ms-source-if-match", source.etag) != source.etag:
            return _error(412, "SourceConditionNotMet")
        stored = self._version(source.content, request.headers)
        stored.headers = {**source.headers, **stored.headers}
        stored.user, stored.parts = stored.user or source.user, source.parts
        self._shelf.keep(bucket, key, stored)
        told = {"ETag": stored.etag, "Last-Modified": http_date(stored.modified), "x-ms-copy-status": "success"}
        return Answer(202, {**told, "x-ms-copy-id": "0", **_VERSION})

    def _refused(self, bucket: str, key: str, request: Request) -> Answer | None:
        if bucket not in self._shelf.buckets:
            return _error(404, "ContainerNotFound")
        stored = self._shelf.find(bucket, key)
        if request.headers.get("if-none-match") == "*" and stored is not None:
            return _error(409, "BlobAlreadyExists")
        wanted = request.headers.get("if-match")
        if wanted and (stored is None or wanted not in ("*", stored.etag)):
            return _error(412, "ConditionNotMet")
        return None

    def _version(self, content: Content, headers: Mapping[str, str], md5: str = "") -> Stored:
        generation = self._shelf.next_generation()
        kept = {name: headers[f"x-ms-blob-{name}"] for name in _KEPT if f"x-ms-blob-{name}" in headers}
        if md5:
            kept.setdefault("content-md5", md5)
        kept.setdefault("content-type", headers.get("content-type", "application/octet-stream"))
        return Stored(
            content,
            f'"0x{generation:X}"',
            generation,
            self._shelf.clock(),
            kept,
            {name.removeprefix(_META): value for name, value in headers.items() if name.startswith(_META)},
        )

    # --- blocks -----------------------------------------------------------------------------------------------------

    def _put_block(self, bucket: str, key: str, request: Request) -> Answer:
        if bucket not in self._shelf.buckets:
            return _error(404, "ContainerNotFound")
        content = request.content
        if "x-ms-copy-source" in request.headers:
            found = self._source(request)
            if isinstance(found, Answer):
                return found
            content = found
        told: dict[str, str] = dict(_VERSION)
        if sent_md5 := request.headers.get("content-md5"):
            told["Content-MD5"] = b64encode(content.md5).decode()
            if told["Content-MD5"] != sent_md5:
                return _error(400, "Md5Mismatch")
        if sent_crc := request.headers.get("x-ms-content-crc64"):
            told["x-ms-content-crc64"] = _crc64(content)
            if told["x-ms-content-crc64"] != sent_crc:
                return _error(400, "Crc64Mismatch")
        waiting = self._shelf.uploads.setdefault(f"{bucket}/{key}", {})
        waiting[request.query["blockid"]] = Stored(content, "", 0, 0)
        return Answer(201, told)

    def _source(self, request: Request) -> Content | Answer:
        """Return what a block is to be taken from, which must be in this very store."""
        place = urlsplit(request.headers["x-ms-copy-source"])
        if place.netloc != request.headers.get("host"):
            return _error(403, "CannotVerifyCopySource")
        _, _account, bucket, key = unquote(place.path).split("/", 3)
        stored = self._shelf.find(bucket, key)
        if stored is None:
            return _error(404, "CannotVerifyCopySource")
        if request.headers.get("x-ms-source-if-match", stored.etag) != stored.etag:
            return _error(412, "SourceConditionNotMet")
        first, last = request.headers["x-ms-source-range"].removeprefix("bytes=").split("-")
        return Content(tuple(stored.content.between(int(first), int(last) + 1)))

    def _commit(self, bucket: str, key: str, request: Request) -> Answer:
        if (refusal := self._refused(bucket, key, request)) is not None:
            return refusal
        waiting = self._shelf.uploads.get(f"{bucket}/{key}", {})
        names = _BLOCK.findall(request.body.decode())
        if any(name not in waiting for name in names):
            return _error(400, "InvalidBlockList")
        contents = [waiting[name].content for name in names]
        stored = self._version(joined(contents), request.headers)
        stored.parts = [(name, content.size) for name, content in zip(names, contents, strict=True)]
        self._shelf.keep(bucket, key, stored)
        self._shelf.uploads.pop(f"{bucket}/{key}", None)  # the service drops what was not listed, too
        return Answer(201, {"ETag": stored.etag, "Last-Modified": http_date(stored.modified), **_VERSION})

    def _blocks(self, bucket: str, key: str, request: Request) -> Answer:
        stored = self._shelf.find(bucket, key)
        waiting = self._shelf.uploads.get(f"{bucket}/{key}", {})
        if stored is None and not waiting:
            return _error(404, "BlobNotFound")
        kind = request.query.get("blocklisttype", "committed")
        committed = stored.parts if stored else ()
        lists = {
            "committed": [(name, size) for name, size in committed],
            "uncommitted": [(str(name), part.content.size) for name, part in waiting.items()],
        }
        told = "".join(
            f"<{name.title()}Blocks>"
            + "".join(f"<Block><Name>{each}</Name><Size>{size}</Size></Block>" for each, size in blocks)
            + f"</{name.title()}Blocks>"
            for name, blocks in lists.items()
            if kind in (name, "all")
        )
        headers = {"ETag": stored.etag, "Last-Modified": http_date(stored.modified)} if stored else {}
        answer = _xml(f"<BlockList>{told}</BlockList>")
        return Answer(200, {**answer.headers, **headers, **_VERSION}, answer.body)


def _crc64(content: Content) -> str:
    from azure.storage.extensions.checksums import crc64  # noqa: PLC0415 - only some programs send one

    value = 0
    for piece in content.between(0, content.size):
        value = int(crc64.compute(bytes(piece), value))
    return b64encode(value.to_bytes(8, "little")).decode()


def _xml(text: str, status: int = 200) -> Answer:
    return Answer(status, _XML, f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode())


def _error(status: int, code: str) -> Answer:
    answer = _xml(f"<Error><Code>{code}</Code><Message>{code}</Message></Error>", status)
    return Answer(status, {**answer.headers, **_VERSION, "x-ms-error-code": code}, answer.body)
