"""What goes to Route 53, to the letter, and what its refusals mean: moto is laxer than Route 53 is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from tradewind.clouds.aws.traffic import Route53Director
from tradewind.clouds.zones import epoch_text
from tradewind.errors import (
    AccessDeniedError,
    ConfigurationError,
    PreconditionFailedError,
    StoreUnavailableError,
)
from tradewind.fleet.directors import Route53
from tradewind.ports import Traffic

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

CONFIG = Route53(
    kind="route53",
    site="aws-use1",
    zone="Z1",
    name="api.example.com",
    targets={"aws": "a.example.net", "gcp": "g.example.net"},
    ttl_seconds=30,
)
NAME, TEXT = "api.example.com.", "_tradewind.api.example.com."
AT_AWS, AT_GCP = {"aws": 100, "gcp": 0}, {"aws": 0, "gcp": 100}
INFO = {"ChangeInfo": {"Id": "/change/C1", "Status": "PENDING", "SubmittedAt": "2026-01-01T00:00:00Z"}}


@pytest.fixture
def client() -> Route53Client:
    """A client that nothing answers but the stub."""
    return boto3.client("route53", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


@pytest.fixture
def stub(client: Route53Client) -> Stubber:
    """What answers it."""
    stubber = Stubber(client)
    stubber.activate()
    return stubber


@pytest.fixture
def director(client: Route53Client, stub: Stubber) -> Route53Director:
    """The director of a name in the zone."""
    return Route53Director(client, CONFIG)


def records(weights: dict[str, int], epoch: int) -> list[dict[str, object]]:
    """Return the records of a group."""
    weighted: list[dict[str, object]] = [
        {
            "Name": NAME,
            "Type": "CNAME",
            "SetIdentifier": name,
            "Weight": weight,
            "TTL": 30,
            "ResourceRecords": [{"Value": f"{name[0]}.example.net."}],
        }
        for name, weight in weights.items()
    ]
    text = {"Name": TEXT, "Type": "TXT", "TTL": 30, "ResourceRecords": [{"Value": epoch_text(epoch, weights)}]}
    return [*weighted, text]


def lists(stub: Stubber, found: list[dict[str, object]], **more: object) -> None:
    """Answer the next listing."""
    asked = {"HostedZoneId": "Z1", "StartRecordName": "api.example.com", "MaxItems": "300"}
    stub.add_response(
        "list_resource_record_sets",
        {"ResourceRecordSets": found, "IsTruncated": False, "MaxItems": "300", **more},
        asked,
    )


def seen(director: Route53Director, stub: Stubber, found: list[dict[str, object]]) -> Traffic:
    """Read once."""
    lists(stub, found)
    return director.read()


def test_the_batch_deletes_what_was_read_and_then_creates(
    client: Route53Client, stub: Stubber, director: Route53Director
) -> None:
    """All records are in one batch, first as they were read, then as they are to be, and in Route 53's own words."""
    bodies: list[bytes] = []

    def keep(model: Any, params: Any, **_: object) -> None:  # noqa: ANN401 - botocore's events are untyped
        if model.name == "ChangeResourceRecordSets":
            bodies.append(params["body"])

    events: Any = client.meta.events
    events.register_first("before-call.*.*", keep)
    expect = seen(director, stub, records(AT_AWS, 1))
    lists(stub, records(AT_AWS, 1))
    stub.add_response("change_resource_record_sets", INFO)
    lists(stub, records(AT_GCP, 2))

    director.publish(AT_GCP, epoch=2, expect=expect)

    changes = re.findall(rb"<Action>(\w+)</Action><ResourceRecordSet>(.*?)</ResourceRecordSet>", bodies[0])
    assert changes == [
        (b"DELETE", weighted("aws", 100)),
        (b"DELETE", weighted("gcp", 0)),
        (b"DELETE", text(epoch_text(1, AT_AWS))),
        (b"CREATE", weighted("aws", 0)),
        (b"CREATE", weighted("gcp", 100)),
        (b"CREATE", text(epoch_text(2, AT_GCP))),
    ]
    assert bodies[0].count(b"<Change>") == 6
    assert len(bodies) == 1


def weighted(name: str, weight: int) -> bytes:
    """Return a weighted record as Route 53 is told it."""
    told = f"<Name>{NAME}</Name><Type>CNAME</Type><SetIdentifier>{name}</SetIdentifier><Weight>{weight}</Weight>"
    value = f"<ResourceRecord><Value>{name[0]}.example.net.</Value></ResourceRecord>"
    return f"{told}<TTL>30</TTL><ResourceRecords>{value}</ResourceRecords>".encode()


