"""The addresses that can be told, each with what it heard, for the suite that runs over all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from boto3.session import Session
from pydantic import JsonValue

from rigs.scripted import Answer, Sent
from tradewind.clouds.aws.notices import open_notifier as open_sns
from tradewind.clouds.azure.notices import open_notifier as open_event_grid
from tradewind.clouds.gcp.notices import open_notifier as open_pubsub
from tradewind.clouds.web.notices import open_notifier as open_webhook
from tradewind.fleet import AwsSite, Credentials, GcpSite
from tradewind.fleet.notices import EventGrid, PubSub, Sns, Webhook
from tradewind.ports import Notice, Notifier
from tradewind_sandbox.emulators import PubsubEmulator, S3Emulator

NOWHERE = "http://127.0.0.1:9"
"""Nothing listens on the discard port."""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The example of the Standard Webhooks specification."""
NOTICE = Notice(
    id="classifier:7:VERIFIED",
    group="classifier",
    epoch=7,
    what="failover",
    summary="Traffic of classifier failed over to gcp-euw4 and away from aws-use1 (epoch 7).",
    reason="aws-use1 is down for 2 of 3 observers: „keine Antwort“ 模型",
    at=datetime(2026, 3, 1, 3, 4, 5, 678000, tzinfo=UTC),
    by="azr-weu",
    weights={"aws-use1": 0, "gcp-euw4": 100},
)
DOCUMENT: dict[str, JsonValue] = {
    "id": "classifier:7:VERIFIED",
    "group": "classifier",
    "epoch": 7,
    "what": "failover",
    "summary": "Traffic of classifier failed over to gcp-euw4 and away from aws-use1 (epoch 7).",
    "reason": "aws-use1 is down for 2 of 3 observers: „keine Antwort“ 模型",
    "at": "2026-03-01T03:04:05.678Z",
    "by": "azr-weu",
    "weights": {"aws-use1": 0, "gcp-euw4": 100},
}


@dataclass(frozen=True, slots=True)
class Rig:
    """One kind of address."""

    notifier: Notifier
    heard: Callable[[], list[dict[str, JsonValue]]]
    """What arrived there since this was asked last, as JSON."""
    down: Notifier
    """One that does not answer."""
    unknown: Notifier
    """One that does not exist, or does not know who tells it."""


@dataclass
class Listener:
    """A local server that keeps what it is sent, and answers by a script, or as if all were well."""

    url: str
    sent: list[Sent] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    def heard(self) -> list[dict[str, JsonValue]]:
        """Return the bodies that were sent since this was asked last; a batch is several."""
        bodies = [json.loads(each.body) for each in self.sent]
        self.sent.clear()
        return [one for body in bodies for one in (body if isinstance(body, list) else [body])]


