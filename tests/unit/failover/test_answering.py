"""What `GET /route` is answered."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from rigs.routes import fleet, published
from tradewind.errors import StoreUnavailableError
from tradewind.failover.callers.answering import answer, headers
from tradewind.failover.callers.published import Condition
from tradewind.failover.callers.reading import Copy
from tradewind.fleet import Fleet

FLEET = fleet()
DOWN = {"condition": Condition.DOWN, "well": False}


def ask(of: Fleet = FLEET, /, **parameters: str) -> tuple[int, dict[str, Any]]:
    """Ask, and return the status and the body as they go over the wire."""
    group = published(100, 0, 0)
    status, body = answer(parameters, of, lambda _: Copy(group, "aws-use1"), Random(1))  # noqa: S311 - dice
    return status, json.loads(json.dumps(body))


def test_an_answer_says_where_and_why() -> None:
    """The endpoint, its address, the epoch, the reason, what else can be tried, and who saw it when."""
    status, body = ask(group="chat")

    assert status == 200
    body["alternatives"].sort(key=lambda each: each["endpoint"])
    assert body == {
        "group": "chat",
        "endpoint": "virginia",
        "url": "https://virginia.example.org",
        "epoch": 7,
        "state": "SETTLED",
        "reason": "weighted: 100 % of the traffic go there",
        "note": "",
        "alternatives": [
            {"endpoint": "groningen", "url": "https://groningen.example.org"},
            {"endpoint": "london", "url": "https://london.example.org"},
        ],
        "rejected": {},
        "seen_by": "aws-use1",
        "seen_at": "2026-11-03T09:26:53+00:00",
    }


def test_the_only_group_need_not_be_named() -> None:
    """Where there is one, it is meant."""
    assert ask()[1]["group"] == "chat"


def test_a_place_is_asked_for_the_nearest_unless_something_else_is_said() -> None:
    """Whoever says where they are wants to know what is near."""
    near = ask(lat="52.4", lon="4.9")[1]

    assert near["reason"].startswith("nearest: us-east-1 is ")
    assert ask(lat="52.4", lon="4.9", by="weighted")[1]["reason"].startswith("weighted")


def test_data_goes_only_where_it_may_be() -> None:
    """A caller may name a stricter classification than the group's, and never a laxer one."""
    strict, lax = ask(classification="eu"), ask(fleet(classification="european"), classification="public")

    assert strict[1]["endpoint"] == "groningen"
    assert strict[1]["rejected"]["virginia"] == "it is in US, where 'eu' data may not be"
    assert lax[1]["rejected"] == {"virginia": "it is in US, where 'european' data may not be"}


def test_where_no_place_is_allowed_the_answer_is_a_refusal() -> None:
    """No endpoint is named, and each is said why."""
    status, body = ask(classification="lunar")

    assert status == 403
    assert body["error"] == "No endpoint of 'chat' is where public and lunar data may be"
    assert set(body["rejected"]) == {"virginia", "groningen", "london"}


def test_the_present_fleet_file_says_where_an_endpoint_is() -> None:
    """What was published before the law changed, or before an endpoint went, does not count."""
    moved = fleet().model_dump(mode="json", by_alias=True)
    moved["sites"]["gcp-euw4"]["jurisdiction"] = "US"
    del moved["endpoints"]["london"]

    status, body = ask(Fleet.model_validate(moved), classification="eu")

    assert status == 403
    assert set(body["rejected"]) == {"virginia", "groningen"}


@pytest.mark.parametrize(
    ("parameters", "status", "error"),
    [
        ({"group": "mars"}, 404, "There is no group 'mars'; there are: chat"),
        (
            {"classification": "secret"},
            400,
            "There is no classification 'secret'; there are: public, european, eu, lun",
        ),
        ({"clasification": "eu"}, 400, "There is no parameter 'clasification'; there are: group, by, lat, lon, class"),
        ({"by": "luck"}, 400, "`by` is 'luck'; it can be: weighted, latency, nearest"),
        ({"by": "nearest"}, 400, "`by=nearest` needs `lat` and `lon`"),
        ({"lat": "91", "lon": "0"}, 400, "`lat` is '91'; it must be degrees from -90 to 90"),
        ({"lat": "0", "lon": "-180.5"}, 400, "`lon` is '-180.5'; it must be degrees from -180 to 180"),
        ({"lat": "0"}, 400, "`lon` is None; it must be degrees from -180 to 180, and `lat` and `lon` go together"),
        ({"lat": "nan", "lon": "0"}, 400, "`lat` is 'nan'"),
        ({"lat": "north", "lon": "0"}, 400, "`lat` is 'north'"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_what_would(parameters: dict[str, str], status: int, error: str) -> None:
    """The answer names what is wrong with it, and what is allowed."""
    said = ask(**parameters)

    assert said[0] == status
    assert said[1]["error"].startswith(error)


def test_azures_keys_are_no_parameters_of_ours() -> None:
    """Whoever calls a function there says in the query who they are."""
    assert ask(code="secret", clientId="default")[0] == 200


def test_several_groups_must_be_told_apart() -> None:
    """No group is meant where there are two, or none."""
    two = fleet().model_dump(mode="json", by_alias=True)
    two["groups"]["vision"] = two["groups"]["chat"]
    none = {**two, "groups": {}}

    assert ask(Fleet.model_validate(two)) == (400, {"error": "Name a `group`; there are: chat, vision"})
    assert ask(Fleet.model_validate(none)) == (400, {"error": "Name a `group`; there are: none"})


def test_what_nobody_published_cannot_be_answered_now() -> None:
    """It may be later, so the caller is told to come again."""

    def read(_: str) -> Copy:
        raise StoreUnavailableError("Nothing is known of the group 'chat'", hint="Observers publish it")

    status, body = answer({}, FLEET, read, Random(1))  # noqa: S311 - dice

    assert (status, body) == (503, {"error": "Nothing is known of the group 'chat'. Observers publish it"})


def test_all_that_is_doubtful_is_noted() -> None:
    """That nothing is well, and that what was read is another observer's, are both told."""
    group = published(100, 0, 0, virginia=DOWN, groningen=DOWN, london=DOWN)

    _, body = answer({}, FLEET, lambda _: Copy(group, "gcp-euw4", "aws-use1: it is down"), Random(1))  # noqa: S311 - dice

    assert body["note"].endswith("to try is better than nothing; aws-use1: it is down")


def test_only_a_good_answer_may_be_kept_and_only_by_the_caller() -> None:
    """A cache between them would send everybody to the one place that one of them was given."""
    assert headers(200) == {"Cache-Control": "private, max-age=5"}
    assert headers(404) == headers(503) == {"Cache-Control": "no-store"}