def text(value: str) -> bytes:
    """Return the epoch's record as Route 53 is told it."""
    values = f"<ResourceRecords><ResourceRecord><Value>{value}</Value></ResourceRecord></ResourceRecords>"
    return f"<Name>{TEXT}</Name><Type>TXT</Type><TTL>30</TTL>{values}".encode()


@pytest.mark.parametrize(
    ("after", "error"),
    [
        (records(AT_GCP, 2), None),
        (records(AT_AWS, 3), PreconditionFailedError),
        (records({"aws": 50, "gcp": 50}, 2), PreconditionFailedError),
        (records(AT_AWS, 1), ConfigurationError),
    ],
)
def test_a_refused_batch_is_looked_after(
    stub: Stubber, director: Route53Director, after: list[dict[str, object]], error: type[Exception] | None
) -> None:
    """A batch that does not fit was here before, lost against another, or is wrong: what is there now tells."""
    expect = seen(director, stub, records(AT_AWS, 1))
    lists(stub, records(AT_AWS, 1))
    said = "[Tried to delete resource record set, but the values provided do not match the current values]"
    stub.add_client_error("change_resource_record_sets", "InvalidChangeBatch", said, 400)
    lists(stub, after)

    if error is None:
        assert director.publish(AT_GCP, epoch=2, expect=expect).epoch == 2
    else:
        with pytest.raises(error):
            director.publish(AT_GCP, epoch=2, expect=expect)
    stub.assert_no_pending_responses()


def test_a_protected_record_is_named_with_what_to_do(stub: Stubber, director: Route53Director) -> None:
    """A record under protection is the operator's to release."""
    expect = seen(director, stub, [])
    lists(stub, [])
    said = "[The resource record set api.example.com. CNAME is protected: ask the web team]"
    stub.add_client_error("change_resource_record_sets", "InvalidChangeBatch", said, 400)
    lists(stub, [])

    with pytest.raises(ConfigurationError, match="ask the web team") as raised:
        director.publish(AT_AWS, epoch=1, expect=expect)

    assert raised.value.hint == "Remove its protection"


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("Throttling", 400, StoreUnavailableError),
        ("PriorRequestNotComplete", 400, StoreUnavailableError),
        ("ServiceUnavailable", 503, StoreUnavailableError),
        ("NoSuchHostedZone", 404, ConfigurationError),
        ("AccessDenied", 403, AccessDeniedError),
    ],
)
def test_other_refusals_have_their_family(
    stub: Stubber, director: Route53Director, code: str, status: int, error: type[Exception]
) -> None:
    """What has nothing to do with the records says so."""
    expect = seen(director, stub, [])
    lists(stub, [])
    stub.add_client_error("change_resource_record_sets", code, "No", status)

    with pytest.raises(error) as raised:
        director.publish(AT_AWS, epoch=1, expect=expect)

    assert type(raised.value) is error


def test_pages_are_read_until_the_epochs_record_can_no_longer_come(stub: Stubber, director: Route53Director) -> None:
    """A listing goes on from where it broke off, within a name's identifiers, too, and ends after the last record."""
    first, second, epoch = records(AT_AWS, 4)
    more = {"IsTruncated": True, "NextRecordName": NAME, "NextRecordType": "CNAME", "NextRecordIdentifier": "gcp"}
    lists(stub, [first], **more)
    page = {"HostedZoneId": "Z1", "MaxItems": "300"}
    stub.add_response(
        "list_resource_record_sets",
        {
            "ResourceRecordSets": [second],
            "IsTruncated": True,
            "MaxItems": "300",
            "NextRecordName": "*.api.example.com.",
            "NextRecordType": "A",
        },
        {**page, "StartRecordName": NAME, "StartRecordType": "CNAME", "StartRecordIdentifier": "gcp"},
    )
    stub.add_response(
        "list_resource_record_sets",
        {
            "ResourceRecordSets": [epoch],
            "IsTruncated": True,
            "MaxItems": "300",
            "NextRecordName": "www.example.com.",
            "NextRecordType": "A",
        },
        {**page, "StartRecordName": "*.api.example.com.", "StartRecordType": "A"},
    )

    read = director.read()

    assert (read.weights, read.epoch) == (AT_AWS, 4)
    stub.assert_no_pending_responses()
