"""The calls of Cloud Storage's JSON API that uploads in parts are made of.

https://cloud.google.com/storage/docs/json_api/v1/objects
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tradewind.clouds.gcp.errors import translate
from tradewind.clouds.gcp.limits import encode_user
from tradewind.clouds.gcp.states import PLAIN_TYPE
from tradewind.clouds.gcp.wire import GcsWire, json_target
from tradewind.clouds.pieces import Passing
from tradewind.clouds.telling import told
from tradewind.clouds.understood import understood
from tradewind.errors import BucketNotFoundError, NotFoundError
from tradewind.ports import Metadata

_FIELDS = "name,generation,size,crc32c,metadata"


@dataclass(frozen=True, slots=True)
class Resource:
    """What is known of an object that is a part of another."""

    name: str
    generation: str
    size: int
    """Bytes."""
    crc32c: int
    metadata: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Resource:
        """Read an object's resource."""
        return cls(
            name=str(answer["name"]),
            generation=str(answer["generation"]),
            size=int(answer.get("size", 0)),
            crc32c=int.from_bytes(b64decode(answer.get("crc32c", ""))),
            metadata=answer.get("metadata") or {},
        )


def described(metadata: Metadata) -> Mapping[str, Any]:
    """Return what an object's resource says of it; one without a type has the type that a plain write gives it."""
    fields = {
        "contentType": metadata.content_type or PLAIN_TYPE,
        "contentEncoding": metadata.content_encoding,
        "contentLanguage": metadata.content_language,
        "contentDisposition": metadata.content_disposition,
        "cacheControl": metadata.cache_control,
        "metadata": encode_user(metadata),
    }
    return {name: value for name, value in fields.items() if value}


class GcsObjects:
    """The objects of one bucket.

    Args:
        wire: To its endpoint.
        bucket: Its name.
    """

    def __init__(self, wire: GcsWire, bucket: str) -> None:
        self._wire = wire
        self._bucket = bucket

    def uri(self, key: str) -> str:
        """Return how to call an object in an error."""
        return f"gs://{self._bucket}/{told(key)}"

    def upload(self, name: str, body: Passing, subject: str) -> Resource:
        """Write an object, whatever was there."""
        target = json_target(self._bucket, query={"uploadType": "media", "name": name, "fields": _FIELDS}, upload=True)
        try:
            with (
                translate("put a part of", subject),
                self._wire.request(
                    "POST", target, headers={"Content-Type": PLAIN_TYPE}, body=body, size=len(body)
                ) as answer,
                understood("put a part of", subject),
            ):
                return Resource.of(json.loads(answer.read()))
        except NotFoundError as error:
            raise BucketNotFoundError(
                f"There is no bucket gs://{self._bucket}",
                hint="Create it, or correct the site's `bucket` in the fleet file",
            ) from error

    def describe(self, resource: Resource, metadata: Mapping[str, str], subject: str) -> None:
        """Give exactly this object metadata.

        Raises:
            PreconditionFailedError: It was replaced.
            NotFoundError: It is gone.
        """
        target = json_target(
            self._bucket, resource.name, {"ifGenerationMatch": resource.generation, "fields": "generation"}
        )
        self._ask("PATCH", target, "describe a part of", subject, {"metadata": metadata})

    def find(self, name: str, subject: str) -> Resource | None:
        """Return an object's resource, or None if there is none."""
        target = json_target(self._bucket, name, {"fields": _FIELDS})
        with suppress(NotFoundError):
            answer = self._ask("GET", target, "head", subject)
            with understood("head", subject):
                return Resource.of(answer)
        return None

    def compose(
        self,
        name: str,
        sources: Sequence[Resource],
        expect: str,
        subject: str,
        destination: Mapping[str, Any] | None = None,
    ) -> Resource:
        """Join up to 32 objects under a condition, each of exactly the generation that is known of it.

        Raises:
            PreconditionFailedError: The destination or a source is of another generation.
            NotFoundError: A source is gone.
        """
        path, _, query = json_target(self._bucket, name, {"ifGenerationMatch": expect, "fields": _FIELDS}).partition(
            "?"
        )
        named = [{"name": each.name, "objectPreconditions": {"ifGenerationMatch": each.generation}} for each in sources]
        request = {"sourceObjects": named, "destination": destination or {"contentType": PLAIN_TYPE}}
        operation = "join the parts of"
        answer = self._ask("POST", f"{path}/compose?{query}", operation, subject, request)
        with understood(operation, subject):
            return Resource.of(answer)

    def delete(self, resource: Resource, subject: str) -> None:
        """Delete exactly this object, for good even in a bucket with versions; no error if it is gone."""
        target = json_target(self._bucket, resource.name, {"generation": resource.generation})
        with (
            suppress(NotFoundError),
            translate("remove the parts of", subject),
            self._wire.request("DELETE", target) as answer,
        ):
            answer.read()

    def list(self, prefix: str, subject: str) -> Iterator[Resource]:
        """Yield the objects whose names start with `prefix`, in order."""
        page: dict[str, str] = {}
        while True:
            query = {"prefix": prefix, "fields": f"items({_FIELDS}),nextPageToken", **page}
            target = json_target(self._bucket, query=query)
            answer = self._ask("GET", target, "list the parts of", subject)
            with understood("list the parts of", subject):
                listed = [Resource.of(item) for item in answer.get("items", ())]
            yield from listed
            if not (token := answer.get("nextPageToken")):
                return
            page = {"pageToken": token}

    def _ask(
        self, method: str, target: str, operation: str, subject: str, body: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        said = json.dumps(body).encode() if body is not None else b""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        with (
            translate(operation, subject),
            self._wire.request(method, target, headers=headers, body=said) as answer,
            understood(operation, subject),
        ):
            document: Mapping[str, Any] = json.loads(answer.read())
            return document