@contextmanager
def listening() -> Iterator[Listener]:
    """Run a listener."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keep the request, and answer."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            listener.sent.append(Sent("POST", self.path, headers, body))
            answer = listener.answers.pop(0) if listener.answers else Answer()
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener = Listener(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class SnsTopic:
    """A topic at moto, with a queue that is subscribed to it."""

    def __init__(self, emulator: S3Emulator, name: str) -> None:
        session = Session("sandbox", "sandbox", region_name=emulator.region)
        self._site = AwsSite(
            cloud="aws", region=emulator.region, jurisdiction="US", bucket="data", control_bucket="control"
        )
        self._api = emulator.url
        fifo = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
        sns = session.client("sns", endpoint_url=emulator.url)
        self.arn = sns.create_topic(Name=name, Attributes=fifo)["TopicArn"]
        self._sqs = session.client("sqs", endpoint_url=emulator.url)
        queue = self._sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if fifo else {})
        self._queue = queue["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=arn)

    def open(self, arn: str | None = None, api: str | None = None) -> Notifier:
        """Open the topic as the runtime does."""
        config = Sns(kind="sns", site="aws", topic=arn or self.arn, api=api or self._api)
        return open_sns(config, self._site, {"access_key_id": "sandbox", "secret_access_key": "sandbox"})

    def envelopes(self) -> list[dict[str, JsonValue]]:
        """Return what SNS delivered since this was asked last."""
        found: list[dict[str, JsonValue]] = []
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=1).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def heard(self) -> list[dict[str, JsonValue]]:
        """Return the messages that were delivered since this was asked last."""
        return [json.loads(str(each["Message"])) for each in self.envelopes()]

    def rig(self) -> Rig:
        """Return the topic as a rig."""
        unknown = self.open(arn=self.arn.rpartition(":")[0] + ":another")
        return Rig(self.open(), self.heard, self.open(api=NOWHERE), unknown)


class PubSubTopic:
    """A topic at the sandbox's Pub/Sub, with a subscription."""

    def __init__(self, emulator: PubsubEmulator, name: str) -> None:
        self._emulator = emulator
        self._name = name
        queue = self._opened(name)._topic  # type: ignore[attr-defined]  # it is a `PubSubNotifier`
        queue._publisher.create_topic(name=queue._topic)
        queue._subscriber.create_subscription(request={"name": queue._subscription, "topic": queue._topic})
        self.queue = queue

    def _opened(self, name: str, api: str | None = None) -> Notifier:
        site = GcpSite(
            cloud="gcp",
            region="europe-west4",
            jurisdiction="EU",
            project=self._emulator.project,
            bucket="data",
            control_bucket="control",
        )
        config = PubSub(kind="pubsub", site="gcp", topic=name, api=api or f"http://{self._emulator.url}")
        return open_pubsub(config, site, {"type": "anonymous"})

    def heard(self) -> list[dict[str, JsonValue]]:
        """Return the messages that arrived since this was asked last."""
        messages = self.queue.receive(limit=10)
        for message in messages:
            self.queue.acknowledge(message)
        return [json.loads(message.body) for message in messages]

    def rig(self) -> Rig:
        """Return the topic as a rig."""
        return Rig(self._opened(self._name), self.heard, self._opened(self._name, NOWHERE), self._opened("another"))


def event_grid_rig(listener: Listener) -> Rig:
    """Return a topic of Event Grid, played by a listener that answers who does not know the key as Azure does."""
    key = Credentials(source="environment", name="KEY")
    config = EventGrid(kind="event_grid", endpoint=f"{listener.url}/api/events", key=key)
    refused = (
        b'{"error":{"code":"Unauthorized","message":"The request authorization key is not authorized for another."}}'
    )
    return Rig(
        open_event_grid(config, {"key": "topic-key"}),
        lambda: [dict(each["data"]) for each in listener.heard() if isinstance(each["data"], dict)],
        open_event_grid(config.model_copy(update={"endpoint": NOWHERE}), {"key": "topic-key"}),
        _Refusing(open_event_grid(config, {"key": "another"}), listener, Answer(401, {}, refused)),
    )


def webhook_rig(listener: Listener) -> Rig:
    """Return a webhook, played by a listener that answers one that is gone as Slack does."""
    config = Webhook(kind="webhook", url=f"{listener.url}/services/T0/B0/xyz")

    def heard() -> list[dict[str, JsonValue]]:
        return [{name: value for name, value in body.items() if name != "text"} for body in listener.heard()]

    return Rig(
        open_webhook(config, {"key": SECRET}),
        heard,
        open_webhook(config.model_copy(update={"url": f"{NOWHERE}/services/xyz"}), None),
        _Refusing(open_webhook(config, None), listener, Answer(404, {}, b"no_service")),
    )


@dataclass(frozen=True, slots=True)
class _Refusing:
    """Tells a listener that refuses it."""

    inner: Notifier
    listener: Listener
    answer: Answer

    def tell(self, notice: Notice) -> None:
        """Tell it."""
        self.listener.answers.append(self.answer)
        self.inner.tell(notice)
