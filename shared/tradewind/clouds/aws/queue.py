"""Queues on Amazon SQS.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from tradewind.clouds.aws.errors import translate
from tradewind.clouds.aws.identity import open_session
from tradewind.errors import PermanentError
from tradewind.fleet import AwsSite
from tradewind.ports import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, MessageTypeDef

LIMIT = 1024 * 1024
"""Bytes of a message with its attributes. A queue may be set to less, and says so itself."""
BATCH, LONGEST_WAIT = 10, 20
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, LONGEST_WAIT + 10.0
ATTEMPTS = 3
LOST = ("MessageNotInflight", "ReceiptHandleIsInvalid")
"""The message is visible again, or gone."""
FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that SQS does not carry."""


def open_queue(site: AwsSite, credentials: Mapping[str, str] | None, name: str) -> SqsQueue:
    """Return a queue of a site.

    Raises:
        CredentialsError: The secret lacks a field.
    """
    from botocore.config import Config  # noqa: PLC0415 - only a function that talks to SQS pays for it

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        user_agent_extra="tradewind",
    )
    session = open_session(credentials, region=site.region, subject=f"sqs://{name}")
    endpoint = site.queues.endpoint if site.queues else None
    return SqsQueue(session.client("sqs", endpoint_url=endpoint, config=config), name)


class SqsQueue:
    """One queue (see `ports.Queue`).

    Args:
        client: May be shared between threads.
        name: The queue's name in the client's account and region.
    """

    def __init__(self, client: SQSClient, name: str) -> None:
        self._client = client
        self._name = name
        self._uri = f"sqs://{name}"

    @cached_property
    def _url(self) -> str:
        return self._client.get_queue_url(QueueName=self._name)["QueueUrl"]

    def send(self, body: str, *, attributes: Mapping[str, str] | None = None) -> None:
        """Send one message.

        Attribute values lose the few control characters that SQS does not carry; they are words for people.

        Raises:
            PermanentError: The message is larger than SQS takes, or its body has characters that SQS does not carry.
        """
        spelled = {name: FORBIDDEN.sub("?", value) for name, value in (attributes or {}).items()}
        size = sum(len(text.encode(errors="replace")) for text in (body, *spelled, *spelled.values()))
        if size + len("String") * len(spelled) > LIMIT:
            raise PermanentError(
                f"Could not send a message to {self._uri}: {size} bytes are more than the {LIMIT} of a message"
            )
        if FORBIDDEN.search(body):
            raise PermanentError(
                f"Could not send a message to {self._uri}: the body has characters that SQS does not carry"
            )
        values: dict[str, MessageAttributeValueTypeDef] = {
            name: {"DataType": "String", "StringValue": value} for name, value in spelled.items() if value
        }
        with translate("send", f"a message to {self._uri}"):
            self._client.send_message(QueueUrl=self._url, MessageBody=body, MessageAttributes=values)

    def receive(self, *, limit: int = 10, wait: float = 0.0) -> Sequence[Message]:
        """Return up to `limit` messages, of which SQS gives out at most 10 at a time."""
        with translate("receive", f"messages from {self._uri}"):
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(limit, BATCH),
                WaitTimeSeconds=min(math.ceil(wait), LONGEST_WAIT),
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [_message(one) for one in answer.get("Messages", [])]

    def acknowledge(self, message: Message) -> None:
        """Remove a received message for good."""
        with translate("acknowledge", f"a message of {self._uri}"):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    def release(self, message: Message, *, delay: float = 0.0) -> None:
        """Make a received message visible again, if it is not already."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - loaded with the client

        with translate("release", f"a message of {self._uri}"):
            try:
                self._client.change_message_visibility(
                    QueueUrl=self._url, ReceiptHandle=message.receipt, VisibilityTimeout=int(delay)
                )
            except ClientError as error:
                # Spelled with a prefix or without, by the protocol.
                if error.response["Error"]["Code"].rpartition(".")[2] not in LOST:
                    raise

    def depth(self) -> int:
        """Return roughly how many messages wait, are hidden or delayed."""
        with translate("count", f"the messages of {self._uri}"):
            answer = self._client.get_queue_attributes(
                QueueUrl=self._url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesDelayed",
                ],
            )
        return sum(int(count) for count in answer["Attributes"].values())


def _message(received: MessageTypeDef) -> Message:
    named = received.get("MessageAttributes", {})
    return Message(
        body=received.get("Body", ""),
        id=received.get("MessageId", ""),
        attempt=int(received.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
        attributes={name: value["StringValue"] for name, value in named.items() if "StringValue" in value},
        receipt=received.get("ReceiptHandle", ""),
    )
