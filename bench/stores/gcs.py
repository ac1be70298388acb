"""The calls of Cloud Storage's JSON API that the measured programs make.

https://cloud.google.com/storage/docs/json_api/v1
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote
from uuid import uuid4

from bench.stores.content import Content, Stored, joined
from bench.stores.shelf import Call, Shelf, called, generated, http_date, sent
from bench.stores.wire import ADMIN, Answer, Request

_JSON = {"Content-Type": "application/json; charset=UTF-8"}
_FIELDS = {
    "contentType": "content-type",
    "contentEncoding": "content-encoding",
    "contentLanguage": "content-language",
    "contentDisposition": "content-disposition",
    "cacheControl": "cache-control",
}
_PATH = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o/([^?]+)")
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


class Gcs:
    """Answers requests in Cloud Storage's way.

    Args:
        shelf: Where the objects are.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._host = ""
        self._of_objects = (
            Call("GET", "", "objects.get", self._show),
            Call("DELETE", "", "objects.delete", self._delete),
            Call("PATCH", "", "objects.patch", self._patch),
            Call("PUT", "", "objects.update", self._patch),
        )
        self._of_buckets = (
            Call("POST", "", "buckets.insert", self._create),
            Call("GET", "", "buckets.get", self._known),
        )

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        path = request.target.partition("?")[0]
        self._host = request.headers.get("host", "")
        if path.startswith(ADMIN):
            if path == f"{ADMIN}generate":
                self._keep(request.query["bucket"], request.query["key"], generated(request), {})
                return Answer()
            return self._shelf.administer(request)
        name, answer = self._upload(request, path) if path.startswith("/upload/") else self._call(request, path)
        self._shelf.counts[name] += 1
        self._shelf.received += request.content.size
        if answer.pieces is not None:
            self._shelf.sent += answer.length or 0
        return answer

    def _call(self, request: Request, path: str) -> tuple[str, Answer]:
        if not path.startswith(("/storage/", "/download/")):
            _, bucket, key = unquote(path).split("/", 2)
            return "GET object (XML)", self._read_xml(bucket, key, request)
        if (found := _PATH.fullmatch(path)) is None:
            bucket = unquote(path.removeprefix("/storage/v1/b").strip("/").partition("/")[0])
            if path.endswith("/o"):
                return "objects.list", self._list(bucket, request.query)
            return called(self._of_buckets, request, bucket)
        bucket, rest = unquote(found[1]), found[2]
        if request.method == "POST":
            return self._made(bucket, rest, request)
        if request.query.get("alt") == "media":
            return "objects.get media", self._read(bucket, unquote(rest), request)
        return called(self._of_objects, request, bucket, unquote(rest))

    def _made(self, bucket: str, rest: str, request: Request) -> tuple[str, Answer]:
        if rest.endswith("/compose"):
            return "objects.compose", self._compose(bucket, unquote(rest.removesuffix("/compose")), request)
        return "objects.rewrite", self._rewrite(bucket, rest, request)

    def _create(self, _bucket: str, _key: str, request: Request) -> Answer:
        self._shelf.buckets.setdefault(json.loads(request.body)["name"], {})
        return _json({})

    def _known(self, bucket: str, _key: str, _request: Request) -> Answer:
        known = bucket in self._shelf.buckets
        return _json({"name": bucket, "kind": "storage#bucket"}) if known else _error(404, "no bucket")

    def _show(self, bucket: str, key: str, request: Request) -> Answer:
        stored = self._present(bucket, key, request.query)
        return stored if isinstance(stored, Answer) else _json(self._resource(bucket, key, stored))

    def _delete(self, bucket: str, key: str, request: Request) -> Answer:
        stored = self._present(bucket, key, request.query)
        if isinstance(stored, Answer):
            return stored
        del self._shelf.buckets[bucket][key]
        return Answer(204)

    def _patch(self, bucket: str, key: str, request: Request) -> Answer:
        stored = self._present(bucket, key, request.query)
        if isinstance(stored, Answer):
            return stored
        patched = replace(stored, user=json.loads(request.body).get("metadata") or {})
        self._shelf.keep(bucket, key, patched)
        return _json(self._resource(bucket, key, patched))

    def _present(self, bucket: str, key: str, query: Mapping[str, str]) -> Stored | Answer:
        stored = self._shelf.find(bucket, key)
        if stored is None or query.get("generation", str(stored.generation)) != str(stored.generation):
            return _error(404, f"No such object: {bucket}/{key}")
        if query.get("ifGenerationMatch", str(stored.generation)) != str(stored.generation):
            return _error(412, "conditionNotMet")
        return stored

    def _read(self, bucket: str, key: str, request: Request) -> Answer:
        stored = self._present(bucket, key, request.query)
        if isinstance(stored, Answer):
            return stored
        hashes = f"crc32c={_crc32c(stored)}"
        headers = {**stored.headers, "X-Goog-Generation": str(stored.generation), "X-Goog-Hash": hashes}
        headers |= {
            "ETag": stored.etag,
            "X-Goog-Stored-Content-Length": str(stored.content.size),
            "X-Goog-Metageneration": "1",
        }
        return sent(stored, request, headers)

    def _read_xml(self, bucket: str, key: str, request: Request) -> Answer:
        stored = self._shelf.find(bucket, key)
        if stored is None:
            return Answer(404, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchKey</Code></Error>")
        wanted = request.headers.get("x-goog-if-generation-match", str(stored.generation))
        if wanted != str(stored.generation):
            return Answer(412, {"Content-Type": "application/xml"}, b"<Error><Code>PreconditionFailed</Code></Error>")
        md5 = f",md5={stored.checksums['md5Hash']}" if "md5Hash" in stored.checksums else ""
        headers = {
            **stored.headers,
            **{f"x-goog-meta-{name}": value for name, value in stored.user.items()},
            "ETag": f'"{stored.etag}"',
            "Last-Modified": http_date(stored.modified),
            "x-goog-generation": str(stored.generation),
            "x-goog-metageneration": "1",
            "x-goog-hash": f"crc32c={_crc32c(stored)}{md5}",
            "x-goog-stored-content-length": str(stored.content.size),
            "x-goog-stored-content-encoding": stored.headers.get("content-encoding", "identity"),
        }
        return sent(stored, request, headers)

    def _list(self, bucket: str, query: Mapping[str, str]) -> Answer:
        if bucket not in self._shelf.buckets:
            return _error(404, "The specified bucket does not exist.")
        page = self._shelf.listed(
            bucket,
            query.get("prefix", ""),
            query.get("delimiter", ""),
            query.get("pageToken", ""),
            int(query.get("maxResults") or 1000),
        )
        items = [self._resource(bucket, key, self._shelf.buckets[bucket][key]) for key in page.keys]
        told: dict[str, Any] = {"kind": "storage#objects", "items": items, "prefixes": page.prefixes}
        return _json(told | ({"nextPageToken": page.last} if page.more else {}))

    # --- writing ----------------------------------------------------------------------------------------------------

    def _upload(self, request: Request, path: str) -> tuple[str, Answer]:
        query = request.query
        if "upload_id" in query:
            return "objects.insert (chunk)", self._chunk(request, query["upload_id"])
        bucket = unquote(path.removeprefix("/upload/storage/v1/b/").partition("/")[0])
        match query.get("uploadType"):
            case "resumable":
                upload = uuid4().hex
                self._shelf.begun[upload] = request
                self._shelf.uploads[upload] = {}
                name = f"&name={quote(query['name'])}" if "name" in query else ""
                place = f"http://{request.headers['host']}{path}?uploadType=resumable&upload_id={upload}{name}"
                return "objects.insert (begin)", Answer(200, {"Location": place, **_JSON}, b"{}")
            case "multipart":
                resource, content = _related(request)
            case _:
                resource, content = {"contentType": request.headers.get("content-type")}, request.content
        key = query.get("name") or str(resource.get("name"))
        return "objects.insert", self._insert(bucket, key, content, resource, query)

    def _chunk(self, request: Request, upload: str) -> Answer:
        begun, parts = self._shelf.begun[upload], self._shelf.uploads[upload]
        parts[len(parts)] = Stored(request.content, "", 0, 0)
        contents = [part.content for _, part in sorted(parts.items())]
        found = _RANGE.fullmatch(request.headers.get("content-range", ""))
        if found is not None and found[3] == "*":
            headers = {"Range": f"bytes=0-{sum(each.size for each in contents) - 1}"}
            if request.headers.get("x-guploader-no-308"):
                return Answer(200, {**headers, "X-Http-Status-Code-Override": "308"})
            return Answer(308, headers)
        resource = json.loads(begun.body or b"{}")
        bucket = unquote(begun.target.partition("?")[0].removeprefix("/upload/storage/v1/b/").partition("/")[0])
        key = begun.query.get("name") or str(resource["name"])
        del self._shelf.uploads[upload]
        return self._insert(bucket, key, joined(contents), resource, begun.query)

    def _insert(
        self, bucket: str, key: str, content: Content, resource: Mapping[str, Any], query: Mapping[str, str]
    ) -> Answer:
        if (refusal := self._refused(bucket, key, query)) is not None:
            return refusal
        if (crc := resource.get("crc32c")) and crc != b64encode(content.crc32c.to_bytes(4)).decode():
            return _error(400, "Provided CRC32C does not match")
        if (md5 := resource.get("md5Hash")) and md5 != b64encode(content.md5).decode():
            return _error(400, "Provided MD5 hash does not match")
        return _json(self._resource(bucket, key, self._keep(bucket, key, content, resource)))

    def _refused(self, bucket: str, key: str, query: Mapping[str, str]) -> Answer | None:
        if bucket not in self._shelf.buckets:
            return _error(404, "The specified bucket does not exist.")
        wanted = query.get("ifGenerationMatch")
        stored = self._shelf.find(bucket, key)
        if wanted is not None and wanted != str(stored.generation if stored else 0):
            return _error(412, "conditionNotMet")
        return None

    def _keep(
        self, bucket: str, key: str, content: Content, resource: Mapping[str, Any], *, composed: int = 0
    ) -> Stored:
        generation = self._shelf.next_generation()
        # Cloud Storage keeps no MD5 of composed objects; of large ones it would cost more here than all the rest.
        whole = not composed and content.counted is None and content.size <= self._shelf.summed
        stored = Stored(
            content,
            f"{generation:x}",
            generation,
            self._shelf.clock(),
            {header: str(resource[name]) for name, header in _FIELDS.items() if resource.get(name)},
            dict(resource.get("metadata") or {}),
            checksums={"md5Hash": b64encode(content.md5).decode()} if whole else {},
            parts=[("", composed)] if composed else (),
        )
        self._shelf.keep(bucket, key, stored)
        return stored

    def _compose(self, bucket: str, key: str, request: Request) -> Answer:
        if (refusal := self._refused(bucket, key, request.query)) is not None:
            return refusal
        asked = json.loads(request.body)
        sources: list[Stored] = []
        for each in asked["sourceObjects"]:
            query = {"generation": str(each["generation"])} if "generation" in each else {}
            if (wanted := each.get("objectPreconditions", {}).get("ifGenerationMatch")) is not None:
                query["ifGenerationMatch"] = str(wanted)
            found = self._present(bucket, each["name"], query)
            if isinstance(found, Answer):
                return found
            sources.append(found)
        count = sum(each.parts[0][1] if each.parts else 1 for each in sources)
        content = joined([each.content for each in sources])
        stored = self._keep(bucket, key, content, asked.get("destination") or {}, composed=count)
        return _json(self._resource(bucket, key, stored))

    def _rewrite(self, bucket: str, rest: str, request: Request) -> Answer:
        source_key, _, target = rest.replace("/copyTo/", "/rewriteTo/").partition("/rewriteTo/b/")
        to_bucket, _, to_key = target.partition("/o/")
        query = dict(request.query)
        asked = {"generation": query["sourceGeneration"]} if "sourceGeneration" in query else {}
        if "ifSourceGenerationMatch" in query:
            asked["ifGenerationMatch"] = query["ifSourceGenerationMatch"]
        source = self._present(bucket, unquote(source_key), asked)
        if isinstance(source, Answer):
            return source
        to_bucket, to_key = unquote(to_bucket), unquote(to_key)
        if (refusal := self._refused(to_bucket, to_key, query)) is not None:
            return refusal
        resource = json.loads(request.body or b"{}") or self._resource(bucket, unquote(source_key), source)
        stored = self._keep(to_bucket, to_key, source.content, resource)
        told = self._resource(to_bucket, to_key, stored)
        if "/copyTo/" in rest:
            return _json(told)
        size = str(source.content.size)
        return _json({"kind": "storage#rewriteResponse", "done": True, "resource": told} | dict.fromkeys(
            ("totalBytesRewritten", "objectSize"), size
        ))  # fmt: skip

    def _resource(self, bucket: str, key: str, stored: Stored) -> dict[str, Any]:
        time = datetime.fromtimestamp(stored.modified, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        composed = {"componentCount": stored.parts[0][1]} if stored.parts else {}
        return {
            "kind": "storage#object",
            "id": f"{bucket}/{key}/{stored.generation}",
            "name": key,
            "bucket": bucket,
            "generation": str(stored.generation),
            "metageneration": "1",
            "storageClass": "STANDARD",
            "size": str(stored.content.size),
            "crc32c": _crc32c(stored),
            "etag": stored.etag,
            "timeCreated": time,
            "updated": time,
            "metadata": dict(stored.user),
            "mediaLink": f"http://{self._host}/download/storage/v1/b/{bucket}/o/{quote(key, safe='')}?alt=media",
            **{name: stored.headers[header] for name, header in _FIELDS.items() if header in stored.headers},
            **stored.checksums,
            **composed,
        }


def _crc32c(stored: Stored) -> str:
    return b64encode(stored.content.crc32c.to_bytes(4)).decode()


def _related(request: Request) -> tuple[Mapping[str, Any], Content]:
    """Return the resource and the bytes of a `multipart/related` body, which is in one piece."""
    boundary = request.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    whole = request.content.pieces[0]
    start = bytes(whole[: 64 * 1024])
    first = start.index(b"\r\n\r\n") + 4
    second = start.index(b"\r\n--" + boundary, first)
    media = start.index(b"\r\n\r\n", second) + 4
    end = len(whole) - len(b"\r\n--" + boundary + b"--")
    tail = bytes(whole[max(media, end - 8) :])
    end = max(media, end - 8) + tail.index(b"\r\n--" + boundary + b"--")
    pieces = (whole[media:end],) if end > media else ()
    resource = json.loads(start[first:second])
    kind = re.search(rb"content-type:\s*([^\r\n]+)", start[second:media], re.IGNORECASE)
    if kind and "contentType" not in resource:
        resource["contentType"] = kind[1].decode()
    return resource, Content(pieces)


def _json(value: object) -> Answer:
    return Answer(200, _JSON, json.dumps(value).encode())


def _error(status: int, message: str) -> Answer:
    told = {"error": {"code": status, "message": message, "errors": [{"message": message, "reason": message}]}}
    return Answer(status, _JSON, json.dumps(told).encode())
