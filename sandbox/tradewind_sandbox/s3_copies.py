"""Copies inside moto as S3 makes them: only where their conditions hold, and with the checksums that were asked for."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import unquote, urlsplit

import google_crc32c
from azure.storage.extensions.checksums import crc64
from moto.s3 import models, responses, utils
from moto.s3.exceptions import MissingKey, PreconditionFailed
from moto.s3.responses import S3Response

_SOURCE = "x-amz-copy-source"
_plain = utils.compute_checksum


def copy_as_s3_does() -> None:
    """Let moto keep the conditions of a copy, and compute CRC-32C and CRC-64/NVME, for which it lacks libraries."""
    whole, part = S3Response.copy_object, S3Response.upload_part_copy

    def copy_object(self: S3Response) -> Any:  # noqa: ANN401 - moto's
        _require_source(self)
        require_target(self)
        return whole(self)

    def upload_part_copy(self: S3Response) -> Any:  # noqa: ANN401 - moto's
        _require_source(self)
        return part(self)

    S3Response.copy_object = copy_object  # type: ignore[method-assign]  # it is what is meant
    S3Response.upload_part_copy = upload_part_copy  # type: ignore[method-assign]  # likewise
    for module in (models, responses):
        module.compute_checksum = checksum  # type: ignore[attr-defined]  # both have imported it by name


def checksum(body: bytes, algorithm: str, encode_base64: bool = True) -> bytes:  # noqa: FBT001, FBT002 - moto's
    """Return a checksum as S3 spells it."""
    match algorithm:
        case "CRC32C":
            digest = google_crc32c.value(body).to_bytes(4)
        case "CRC64NVME":
            digest = crc64.compute(body, 0).to_bytes(8)
        case _:
            return _plain(body, algorithm, encode_base64)
    return b64encode(digest) if encode_base64 else digest


def _require_source(request: S3Response) -> None:
    wanted = request.headers.get(f"{_SOURCE}-if-match")
    bucket, _, key = unquote(urlsplit(str(request.headers[_SOURCE])).path).lstrip("/").partition("/")
    source = request.backend.get_object(bucket, key)
    if source is None:
        raise MissingKey(key=key)
    if wanted and wanted.strip('"') != source.etag.strip('"'):
        raise PreconditionFailed(f"{_SOURCE}-If-Match")


def require_target(request: S3Response) -> None:
    """Raise what S3 answers if the key is not what a request expects of it."""
    key = request.parse_key_name()
    target = request.backend.get_object(request.bucket_name, key)
    if wanted := request.headers.get("If-Match"):
        if target is None:
            raise MissingKey(key=key)
        if wanted.strip('"') != target.etag.strip('"'):
            raise PreconditionFailed("If-Match")
    if request.headers.get("If-None-Match") == "*" and target is not None:
        raise PreconditionFailed("If-None-Match")
