"""The framing `aws-chunked`, in which a checksum follows the bytes that it is of, so that they need passing only once.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping

from tradewind.clouds.pieces import Passing, checksum_in, cut
from tradewind.ports import Algorithm

FRAME = 1024 * 1024
"""Bytes of each chunk but the last; S3 wants 8 KiB at least."""
HEADERS: Mapping[Algorithm, str] = {
    "crc32c": "x-amz-checksum-crc32c",
    "crc64nvme": "x-amz-checksum-crc64nvme",
    "crc32": "x-amz-checksum-crc32",
}
"""Where S3 takes and tells a checksum."""
_BYTES: Mapping[Algorithm, int] = {"crc32c": 4, "crc64nvme": 8, "crc32": 4}


def encoded(algorithm: Algorithm, checksum: int) -> str:
    """Return a checksum as S3 spells it."""
    return b64encode(checksum.to_bytes(_BYTES[algorithm])).decode()


class Framed:
    """A body with its checksum behind it.

    Args:
        body: The bytes, which are summed as they pass.
        algorithm: Of the checksum, which is one of those that `body` computes.
    """

    def __init__(self, body: Passing, algorithm: Algorithm) -> None:
        self._body = body
        self._algorithm = algorithm

    @property
    def headers(self) -> dict[str, str]:
        """Say how the body is framed."""
        return {
            "content-encoding": "aws-chunked",
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": str(len(self._body)),
            "x-amz-sdk-checksum-algorithm": self._algorithm.upper(),
            "x-amz-trailer": HEADERS[self._algorithm],
        }

    @property
    def size(self) -> int:
        """Bytes of all that is sent."""
        frames, rest = divmod(len(self._body), FRAME)
        return (
            frames * (len(_opening(FRAME)) + FRAME + 2)
            + (len(_opening(rest)) + rest + 2 if rest else 0)
            + len(_opening(0))
            + len(self._trailer(0))
        )

    def __iter__(self) -> Iterator[bytes]:
        """Yield the frames."""
        for chunk in cut(self._body, FRAME):
            yield _opening(len(chunk))
            yield chunk
            yield b"\r\n"
        yield _opening(0)
        yield self._trailer(checksum_in(self._body.checksums, self._algorithm) or 0)

    def _trailer(self, checksum: int) -> bytes:
        return f"{HEADERS[self._algorithm]}:{encoded(self._algorithm, checksum)}\r\n\r\n".encode()


def _opening(size: int) -> bytes:
    return f"{size:x}\r\n".encode()
