"""The sandbox's fleet file and the credentials that it refers to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from tradewind.fleet import parse_fleet
from tradewind_sandbox.addresses import Endpoints, Ports
from tradewind_sandbox.emulators import FUNCTIONS_KEY, azure_url
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.names import (
    AWS_SITE,
    AZURE_SITE,
    BUCKETS,
    CONTROL_BUCKETS,
    DEAD_LETTERS,
    GCP_SITE,
    NOTIFICATIONS,
)
from tradewind_sandbox.ports import HOST
from tradewind_sandbox.serving.fleet import SECRET, WEBHOOK, failover
from tradewind_sandbox.settings import Settings

PART = 8
"""MiB: small, so that objects which fit on a laptop go in parts, too."""
_HEADER = "# Written by `tradewind sandbox up`; the next start writes it anew.\n"


def write(endpoints: Endpoints, ports: Ports, settings: Settings | None = None) -> None:
    """Write the fleet file to where `endpoints` says it is, and the credentials beside it.

    Args:
        endpoints: Of the sandbox.
        ports: Where its parts listen.
        settings: Whether models are served, and how often the timers ring; left out: none are.
    """
    folder = endpoints.fleet.parent
    (folder / "credentials").mkdir(parents=True, exist_ok=True)
    for name, secret in _credentials(endpoints).items():
        (folder / "credentials" / f"{name}.json").write_text(json.dumps(secret, indent=2) + "\n")
    document = _fleet(endpoints, ports)
    if settings is not None and settings.serving:
        document |= failover(ports, settings)
    endpoints.fleet.write_text(_HEADER + yaml.safe_dump(document, sort_keys=False))


def own_rules(state: Path) -> Sequence[Mapping[str, object]]:
    """Return the rules that somebody put into a sandbox's state folder.

    Raises:
        SandboxError: The file is no list of rules.
    """
    path = state / "rules.yaml"
    if not path.exists():
        return []
    rules = yaml.safe_load(path.read_text())
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise SandboxError(f"{path} is no list of rules", hint="Write what stands under `rules:` in a fleet file")
    return rules


def add_rules(fleet: Path, rules: Sequence[Mapping[str, object]]) -> None:
    """Add rules to a fleet file.

    Raises:
        FleetError: They are not rules of this fleet; the file is left as it was.
    """
    if not rules:
        return
    document = yaml.safe_load(fleet.read_text())
    document["rules"] = [*document["rules"], *rules]
    text = _HEADER + yaml.safe_dump(document, sort_keys=False)
    parse_fleet(text, origin=str(fleet))
    scratch = fleet.with_suffix(".new")
    scratch.write_text(text)
    scratch.replace(fleet)


def _credentials(endpoints: Endpoints) -> dict[str, dict[str, str]]:
    azure = endpoints.sites[AZURE_SITE]
    return {
        "aws": dict.fromkeys(("access_key_id", "secret_access_key"), FUNCTIONS_KEY),
        "gcp": {"type": "anonymous"},
        "azure": {"account_key": azure["account_key"]},
        WEBHOOK: SECRET,
    }


def _fleet(endpoints: Endpoints, ports: Ports) -> dict[str, object]:
    aws, gcp, azure = (endpoints.sites[name] for name in (AWS_SITE, GCP_SITE, AZURE_SITE))
    return {
        "version": 1,
        "sites": {
            AWS_SITE: {
                "cloud": "aws",
                "bucket": aws["bucket"],
                "region": aws["region"],
                "jurisdiction": "US",
                "endpoint": aws["endpoint_url"],
                "principals": [FUNCTIONS_KEY],
                **_shared(AWS_SITE, "aws", aws["endpoint_url"]),
            },
            GCP_SITE: {
                "cloud": "gcp",
                "project": gcp["project"],
                "bucket": gcp["bucket"],
                "region": "europe-west4",
                "jurisdiction": "EU",
                "endpoint": gcp["endpoint_url"],
                **_shared(GCP_SITE, "gcp", f"http://{HOST}:{ports.pubsub}"),
            },
            AZURE_SITE: {
                "cloud": "azure",
                "account": azure["account_name"],
                "container": azure["container"],
                "region": "westeurope",
                "jurisdiction": "EU",
                "endpoint": azure["blob_endpoint"],
                **_shared(AZURE_SITE, "azure", azure_url(ports.azure_queue)),
            },
        },
        "classifications": {"public": {"jurisdictions": "any"}, "eu-only": {"jurisdictions": ["EU"]}},
        "parts": {"above_mebibytes": PART, "mebibytes": PART},
        "rules": _rules(),
    }


def _shared(site: str, cloud: str, queues: str) -> dict[str, object]:
    return {
        "control_bucket": CONTROL_BUCKETS[site],
        "credentials": {"source": "file", "name": f"credentials/{cloud}.json"},
        "queues": {"notifications": NOTIFICATIONS, "dead_letters": DEAD_LETTERS, "endpoint": queues},
    }


def _rules() -> list[dict[str, object]]:
    """`models/` among all sites, `datasets/SITE/` from that site, `restricted/` to where the law lets it."""
    sites = list(BUCKETS)
    rules: list[dict[str, object]] = [
        {
            "name": "models",
            "mode": "active_active",
            "sites": sites,
            "prefix": "models/",
            "kind": "model_artifacts",
            "delivery": {"mode": "immediate"},
            "classification": "public",
        }
    ]
    rules += [
        {
            "name": f"datasets-{site}",
            "mode": "one_way",
            "from": site,
            "to": [other for other in sites if other != site],
            "prefix": f"datasets/{site}/",
            "kind": "training_data",
            "delivery": {"mode": "immediate"},
            "classification": "public",
            "deletes": "propagate",
            "conflict": "keep",
        }
        for site in sites
    ]
    rules.append(
        {
            "name": "restricted",
            "mode": "one_way",
            "from": GCP_SITE,
            "to": [AZURE_SITE, AWS_SITE],
            "prefix": "restricted/",
            "kind": "training_data",
            "delivery": {"mode": "immediate"},
            "classification": "eu-only",
        }
    )
    return rules
