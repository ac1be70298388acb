"""What Azure says to Put Block From URL: what it has read, or that it cannot read there.

Where it cannot read, it answers `CannotVerifyCopySource` with the source's own status as its own (404, 403, 503), or
500 if it gets no answer at all. Any such answer, and any other that is not known to be about the target, means that the
bytes go another way, so it does no harm that no list of the codes is complete
(https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes).
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tradewind.clouds.azure.errors import has_meaning
from tradewind.clouds.http import AnswerError
from tradewind.errors import PullRefusedError

UNREADABLE = "CannotVerifyCopySource"
_CRC64_SIZE = 8
_REQUEST_ERRORS = range(400, 500)
_OF_TARGET = frozenset({401, 408, 429})
_ABSENT_CALL = 501
_HINT = "A function reads and sends the bytes instead"


@contextmanager
def refusals_told(uri: str) -> Iterator[None]:
    """Turn what Azure says of a source in the block into `PullRefusedError`; other errors pass.

    Args:
        uri: What was to be written.
    """
    try:
        yield
    except AnswerError as error:
        code = error.headers.get("x-ms-error-code", "")
        if not _is_of_source(error.status, code):
            raise
        # Not in Azure's words: they may have the address in them, with which anybody can read the source.
        said = f"{error.status} {code}".strip()
        raise PullRefusedError(f"Azure cannot read by itself what {uri} is made of ({said})", hint=_HINT) from None


def crc64_of(headers: Mapping[str, str], uri: str) -> int:
    """Return the CRC-64/NVME of what Azure has read, which it spells with its lowest byte first.

    Raises:
        PullRefusedError: It does not say.
    """
    try:
        value = b64decode(headers.get("x-ms-content-crc64", ""), validate=True)
    except ValueError:
        value = b""
    if len(value) != _CRC64_SIZE:
        raise PullRefusedError(f"Azure does not say what it has read for {uri}", hint=_HINT)
    return int.from_bytes(value, "little")


def _is_of_source(status: int, code: str) -> bool:
    if code == UNREADABLE or status == _ABSENT_CALL:
        return True
    return status in _REQUEST_ERRORS and status not in _OF_TARGET and not has_meaning(code)
