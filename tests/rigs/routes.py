"""A fleet with a group of three endpoints, one on each cloud, and what observers publish of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tradewind.failover.callers.published import Condition, Offer, Published
from tradewind.failover.routing import Kind, Routing, State
from tradewind.failover.views import EndpointView, Sights, View
from tradewind.fleet import Fleet

NOW = datetime(2026, 11, 3, 9, 26, 53, tzinfo=UTC)
SITES = ("aws-use1", "gcp-euw4", "azure-uks")
ENDPOINTS = ("virginia", "groningen", "london")


def fleet(**group: object) -> Fleet:
    """Return the fleet; its group `chat` has these fields besides."""
    at = {"jurisdiction": "EU", "control_bucket": "control"}
    return Fleet.model_validate(
        {
            "version": 1,
            "sites": {
                "aws-use1": {**at, "cloud": "aws", "region": "us-east-1", "jurisdiction": "US", "bucket": "b"},
                "gcp-euw4": {**at, "cloud": "gcp", "region": "europe-west4", "project": "p", "bucket": "b"},
                "azure-uks": {
                    **at,
                    "cloud": "azure",
                    "region": "uksouth",
                    "jurisdiction": "GB",
                    "account": "a",
                    "container": "c",
                },
            },
            "classifications": {
                "public": {"jurisdictions": "any"},
                "european": {"jurisdictions": ["EU", "GB"]},
                "eu": {"jurisdictions": ["EU"]},
                "lunar": {"jurisdictions": ["XX"]},
            },
            "control": {"stores": SITES, "answer_seconds": 0.5},
            "endpoints": {
                name: {"site": site, "url": f"https://{name}.example.org"}
                for name, site in zip(ENDPOINTS, SITES, strict=True)
            },
            "groups": {
                "chat": {
                    "endpoints": ENDPOINTS,
                    "classification": "public",
                    "primary": "virginia",
                    "director": {
                        "kind": "caddy",
                        "targets": dict.fromkeys(ENDPOINTS, "10.0.0.1:80"),
                        "admin": "http://127.0.0.1:2019",
                        "id": "chat",
                    },
                    **group,
                }
            },
        }
    )


def routing(*weights: int, state: State = State.SETTLED, epoch: int = 7) -> Routing:
    """Return a routing with these weights, in the order of the endpoints."""
    named = dict(zip(ENDPOINTS, weights, strict=True))
    return Routing(epoch, state, Kind.INITIAL, named, {}, "so it was", "somebody")


def sights(*views: Mapping[str, EndpointView]) -> Sights:
    """Return what the first observers see; the others are missing."""
    fresh = {site: View(site, 3, NOW, dict(seen)) for site, seen in zip(SITES, views, strict=False)}
    return Sights(SITES, fresh, {site: "no view" for site in SITES if site not in fresh})


def published(*weights: int, **offers: Mapping[str, Any]) -> Published:
    """Return a group in which all is well, but for what is said of single endpoints."""
    places = {"virginia": ("aws", "us-east-1", "US"), "groningen": ("gcp", "europe-west4", "EU")}
    places["london"] = ("azure", "uksouth", "GB")
    found = {
        name: Offer(
            url=f"https://{name}.example.org",
            site=SITES[ENDPOINTS.index(name)],
            cloud=cloud,
            region=region,
            jurisdiction=law,
            weight=weight,
            share=1,
            capacity=100,
            condition=Condition.UP,
            well=True,
        )
        for (name, (cloud, region, law)), weight in zip(places.items(), weights, strict=True)
    }
    said = {name: replace(offer, **offers.get(name, {})) for name, offer in found.items()}
    return Published("chat", 7, State.SETTLED, NOW, "public", "active_active", "", 0.8, frozen=False, endpoints=said)
