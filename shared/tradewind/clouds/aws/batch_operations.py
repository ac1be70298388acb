"""What S3 Batch Operations asks of a function, and how it is answered.

Sources:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html (keys are URL-encoded; version
    1.0 of the schema names the bucket by its ARN, 2.0 by its name)
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_LambdaInvokeOperation.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NotRequired
from urllib.parse import unquote_plus

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict  # before Python 3.12, pydantic cannot read those of `typing`

from tradewind.errors import BadEventError, PermanentError, TradewindError
from tradewind.ports import Change, Notification

ResultCode = Literal["Succeeded", "TemporaryFailure", "PermanentFailure"]
REPORTED = 1024
"""Characters of a result that the job's report keeps."""


class Task(TypedDict):
    """One object of the job's manifest."""

    taskId: str
    s3Key: str
    s3BucketArn: NotRequired[str | None]
    s3Bucket: NotRequired[str | None]


class Job(TypedDict):
    """The job."""

    id: str


class Invocation(TypedDict):
    """One call of the function; `tasks` has a single one so far, and may have more."""

    invocationSchemaVersion: Literal["1.0", "2.0"]
    invocationId: str
    job: Job
    tasks: list[Task]


class Result(TypedDict):
    """How it ended with one object."""

    taskId: str
    resultCode: ResultCode
    resultString: str


class Answer(TypedDict):
    """What the function answers."""

    invocationSchemaVersion: str
    treatMissingKeysAs: ResultCode
    invocationId: str
    results: list[Result]


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended with one object, in the words of tradewind."""

    said: str
    errors: Sequence[TradewindError] = ()


_invocations: TypeAdapter[Invocation] = TypeAdapter(Invocation)


def answer(event: Mapping[str, object], work: Callable[[Notification], Done]) -> Answer:
    """Work off what a job asks for, and answer it task by task.

    A key that a task leaves without a result has failed for now, so the job asks for it again.

    Args:
        event: The invocation.
        work: Does what one task asks for: looks at a key.

    Raises:
        BadEventError: It is no such invocation.
    """
    try:
        invocation = _invocations.validate_python(event)
    except ValidationError as error:
        raise BadEventError(f"The invocation is not one of S3 Batch Operations: {error}") from error
    return Answer(
        invocationSchemaVersion=invocation["invocationSchemaVersion"],
        treatMissingKeysAs="TemporaryFailure",
        invocationId=invocation["invocationId"],
        results=[_result(invocation["job"], task, work) for task in invocation["tasks"]],
    )


def _result(job: Job, task: Task, work: Callable[[Notification], Done]) -> Result:
    bucket = task.get("s3Bucket") or (task.get("s3BucketArn") or "").rpartition(":")[2]
    key = unquote_plus(task["s3Key"])
    notification = Notification("aws", bucket, key, Change.NOTHING, id=f"job {job['id']}")
    try:
        done = work(notification)
    except TradewindError as error:
        done = Done("", [error])
    said = "; ".join(filter(None, (*map(str, done.errors), done.said)))
    return Result(taskId=task["taskId"], resultCode=_code(done.errors), resultString=said[:REPORTED])


def _code(errors: Sequence[TradewindError]) -> ResultCode:
    if any(not isinstance(error, PermanentError | BadEventError) for error in errors):
        return "TemporaryFailure"
    return "PermanentFailure" if errors else "Succeeded"
