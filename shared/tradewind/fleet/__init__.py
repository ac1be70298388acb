"""The fleet file: which sites there are, and which rules replicate between them."""

from tradewind.fleet.directors import Caddy, CloudDns, Director, Route53, Switch, SwitchObject, TrafficManager
from tradewind.fleet.document import parse_fleet
from tradewind.fleet.endpoints import Endpoint, Golden, Probe
from tradewind.fleet.groups import Control, Failback, Group
from tradewind.fleet.model import Classification, Fleet, LargeObjects
from tradewind.fleet.modes import Batch, Buffered, Delivery, Immediate, Versioned
from tradewind.fleet.notices import Address, EventGrid, PubSub, Sns, Webhook
from tradewind.fleet.overlaps import idle_rules
from tradewind.fleet.rules import (
    ActiveActiveRule,
    ArtifactSets,
    Budget,
    DeleteGuard,
    Manifest,
    OneWayRule,
    Rule,
    Sweep,
)
from tradewind.fleet.sites import CLIENT_REQUEST, AwsSite, AzureSite, Credentials, GcpSite, Queues, Site

__all__ = [
    "CLIENT_REQUEST",
    "ActiveActiveRule",
    "Address",
    "ArtifactSets",
    "AwsSite",
    "AzureSite",
    "Batch",
    "Budget",
    "Buffered",
    "Caddy",
    "Classification",
    "CloudDns",
    "Control",
    "Credentials",
    "DeleteGuard",
    "Delivery",
    "Director",
    "Endpoint",
    "EventGrid",
    "Failback",
    "Fleet",
    "GcpSite",
    "Golden",
    "Group",
    "Immediate",
    "LargeObjects",
    "Manifest",
    "OneWayRule",
    "Probe",
    "PubSub",
    "Queues",
    "Route53",
    "Rule",
    "Site",
    "Sns",
    "Sweep",
    "Switch",
    "SwitchObject",
    "TrafficManager",
    "Versioned",
    "Webhook",
    "idle_rules",
    "parse_fleet",
]
