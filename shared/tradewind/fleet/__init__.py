"""The fleet file: which sites there are, and which rules replicate between them."""

from tradewind.fleet.document import parse_fleet
from tradewind.fleet.model import Classification, Fleet, LargeObjects
from tradewind.fleet.modes import Batch, Buffered, Delivery, Immediate, Versioned
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
    "ArtifactSets",
    "AwsSite",
    "AzureSite",
    "Batch",
    "Budget",
    "Buffered",
    "Classification",
    "Credentials",
    "DeleteGuard",
    "Delivery",
    "Fleet",
    "GcpSite",
    "Immediate",
    "LargeObjects",
    "Manifest",
    "OneWayRule",
    "Queues",
    "Rule",
    "Site",
    "Sweep",
    "Versioned",
    "idle_rules",
    "parse_fleet",
]
