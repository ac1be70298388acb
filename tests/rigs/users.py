"""Users of the three clouds: they write and look with the clouds' own SDKs, and share no code with tradewind."""

from __future__ import annotations

import base64
import email.header
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import boto3
import google_crc32c
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import ContainerClient, ContentSettings
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as a user finds it."""

    body: bytes
    content_type: str
    metadata: Mapping[str, str]
    """As the user wrote it: each cloud's spelling of what it cannot carry is undone."""
    version: str
    """Another one after every write, of the same bytes, too."""


class User(Protocol):
    """Somebody who uses one site."""

    def put(
        self, key: str, body: bytes, metadata: Mapping[str, str] = ..., content_type: str = "application/x-model"
    ) -> None:
        """Write an object, without any condition."""

    def look(self, key: str) -> Seen | None:
        """Return an object, or None if it does not exist."""

    def delete(self, key: str) -> None:
        """Delete an object."""

    def keys(self) -> set[str]:
        """Return every key of the bucket."""


@dataclass
class S3User:
    """Uses S3.

    Args:
        endpoint: Address of the service.
        bucket: Name of the bucket.
    """

    endpoint: str
    bucket: str
    _client: Any = field(init=False)

    def __post_init__(self) -> None:
        self._client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="somebody",
            aws_secret_access_key="else",
            config=Config(s3={"addressing_style": "path"}),
        )

    @contextmanager
    def announcing_nothing(self) -> Iterator[None]:
        """Have the bucket announce nothing for a while, as after somebody replaced its configuration."""
        found = self._client.get_bucket_notification_configuration(Bucket=self.bucket)
        known = {name: value for name, value in found.items() if name != "ResponseMetadata"}
        self._client.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration={})
        try:
            yield
        finally:
            self._client.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration=known)

    def put(
        self,
        key: str,
        body: bytes,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "application/x-model",
    ) -> None:
        """Write an object."""
        spelled = {name: _encoded(value) for name, value in (metadata or {}).items()}
        self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, Metadata=spelled)

    def restore(self, key: str, seen: Seen, body: bytes, metadata: Mapping[str, str]) -> None:
        """Write an object as a backup does that keeps checksums of the kind that the object had, here CRC32C."""
        checksum = base64.b64encode(google_crc32c.value(body).to_bytes(4, "big")).decode()
        spelled = {name: _encoded(value) for name, value in metadata.items()}
        self._client.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body,
            ContentType=seen.content_type,
            Metadata=spelled,
            ChecksumAlgorithm="CRC32C",
            ChecksumCRC32C=checksum,
        )

    def put_in_parts(self, key: str, body: bytes, *, part_size: int) -> None:
        """Write an object as boto3 writes large files: in parts, with its default checksums."""
        transfer = TransferConfig(multipart_threshold=part_size, multipart_chunksize=part_size)
        self._client.upload_fileobj(io.BytesIO(body), self.bucket, key, Config=transfer)

    def look(self, key: str) -> Seen | None:
        """Return an object."""
        try:
            found = self._client.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        metadata = {_named(name): _decoded(value) for name, value in found["Metadata"].items()}
        return Seen(found["Body"].read(), found["ContentType"], metadata, f"{found['ETag']} {found['LastModified']}")

    def delete(self, key: str) -> None:
        """Delete an object."""
        self._client.delete_object(Bucket=self.bucket, Key=key)

    def keys(self) -> set[str]:
        """Return every key."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {item["Key"] for page in pages for item in page.get("Contents", [])}


@dataclass
class GcsUser:
    """Uses Cloud Storage.

    Args:
        endpoint: Address of the service.
        bucket: Name of the bucket.
    """

    endpoint: str
    bucket: str
    _bucket: Any = field(init=False)

    def __post_init__(self) -> None:
        client: Any = storage.Client(
            project="somebody",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self.endpoint},
        )
        self._bucket = client.bucket(self.bucket)

    def put(
        self,
        key: str,
        body: bytes,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "application/x-model",
    ) -> None:
        """Write an object."""
        blob = self._bucket.blob(key)
        blob.metadata = dict(metadata or {})
        blob.upload_from_string(body, content_type=content_type)

    def patch(self, key: str, metadata: Mapping[str, str]) -> None:
        """Change an object's metadata and not its bytes."""
        blob = self._bucket.get_blob(key)
        blob.metadata = dict(metadata)
        blob.patch()

    def look(self, key: str) -> Seen | None:
        """Return an object."""
        blob = self._bucket.get_blob(key)
        if blob is None:
            return None
        try:
            body = blob.download_as_bytes(raw_download=True)
        except NotFound:  # deleted between the two requests
            return None
        return Seen(body, blob.content_type, blob.metadata or {}, f"{blob.generation}")

    def delete(self, key: str) -> None:
        """Delete an object."""
        self._bucket.blob(key).delete()

    def keys(self) -> set[str]:
        """Return every key."""
        return {blob.name for blob in self._bucket.list_blobs()}


@dataclass
class AzureUser:
    """Uses Blob Storage.

    Args:
        endpoint: Address of the account.
        bucket: Name of the container.
        account_key: Of the account.
    """

    endpoint: str
    bucket: str
    account_key: str
    _container: ContainerClient = field(init=False)

    def __post_init__(self) -> None:
        self._container = ContainerClient(self.endpoint, self.bucket, credential=self.account_key)

    def put(
        self,
        key: str,
        body: bytes,
        metadata: Mapping[str, str] | None = None,
        content_type: str = "application/x-model",
    ) -> None:
        """Write an object."""
        spelled = {name: _encoded(value) for name, value in (metadata or {}).items()}
        settings = ContentSettings(content_type=content_type)
        self._container.upload_blob(key, body, overwrite=True, metadata=spelled, content_settings=settings)

    def look(self, key: str) -> Seen | None:
        """Return an object."""
        try:
            found = self._container.download_blob(key)
        except ResourceNotFoundError:
            return None
        properties = found.properties
        metadata = {_named(name): _decoded(value) for name, value in (properties.metadata or {}).items()}
        content_type = str(properties.content_settings.content_type)
        return Seen(found.readall(), content_type, metadata, str(properties.etag))

    def delete(self, key: str) -> None:
        """Delete an object."""
        self._container.delete_blob(key)

    def keys(self) -> set[str]:
        """Return every key."""
        return set(self._container.list_blob_names())


def _encoded(value: str) -> str:
    """Spell a value that a header cannot carry as S3's own consoles and SDKs do: as an encoded word."""
    return value if value.isascii() else email.header.Header(value, "utf-8", maxlinelen=0).encode()


def _decoded(value: str) -> str:
    pieces = email.header.decode_header(value)
    return "".join(piece.decode(charset or "ascii") if isinstance(piece, bytes) else piece for piece, charset in pieces)


def _named(name: str) -> str:
    """Undo the spelling of names that a header cannot carry (docs/objects.md)."""
    return re.sub("_x([0-9a-f]{4})_", lambda match: chr(int(match[1], 16)), name.lower())
