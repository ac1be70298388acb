"""A profile of Azure Traffic Manager that directs traffic: the weights of its endpoints, and the epoch in a tag.

Profiles have no ETag and know no `If-Match`, so there is no compare-and-set: the profile is read right before it is
written, and once more right after. Who writes within the same moment may be overwritten, by an older epoch, too; Azure
refuses what arrives while another change is being worked on (409), the loser mostly sees it in that last look, and what
verifies an epoch sees it in any case. Endpoints can only be written all together, by a PUT of the whole profile.

Source: https://learn.microsoft.com/rest/api/trafficmanager/profiles/create-or-update
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

from pydantic import JsonValue

from tradewind.clouds.azure import profile as profiles
from tradewind.clouds.azure.errors import translate
from tradewind.clouds.azure.identity import PRINCIPAL
from tradewind.clouds.azure.tokens import MANAGEMENT, Tokens, open_tokens
from tradewind.clouds.http import AnswerError, HttpClient
from tradewind.clouds.publishing import check_targets, moved, settled
from tradewind.clouds.understood import understood
from tradewind.errors import ConfigurationError, CredentialsError, NotFoundError, TransientError
from tradewind.fleet import AzureSite
from tradewind.fleet.directors import TrafficManager
from tradewind.ports import Traffic

API_VERSION = "2022-04-01"
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 15.0
_UNKNOWN, _WRONG, _BUSY = 401, 400, 409


def open_director(
    config: TrafficManager,
    site: AzureSite,  # noqa: ARG001 - every cloud's opener is called alike; the profile's subscription may be another
    credentials: Mapping[str, str] | None,
) -> TrafficManagerDirector:
    """Return the director of a group.

    Args:
        config: Which profile.
        site: Whose credentials these are.
        credentials: Fields of the secret; None for the identity of the process.

    Raises:
        CredentialsError: The secret has only what storage is asked with.
        ConfigurationError: Two endpoints share a target, or `api` is no address.
    """
    if credentials is not None and not all(credentials.get(name) for name in PRINCIPAL):
        raise CredentialsError(
            f"The credentials of site {config.site!r} cannot change the profile {config.profile}",
            hint=f"Azure Resource Manager knows no account keys: the secret needs {', '.join(PRINCIPAL)}",
        )
    endpoint = (config.api or MANAGEMENT).rstrip("/")
    http = HttpClient(endpoint, connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)
    tokens = open_tokens(credentials, resource=MANAGEMENT)
    return TrafficManagerDirector(http, tokens, config, prefix=urlsplit(endpoint).path)


class TrafficManagerDirector:
    """Directs the traffic of one group by one profile (see `ports.TrafficDirector`, and what is said above).

    Args:
        http: Of Azure Resource Manager; may be shared between threads.
        tokens: Who asks.
        config: Which profile.
        prefix: What the API's path begins with.
    """

    def __init__(self, http: HttpClient, tokens: Tokens, config: TrafficManager, *, prefix: str = "") -> None:
        self._http = http
        self._tokens = tokens
        self._config = config
        names = (config.subscription, config.resource_group, config.profile)
        subscription, group, profile = (quote(name, safe="") for name in names)
        where = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network"
        self._target = f"{prefix}{where}/trafficmanagerprofiles/{profile}?api-version={API_VERSION}"
        self._subject = f"traffic manager {config.resource_group}/{config.profile}"
        check_targets(config.targets, subject=self._subject)

    def read(self) -> Traffic:
        """Return what the profile does: 1 request."""
        return profiles.shown(self._profile(), self._config)

    def publish(
        self,
        weights: Mapping[str, int],
        *,
        epoch: int,
        expect: Traffic,
        force: bool = False,  # noqa: ARG002 - a profile is nobody else's
    ) -> Traffic:
        """Write the profile if it was right before what `expect` shows: 3 requests, or 1 if there is nothing to change.

        Raises:
            PreconditionFailedError: Somebody else changed it meanwhile, or at the same moment.
            ConfigurationError: Azure does not take the profile.
        """
        profile = self._profile()
        now = profiles.shown(profile, self._config)
        if settled(self._subject, self._config.targets, weights, epoch=epoch, expect=expect, now=now):
            return now
        made = profiles.with_traffic(profile, self._config, weights, epoch)
        try:
            with translate("change the profile", self._subject):
                self._ask("PUT", json.dumps(made).encode())
        except TransientError as error:
            status = error.__cause__.status if isinstance(error.__cause__, AnswerError) else None
            if status == _BUSY:
                raise moved(self._subject, epoch) from error
            if status == _WRONG:
                raise ConfigurationError(error.message, hint="What Azure says is above") from error
            raise
        now = self.read()
        if not settled(self._subject, self._config.targets, weights, epoch=epoch, expect=now, now=now):
            raise moved(self._subject, epoch)
        return now

    def _profile(self) -> profiles.Profile:
        with self._reading():
            said: JsonValue = json.loads(self._ask("GET"))
            if not isinstance(said, dict):
                raise ValueError("no object")  # noqa: TRY004 - for `understood`
        profiles.check(said, self._config, subject=self._subject)
        return said

    def _ask(self, method: str, body: bytes = b"") -> bytes:
        """Send a request; a body only once, since a second arrival could undo what somebody did in between."""
        try:
            return self._send(method, body)
        except AnswerError as error:
            if error.status != _UNKNOWN:
                raise
            self._tokens.forget()
            return self._send(method, body)

    def _send(self, method: str, body: bytes) -> bytes:
        headers = {"User-Agent": "tradewind", "Authorization": f"Bearer {self._tokens.token()}"}
        if not body:
            with self._http.open(method, self._target, headers) as answer:
                return answer.read()
        headers["Content-Type"] = "application/json"
        with self._http.open(method, self._target, headers, iter([body]), size=len(body)) as answer:
            return answer.read()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            with translate("read the profile", self._subject), understood("read the profile", self._subject):
                yield
        except NotFoundError as error:
            hint = "Correct `subscription`, `resource_group` and `profile` in the group's `director`"
            raise ConfigurationError(error.message, hint=hint) from error
