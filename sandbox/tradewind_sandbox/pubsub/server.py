"""The gRPC face: the calls that the Python client, fake-gcs-server's Go client and the sandbox make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NoReturn, Protocol, TypeVar

import grpc
from google.pubsub_v1 import types

from tradewind_sandbox.pubsub.event_time import precise
from tradewind_sandbox.pubsub.filters import UnknownFilterError
from tradewind_sandbox.pubsub.storage import NameTakenError, Storage, UnknownNameError

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")
_PULL_WAIT = 5.0
"""Seconds that a pull waits for the first message; real Pub/Sub waits for some seconds too."""
_THREADS = 32


class _Context(Protocol):
    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn: ...
    def is_active(self) -> bool: ...


def serve(storage: Storage, address: str) -> grpc.Server:
    """Start a server for `storage` on `address` (`host:port`) and return it."""
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=[("grpc.max_receive_message_length", 20 << 20)])
    server.add_generic_rpc_handlers((_publisher(Publisher(storage)), _subscriber(Subscriber(storage))))
    server.add_insecure_port(address)
    server.start()
    return server


class Publisher:
    """`google.pubsub.v1.Publisher`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def create_topic(self, topic: types.Topic) -> types.Topic:
        """Create a topic."""
        self._storage.create_topic(topic.name)
        return topic

    def get_topic(self, request: types.GetTopicRequest) -> types.Topic:
        """Say that a topic is there."""
        if not self._storage.has_topic(request.topic):
            raise UnknownNameError(request.topic)
        return types.Topic(name=request.topic)

    def list_topics(self, request: types.ListTopicsRequest) -> types.ListTopicsResponse:
        """List a project's topics, on one page."""
        names = [name for name in self._storage.topics() if name.startswith(f"{request.project}/")]
        return types.ListTopicsResponse(topics=[types.Topic(name=name) for name in names])

    def delete_topic(self, request: types.DeleteTopicRequest) -> None:
        """Delete a topic."""
        self._storage.delete_topic(request.topic)

    def publish(self, request: types.PublishRequest) -> types.PublishResponse:
        """Take messages in."""
        messages = [precise(message, datetime.now(UTC)) for message in request.messages]
        return types.PublishResponse(message_ids=self._storage.publish(request.topic, messages))


class Subscriber:
    """`google.pubsub.v1.Subscriber`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def create_subscription(self, subscription: types.Subscription) -> types.Subscription:
        """Create a pull or a push subscription."""
        subscription.ack_deadline_seconds = subscription.ack_deadline_seconds or 10
        self._storage.create_subscription(subscription)
        return subscription

    def get_subscription(self, request: types.GetSubscriptionRequest) -> types.Subscription:
        """Return a subscription."""
        return self._storage.subscription(request.subscription)

    def list_subscriptions(self, request: types.ListSubscriptionsRequest) -> types.ListSubscriptionsResponse:
        """List a project's subscriptions, on one page."""
        found = [each for each in self._storage.subscriptions() if each.name.startswith(f"{request.project}/")]
        return types.ListSubscriptionsResponse(subscriptions=found)

    def delete_subscription(self, request: types.DeleteSubscriptionRequest) -> None:
        """Delete a subscription with its messages."""
        self._storage.delete_subscription(request.subscription)

    def pull(self, request: types.PullRequest, wanted: Callable[[], bool] = lambda: True) -> types.PullResponse:
        """Hand messages out, waiting a little for the first one while the client waits, too."""
        subscription = self._storage.subscription(request.subscription)
        wait = 0.0 if types.PullRequest.pb(request).return_immediately else _PULL_WAIT
        deadline = subscription.ack_deadline_seconds
        found = self._storage.lease(subscription.name, request.max_messages or 1, deadline, wait=wait, wanted=wanted)
        counted = bool(subscription.dead_letter_policy.dead_letter_topic)
        received = [
            types.ReceivedMessage(
                ack_id=each.ack_id, message=each.message, delivery_attempt=each.attempt if counted else 0
            )
            for each in found
        ]
        return types.PullResponse(received_messages=received)

    def acknowledge(self, request: types.AcknowledgeRequest) -> None:
        """Forget messages."""
        self._storage.acknowledge(request.ack_ids)

    def modify_ack_deadline(self, request: types.ModifyAckDeadlineRequest) -> None:
        """Keep messages longer, or give them back."""
        self._storage.postpone(request.ack_ids, request.ack_deadline_seconds)

    def streaming_pull(
        self, requests: Iterator[types.StreamingPullRequest], context: grpc.ServicerContext
    ) -> Iterator[types.StreamingPullResponse]:
        """Hand messages out for as long as the client listens; it acknowledges by calls of its own."""
        first = next(requests)
        deadline = first.stream_ack_deadline_seconds or 10
        while context.is_active():
            found = self._storage.lease(first.subscription, 100, deadline, wait=1.0, wanted=context.is_active)
            received = [types.ReceivedMessage(ack_id=each.ack_id, message=each.message) for each in found]
            if received:
                yield types.StreamingPullResponse(received_messages=received)


