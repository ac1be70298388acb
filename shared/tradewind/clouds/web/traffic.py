"""A Caddy that directs traffic: weights of a `reverse_proxy` handler, over the admin API.

The epoch is a header that the handler sets on its answers, `X-Tradewind-Epoch`: it stands in the same object as the
weights, changes with them in one request, and callers see it. Caddy applies a change only if the handler is still what
`If-Match` says, under the lock of its configuration, so that this is a compare-and-set.

Sources: https://caddyserver.com/docs/api#concurrent-config-changes, https://caddyserver.com/docs/json/apps/http/servers/
routes/handle/reverse_proxy/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
from pydantic import JsonValue

from tradewind.clouds.publishing import check_targets, moved, settled
from tradewind.clouds.understood import understood
from tradewind.clouds.web.handler import Handler, shown, with_traffic
from tradewind.errors import AccessDeniedError, ConfigurationError, StoreUnavailableError
from tradewind.fleet.directors import Caddy
from tradewind.ports import Traffic

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
"""Seconds; a change is answered when the new configuration serves."""
ATTEMPTS = 5
CUT = (httpx.RemoteProtocolError, httpx.ReadError)
"""Who asks at the moment of somebody else's change is cut off: Caddy starts its admin API anew with each."""


def open_director(config: Caddy) -> CaddyDirector:
    """Return the director of a group.

    Raises:
        ConfigurationError: Two endpoints share a target, or one is no upstream.
    """
    # Caddy closes the connections to its admin API with each change. And as everywhere here, a proxy that the
    # environment names is for HTTPS.
    client = httpx.Client(
        base_url=config.admin.rstrip("/"),
        timeout=TIMEOUT,
        headers={"User-Agent": "tradewind"},
        limits=httpx.Limits(max_keepalive_connections=0),
        trust_env=config.admin.startswith("https:"),
    )
    return CaddyDirector(client, config)


class CaddyDirector:
    """Directs the traffic of one group by one handler (see `ports.TrafficDirector`).

    Args:
        client: Of the admin API; may be shared between threads.
        config: Which handler, and the upstream of each endpoint.
    """

    def __init__(self, client: httpx.Client, config: Caddy) -> None:
        self._client = client
        self._targets = config.targets
        self._subject = f"caddy {config.admin.rstrip('/')}/id/{config.id}"
        self._path = f"/id/{config.id}"
        check_targets(self._targets, subject=self._subject)
        _check_upstreams(self._targets, subject=self._subject)

    def read(self) -> Traffic:
        """Return what the handler does: 1 request."""
        handler, token = self._handler()
        return shown(handler, self._targets, token)

    def publish(
        self,
        weights: Mapping[str, int],
        *,
        epoch: int,
        expect: Traffic,
        force: bool = False,  # noqa: ARG002 - a handler is nobody else's
    ) -> Traffic:
        """Change the handler in one request, if it is still what `expect` shows; its other fields stay as they are.

        Takes 1 request if there is nothing to change, else 3.

        Raises:
            PreconditionFailedError: Somebody else changed the handler meanwhile.
        """
        handler, token = self._handler()
        now = shown(handler, self._targets, token)
        if settled(self._subject, self._targets, weights, epoch=epoch, expect=expect, now=now):
            return now
        changed = with_traffic(handler, self._targets, weights, epoch)
        with self._asking("change"):
            try:
                answer = self._client.patch(self._path, json=changed, headers={"If-Match": token})
            except CUT:
                now = self.read()
                if settled(self._subject, self._targets, weights, epoch=epoch, expect=expect, now=now):
                    return now
                raise
        if answer.status_code == httpx.codes.PRECONDITION_FAILED:
            raise moved(self._subject, epoch)
        self._check(answer, "change")
        return self.read()

    def _handler(self) -> tuple[Handler, str]:
        """Return the handler and its version."""
        with self._asking("read"):
            answer = self._get()
        self._check(answer, "read")
        with understood("read", self._subject):
            handler: JsonValue = answer.json()
            token = answer.headers["Etag"]
        if not isinstance(handler, dict) or handler.get("handler") != "reverse_proxy":
            raise ConfigurationError(
                f"Could not read {self._subject}: what has this `@id` is no `reverse_proxy` handler",
                hint='Set the `@id` beside `"handler": "reverse_proxy"` in Caddy\'s configuration',
            )
        return handler, token

    def _get(self) -> httpx.Response:
        for _ in range(ATTEMPTS - 1):
            try:
                return self._client.get(self._path)
            except CUT:
                continue
        return self._client.get(self._path)

    @contextmanager
    def _asking(self, operation: str) -> Iterator[None]:
        try:
            yield
        except httpx.RequestError as error:
            raise StoreUnavailableError(
                f"Could not {operation} {self._subject}: {error}",
                hint="Check that Caddy runs, and that its admin API listens where `admin` says",
            ) from error

    def _check(self, answer: httpx.Response, operation: str) -> None:
        if answer.is_success:
            return
        said = f"Could not {operation} {self._subject}: {answer.status_code} {answer.text.strip()[:500]}"
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise ConfigurationError(said, hint="Give the group's `reverse_proxy` handler the `@id` that `id` names")
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise AccessDeniedError(said, hint="Allow this client in `admin` of Caddy's configuration")
        # A configuration that Caddy cannot load is answered by a 500, too.
        if answer.is_server_error and "loading new config" not in answer.text:
            raise StoreUnavailableError(said, hint="See Caddy's log")
        raise ConfigurationError(said, hint="Caddy refused the handler and went on with the one before; see its log")


def _check_upstreams(targets: Mapping[str, str], *, subject: str) -> None:
    """Refuse what Caddy would take, and answer every request for with a 502."""
    if wrong := sorted(target for target in targets.values() if "://" in target or ":" not in target):
        raise ConfigurationError(f"{wrong[0]!r} is no upstream of {subject}", hint="Write HOST:PORT in `targets`")
