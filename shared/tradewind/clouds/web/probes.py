"""Probes over HTTP: one question, or two where a prediction is known, and a verdict in words.

Each probe makes its own connection, as a new caller would: one that was kept open says nothing of the name, the
certificate, or whether anybody still takes connections.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from time import monotonic
from typing import Any

import httpcore
import httpx
from pydantic import JsonValue

from tradewind.clouds.web.expectations import first_difference, load_told
from tradewind.clouds.web.failures import in_words
from tradewind.fleet import Endpoint, Golden, Probe
from tradewind.ports import Answer

OK = 200
MOST = 1024 * 1024
"""Bytes of an answer that are read; nobody's health takes more."""


@dataclass(frozen=True, slots=True)
class HttpProber:
    """Asks endpoints over HTTP (see `failover.probing.Prober`). Follows no redirects, and verifies certificates.

    A proxy that the environment names is used, as for everything else that leaves the function.

    Args:
        observer: The site that asks; endpoints see it in the requests.
    """

    observer: str

    def probe(self, endpoint: Endpoint) -> Answer:
        """Return what came of asking the endpoint, within the probe's timeout.

        The time is that of all that was asked, the prediction included.
        """
        authorities = _prepared()  # before the time runs
        started = monotonic()
        try:
            reason, load = asyncio.run(self._within(endpoint, authorities))
        except TimeoutError:
            reason, load = f"no answer within {endpoint.probe.timeout_seconds:g} s", None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            reason, load = in_words(error), None
        return Answer(reason, monotonic() - started, load)

    async def _within(self, endpoint: Endpoint, authorities: ssl.SSLContext) -> tuple[str, float | None]:
        """Ask all there is to ask; the timeout is that of the whole, since an answer may come a byte at a time."""
        asyncio.get_running_loop().set_default_executor(_Resolver(1, "resolver"))
        client = httpx.AsyncClient(
            verify=authorities,
            timeout=None,  # noqa: S113 - the whole is timed, and not each read of it
            headers={
                "User-Agent": f"tradewind-observer/{self.observer}",
                "Accept-Encoding": "identity",
                "Connection": "close",
            },
        )
        caller = _Caller(client, endpoint.url.rstrip("/"))
        try:
            async with asyncio.timeout(endpoint.probe.timeout_seconds), client:
                return await _asked(caller, endpoint.probe)
        finally:
            await caller.hang_up()


class _Resolver(ThreadPoolExecutor):
    """The thread that resolves names, which nothing can interrupt: a resolver that hangs is left to itself."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - as it is
        """Let the thread end when it can; `asyncio.run` would wait for it, whatever the timeout."""
        super().shutdown(wait=False, cancel_futures=cancel_futures)


@cache
def _prepared() -> ssl.SSLContext:
    """Do what the first probe of a process would be slow by, and return the certificate authorities."""
    asyncio.run(httpcore.AnyIOBackend().sleep(0))  # which is imported by then
    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True)
class _Caller:
    client: httpx.AsyncClient
    url: str
    opened: list[httpcore.AsyncNetworkStream] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: JsonValue = None) -> tuple[int, bytes]:
        """Return the status and the body, of which no more is read than is needed to say that it is too long."""
        request = self.client.build_request(
            method, self.url + path, json=body if method == "POST" else None, extensions={"trace": self._note}
        )
        response = await self.client.send(request, stream=True)
        try:
            read = bytearray()
            async for chunk in response.aiter_bytes():
                read += chunk
                if len(read) > MOST:
                    break
        finally:
            await response.aclose()
        return response.status_code, bytes(read)

    async def _note(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self.opened.append(info["return_value"])

    async def hang_up(self) -> None:
        """Close what is still open: who is interrupted in the middle of a TLS handshake leaves a connection behind."""
        for stream in self.opened:
            await stream.aclose()


async def _asked(caller: _Caller, probe: Probe) -> tuple[str, float | None]:
    """Return what is wrong with the answers ("": nothing), and the load that they tell."""
    status, body = await caller.ask(probe.method, probe.path)
    if reason := _fault(probe, status, body):
        return reason, None
    load = load_told(body, probe.load) if probe.load else None
    if probe.golden is None:
        return "", load
    status, body = await caller.ask("POST", probe.golden.path, probe.golden.body)
    return _misprediction(probe.golden, status, body), load


def _fault(probe: Probe, status: int, body: bytes) -> str:
    if status not in probe.status:
        return f"status {status}"
    if len(body) > MOST:
        return f"the answer has more than {MOST} bytes"
    if probe.contains.encode() not in body:
        return f"the answer does not contain {probe.contains!r}"
    return first_difference(body, probe.expect)


def _misprediction(golden: Golden, status: int, body: bytes) -> str:
    """Return what is wrong with a prediction whose answer is known; "" if nothing is."""
    if status != OK:
        return f"status {status} for a prediction"
    if len(body) > MOST:
        return f"a prediction has more than {MOST} bytes"
    return first_difference(body, golden.expect, tolerance=golden.tolerance)
