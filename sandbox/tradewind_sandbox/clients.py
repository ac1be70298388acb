"""Clients of the sandbox's sites that share no code with tradewind, to upload as users do and to check what arrived.

Each loads its own SDK when it is made: a model server has one cloud, and need not wait for the other two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Client(Protocol):
    """A user of one site."""

    def put(self, key: str, body: bytes) -> None:
        """Write an object, without any condition."""

    def get(self, key: str) -> bytes | None:
        """Return an object's bytes, or None if it does not exist."""

    def delete(self, key: str) -> None:
        """Delete an object."""

    def keys(self, prefix: str) -> set[str]:
        """Return the keys that start with `prefix`."""

    def versions(self, prefix: str) -> dict[str, str]:
        """Return the keys that start with `prefix`, each with what is another after every write of other bytes."""


class _S3:
    def __init__(self, endpoint: Mapping[str, str]) -> None:
        import boto3  # noqa: PLC0415 - see above
        from botocore.config import Config  # noqa: PLC0415 - see above

        self._bucket = endpoint["bucket"]
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint["endpoint_url"],
            region_name=endpoint["region"],
            aws_access_key_id=endpoint["access_key_id"],
            aws_secret_access_key=endpoint["secret_access_key"],
            config=Config(s3={"addressing_style": "path"}),
        )

    def put(self, key: str, body: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes | None:
        try:
            return bytes(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except self._client.exceptions.NoSuchKey:
            return None

    def delete(self, key: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def keys(self, prefix: str) -> set[str]:
        return set(self.versions(prefix))

    def versions(self, prefix: str) -> dict[str, str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return {item["Key"]: item["ETag"].strip('"') for page in pages for item in page.get("Contents", [])}


class _Gcs:
    def __init__(self, endpoint: Mapping[str, str]) -> None:
        from google.api_core.exceptions import NotFound  # noqa: PLC0415 - see above
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - see above
        from google.cloud import storage  # noqa: PLC0415 - see above

        self._absent: type[Exception] = NotFound
        client: Any = storage.Client(
            project=endpoint["project"],
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": endpoint["endpoint_url"]},
        )
        self._bucket: Any = client.bucket(endpoint["bucket"])

    def put(self, key: str, body: bytes) -> None:
        self._bucket.blob(key).upload_from_string(body, content_type="application/octet-stream")

    def get(self, key: str) -> bytes | None:
        try:
            return bytes(self._bucket.blob(key).download_as_bytes(raw_download=True))
        except self._absent:
            return None

    def delete(self, key: str) -> None:
        self._bucket.blob(key).delete()

    def keys(self, prefix: str) -> set[str]:
        return set(self.versions(prefix))

    def versions(self, prefix: str) -> dict[str, str]:
        return {blob.name: str(blob.generation) for blob in self._bucket.list_blobs(prefix=prefix)}


class _Azure:
    def __init__(self, endpoint: Mapping[str, str]) -> None:
        from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - see above
        from azure.storage.blob import BlobServiceClient  # noqa: PLC0415 - see above

        self._absent: type[Exception] = ResourceNotFoundError
        service = BlobServiceClient(endpoint["blob_endpoint"], credential=endpoint["account_key"])
        self._container = service.get_container_client(endpoint["container"])

    def put(self, key: str, body: bytes) -> None:
        self._container.upload_blob(key, body, overwrite=True)

    def get(self, key: str) -> bytes | None:
        try:
            return self._container.download_blob(key).readall()
        except self._absent:
            return None

    def delete(self, key: str) -> None:
        self._container.delete_blob(key)

    def keys(self, prefix: str) -> set[str]:
        return set(self.versions(prefix))

    def versions(self, prefix: str) -> dict[str, str]:
        return {blob.name: blob.etag.strip('"') for blob in self._container.list_blobs(name_starts_with=prefix)}


CLIENTS: Mapping[str, type[_S3 | _Gcs | _Azure]] = {"aws": _S3, "gcp": _Gcs, "azure": _Azure}


def client_of(site: Mapping[str, str]) -> Client:
    """Return a client of a site as `endpoints.json` describes it."""
    return CLIENTS[site["cloud"]](site)
