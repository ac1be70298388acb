"""The real handler files, called as their platforms call them.

Handlers of two clouds are called `replicate`, and all three set up logging for a process of their own; here they share
one, so each is loaded under a name of its own, and logging is put back afterwards.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import functions_framework
import pytest
from azure.functions.meta import Datum
from azure.functions.queue import QueueMessageInConverter
from azure.functions.timer import TimerRequestConverter

from tradewind.ports import Message
from tradewind.runtime import SITE_VARIABLE
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE
from tradewind_sandbox.runtimes import azure_app, azure_http

ROOT = Path(__file__).parents[2]
Ring = Callable[[str], None]
"""Lets the timer of a site ring."""
PUSH_PATH = "/projects/tradewind-sandbox/topics/tradewind-notifications"


class Platform(Protocol):
    """What delivers messages to one site's function."""

    def deliver(self, *messages: Message, attempt: int = 1) -> list[bool]:
        """Deliver messages, and say of each whether it is settled; the others stay in the queue."""


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What Lambda tells a function of itself; the names are AWS's."""

    function_name: str = "tradewind-replicate"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:tradewind-replicate"
    memory_limit_in_mb: int = 512
    aws_request_id: str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
    log_group_name: str = "/aws/lambda/tradewind-replicate"
    log_stream_name: str = "2026/11/03/[$LATEST]4f5c3a6d"

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still work."""
        return 120_000


@dataclass(frozen=True, slots=True)
class Lambda:
    """Lambda with an SQS event source."""

    handler: Callable[[object, LambdaContext], Any]

    def invoke(self, event: object) -> Any:  # noqa: ANN401 - JSON of any shape
        """Call the function with an event as it is."""
        with _serving(AWS_SITE):
            return self.handler(event, LambdaContext())

    def deliver(self, *messages: Message, attempt: int = 1) -> list[bool]:
        """Deliver one batch."""
        ids = [f"{number:08d}-87a3-44ab-83d2-661975830a7d" for number in range(len(messages))]
        records = [_record(id_, message.body, attempt) for id_, message in zip(ids, messages, strict=True)]
        answer = self.invoke({"Records": records})
        again = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        assert again <= set(ids)
        return [id_ not in again for id_ in ids]


@dataclass(frozen=True, slots=True)
class CloudRun:
    """The app that functions-framework makes of `main.py`."""

    client: Any

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a request and return the status."""
        with _serving(GCP_SITE):
            return int(self.client.post(path, data=body, headers=dict(headers)).status_code)

    def ask(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Send a request without a body, and return the status, the headers and the body of the answer."""
        with _serving(GCP_SITE):
            answer = self.client.open(path, method=method, headers=dict(headers))
            return int(answer.status_code), dict(answer.headers), bytes(answer.data)

    def deliver(self, *messages: Message, attempt: int = 1) -> list[bool]:
        """Push each message as Eventarc does."""
        return [self._push(message, attempt) for message in messages]

    def _push(self, message: Message, attempt: int) -> bool:
        event = {
            "specversion": "1.0",
            "id": message.id or "1",
            "source": "//pubsub.googleapis.com/projects/tradewind-sandbox/topics/tradewind-notifications",
            "type": "google.cloud.pubsub.topic.v1.messagePublished",
            "datacontenttype": "application/json",
            "data": {
                "message": {
                    "data": base64.b64encode(message.body.encode()).decode(),
                    "attributes": dict(message.attributes),
                    "messageId": message.id or "1",
                },
                "subscription": "projects/tradewind-sandbox/subscriptions/tradewind-notifications",
                "deliveryAttempt": attempt,
            },
        }
        status = self.post("/", json.dumps(event).encode(), {"Content-Type": "application/cloudevents+json"})
        assert status in (200, 500)
        return status == 200


@dataclass(frozen=True, slots=True)
class AzureFunctions:
    """The functions of `function_app.py`, driven through their bindings."""

    functions: tuple[azure_app.AppFunction, ...]

    def deliver(self, *messages: Message, attempt: int = 1) -> list[bool]:
        """Deliver queue messages, one by one."""
        return [self._queued(message, attempt) for message in messages]

    def _queued(self, message: Message, attempt: int) -> bool:
        [function] = [each for each in self.functions if each.trigger["type"] == "queueTrigger"]
        moment = Datum("2026-11-03T09:26:53+00:00", "string")
        metadata = {
            "Id": Datum(message.id or "1", "string"),
            "PopReceipt": Datum("AgAAAAMAAAAAAAAA", "string"),
            "DequeueCount": Datum(attempt, "int"),
            "InsertionTime": moment,
            "ExpirationTime": moment,
            "NextVisibleTime": moment,
        }
        argument = QueueMessageInConverter.decode(Datum(message.body, "string"), trigger_metadata=metadata)
        with _serving(AZURE_SITE):
            return not function.run(argument).failed

    def ring(self, timer: object, name: str = "sweep") -> bool:
        """Let a function's timer ring, and say whether the function went well."""
        triggered = [each for each in self.functions if each.trigger["type"] == "timerTrigger"]
        [function] = [each for each in triggered if each.name == name]
        argument = TimerRequestConverter.decode(Datum(json.dumps(timer), "json"), trigger_metadata={})
        with _serving(AZURE_SITE):
            return not function.run(argument).failed

    def ask(self, method: str, url: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Send a request without a body, and return the status, the headers and the body of the answer."""
        with _serving(AZURE_SITE):
            answer = azure_http.respond(self.functions, azure_http.Request(method, url, headers, b""))
        return answer.status.value, dict(answer.headers), answer.body

    def post(self, event: object) -> int:
        """Deliver an event to the Event Grid trigger's web hook, and return the status."""
        url = "http://host/runtime/webhooks/EventGrid?functionName=replicate_event"
        request = azure_http.Request("POST", url, {"aeg-event-type": "Notification"}, json.dumps(event).encode())
        with _serving(AZURE_SITE):
            return azure_http.respond(self.functions, request).status


def load_lambda(name: str = "replicate") -> Lambda:
    """Load a function of `functions/aws`."""
    spec = importlib.util.spec_from_file_location(f"lambda_{name}", ROOT / "functions" / "aws" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with _logging_kept(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("POWERTOOLS_SERVICE_NAME", f"tradewind-{name}")
        spec.loader.exec_module(module)
    return Lambda(module.lambda_handler)


def load_cloud_run(target: str = "replicate", signature: str = "cloudevent") -> CloudRun:
    """Load a target of `serverless-gcp/main.py` as functions-framework does."""
    with _logging_kept(), _modules_kept():
        create_app: Any = functions_framework.create_app
        app = create_app(target, str(ROOT / "serverless-gcp" / "main.py"), signature)
    return CloudRun(app.test_client())


def load_azure_functions() -> AzureFunctions:
    """Load `functions/azure/function_app.py`, which imports `replicate` from beside it."""
    with _logging_kept(), _modules_kept():
        return AzureFunctions(tuple(azure_app.load(ROOT / "functions" / "azure")))


def _record(message_id: str, body: str, attempt: int) -> dict[str, object]:
    return {
        "messageId": message_id,
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a0",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(attempt),
            "SentTimestamp": "1793698013620",
            "SenderId": "AIDAJ5KR6GK2TEXAMPLE:S3-PROD-END",
            "ApproximateFirstReceiveTimestamp": "1793698013634",
        },
        "messageAttributes": {},
        "md5OfBody": "69f5d41ffa6da0155c95ab88e7e844ae",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:tradewind-notifications",
        "awsRegion": "us-east-1",
    }


@contextmanager
def _serving(site: str) -> Iterator[None]:
    """Be the function of `site`: a real one finds this in its environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SITE_VARIABLE, site)
        yield


@contextmanager
def _logging_kept() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("", "tradewind", "tradewind.audit")]
    before = [(each, list(each.handlers), each.level, each.propagate) for each in loggers]
    try:
        yield
    finally:
        for logger, handlers, level, propagate in before:
            logger.handlers[:], logger.level, logger.propagate = handlers, level, propagate


@contextmanager
def _modules_kept() -> Iterator[None]:
    """Forget the handlers' own modules, which have names that others may have, too."""
    path, modules = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in ("function_app", "observe", "replicate", "route", "sweep", "main"):
            if name not in modules:
                sys.modules.pop(name, None)


def environment(patch: pytest.MonkeyPatch, fleet: Path) -> None:
    """Set what every function has in its environment."""
    patch.setenv("TRADEWIND_FLEET", str(fleet))
    patch.setenv("TRADEWIND_QUEUE", "tradewind-notifications")
    patch.setenv("TRADEWIND_STORAGE", "UseDevelopmentStorage=true")
    patch.setenv("POWERTOOLS_SERVICE_NAME", "tradewind")
    patch.setenv("POWERTOOLS_METRICS_NAMESPACE", "tradewind")
    patch.setenv("POWERTOOLS_TRACE_DISABLED", "true")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
