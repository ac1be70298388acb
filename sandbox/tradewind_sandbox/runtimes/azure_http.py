"""The HTTP face of the host: HTTP triggers under `/api/`, Event Grid's webhook, and timers, which ring when told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from azure.functions import HttpResponse
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.http import HttpRequestConverter
from azure.functions.meta import Datum
from azure.functions.timer import TimerRequestConverter

from tradewind_sandbox.ports import HOST
from tradewind_sandbox.runtimes.azure_app import AppFunction

_WEBHOOK = "/runtime/webhooks/EventGrid"
_ADMIN = "/admin/functions/"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What the host answers."""

    status: HTTPStatus
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def respond(functions: Sequence[AppFunction], request: Request) -> Response:
    """Find the function that a request is for, run it, and say what to answer."""
    url = urlsplit(request.url)
    query = dict(parse_qsl(url.query))
    if url.path == "/":
        return Response(HTTPStatus.OK, b"Your Functions host is up and running.")
    for function in functions:
        kind = function.trigger["type"]
        if kind == "eventGridTrigger" and url.path == _WEBHOOK and query.get("functionName") == function.name:
            return _event_grid(function, request)
        if kind == "httpTrigger" and url.path == f"/api/{_route(function)}":
            return _http(function, request, query)
        if kind == "timerTrigger" and request.method == "POST" and url.path == f"{_ADMIN}{function.name}":
            return _timer(function)
    return Response(HTTPStatus.NOT_FOUND)


def serve(functions: Sequence[AppFunction], port: int) -> ThreadingHTTPServer:
    """Return a server that answers with `respond`; the caller runs it."""

    class Host(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def __getattr__(self, name: str) -> Callable[[], None]:
            # The base class looks up `do_GET`, `do_POST` and so on; here every method goes the same way.
            if name.startswith("do_"):
                return self._answer
            raise AttributeError(name)

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = f"http://{self.headers.get('Host')}{self.path}"
            headers = {name.lower(): value for name, value in self.headers.items()}
            response = respond(functions, Request(self.command, url, headers, body))
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        def log_message(self, *_: object) -> None:
            """The functions write their own log."""

    server = ThreadingHTTPServer((HOST, port), Host)
    server.daemon_threads = True
    return server


def _event_grid(function: AppFunction, request: Request) -> Response:
    """Deliver events as the host's Event Grid extension does, its validation handshake included.

    https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema
    """
    try:
        parsed = json.loads(request.body)
    except ValueError:
        return Response(HTTPStatus.BAD_REQUEST)
    events = parsed if isinstance(parsed, list) else [parsed]
    if request.headers.get("aeg-event-type") == "SubscriptionValidation":
        code = events[0]["data"]["validationCode"]
        return Response(
            HTTPStatus.OK, json.dumps({"validationResponse": code}).encode(), {"Content-Type": "application/json"}
        )
    for event in events:
        argument = EventGridEventInConverter.decode(Datum(json.dumps(event), "json"), trigger_metadata=None)
        if function.run(argument).failed:
            return Response(HTTPStatus.INTERNAL_SERVER_ERROR)
    return Response(HTTPStatus.ACCEPTED)


def _timer(function: AppFunction) -> Response:
    """Let a timer ring now, as the host's admin API does; unlike the host, answer when the function has ended.

    https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http
    """
    argument = TimerRequestConverter.decode(Datum(json.dumps({"IsPastDue": False}), "json"), trigger_metadata={})
    failed = function.run(argument).failed
    return Response(HTTPStatus.INTERNAL_SERVER_ERROR if failed else HTTPStatus.ACCEPTED)


def _http(function: AppFunction, request: Request, query: Mapping[str, str]) -> Response:
    asked = {
        "method": Datum(request.method, "string"),
        "url": Datum(request.url, "string"),
        "headers": {name: Datum(value, "string") for name, value in request.headers.items()},
        "query": {name: Datum(value, "string") for name, value in query.items()},
        "params": {},
        "body": Datum(request.body, "bytes"),
    }
    result = function.run(HttpRequestConverter.decode(Datum(asked, "http"), trigger_metadata={}))
    match result.value:
        case _ if result.failed:
            return Response(HTTPStatus.INTERNAL_SERVER_ERROR)
        case HttpResponse() as answer:
            headers = {"Content-Type": answer.mimetype, **dict(answer.headers)}
            return Response(HTTPStatus(answer.status_code), answer.get_body(), headers)
        case answer:
            return Response(HTTPStatus.OK if answer else HTTPStatus.NO_CONTENT, str(answer or "").encode())


def _route(function: AppFunction) -> str:
    return str(function.trigger.get("route") or function.name).strip("/")
