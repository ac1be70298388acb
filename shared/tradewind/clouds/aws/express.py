"""Directory buckets (S3 Express One Zone): they answer in their zone, to keys for them alone that last for minutes.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock

from tradewind.clouds.aws.addresses import Address
from tradewind.clouds.aws.answers import session_of
from tradewind.clouds.aws.errors import translate
from tradewind.clouds.aws.signing import Keys
from tradewind.clouds.aws.wire import S3Wire

SERVICE = "s3express"
TOKEN = "x-amz-s3session-token"  # noqa: S105 - the name of a header
RENEWED = timedelta(minutes=1)
"""How long before a session expires the next one begins; it lasts five minutes."""


def zonal_address(bucket: str, region: str) -> Address:
    """Return where a directory bucket answers, whose name is `base--zone--x-s3`."""
    zone = bucket.split("--")[-2]
    host = f"{bucket}.s3express-{zone}.{region}.amazonaws.com"
    return Address(f"https://{host}", host, "/")


class Sessions:
    """The keys of one bucket.

    Args:
        wire: Asks there with the keys of who wants to work.
        bucket: Its name, for messages.
    """

    def __init__(self, wire: S3Wire, bucket: str) -> None:
        self._wire = wire
        self._bucket = bucket
        self._kept: tuple[Keys, datetime] | None = None
        self._lock = Lock()

    def keys(self) -> Keys:
        """Return keys that are good for a minute yet: 1 request every four.

        Raises:
            TradewindError: There are none for this identity.
        """
        with self._lock:
            if self._kept is None or datetime.now(UTC) > self._kept[1] - RENEWED:
                self._kept = self._begin()
            return self._kept[0]

    def _begin(self) -> tuple[Keys, datetime]:
        headers = {"x-amz-create-session-mode": "ReadWrite"}
        with (
            translate("begin a session with", f"s3://{self._bucket}"),
            self._wire.request("GET", query={"session": ""}, headers=headers) as answer,
        ):
            return session_of(answer.read())
