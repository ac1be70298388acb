"""The host of the function app: its settings, its functions, its messages, its HTTP face."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import pytest
from azure.functions import QueueMessage
from azure.storage.queue import QueueMessage as StoredMessage

from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.runtimes.azure_app import AppFunction, load
from tradewind_sandbox.runtimes.azure_http import Request, respond
from tradewind_sandbox.runtimes.azure_queue import decode, trigger_argument
from tradewind_sandbox.runtimes.azure_settings import queue_settings

APP = """\
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="STORAGE")
def work(message: func.QueueMessage) -> None:
    raise ValueError(message.get_body())


@app.event_grid_trigger(arg_name="event")
def grid(event: func.EventGridEvent) -> None:
    if event.subject == "bad":
        raise ValueError(event.subject)


@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
def ring(timer: func.TimerRequest) -> None:
    if timer.past_due:
        raise ValueError("late")


@app.route(route="greet")
async def greet(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"hello {req.params['name']}", status_code=201)
"""


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, AppFunction]]:
    """The functions of an app of our own, by name."""
    (tmp_path / "function_app.py").write_text(APP)
    monkeypatch.setenv("QUEUE", "notifications")
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield {function.name: function for function in load(tmp_path)}
    sys.modules.pop("function_app")


def post(functions: dict[str, AppFunction], path: str, body: object, **headers: str) -> tuple[HTTPStatus, bytes]:
    """Post JSON to the host."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"http://127.0.0.1:7071{path}"
    response = respond(list(functions.values()), Request("POST", url, named, json.dumps(body).encode()))
    return response.status, response.body


def test_reads_the_bindings_and_resolves_app_settings(functions: dict[str, AppFunction]) -> None:
    """`%QUEUE%` in a binding is the app setting of that name."""
    assert functions.keys() == {"work", "grid", "ring", "greet"}
    assert functions["work"].text("queueName") == "notifications"
    assert functions["work"].text("connection") == "STORAGE"


def test_a_missing_app_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app setting that a binding names and nobody set stops the host, with its name."""
    (tmp_path / "function_app.py").write_text(APP)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("QUEUE", raising=False)

    with pytest.raises(SandboxError, match="'QUEUE' is not set"):
        load(tmp_path)
    sys.modules.pop("function_app")


def test_what_a_function_raises_is_its_failure(functions: dict[str, AppFunction]) -> None:
    """The host goes on after a function failed."""
    assert functions["work"].run(QueueMessage(body=b"x")).failed


def test_the_webhook_answers_the_validation_handshake(functions: dict[str, AppFunction]) -> None:
    """Event Grid's question whether the endpoint is ours is answered with its code."""
    event = {"id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "c"}}

    answer = post(
        functions, "/runtime/webhooks/EventGrid?functionName=grid", [event], aeg_event_type="SubscriptionValidation"
    )

    assert answer == (HTTPStatus.OK, b'{"validationResponse": "c"}')


@pytest.mark.parametrize(
    ("subject", "status"), [("good", HTTPStatus.ACCEPTED), ("bad", HTTPStatus.INTERNAL_SERVER_ERROR)]
)
def test_the_webhook_delivers_events(functions: dict[str, AppFunction], subject: str, status: HTTPStatus) -> None:
    """An event that failed is refused, so that Event Grid delivers it again."""
    event = {"id": "1", "subject": subject, "eventTime": "2026-11-03T09:26:53.5891234Z", "data": {}}

    found, _ = post(functions, "/runtime/webhooks/EventGrid?functionName=grid", [event], aeg_event_type="Notification")

    assert found is status


def test_a_timer_rings_when_the_admin_api_says_so(functions: dict[str, AppFunction]) -> None:
    """`POST /admin/functions/NAME` runs a timer's function; one that another trigger calls is not to be found there."""
    assert post(functions, "/admin/functions/ring", {"input": ""})[0] is HTTPStatus.ACCEPTED
    assert post(functions, "/admin/functions/work", {"input": ""})[0] is HTTPStatus.NOT_FOUND


def test_http_triggers_are_under_api(functions: dict[str, AppFunction]) -> None:
    """A route answers under `/api/`, with what the function returned; anything else is not found."""
    assert post(functions, "/api/greet?name=you", {}) == (HTTPStatus.CREATED, b"hello you")
    assert post(functions, "/greet?name=you", {})[0] is HTTPStatus.NOT_FOUND
    assert post(functions, "/runtime/webhooks/EventGrid?functionName=work", {})[0] is HTTPStatus.NOT_FOUND


def test_a_message_becomes_what_the_sdk_makes_of_it() -> None:
    """The function sees id, body, attempts and times of the message."""
    stored = StoredMessage(content="aGk=", id="7")
    stored.dequeue_count, stored.pop_receipt = 3, "receipt"
    stored.inserted_on = stored.expires_on = stored.next_visible_on = datetime(2026, 11, 3, 9, 26, 53, tzinfo=UTC)

    message = trigger_argument(stored, decode("aGk=", "base64"))

    assert isinstance(message, QueueMessage)
    assert (message.id, message.get_body(), message.dequeue_count) == ("7", b"hi", 3)
    assert message.insertion_time == stored.inserted_on
    assert message.pop_receipt == "receipt"


def test_text_passes_as_it_is_where_host_json_says_so() -> None:
    """Without an encoding a message is its own bytes."""
    assert decode("{}", "none") == b"{}"


def test_what_is_not_base64_is_refused() -> None:
    """A message that is not in the stated encoding is an error, not a guess."""
    with pytest.raises(ValueError, match="not base64"):
        decode("{not base64}", "base64")


def test_settings_come_from_host_json_and_the_environment(tmp_path: Path) -> None:
    """The environment overrides host.json, which overrides the host's defaults."""
    host = tmp_path / "host.json"
    host.write_text(
        json.dumps({"extensions": {"queues": {"batchSize": 4, "visibilityTimeout": "00:05:00", "maxDequeueCount": 7}}})
    )
    override = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "01:00:00.5"}

    settings = queue_settings(host, override)

    assert (settings.batch_size, settings.max_dequeue_count, settings.new_batch_threshold) == (4, 7, 8)
    assert settings.visibility_timeout == 3600.5
    assert settings.message_encoding == "base64"
