"""Azure Traffic Manager as its documents describe it: what is sent fits its published schema, and there is no ETag.

https://learn.microsoft.com/rest/api/trafficmanager/profiles
"""

from __future__ import annotations

import copy
import re
import threading
from typing import Any, TypeAlias

from rigs.json_server import Reply, Request
from rigs.schemas import TRAFFIC_MANAGER, document, mistakes

Profile: TypeAlias = dict[str, Any]
TYPE = "Microsoft.Network/trafficManagerProfiles"


class TrafficManagerServer:
    """The profiles of all subscriptions.

    Attributes:
        profiles: By path.
        asked: Every request.
        busy: Set it, and the next change meets another that is being worked on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.profiles: dict[str, Profile] = {}
        self.asked: list[Request] = []
        self.busy = False

    def create_profile(self, path: str, endpoints: list[str]) -> Profile:
        """Create a profile of external endpoints, of which the first takes all traffic."""
        name = path.rpartition("/")[2]
        self.profiles[path] = {
            "id": path,
            "name": name,
            "type": TYPE,
            "location": "global",
            "tags": {"team": "inference"},
            "properties": {
                "profileStatus": "Enabled",
                "trafficRoutingMethod": "Weighted",
                "dnsConfig": {"relativeName": name, "fqdn": f"{name}.trafficmanager.net", "ttl": 30},
                "monitorConfig": {
                    "profileMonitorStatus": "Online",
                    "protocol": "HTTPS",
                    "port": 443,
                    "path": "/healthz",
                    "intervalInSeconds": 10,
                    "timeoutInSeconds": 5,
                    "toleratedNumberOfFailures": 2,
                },
                "endpoints": [_endpoint(path, each, first=each == endpoints[0]) for each in endpoints],
                "maxReturn": 0,
            },
        }
        return self.profiles[path]

    def __call__(self, request: Request) -> Reply:
        """Answer a request."""
        with self._lock:
            self.asked.append(request)
            known = [re.sub(r"\{\w+\}", "[^/]+", path) for path in document(TRAFFIC_MANAGER)["paths"]]
            assert any(re.fullmatch(path, request.path) for path in known)
            assert request.query == {"api-version": document(TRAFFIC_MANAGER)["info"]["version"]}
            profile = self.profiles.get(request.path)
            if profile is None:
                name = request.path.rpartition("/")[2]
                return _refusal(404, "ResourceNotFound", f"The Resource '{TYPE}/{name}' was not found.")
            return Reply(200, copy.deepcopy(profile)) if request.method == "GET" else self._put(request)

    def _put(self, request: Request) -> Reply:
        assert request.method == "PUT"
        if self.busy:
            self.busy = False
            said = "Conflicting changes were detected when processing the request. Please retry your request."
            return _refusal(409, "Conflict", said)
        if wrong := mistakes(TRAFFIC_MANAGER, "Profile", request.body):
            return _refusal(400, "BadRequest", "; ".join(wrong))
        sent: Any = copy.deepcopy(request.body)
        endpoints = sent["properties"]["endpoints"]
        if any(not 1 <= each["properties"]["weight"] <= 1000 for each in endpoints):
            return _refusal(400, "BadRequest", "The weight of an endpoint must be from 1 to 1000.")
        before = self.profiles[request.path]["properties"]
        fqdn, status = before["dnsConfig"]["fqdn"], before["monitorConfig"]["profileMonitorStatus"]
        sent["properties"]["dnsConfig"]["fqdn"] = fqdn
        sent["properties"]["monitorConfig"]["profileMonitorStatus"] = status
        for each in endpoints:
            enabled = each["properties"]["endpointStatus"] == "Enabled"
            each["properties"]["endpointMonitorStatus"] = "CheckingEndpoint" if enabled else "Disabled"
        self.profiles[request.path] = sent
        return Reply(200, sent)


def _endpoint(path: str, name: str, *, first: bool) -> Profile:
    return {
        "id": f"{path}/externalEndpoints/{name}",
        "name": name,
        "type": f"{TYPE}/externalEndpoints",
        "properties": {
            "target": f"{name}.inference.example.net",
            "endpointStatus": "Enabled" if first else "Disabled",
            "endpointMonitorStatus": "Online" if first else "Disabled",
            "endpointLocation": "West Europe",
            "weight": 1,
            "priority": 1,
            "alwaysServe": "Disabled",
        },
    }


def _refusal(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"error": {"code": code, "message": message}})
