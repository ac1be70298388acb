"""Queues on Pub/Sub: a topic, and a pull subscription of the same name.

Source: https://cloud.google.com/pubsub/quotas#resource_limits
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from tradewind.clouds.gcp.backlog import undelivered
from tradewind.clouds.gcp.errors import translate
from tradewind.clouds.gcp.identity import load_credentials
from tradewind.errors import PermanentError
from tradewind.fleet import GcpSite
from tradewind.ports import REASON, Message

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.pubsub_v1 import PublisherClient, ReceivedMessage, SubscriberClient

    Counter: TypeAlias = Callable[[], int]

EMULATOR_VARIABLE = "PUBSUB_EMULATOR_HOST"
LIMIT = 10_000_000
"""Bytes of a message with its attributes."""
NAME_LIMIT, VALUE_LIMIT, ATTRIBUTES = 256, 1024, 100
"""Bytes of an attribute's name and value, and how many there may be."""
BATCH = 1000
LONGEST_DEADLINE = 600
"""Seconds for which Pub/Sub can hide a message."""
TIMEOUT, PATIENCE = 10.0, 5.0
"""Seconds for one call, and for how long a call that failed is made again."""
MESSAGE_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def open_queue(site: GcpSite, credentials: Mapping[str, str] | None, name: str) -> PubSubQueue:
    """Return a queue of a site.

    Raises:
        CredentialsError: There are no credentials, or they are of no known kind.
    """
    endpoint = (site.queues.endpoint if site.queues else None) or os.environ.get(EMULATOR_VARIABLE)
    if endpoint is not None and not endpoint.startswith("https://"):
        return PubSubQueue(*_emulated(endpoint.removeprefix("http://")), site.project, name)
    from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415 - only who talks to Google pays
    from google.pubsub_v1 import PublisherClient, SubscriberClient  # noqa: PLC0415 - likewise, 0.6 s

    identity = load_credentials(credentials)
    options = {"api_endpoint": endpoint.removeprefix("https://")} if endpoint else None

    def count() -> int:
        return undelivered(AuthorizedSession(identity), site.project, name, now=datetime.now(UTC))

    return PubSubQueue(
        PublisherClient(credentials=identity, client_options=options),
        SubscriberClient(credentials=identity, client_options=options),
        site.project,
        name,
        count=count,
    )


def _emulated(address: str) -> tuple[PublisherClient, SubscriberClient]:
    import grpc  # noqa: PLC0415 - only a function that talks to Google pays for it
    from google.pubsub_v1 import PublisherClient, SubscriberClient  # noqa: PLC0415 - likewise
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport  # noqa: PLC0415 - likewise
    from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport  # noqa: PLC0415 - likewise

    channel = grpc.insecure_channel(address, options=MESSAGE_SIZE)
    return (
        PublisherClient(transport=PublisherGrpcTransport(channel=channel)),
        SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)),
    )


