"""The fleet file: which sites there are, and which rules replicate between them."""

from tradewind.fleet.document import json_schema, parse_fleet
from tradewind.fleet.model import (
    ActiveActiveRule,
    AwsSite,
    AzureSite,
    Classification,
    Fleet,
    GcpSite,
    OneWayRule,
    Queues,
    Rule,
    Site,
)

__all__ = [
    "ActiveActiveRule",
    "AwsSite",
    "AzureSite",
    "Classification",
    "Fleet",
    "GcpSite",
    "OneWayRule",
    "Queues",
    "Rule",
    "Site",
    "json_schema",
    "parse_fleet",
]
