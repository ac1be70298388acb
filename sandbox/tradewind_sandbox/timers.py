"""The timers of the three clouds, which ring when they are told to. Pure but for the call itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, TypeAlias, TypedDict

from tradewind_sandbox.addresses import Ports
from tradewind_sandbox.emulators import AWS_ACCOUNT, AWS_REGION
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE
from tradewind_sandbox.ports import HOST

_LONGEST = 310.0
"""Seconds; the platforms end a function after 300."""
Timer: TypeAlias = Literal["sweep", "observe"]
"""What is done at each ring: there is a function of that name on every cloud."""
SITES = (AWS_SITE, GCP_SITE, AZURE_SITE)


class _Call(TypedDict):
    url: str
    content: bytes
    headers: Mapping[str, str]


def ring(site: str, ports: Ports, timer: Timer = "sweep") -> None:
    """Let a timer of a site ring, and return when its function has ended.

    Raises:
        SandboxError: The function failed, could not be called, or there is no such site.
    """
    import httpx  # noqa: PLC0415 - only who rings pays for it

    if site not in SITES:
        raise SandboxError(f"There is no site {site!r}", hint=f"Sites are: {', '.join(SITES)}")
    hint = f"Its log says why: tradewind sandbox logs {_runtime(site, timer)} -n 50"
    try:
        answer = httpx.post(**_call(site, ports, timer), timeout=_LONGEST, trust_env=False)
    except httpx.TransportError as error:
        raise SandboxError(f"The {timer} timer of {site} reached nobody: {error}", hint=hint) from error
    if answer.is_error or "X-Amz-Function-Error" in answer.headers:
        raise SandboxError(f"The function that the {timer} timer of {site} calls failed", hint=hint)


def _runtime(site: str, timer: Timer) -> str:
    return {AWS_SITE: "aws-runtime", GCP_SITE: f"gcp-{timer}", AZURE_SITE: "azure-runtime"}[site]


def _call(site: str, ports: Ports, timer: Timer) -> _Call:
    """Return the request that the site's scheduler makes, or what stands for it."""
    if site == AWS_SITE:
        url = f"http://{HOST}:{ports.aws_runtime}/2015-03-31/functions/{timer}/invocations"
        return {"url": url, "content": json.dumps(_scheduled(timer)).encode(), "headers": {}}
    if site == GCP_SITE:
        port = ports.gcp_sweep if timer == "sweep" else ports.gcp_observe
        headers = {"Content-Type": "application/octet-stream", "User-Agent": "Google-Cloud-Scheduler"}
        return {"url": f"http://{HOST}:{port}/", "content": b"", "headers": headers}
    headers = {"Content-Type": "application/json"}
    url = f"http://{HOST}:{ports.azure_runtime}/admin/functions/{timer}"
    return {"url": url, "content": b'{"input": ""}', "headers": headers}


def _scheduled(timer: Timer) -> dict[str, object]:
    """Return the event of an EventBridge schedule."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": AWS_ACCOUNT,
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": AWS_REGION,
        "resources": [f"arn:aws:events:{AWS_REGION}:{AWS_ACCOUNT}:rule/tradewind-{timer}"],
        "detail": {},
    }
