"""The SQS event source of Lambda: takes batches from a queue, and settles them by what the function answers.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tradewind_sandbox.runtimes.lambda_environment import Answer

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_log = logging.getLogger(__name__)
_BATCH = 10
_WAIT = 2
"""Seconds of one long poll; short, so that the source notices that it shall stop."""
_RETRY = 0.5
"""Seconds to wait when the queue does not answer."""


class SqsRecord(TypedDict):
    """One record of the event, spelled as Lambda spells it."""

    messageId: str
    receiptHandle: str
    body: str
    attributes: Mapping[str, str]
    messageAttributes: Mapping[str, object]
    md5OfBody: str
    eventSource: str
    eventSourceARN: str
    awsRegion: str


class SqsSource:
    """Polls one queue for one function, with a few pollers.

    Args:
        client: SQS.
        queue_url: Which queue.
        queue_arn: The same, as the event names it.
        visibility: The queue's visibility timeout in seconds. It is renewed while the function works, so that it may be
            short: what a killed runtime held is soon back.
        invoke: Runs the function on an event.
    """

    def __init__(
        self,
        client: SQSClient,
        queue_url: str,
        queue_arn: str,
        visibility: int,
        invoke: Callable[[bytes], Answer],
    ) -> None:
        self._client = client
        self._url = queue_url
        self._arn = queue_arn
        self._visibility = visibility
        self._invoke = invoke
        self._stopping = threading.Event()
        self._pollers: list[threading.Thread] = []

    def start(self, pollers: int) -> None:
        """Begin, in threads."""
        self._pollers = [threading.Thread(target=self._run, daemon=True) for _ in range(pollers)]
        for poller in self._pollers:
            poller.start()

    def stop(self) -> None:
        """Finish the batches under way, and take no more."""
        self._stopping.set()
        for poller in self._pollers:
            poller.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._poll()
            except (BotoCoreError, ClientError) as error:
                # What was not deleted comes back by itself when its visibility timeout ends.
                _log.warning("the queue does not answer: %s", error)
                self._stopping.wait(_RETRY)

    def _poll(self) -> None:
        received = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=_BATCH,
            WaitTimeSeconds=_WAIT,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = received.get("Messages", [])
        if not messages:
            return
        event = json.dumps({"Records": [record(message, self._arn) for message in messages]}).encode()
        worked = threading.Event()
        renewal = threading.Thread(target=self._renew, args=(messages, worked), daemon=True)
        renewal.start()
        try:
            answer = self._invoke(event)
        finally:
            worked.set()
            renewal.join()
        self._settle(messages, answer)

    def _renew(self, messages: Sequence[MessageTypeDef], worked: threading.Event) -> None:
        while not worked.wait(self._visibility / 3):
            try:
                self._hide(messages)
            except (BotoCoreError, ClientError) as error:
                _log.warning("could not renew a batch: %s", error)

    def _settle(self, messages: Sequence[MessageTypeDef], answer: Answer) -> None:
        failed = failures(answer, [message["MessageId"] for message in messages])
        done = [message for message in messages if message["MessageId"] not in failed]
        again = [message for message in messages if message["MessageId"] in failed]
        if done:
            entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(done)]
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]  # a list of the right dicts
        if again:
            _log.warning("%d of %d records are to be delivered again", len(again), len(messages))

    def _hide(self, messages: Sequence[MessageTypeDef]) -> None:
        entries = [
            {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": self._visibility}
            for i, message in enumerate(messages)
        ]
        self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]  # likewise


def record(message: MessageTypeDef, queue_arn: str) -> SqsRecord:
    """Return a received message as a record of the event."""
    attributes: dict[str, object] = {
        name: {
            "stringValue": value.get("StringValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {str(name): value for name, value in message["Attributes"].items()},
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def failures(answer: Answer, ids: Sequence[str]) -> set[str]:
    """Return the ids of a batch that must be delivered again, by Lambda's rules.

    A function that failed, an answer that is no JSON object, or an unknown or empty id among the failures means the
    whole batch; no answer or no failures means none of it.
    """
    everything = set(ids)
    if answer.failed:
        return everything
    try:
        parsed = json.loads(answer.payload or b"null")
        named = [failure["itemIdentifier"] for failure in (parsed or {}).get("batchItemFailures") or []]
    except (ValueError, TypeError, KeyError, AttributeError):
        return everything
    return set(named) if everything.issuperset(named) else everything


def client(endpoint: str, region: str, access_key_id: str, secret_access_key: str) -> SQSClient:
    """Return an SQS client that gives up soon: whoever uses it tries again."""
    config = Config(connect_timeout=2, read_timeout=_WAIT + 10, retries={"total_max_attempts": 1})
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        config=config,
    )
