"""Probes over HTTP: one question, or two where a prediction is known, and a verdict in words.

Each probe makes its own connection, as a new caller would: one that was kept open says nothing of the name, the
certificate, or whether anybody still takes connections.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from functools import cache
from time import monotonic

import httpcore
import httpx

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
        async with asyncio.timeout(endpoint.probe.timeout_seconds), self._client(authorities) as client:
            return await _asked(client, endpoint.url.rstrip("/"), endpoint.probe)

    def _client(self, authorities: ssl.SSLContext) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=authorities,
            timeout=None,  # noqa: S113 - the whole is timed, and not each read of it
            headers={
                "User-Agent": f"tradewind-observer/{self.observer}",
                "Accept-Encoding": "identity",
                "Connection": "close",
            },
        )


@cache
def _prepared() -> ssl.SSLContext:
    """Do what the first probe of a process would be slow by, and return the certificate authorities."""
    asyncio.run(httpcore.AnyIOBackend().sleep(0))  # which is imported by then
    return httpx.create_ssl_context()


async def _asked(client: httpx.AsyncClient, url: str, probe: Probe) -> tuple[str, float | None]:
    """Return what is wrong with the answers ("": nothing), and the load that they tell."""
    status, body = await _answer(client, client.build_request(probe.method, url + probe.path))
    if reason := _fault(probe, status, body):
        return reason, None
    load = load_told(body, probe.load) if probe.load else None
    return (await _misprediction(client, url, probe.golden) if probe.golden else ""), load


def _fault(probe: Probe, status: int, body: bytes) -> str:
    if status not in probe.status:
        return f"status {status}"
    if len(body) > MOST:
        return f"the answer has more than {MOST} bytes"
    if probe.contains.encode() not in body:
        return f"the answer does not contain {probe.contains!r}"
    return first_difference(body, probe.expect)


async def _misprediction(client: httpx.AsyncClient, url: str, golden: Golden) -> str:
    """Return what is wrong with a prediction whose answer is known; "" if nothing is."""
    status, body = await _answer(client, client.build_request("POST", url + golden.path, json=golden.body))
    if status != OK:
        return f"status {status} for a prediction"
    if len(body) > MOST:
        return f"a prediction has more than {MOST} bytes"
    return first_difference(body, golden.expect, tolerance=golden.tolerance)


async def _answer(client: httpx.AsyncClient, request: httpx.Request) -> tuple[int, bytes]:
    """Return the status and the body, of which no more is read than is needed to say that it is too long."""
    response = await client.send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MOST:
                break
    finally:
        await response.aclose()
    return response.status_code, bytes(body)