def _unary(
    act: Callable[[_Request], _Response],
    parse: Callable[[bytes], _Request],
    render: Callable[[_Response], bytes],
) -> grpc.RpcMethodHandler[_Request, _Response]:
    def behaviour(request: _Request, context: _Context) -> _Response:
        with _errors_told(context):
            return act(request)

    return grpc.unary_unary_rpc_method_handler(behaviour, parse, render)


def _pull(face: Subscriber) -> grpc.RpcMethodHandler[types.PullRequest, types.PullResponse]:
    def behaviour(request: types.PullRequest, context: _Context) -> types.PullResponse:
        with _errors_told(context):
            return face.pull(request, context.is_active)

    parse, render = types.PullRequest.deserialize, types.PullResponse.serialize
    return grpc.unary_unary_rpc_method_handler(behaviour, parse, render)


@contextmanager
def _errors_told(context: _Context) -> Iterator[None]:
    try:
        yield
    except UnknownNameError as error:
        context.abort(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={error}).")
    except NameTakenError as error:
        context.abort(grpc.StatusCode.ALREADY_EXISTS, f"Resource already exists (resource={error}).")
    except UnknownFilterError as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"The filter is not understood: {error}")


def _empty(_: None) -> bytes:
    """Render `google.protobuf.Empty`."""
    return b""


def _publisher(face: Publisher) -> grpc.GenericRpcHandler:
    topic = types.Topic.serialize
    return grpc.method_handlers_generic_handler(
        "google.pubsub.v1.Publisher",
        {
            "CreateTopic": _unary(face.create_topic, types.Topic.deserialize, topic),
            "GetTopic": _unary(face.get_topic, types.GetTopicRequest.deserialize, topic),
            "ListTopics": _unary(
                face.list_topics, types.ListTopicsRequest.deserialize, types.ListTopicsResponse.serialize
            ),
            "DeleteTopic": _unary(face.delete_topic, types.DeleteTopicRequest.deserialize, _empty),
            "Publish": _unary(face.publish, types.PublishRequest.deserialize, types.PublishResponse.serialize),
        },
    )


def _subscriber(face: Subscriber) -> grpc.GenericRpcHandler:
    subscription = types.Subscription.serialize
    return grpc.method_handlers_generic_handler(
        "google.pubsub.v1.Subscriber",
        {
            "CreateSubscription": _unary(face.create_subscription, types.Subscription.deserialize, subscription),
            "GetSubscription": _unary(face.get_subscription, types.GetSubscriptionRequest.deserialize, subscription),
            "ListSubscriptions": _unary(
                face.list_subscriptions,
                types.ListSubscriptionsRequest.deserialize,
                types.ListSubscriptionsResponse.serialize,
            ),
            "DeleteSubscription": _unary(face.delete_subscription, types.DeleteSubscriptionRequest.deserialize, _empty),
            "Pull": _pull(face),
            "Acknowledge": _unary(face.acknowledge, types.AcknowledgeRequest.deserialize, _empty),
            "ModifyAckDeadline": _unary(face.modify_ack_deadline, types.ModifyAckDeadlineRequest.deserialize, _empty),
            "StreamingPull": grpc.stream_stream_rpc_method_handler(
                face.streaming_pull,
                types.StreamingPullRequest.deserialize,
                types.StreamingPullResponse.serialize,
            ),
        },
    )
