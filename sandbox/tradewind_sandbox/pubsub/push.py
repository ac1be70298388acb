"""Push subscriptions: each message is posted to its endpoint until that answers with success."""

from __future__ import annotations

import base64
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
from google.pubsub_v1.types import PubsubMessage, Subscription

from tradewind_sandbox.pubsub.storage import Delivery, Storage, UnknownNameError

_log = logging.getLogger(__name__)
_OUTSTANDING = 8
"""Messages of one subscription that are on their way at one time."""
_BACKOFF = (0.1, 60.0)
"""Seconds before the second delivery, and the longest wait, where the subscription has no retry policy."""
_SUCCESS = frozenset({102, 200, 201, 202, 204})
"""https://cloud.google.com/pubsub/docs/push: every other status is a refusal."""


class Pusher:
    """Delivers the messages of one push subscription, from threads of its own, until it is stopped."""

    def __init__(self, storage: Storage, name: str) -> None:
        self._storage = storage
        self._name = name
        self._stopping = threading.Event()
        self._places = threading.Semaphore(_OUTSTANDING)
        self._workers = ThreadPoolExecutor(_OUTSTANDING, thread_name_prefix="push")
        # A server may close an idle connection at the moment when it is used again, and that would count as a failure.
        self._client = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)
        # Nobody else leases from a push subscription; what is leased now was on its way when a pusher before this died.
        storage.release_all(name)
        self._thread = threading.Thread(target=self._run, name=f"push {name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Deliver nothing more; what is under way is finished."""
        self._stopping.set()
        self._thread.join()
        self._workers.shutdown()
        self._client.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._places.acquire()
            try:
                subscription = self._storage.subscription(self._name)
                deadline = subscription.ack_deadline_seconds
                found = self._storage.lease(self._name, 1, deadline + _MARGIN, wait=1.0)
            except UnknownNameError:
                return
            if not found:
                self._places.release()
            for delivery in found:
                self._workers.submit(self._deliver, subscription, delivery)

    def _deliver(self, subscription: Subscription, delivery: Delivery) -> None:
        try:
            complaint = self._post(subscription, delivery)
            if complaint is None:
                self._storage.acknowledge([delivery.ack_id])
                return
            wait = backoff(subscription, delivery.attempt)
            _log.warning("%s: %s; again in %.1f s", delivery.message.message_id, complaint, wait)
            self._storage.postpone([delivery.ack_id], wait)
        finally:
            self._places.release()

    def _post(self, subscription: Subscription, delivery: Delivery) -> str | None:
        endpoint = subscription.push_config.push_endpoint
        try:
            response = self._client.post(
                endpoint,
                json=envelope(subscription, delivery),
                headers={"User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)"},
                timeout=subscription.ack_deadline_seconds,
            )
        except httpx.HTTPError as error:
            return f"{endpoint} did not answer: {error or type(error).__name__}"
        return None if response.status_code in _SUCCESS else f"{endpoint} answered {response.status_code}"


_MARGIN = 5.0
"""Seconds that a message stays hidden beyond the time that its endpoint has, so that it is never out twice."""


def envelope(subscription: Subscription, delivery: Delivery) -> dict[str, object]:
    """Return the body of a push request, as https://cloud.google.com/pubsub/docs/push states it."""
    message: PubsubMessage = delivery.message
    published = PubsubMessage.pb(message).publish_time.ToJsonString()
    body: dict[str, object] = {
        "message": {
            "attributes": dict(message.attributes),
            "data": base64.b64encode(message.data).decode(),
            "messageId": message.message_id,
            "message_id": message.message_id,
            "publishTime": published,
            "publish_time": published,
        },
        "subscription": subscription.name,
    }
    if subscription.dead_letter_policy.dead_letter_topic:
        body["deliveryAttempt"] = delivery.attempt
    return body


def backoff(subscription: Subscription, attempt: int) -> float:
    """Return how many seconds to wait after delivery number `attempt` failed: doubled each time, within the policy."""
    policy = Subscription.pb(subscription).retry_policy
    shortest = policy.minimum_backoff.ToNanoseconds() / 1e9 or _BACKOFF[0]
    longest = policy.maximum_backoff.ToNanoseconds() / 1e9 or _BACKOFF[1]
    return float(min(longest, shortest * 2 ** min(attempt - 1, 30)))


def push_all(storage: Storage, stopping: threading.Event) -> None:
    """Keep one pusher for each push subscription, those that are created later included, until `stopping` is set."""
    pushers: dict[str, Pusher] = {}
    while not stopping.wait(0.2):
        wanted = {each.name for each in storage.subscriptions() if each.push_config.push_endpoint}
        for name in wanted - pushers.keys():
            pushers[name] = Pusher(storage, name)
        for name in pushers.keys() - wanted:
            pushers.pop(name).stop()
    for pusher in pushers.values():
        pusher.stop()
