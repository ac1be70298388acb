"""How a batch from SQS becomes an event, and what the function's answer does to the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tradewind_sandbox.runtimes.lambda_environment import Answer
from tradewind_sandbox.runtimes.sqs_source import failures, record

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

IDS = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("payload", "again"),
    [
        (b"", set()),
        (b"null", set()),
        (b"{}", set()),
        (b'{"batchItemFailures": []}', set()),
        (b'{"batchItemFailures": null}', set()),
        (b'{"batchItemFailures": [{"itemIdentifier": "b"}]}', {"b"}),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "c"}]}', {"a", "c"}),
        (b'{"batchItemFailures": [{"itemIdentifier": "unknown"}]}', {"a", "b", "c"}),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', {"a", "b", "c"}),
        (b'{"batchItemFailures": [{"item": "a"}]}', {"a", "b", "c"}),
        (b'{"batchItemFailures": ["a"]}', {"a", "b", "c"}),
        (b'"text"', {"a", "b", "c"}),
        (b"no json", {"a", "b", "c"}),
    ],
)
def test_settles_a_batch_by_lambdas_rules(payload: bytes, again: set[str]) -> None:
    """Named records come back; an answer that cannot be understood brings back all of them."""
    assert failures(Answer(payload), IDS) == again


def test_a_function_that_failed_settles_nothing() -> None:
    """An error or a crash brings the whole batch back, whatever was answered."""
    assert failures(Answer(b'{"batchItemFailures": []}', failed=True), IDS) == set(IDS)


def test_a_record_looks_as_lambda_spells_it() -> None:
    """Names begin in lower case, attributes keep theirs, and the source and region come from the queue's ARN."""
    message: MessageTypeDef = {
        "MessageId": "1",
        "ReceiptHandle": "handle",
        "Body": "{}",
        "MD5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1545082649183"},
        "MessageAttributes": {"reason": {"DataType": "String", "StringValue": "no such bucket"}},
    }

    assert record(message, "arn:aws:sqs:us-east-1:123456789012:q") == {
        "messageId": "1",
        "receiptHandle": "handle",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1545082649183"},
        "messageAttributes": {
            "reason": {
                "stringValue": "no such bucket",
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            }
        },
        "md5OfBody": "99914b932bd37a50b983c5e7c90ae93b",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:q",
        "awsRegion": "us-east-1",
    }