class PubSubQueue:
    """One topic and its subscription (see `ports.Queue`).

    Pub/Sub counts deliveries only where the subscription has a dead-letter policy; elsewhere `attempt` stays 1.

    Args:
        publisher: May be shared between threads.
        subscriber: May be shared between threads.
        project: Of both.
        name: Of both.
        count: Says how many messages wait. Without it (an emulator has no Cloud Monitoring) what waits is pulled and
            given back, which does not see what is being worked on.
    """

    def __init__(
        self,
        publisher: PublisherClient,
        subscriber: SubscriberClient,
        project: str,
        name: str,
        *,
        count: Counter | None = None,
    ) -> None:
        self._publisher = publisher
        self._subscriber = subscriber
        self._topic = f"projects/{project}/topics/{name}"
        self._subscription = f"projects/{project}/subscriptions/{name}"
        self._uri = f"pubsub://{project}/{name}"
        self._count = count or self._count_by_pulling

    def send(self, body: str, *, attributes: Mapping[str, str] | None = None) -> None:
        """Send one message; a dead letter's reason is cut to what an attribute holds.

        Raises:
            PermanentError: The message or an attribute is larger than Pub/Sub takes.
        """
        given = {name: _cut(value) if name == REASON else value for name, value in (attributes or {}).items()}
        self._check(body, given)
        message = {"data": body.encode(), "attributes": given}
        with translate("send", f"a message to {self._uri}"):
            self._publisher.publish(
                request={"topic": self._topic, "messages": [message]}, retry=_retry(), timeout=TIMEOUT
            )

    def _check(self, body: str, attributes: Mapping[str, str]) -> None:
        sizes = [(len(name.encode()), len(value.encode())) for name, value in attributes.items()]
        size = len(body.encode()) + sum(map(sum, sizes))
        fault = ""
        if size > LIMIT:
            fault = f"{size} bytes are more than the {LIMIT} of a message"
        elif len(sizes) > ATTRIBUTES or any(name > NAME_LIMIT or value > VALUE_LIMIT for name, value in sizes):
            fault = f"there are over {ATTRIBUTES} attributes, or one is over {NAME_LIMIT} + {VALUE_LIMIT} bytes"
        if fault:
            raise PermanentError(f"Could not send a message to {self._uri}: {fault}")

    def receive(self, *, limit: int = 10, wait: float = 0.0) -> Sequence[Message]:
        """Return up to `limit` messages."""
        from google.api_core.exceptions import DeadlineExceeded  # noqa: PLC0415 - loaded with the clients

        with translate("receive", f"messages from {self._uri}"):
            # The first look does not wait, so that a service that does not answer is not taken for an empty queue.
            found = self._pull(limit, timeout=TIMEOUT, immediately=True)
            if not found and wait > 0:
                try:
                    found = self._pull(limit, timeout=wait)
                except DeadlineExceeded:
                    found = []
        return [_message(one) for one in found]

    def _pull(self, limit: int, *, timeout: float, immediately: bool = False) -> Sequence[ReceivedMessage]:
        from google.api_core import gapic_v1, grpc_helpers  # noqa: PLC0415 - loaded with the clients
        from google.pubsub_v1 import PullRequest  # noqa: PLC0415 - likewise

        request = PullRequest(
            subscription=self._subscription, max_messages=min(limit, BATCH), return_immediately=immediately
        )
        route = gapic_v1.routing_header.to_grpc_metadata((("subscription", self._subscription),))
        # The client itself warns of `return_immediately`, which slows down those who poll; here nobody does.
        call = grpc_helpers.wrap_errors(self._subscriber.transport.pull)
        received: Sequence[ReceivedMessage] = call(request, timeout=timeout, metadata=(route,)).received_messages
        return received

    def acknowledge(self, message: Message) -> None:
        """Remove a received message for good."""
        request = {"subscription": self._subscription, "ack_ids": [message.receipt]}
        with translate("acknowledge", f"a message of {self._uri}"):
            self._subscriber.acknowledge(request=request, retry=_retry(), timeout=TIMEOUT)

    def release(self, message: Message, *, delay: float = 0.0) -> None:
        """Make a received message visible again, if it is not already; ten minutes are the longest delay."""
        self._release([message.receipt], delay)

    def _release(self, receipts: Sequence[str], delay: float = 0.0) -> None:
        seconds = min(int(delay), LONGEST_DEADLINE)
        request = {"subscription": self._subscription, "ack_ids": receipts, "ack_deadline_seconds": seconds}
        with translate("release", f"a message of {self._uri}"):
            self._subscriber.modify_ack_deadline(request=request, retry=_retry(), timeout=TIMEOUT)

    def depth(self) -> int:
        """Return roughly how many messages wait, by Cloud Monitoring's newest sample."""
        with translate("count", f"the messages of {self._uri}"):
            return self._count()

    def _count_by_pulling(self) -> int:
        receipts = [one.ack_id for one in self._pull(BATCH, timeout=TIMEOUT, immediately=True)]
        if receipts:
            self._release(receipts)
        return len(receipts)


@cache
def _retry() -> Retry:
    """Return how calls that may be repeated are repeated; Google's own default goes on for ten minutes."""
    from google.api_core import exceptions as api  # noqa: PLC0415 - loaded with the clients
    from google.api_core.retry import Retry, if_exception_type  # noqa: PLC0415 - likewise

    passing = if_exception_type(api.ServiceUnavailable, api.InternalServerError, api.Aborted, api.TooManyRequests)
    return Retry(predicate=passing, initial=0.1, multiplier=2.0, maximum=2.0, timeout=PATIENCE)


def _message(received: ReceivedMessage) -> Message:
    message = received.message
    return Message(
        body=message.data.decode(errors="replace"),
        id=message.message_id,
        attempt=received.delivery_attempt or 1,
        attributes=dict(message.attributes),
        receipt=received.ack_id,
    )


def _cut(text: str) -> str:
    return text.encode()[:VALUE_LIMIT].decode(errors="ignore")
