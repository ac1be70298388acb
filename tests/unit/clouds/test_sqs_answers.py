"""What SQS may answer and no emulator does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.stub import Stubber
from mypy_boto3_sqs import SQSClient

from tradewind.clouds.aws.identity import open_session
from tradewind.clouds.aws.queue import SqsQueue
from tradewind.errors import AccessDeniedError, BucketNotFoundError, PermanentError, StoreUnavailableError
from tradewind.ports import Message

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/notifications"


@pytest.fixture
def client() -> SQSClient:
    """A client that is answered by a script."""
    given = {"access_key_id": "key", "secret_access_key": "secret"}
    return open_session(given, region="us-east-1", subject="a test").client("sqs")


@pytest.fixture
def sqs(client: SQSClient) -> Iterator[Stubber]:
    """The script, which begins with the queue's address and must be used up."""
    with Stubber(client) as script:
        script.add_response("get_queue_url", {"QueueUrl": URL})
        yield script
        script.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "status", "family", "said"),
    [
        ("AccessDenied", 403, AccessDeniedError, "sqs:SendMessage"),
        ("InvalidParameterValue", 400, PermanentError, "SQS does not take this message"),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, BucketNotFoundError, "notifications"),
        ("ThrottlingException", 400, StoreUnavailableError, "notifications"),
        ("InternalFailure", 500, StoreUnavailableError, "notifications"),
    ],
)
def test_a_refusal_has_its_family(
    client: SQSClient, sqs: Stubber, code: str, status: int, family: type[Exception], said: str
) -> None:
    """What SQS refuses says whether the operator, nobody or time can help."""
    sqs.add_client_error("send_message", code, "as SQS says it", http_status_code=status)

    with pytest.raises(family, match=said):
        SqsQueue(client, "notifications").send("{}")


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.MessageNotInflight", "MessageNotInflight"])
def test_releasing_what_is_not_in_flight_is_no_error(client: SQSClient, sqs: Stubber, code: str) -> None:
    """A message that became visible by itself needs no release."""
    sqs.add_client_error("change_message_visibility", code, "not in flight")

    SqsQueue(client, "notifications").release(Message("{}", receipt="handle"))


def test_a_body_that_sqs_cannot_carry_is_refused_before_it_is_sent(client: SQSClient) -> None:
    """A control character in the body is a permanent error, and costs no request."""
    with pytest.raises(PermanentError, match="characters that SQS does not carry"):
        SqsQueue(client, "notifications").send("\x00")
