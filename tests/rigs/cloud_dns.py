"""Cloud DNS as its documents describe it: what is sent fits its published schema, and a change counts whole or not.

https://cloud.google.com/dns/docs/reference/rest/v1/changes/create
"""

from __future__ import annotations

import re
import threading
from typing import Any, TypeAlias

from rigs.json_server import Reply, Request
from rigs.schemas import CLOUD_DNS, document, mistakes

RecordSet: TypeAlias = dict[str, Any]


class CloudDnsServer:
    """The zones of all projects.

    Attributes:
        asked: Every request, by the method's id in the discovery document.
    """

    def __init__(self) -> None:
        self._zones: dict[tuple[str, str], dict[tuple[str, str], RecordSet]] = {}
        self._changes: dict[str, RecordSet] = {}
        self._lock = threading.Lock()
        self.asked: list[tuple[str, Request]] = []

    def create_zone(self, project: str, name: str, domain: str) -> None:
        """Create a zone with the records that every zone has."""
        kinds = {
            "NS": ["ns-cloud-a1.googledomains.com."],
            "SOA": [f"ns-cloud-a1.googledomains.com. {domain} 1 2 3 4 5"],
        }
        self._zones[project, name] = {
            (domain, kind): {"name": domain, "type": kind, "ttl": 21600, "rrdatas": values}
            for kind, values in kinds.items()
        }

    def records(self, project: str, zone: str) -> dict[tuple[str, str], RecordSet]:
        """Return what a zone holds, to be looked at or changed as somebody else would."""
        return self._zones[project, zone]

    def __call__(self, request: Request) -> Reply:
        """Answer a request."""
        with self._lock:
            method, named = _method(request)
            self.asked.append((method, request))
            zone = self._zones.get((named["project"], named["managedZone"]))
            if zone is None:
                said = f"The 'parameters.managedZone' resource named '{named['managedZone']}' does not exist."
                return _refusal(404, "notFound", said)
            match method:
                case "dns.resourceRecordSets.list":
                    return _list(zone, request)
                case "dns.changes.get":
                    return Reply(200, self._changes[named["changeId"]])
            return self._create(zone, request)

    def _create(self, zone: dict[tuple[str, str], RecordSet], request: Request) -> Reply:
        if wrong := mistakes(CLOUD_DNS, "Change", request.body):
            return _refusal(400, "invalid", "; ".join(wrong))
        change: Any = request.body
        after = dict(zone)
        for number, each in enumerate(change["deletions"]):
            where = f"'entity.change.deletions[{number}]'"
            key = each["name"], each["type"]
            if key not in after:
                return _refusal(404, "notFound", f"The {where} resource named '{key[0]} ({key[1]})' does not exist.")
            if _comparable(after.pop(key)) != _comparable(each):
                return _refusal(412, "conditionNotMet", f"Precondition not met for {where}")
        for number, each in enumerate(change["additions"]):
            where = f"'entity.change.additions[{number}]'"
            key = each["name"], each["type"]
            if key in after:
                return _refusal(
                    409, "alreadyExists", f"The resource {where} named '{key[0]} ({key[1]})' already exists"
                )
            if any(name == key[0] and "CNAME" in (kind, key[1]) for name, kind in after):
                said = f"The resource record set {where} is invalid because the DNS name '{key[0]}' has a CNAME"
                return _refusal(400, "cnameResourceRecordSetConflict", said)
            after[key] = _told(each)
        zone.clear()
        zone.update(after)
        made = {**change, "id": str(len(self._changes)), "kind": "dns#change", "status": "done"}
        self._changes[made["id"]] = made
        return Reply(200, made)


def _method(request: Request) -> tuple[str, dict[str, str]]:
    """Return the method of the API that a request calls, and the names in its path."""
    described = document(CLOUD_DNS)
    for resource in described["resources"].values():
        for method in resource["methods"].values():
            named = re.fullmatch("/" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", method["path"]), request.path)
            if named and method["httpMethod"] == request.method:
                known = {**described["parameters"], **method["parameters"]}
                assert {name for name in request.query if known[name]["location"] == "query"} == set(request.query)
                return method["id"], named.groupdict()
    raise AssertionError(f"the API has no {request.method} {request.path}")


def _list(zone: dict[tuple[str, str], RecordSet], request: Request) -> Reply:
    query = request.query
    assert "type" not in query or "name" in query
    listed = [each for each in zone.values() if query.get("name", each["name"]) == each["name"]]
    listed = [each for each in listed if query.get("type", each["type"]) == each["type"]]
    page: Any = listed[: int(query.get("maxResults", 100))]
    return Reply(200, {"kind": "dns#resourceRecordSetsListResponse", "rrsets": page})


def _told(sent: RecordSet) -> RecordSet:
    """Return a record set as the service tells it."""
    made: RecordSet = {**sent, "kind": "dns#resourceRecordSet", "signatureRrdatas": []}
    if "routingPolicy" in sent:
        kind = "dns#rRSetRoutingPolicyWrrPolicyWrrPolicyItem"
        items = [
            {**item, "kind": kind, "weight": float(item["weight"])} for item in sent["routingPolicy"]["wrr"]["items"]
        ]
        wrr = {"kind": "dns#rRSetRoutingPolicyWrrPolicy", "items": items}
        made["routingPolicy"] = {**sent["routingPolicy"], "kind": "dns#rRSetRoutingPolicy", "wrr": wrr}
    return made


def _comparable(value: Any) -> Any:  # noqa: ANN401 - any JSON
    told = ("kind", "signatureRrdatas")
    if isinstance(value, dict):
        return {name: _comparable(one) for name, one in value.items() if name not in told}
    return [_comparable(one) for one in value] if isinstance(value, list) else value


def _refusal(code: int, reason: str, message: str) -> Reply:
    errors: list[Any] = [{"domain": "global", "reason": reason, "message": message}]
    return Reply(code, {"error": {"code": code, "message": message, "errors": errors}})
