"""What persons change by hand in the zone of a group that they froze."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from rigs.directors import AWS_KEYS, AWS_SITE, route53_client, route53_config
from rigs.observers import GROUP, Observatory
from rigs.strict_route53 import start_strict_route53
from tradewind.clouds.aws.traffic import open_director
from tradewind.clouds.memory.traffic import MemoryDirector
from tradewind.ports import Traffic, TrafficDirector

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

ELSEWHERE = {"ResourceRecords": [{"Value": "new-stack.example.net."}]}


@dataclass(frozen=True, slots=True)
class Zone:
    """The zone of a group, and its observers."""

    sky: Observatory
    client: Route53Client
    id: str

    @property
    def director(self) -> TrafficDirector:
        """What the observers publish by."""
        return self.sky.directors[GROUP]

    def record(self, name: str) -> Any:  # noqa: ANN401 - as botocore has it
        """Return an endpoint's record."""
        records = self.client.list_resource_record_sets(HostedZoneId=self.id)["ResourceRecordSets"]
        return next(each for each in records if each.get("SetIdentifier") == name)

    def edit(self, name: str, **fields: object) -> None:
        """Change an endpoint's record as a person does."""
        old = self.record(name)
        changes: Any = [
            {"Action": "DELETE", "ResourceRecordSet": old},
            {"Action": "CREATE", "ResourceRecordSet": {**old, **fields}},
        ]
        self.client.change_resource_record_sets(HostedZoneId=self.id, ChangeBatch={"Changes": changes})


@pytest.fixture
def zone() -> Iterator[Zone]:
    """A group that has begun, by Route 53."""
    with start_strict_route53() as server:
        targets = {name: f"{name}.example.net" for name in ("on-aws", "on-gcp", "on-azure")}
        config = route53_config(server.url).model_copy(update={"targets": targets})
        sky = Observatory()
        sky.directors[GROUP] = cast("MemoryDirector", open_director(config, AWS_SITE, AWS_KEYS))
        sky.settle()
        yield Zone(sky, route53_client(server.url), config.zone)


@pytest.mark.parametrize("name", ["on-aws", "on-gcp"])
def test_a_record_that_a_person_changed_stays_while_the_group_is_frozen(zone: Zone, name: str) -> None:
    """Whether it is what serves or what stands by; once it is thawed, the observers put it right."""
    zone.sky.hand.freeze(who="ann", why="a release", id="freeze-1")
    zone.sky.rounds()
    zone.edit(name, **ELSEWHERE)

    zone.sky.rounds(3)
    assert zone.record(name)["ResourceRecords"] == ELSEWHERE["ResourceRecords"]

    zone.sky.hand.thaw(who="ann", why="it is over", id="thaw-1")
    zone.sky.rounds(3)
    assert zone.record(name)["ResourceRecords"] == [{"Value": f"{name}.example.net."}]


def test_a_freeze_within_a_round_counts_in_it(zone: Zone) -> None:
    """A person freezes, then changes the records; an observer whose round had begun before puts nothing back."""
    inner, frozen = zone.director, False

    class Overtaken:
        """A director that is asked just after a person was at it."""

        def read(self) -> Traffic:
            nonlocal frozen
            if not frozen:
                frozen = True
                zone.sky.hand.freeze(who="ann", why="by hand now", id="freeze-1")
                zone.edit("on-aws", Weight=0)
                zone.edit("on-gcp", Weight=100)
            return inner.read()

        publish = inner.publish

    zone.sky.directors[GROUP] = cast("MemoryDirector", Overtaken())

    zone.sky.rounds(3)

    assert frozen
    assert inner.read().weights["on-gcp"] == 100
