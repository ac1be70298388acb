"""Notices on Amazon SNS.

Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from tradewind.clouds.aws.errors import translate
from tradewind.clouds.aws.identity import open_session
from tradewind.errors import AccessDeniedError, ConfigurationError
from tradewind.fleet import AwsSite
from tradewind.fleet.notices import Sns
from tradewind.ports import Notice

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef, PublishInputTypeDef

CONNECT_TIMEOUT, READ_TIMEOUT, ATTEMPTS = 5.0, 10.0, 2
SUBJECT = 99
"""Characters of a subject: ASCII, fewer than 100, no line breaks."""
_UNPRINTABLE = re.compile(r"[^ -~]+")
_REFUSED: Mapping[str, tuple[type[ConfigurationError], str]] = {
    "NotFound": (ConfigurationError, "Create the topic, or correct `topic` in the group's `notify`"),
    "AuthorizationError": (AccessDeniedError, "Grant sns:Publish on the topic to the site's credentials"),
    "InvalidParameter": (ConfigurationError, "Correct `topic` in the group's `notify`; what SNS says is above"),
    "InvalidParameterValue": (ConfigurationError, "What SNS says is above"),
    "KMSAccessDenied": (AccessDeniedError, "Let the same identity use the topic's KMS key"),
    "KMSDisabled": (ConfigurationError, "Enable the topic's KMS key"),
    "KMSNotFound": (ConfigurationError, "The topic's KMS key is gone: give the topic another one"),
    "InvalidSecurity": (ConfigurationError, "The topic takes requests over HTTPS only"),
}
"""What SNS answers that another try would not mend."""


def open_notifier(config: Sns, site: AwsSite, credentials: Mapping[str, str] | None) -> SnsNotifier:
    """Return what tells a topic; its region is the one that its ARN names.

    Raises:
        CredentialsError: The secret lacks a field.
    """
    from botocore.config import Config  # noqa: PLC0415 - only a function that talks to SNS pays for it

    region = config.topic.split(":")[3] or site.region
    session = open_session(credentials, region=region, subject=f"sns {config.topic}")
    settings = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        user_agent_extra="tradewind",
    )
    return SnsNotifier(session.client("sns", endpoint_url=config.api, config=settings), config.topic)


class SnsNotifier:
    """One topic (see `ports.Notifier`); the request is signed by the site's credentials.

    Args:
        client: May be shared between threads.
        topic: Its ARN.
    """

    def __init__(self, client: SNSClient, topic: str) -> None:
        self._client = client
        self._topic = topic

    def tell(self, notice: Notice) -> None:
        """Publish the notice as JSON, with what subscriptions filter by as attributes.

        Raises:
            StoreUnavailableError: SNS does not answer, or is throttling.
            ConfigurationError: There is no such topic, or it may not be published to.
        """
        from botocore.exceptions import ClientError  # noqa: PLC0415 - loaded with the client

        with translate("notify", f"sns {self._topic}"):
            try:
                self._client.publish(**_request(self._topic, notice))
            except ClientError as error:
                said = error.response["Error"]
                if (refusal := _REFUSED.get(said["Code"])) is None:
                    raise
                family, hint = refusal
                why = f"{said['Code']}: {said['Message']}".rstrip(".")
                raise family(f"Could not notify sns {self._topic}: {why}", hint=hint) from error


def _request(topic: str, notice: Notice) -> PublishInputTypeDef:
    attributes: dict[str, MessageAttributeValueTypeDef] = {
        "group": {"DataType": "String", "StringValue": notice.group},
        "epoch": {"DataType": "Number", "StringValue": str(notice.epoch)},
        "what": {"DataType": "String", "StringValue": notice.what},
    }
    request: PublishInputTypeDef = {
        "TopicArn": topic,
        "Subject": _subject(notice.summary),
        "Message": json.dumps(notice.as_document()),
        "MessageAttributes": attributes,
    }
    if topic.endswith(".fifo"):
        request["MessageGroupId"] = notice.group
        request["MessageDeduplicationId"] = _once(notice.id)
    return request


def _subject(summary: str) -> str:
    return _UNPRINTABLE.sub("?", summary).lstrip()[:SUBJECT]


def _once(name: str) -> str:
    """Return a notice's id as SNS takes it: up to 128 letters, digits and punctuation marks."""
    return name if len(name) <= 128 else sha256(name.encode()).hexdigest()  # noqa: PLR2004 - said above
