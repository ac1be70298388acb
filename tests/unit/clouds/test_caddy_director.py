"""What a Caddy may answer beside what it is asked for, and a connection that is cut."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tradewind.clouds.web.handler import EPOCH, Handler, shown, with_traffic
from tradewind.clouds.web.traffic import CaddyDirector
from tradewind.errors import (
    AccessDeniedError,
    ConfigurationError,
    PreconditionFailedError,
    StoreUnavailableError,
)
from tradewind.fleet.directors import Caddy
from tradewind.ports import Traffic

TARGETS = {"aws": "10.0.0.1:80", "gcp": "10.0.0.2:80"}
HANDLER: Handler = {"@id": "inference", "handler": "reverse_proxy", "upstreams": [{"dial": "10.0.0.1:80"}]}
NOTHING = Traffic({}, 0, '"/config/x 1"')
HALVES = {"aws": 50, "gcp": 50}


def director(answer: Callable[[httpx.Request], httpx.Response]) -> CaddyDirector:
    """Return a director whose Caddy answers as is said."""
    config = Caddy(kind="caddy", admin="http://caddy:2019", id="inference", targets=TARGETS)
    return CaddyDirector(httpx.Client(base_url=config.admin, transport=httpx.MockTransport(answer)), config)


def serves(handler: Handler, token: str = NOTHING.token) -> httpx.Response:
    """Answer with a handler."""
    return httpx.Response(200, json=handler, headers={"Etag": token})


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, '{"error":"unknown object ID \'inference\'"}', ConfigurationError),
        (403, '{"error":"host not allowed"}', AccessDeniedError),
        (500, '{"error":"loading new config: no such module"}', ConfigurationError),
        (502, "a proxy's page", StoreUnavailableError),
        (400, '{"error":"invalid traversal path"}', ConfigurationError),
    ],
)
def test_each_refusal_has_its_family(status: int, body: str, error: type[Exception]) -> None:
    """What Caddy refuses is told in its words, by an error that says whose turn it is."""
    with pytest.raises(error) as raised:
        director(lambda _: httpx.Response(status, text=body)).read()

    assert type(raised.value) is error
    assert body in str(raised.value)


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json=HANDLER)])
def test_an_answer_that_is_not_caddys_is_none(answer: httpx.Response) -> None:
    """A page in the place of a handler, or a handler without its version, says nothing."""
    with pytest.raises(StoreUnavailableError):
        director(lambda _: answer).read()


def test_the_change_is_one_conditional_request() -> None:
    """Weights and epoch go in one PATCH of the handler, which holds only if it is the one that was seen."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return serves(HANDLER) if request.method == "GET" else httpx.Response(200)

    director(answer).publish(HALVES, epoch=4, expect=NOTHING)

    (change,) = [request for request in sent if request.method != "GET"]
    assert (change.method, change.url.path, change.headers["If-Match"]) == ("PATCH", "/id/inference", NOTHING.token)


def test_a_read_that_is_cut_off_is_asked_again() -> None:
    """Somebody else's change cuts a reader off, who asks again."""
    cuts = iter([True, True, False])

    def answer(_: httpx.Request) -> httpx.Response:
        if next(cuts):
            raise httpx.RemoteProtocolError("cut off")
        return serves(HANDLER)

    assert director(answer).read() == NOTHING


@pytest.mark.parametrize(
    ("found", "error"),
    [
        (serves(with_traffic(HANDLER, TARGETS, HALVES, 4), "2"), None),
        (serves(with_traffic(HANDLER, TARGETS, HALVES, 5), "2"), PreconditionFailedError),
        (serves(HANDLER), StoreUnavailableError),
    ],
)
def test_a_change_that_is_cut_off_is_looked_after(found: httpx.Response, error: type[Exception] | None) -> None:
    """Whether a change whose answer was lost has counted is read, and is left open if it cannot be said."""
    reads = iter([serves(HANDLER), found])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            raise httpx.RemoteProtocolError("cut off")
        return next(reads)

    caddy = director(answer)
    if error is None:
        assert caddy.publish(HALVES, epoch=4, expect=NOTHING).epoch == 4
    else:
        with pytest.raises(error):
            caddy.publish(HALVES, epoch=4, expect=NOTHING)


@pytest.mark.parametrize(
    "broken",
    [
        {"upstreams": "none"},
        {"load_balancing": {"selection_policy": {"policy": "random"}}},
        {"load_balancing": {"selection_policy": {"policy": "weighted_round_robin", "weights": ["a"]}}},
        {"headers": {"response": {"set": {EPOCH: ["4"]}}}, "upstreams": [None, {}]},
    ],
)
def test_what_a_person_broke_is_still_read(broken: Handler) -> None:
    """A handler that no longer has our form shows the epoch if it has one, and no weights; it can be published over."""
    epoch: Handler = {"headers": {"response": {"set": {EPOCH: ["4"]}}}}
    handler: Handler = {**HANDLER, **epoch, **broken}

    read = shown(handler, TARGETS, "1")

    assert (read.weights, read.epoch) == ({}, 4)
    assert shown(with_traffic({**HANDLER, **broken}, TARGETS, HALVES, 5), TARGETS, "2").weights == HALVES
