"""The calls of Cloud Storage's JSON API that uploads in parts are made of.

https://cloud.google.com/storage/docs/json_api/v1/objects
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tradewind.clouds.gcp.clients import TIMEOUT, GcsClient
from tradewind.clouds.gcp.errors import translate
from tradewind.clouds.gcp.limits import encode_user
from tradewind.clouds.pieces import Passing
from tradewind.errors import BucketNotFoundError, NotFoundError
from tradewind.ports import Metadata

_ASCII_CONTROL = re.compile(r"[\x00-\x1f]")
PLAIN_TYPE = "application/octet-stream"
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
        client: Shared by all of a process.
        bucket: Its name.
    """

    def __init__(self, client: GcsClient, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def uri(self, key: str) -> str:
        """Return how to call an object in an error."""
        return f"gs://{self._bucket}/{_ASCII_CONTROL.sub('?', key)}"

    def upload(self, name: str, body: Passing, subject: str) -> Resource:
        """Write an object, whatever was there."""
        try:
            answer = self._request(
                "POST",
                self._client.url("upload", self._bucket),
                operation="put a part of",
                subject=subject,
                params={"uploadType": "media", "name": name, "fields": _FIELDS},
                data=body,
                headers={"Content-Type": PLAIN_TYPE},
            )
        except NotFoundError as error:
            raise BucketNotFoundError(
                f"There is no bucket gs://{self._bucket}",
                hint="Create it, or correct the site's `bucket` in the fleet file",
            ) from error
        return Resource.of(answer)

    def describe(self, resource: Resource, metadata: Mapping[str, str], subject: str) -> None:
        """Give exactly this object metadata.

        Raises:
            PreconditionFailedError: It was replaced.
            NotFoundError: It is gone.
        """
        self._request(
            "PATCH",
            self._url(resource.name),
            operation="describe a part of",
            subject=subject,
            params={"ifGenerationMatch": resource.generation, "fields": "generation"},
            json={"metadata": metadata},
        )

    def find(self, name: str, subject: str) -> Resource | None:
        """Return an object's resource, or None if there is none."""
        with suppress(NotFoundError):
            return Resource.of(
                self._request("GET", self._url(name), operation="head", subject=subject, params={"fields": _FIELDS})
            )
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
        return Resource.of(
            self._request(
                "POST",
                f"{self._url(name)}/compose",
                operation="join the parts of",
                subject=subject,
                params={"ifGenerationMatch": expect, "fields": _FIELDS},
                json={
                    "sourceObjects": [
                        {"name": each.name, "objectPreconditions": {"ifGenerationMatch": each.generation}}
                        for each in sources
                    ],
                    "destination": destination or {"contentType": PLAIN_TYPE},
                },
            )
        )

    def delete(self, resource: Resource, subject: str) -> None:
        """Delete exactly this object, for good even in a bucket with versions; no error if it is gone."""
        with suppress(NotFoundError):
            self._request(
                "DELETE",
                self._url(resource.name),
                operation="remove the parts of",
                subject=subject,
                params={"generation": resource.generation},
            )

    def list(self, prefix: str, subject: str) -> Iterator[Resource]:
        """Yield the objects whose names start with `prefix`, in order."""
        page: dict[str, str] = {}
        while True:
            answer = self._request(
                "GET",
                self._url(),
                operation="list the parts of",
                subject=subject,
                params={"prefix": prefix, "fields": f"items({_FIELDS}),nextPageToken", **page},
            )
            yield from map(Resource.of, answer.get("items", ()))
            if not (token := answer.get("nextPageToken")):
                return
            page = {"pageToken": token}

    def _url(self, name: str | None = None) -> str:
        url = f"{self._client.endpoint}/storage/v1/b/{quote(self._bucket, safe='')}/o"
        return url if name is None else f"{url}/{quote(name, safe='')}"

    def _request(self, method: str, url: str, *, operation: str, subject: str, **request: Any) -> Mapping[str, Any]:  # noqa: ANN401 - of requests
        with translate(operation, subject):
            response = self._client.session.request(method, url, timeout=TIMEOUT, **request)
            if not response.ok:
                from google.api_core.exceptions import from_http_response  # noqa: PLC0415 - loaded with the client

                raise from_http_response(response)
            answer: Mapping[str, Any] = response.json() if response.content else {}
        return answer
