"""From an upload to its replica, through the queues and runtimes of the sandbox."""

from __future__ import annotations

import json
import os
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from urllib.parse import quote

from bench.results import Result, less
from tradewind_sandbox.clients import Client, client_of
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE
from tradewind_sandbox.supervisor import Sandbox

SIZE = 4096
RATE = 50.0
"""Uploads a second, of the loaded part."""
SOURCES: Mapping[str, str] = {"s3": AWS_SITE, "azure": AZURE_SITE}
"""Cloud Storage is the target, since it alone says to the microsecond when something was written."""
PATIENCE = 120.0
CRON = "rclone from cron every minute, in theory"
"""No peer waits for events: this is what one sets up in its place, and its delay is what it waits for, at least."""


def run(rounds: int, *, quick: bool) -> Result:
    """Measure an idle system, and one that is told of 50 uploads a second."""
    result = Result("delay")
    alone, many = (5, 50) if quick else (10 * rounds, 1000)
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(folder), serving=False)
        sandbox.up()
        try:
            for dialect, site in SOURCES.items():
                idle = _delays(sandbox, site, "idle", alone, pause=0.5)
                loaded = _delays(sandbox, site, "loaded", many, pause=1 / RATE)
                for name, found in (("idle", idle), ("50 uploads a second", loaded)):
                    told = _told(found)
                    result.tables[f"{dialect} > gcs, {name}"] = told
                    result.rows += [
                        less("delay", f"{dialect} > gcs", f"s, {which}, {name}", told[which], CRON, told_of_cron)
                        for which, told_of_cron in (("p50", 30.0), ("p99", 59.4))
                    ]
        finally:
            sandbox.down()
    return result


def _told(delays: Sequence[float]) -> dict[str, float]:
    cuts = quantiles(delays, n=100, method="inclusive")
    return {"uploads": len(delays), "p50": cuts[49], "p99": cuts[98], "longest": max(delays)}


def _delays(sandbox: Sandbox, site: str, name: str, count: int, *, pause: float) -> list[float]:
    """Upload `count` objects, one every `pause` seconds, and return how long each took to arrive."""
    endpoints = sandbox.endpoints.sites
    prefix = f"datasets/{site}/{name}/"
    client = client_of(endpoints[site])
    with ThreadPoolExecutor(8) as pool:
        begin = time.monotonic()
        uploads = []
        for number in range(count):
            time.sleep(max(0.0, begin + number * pause - time.monotonic()))
            uploads.append(pool.submit(_upload, client, f"{prefix}{number:05d}"))
        written = dict(upload.result() for upload in uploads)
    end = time.monotonic() + PATIENCE
    while len(arrived := _arrivals(endpoints[GCP_SITE], prefix)) < count:
        if time.monotonic() > end:
            raise SystemExit(f"{count - len(arrived)} of {count} objects did not arrive from {site}")
        time.sleep(0.5)
    return [max(0.0, arrived[key] - moment) for key, moment in written.items()]


def _upload(client: Client, key: str) -> tuple[str, float]:
    client.put(key, os.urandom(SIZE))
    return key, time.time()


def _arrivals(site: Mapping[str, str], prefix: str) -> Mapping[str, float]:
    """Return when each replica was written, in seconds since the epoch."""
    found: dict[str, float] = {}
    token = ""
    while True:
        address = (
            f"{site['endpoint_url']}/storage/v1/b/{site['bucket']}/o?prefix={quote(prefix, safe='')}&pageToken={token}"
        )
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310 - the sandbox's
            page = json.load(answer)
        for item in page.get("items", []):
            found[item["name"]] = datetime.fromisoformat(item["timeCreated"]).timestamp()
        token = page.get("nextPageToken", "")
        if not token:
            return found
