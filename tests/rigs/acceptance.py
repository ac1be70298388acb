"""What the acceptance tests add to a running sandbox: rules of their own, the command line, waiting for conditions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from rigs.users import AzureUser, GcsUser, S3User, User
from tradewind.cli.app import app
from tradewind_sandbox.clients import Client, client_of
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, CONTROL_BUCKETS, GCP_SITE
from tradewind_sandbox.supervisor import Sandbox

SITES = (AWS_SITE, GCP_SITE, AZURE_SITE)
_OFTEN = 0.2
"""Seconds between two looks at a condition."""


def _between(name: str, prefix: str, *sites: str, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "mode": "active_active",
        "sites": list(sites),
        "prefix": prefix,
        "classification": "public",
        "deletes": "propagate",
        **more,
    }


def _from(name: str, prefix: str, origin: str, *targets: str, **more: object) -> dict[str, object]:
    return {
        "name": name,
        "mode": "one_way",
        "from": origin,
        "to": list(targets),
        "prefix": prefix,
        "classification": "public",
        "deletes": "propagate",
        **more,
    }


RULES = [
    _between("sets", "sets/", *SITES),
    _between("newest", "conflicts/newest_wins/", AWS_SITE, AZURE_SITE, conflict="newest_wins"),
    _between("source", "conflicts/source_wins/", AZURE_SITE, GCP_SITE, conflict="source_wins"),
    _between("both", "conflicts/keep_both/", GCP_SITE, AWS_SITE, conflict="keep_both"),
    # Of 200 keys half go at once, which is meant here; the guard stays awake, and has a test of its own.
    _from("deletes", "deletes/", AWS_SITE, GCP_SITE, AZURE_SITE, delete_guard={"share": 0.6}),
    _from("guarded", "guarded/", GCP_SITE, AWS_SITE, AZURE_SITE),
    _from("unannounced", "unannounced/", AWS_SITE, GCP_SITE, AZURE_SITE),
    _from("swept-aws", "swept/aws/", AWS_SITE, GCP_SITE, AZURE_SITE),
    _from("swept-gcp", "swept/gcp/", GCP_SITE, AZURE_SITE, AWS_SITE),
    _from("swept-azure", "swept/azure/", AZURE_SITE, AWS_SITE, GCP_SITE),
]
"""One for each test, on prefixes of their own, so that one sandbox serves all of them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON of any shape
        """What it printed."""
        return json.loads(self.out)


def tradewind(sandbox: Sandbox, *arguments: str) -> Answer:
    """Run a command of the program, in this process: each start of another one imports three SDKs."""
    done = CliRunner().invoke(app, [*arguments, "--fleet", str(sandbox.endpoints.fleet)], env={"COLUMNS": "500"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Answer(done.exit_code, done.stdout, done.stderr)


def eventually(condition: Callable[[], bool], what: str, timeout: float = 60.0) -> None:
    """Return when `condition` holds, or fail with `what` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout:.0f} s: {what}"
        time.sleep(_OFTEN)


def clients(sandbox: Sandbox) -> dict[str, Client]:
    """Return a client of each site that knows nothing of tradewind."""
    return {site: client_of(where) for site, where in sandbox.endpoints.sites.items()}


def control_clients(sandbox: Sandbox) -> dict[str, Client]:
    """Return the same for the control buckets."""
    return {
        site: client_of({**where, "container" if where["cloud"] == "azure" else "bucket": CONTROL_BUCKETS[site]})
        for site, where in sandbox.endpoints.sites.items()
    }


def users(sandbox: Sandbox) -> Mapping[str, User]:
    """Return somebody who uses each site, and sees metadata, too."""
    aws, gcp, azure = (sandbox.endpoints.sites[site] for site in SITES)
    return {
        AWS_SITE: S3User(aws["endpoint_url"], aws["bucket"]),
        GCP_SITE: GcsUser(gcp["endpoint_url"], gcp["bucket"]),
        AZURE_SITE: AzureUser(azure["blob_endpoint"], azure["container"], azure["account_key"]),
    }
