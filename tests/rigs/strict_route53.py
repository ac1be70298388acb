"""Moto's Route 53 made as strict as the real one about a batch of changes: all of it counts, or nothing.

Moto deletes a record whatever its values are, by its set identifier in the whole zone if it has one, creates what is
there already, and may refuse to create again what was once there.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from unittest.mock import patch

from moto.route53.exceptions import Route53ClientError
from moto.route53.models import FakeZone, RecordSet, Route53Backend
from moto.server import ThreadedMotoServer

from tradewind_sandbox.ports import HOST

Change: TypeAlias = Mapping[str, Any]
Key: TypeAlias = tuple[str, str, str]
FIELDS = ("name", "type", "ttl", "set_identifier", "weight", "health_check_id", "failover", "alias_target", "records")


@dataclass(frozen=True, slots=True)
class StrictRoute53:
    """Where it answers."""

    url: str


class _InvalidBatchError(Route53ClientError):
    def __init__(self, message: str) -> None:
        super().__init__("InvalidChangeBatch", f"[{message}]")


@contextmanager
def start_strict_route53() -> Iterator[StrictRoute53]:
    """Run it in this process."""
    lock = threading.Lock()

    def change(backend: Any, zoneid: str, change_list: list[Change]) -> None:  # noqa: ANN401 - moto is untyped
        with lock:
            _apply(backend.get_hosted_zone(zoneid), change_list)

    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    with patch.object(Route53Backend, "change_resource_record_sets", change):
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield StrictRoute53(f"http://{host}:{port}")
        finally:
            server.stop()


def _apply(zone: FakeZone, changes: list[Change]) -> None:
    records = {_key(each): each for each in zone.rrsets}
    for change in changes:
        record = _made(change["ResourceRecordSet"])
        key = _key(record)
        told = f"[name='{record.name}', type='{record.type}', set identifier='{record.set_identifier}']"
        match change["Action"]:
            case "DELETE" if key not in records:
                raise _InvalidBatchError(f"Tried to delete resource record set {told} but it was not found")
            case "DELETE" if _values(records[key]) != _values(record):
                mismatch = "but the values provided do not match the current values"
                raise _InvalidBatchError(f"Tried to delete resource record set {told} {mismatch}")
            case "DELETE":
                del records[key]
            case "CREATE" if key in records:
                raise _InvalidBatchError(f"Tried to create resource record set {told} but it already exists")
            case _:
                _check_beside(record, records, told)
                records[key] = record
    zone.rrsets = list(records.values())


def _check_beside(record: RecordSet, records: Mapping[Key, RecordSet], told: str) -> None:
    for other in records.values():
        if other.name == record.name and "CNAME" in (other.type, record.type) and other.type != record.type:
            raise _InvalidBatchError(f"RRSet {told} conflicts with other records of that name")
        same = (other.name, other.type) == (record.name, record.type)
        if same and (other.set_identifier is None) != (record.set_identifier is None):
            raise _InvalidBatchError(f"RRSet {told} conflicts with a simple record of that name and type")


def _made(spelled: Mapping[str, Any]) -> RecordSet:
    values = spelled.get("ResourceRecords") or []
    kind: Any = RecordSet  # what moto leaves abstract is not asked for
    made: RecordSet = kind({**spelled, "Name": f"{spelled['Name'].rstrip('.')}.", "ResourceRecords": _texts(values)})
    return made


def _texts(values: Any) -> list[str]:  # noqa: ANN401 - moto is untyped
    return [each["Value"] if isinstance(each, Mapping) else str(each) for each in values]


def _key(record: RecordSet) -> Key:
    return record.name, str(record.type), record.set_identifier or ""


def _values(record: RecordSet) -> list[str]:
    return [str(getattr(record, field)) for field in FIELDS]
