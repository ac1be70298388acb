"""A managed zone of Cloud DNS that directs traffic: a weighted record set, and the epoch in a TXT record beside it.

Source: https://cloud.google.com/dns/docs/reference/rest/v1/changes/create
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote, urlencode, urlsplit

from pydantic import JsonValue

from tradewind.clouds.gcp import weighted
from tradewind.clouds.gcp.errors import translate
from tradewind.clouds.gcp.tokens import open_tokens
from tradewind.clouds.gcp.wire import GcsWire
from tradewind.clouds.http import AnswerError, HttpClient
from tradewind.clouds.publishing import check_targets, settled
from tradewind.clouds.understood import understood
from tradewind.clouds.zones import FEW, check_share, epoch_name, full_name, records_needed, stop_ahead
from tradewind.errors import ConfigurationError, NotFoundError, TransientError
from tradewind.fleet import GcpSite
from tradewind.fleet.directors import CloudDns
from tradewind.ports import Traffic

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 15.0
_ENDPOINT = "https://dns.googleapis.com"
_REFUSED = frozenset({400, 404, 409, 412})
"""Statuses of a change that does not fit what is there, or that would never fit."""
_SETS = 2
"""Record sets that a move changes: the weights are in one, and the epoch in the other."""
_READING = "read the records of"


def open_director(
    config: CloudDns,
    site: GcpSite,  # noqa: ARG001 - every cloud's opener is called alike; the zone's project may be another
    credentials: Mapping[str, str] | None,
) -> CloudDnsDirector:
    """Return the director of a group.

    Args:
        config: Which record set of which zone.
        site: Whose credentials these are.
        credentials: Fields of the secret; None for the identity of the process.

    Raises:
        CredentialsError: There are no credentials, or they are not of Google.
        ConfigurationError: Two endpoints share a target, or `api` is no address.
    """
    endpoint = (config.api or _ENDPOINT).rstrip("/")
    http = HttpClient(endpoint, connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)
    return CloudDnsDirector(GcsWire(http, open_tokens(credentials), prefix=urlsplit(endpoint).path), config)


class CloudDnsDirector:
    """Directs the traffic of one group by its record set (see `ports.TrafficDirector`).

    Nothing here waits until Cloud DNS has told its servers of a change, which takes about a minute.

    Args:
        wire: Of the API; may be shared between threads.
        config: Which record set of which zone.
    """

    def __init__(self, wire: GcsWire, config: CloudDns) -> None:
        self._wire = wire
        self._config = config
        self._zone = f"cloud dns zone {config.project}/{config.zone}"
        self._subject = f"{self._zone}, {config.name} {config.type}"
        self._path = f"/dns/v1/projects/{quote(config.project, safe='')}/managedZones/{quote(config.zone, safe='')}"
        check_targets(config.targets, subject=self._subject)

    def read(self) -> Traffic:
        """Return where the record set sends the traffic: 2 requests.

        The epoch is read first: between the two requests of another's change it is the weights that are new.
        """
        return weighted.shown(self._sets(), self._config)

    def publish(self, weights: Mapping[str, int], *, epoch: int, expect: Traffic, force: bool = False) -> Traffic:
        """Replace the record sets in one change, if they are still what `expect` shows: up to 6 requests.

        Raises:
            PreconditionFailedError: Somebody else changed them meanwhile.
            SafetyStopError: It would change too much of the zone.
            ConfigurationError: Cloud DNS does not take the records, or they are somebody else's.
        """
        sets = self._sets()
        now = weighted.shown(sets, self._config)
        if settled(self._subject, self._config.targets, weights, epoch=epoch, expect=expect, now=now):
            return now
        change = weighted.change(sets, weighted.wanted(sets, self._config, weights, epoch))
        self._check_share(len(change["deletions"]), force=force)
        try:
            with translate("change the records of", self._subject), understood("change", self._subject):
                self._ask("POST", "/changes", body=change)
        except (ConfigurationError, NotFoundError, TransientError) as error:
            if not isinstance(error.__cause__, AnswerError) or error.__cause__.status not in _REFUSED:
                raise
            # Somebody was faster; if not, the change itself is wrong.
            now = self.read()
            if settled(self._subject, self._config.targets, weights, epoch=epoch, expect=expect, now=now):
                return now
            raise ConfigurationError(error.message, hint="What Cloud DNS says is above") from error
        return self.read()

    def stop_ahead(self) -> str:
        """Say what would stop a move that changes every weight (see `ports.Stops`): at most 3 requests."""
        most = self._config.most_of_zone
        if records_needed(_SETS, most) <= FEW:
            return ""
        there = len(self._sets().all)
        existing = self._existing(records_needed(_SETS, most)) + _SETS - there
        return stop_ahead(_SETS, existing, most, subject=self._zone)

    def _sets(self) -> weighted.RecordSets:
        with self._asking():
            epochs = self._list({"name": epoch_name(self._config.name), "type": "TXT"})
            listed = self._list({"name": full_name(self._config.name), "type": self._config.type})
            return weighted.found(epochs, listed, self._config, subject=self._subject)

    def _check_share(self, touched: int, *, force: bool) -> None:
        most = self._config.most_of_zone
        needed = records_needed(touched, most)
        if force or needed <= FEW:  # whatever else there is in the zone
            return
        check_share(touched, self._existing(needed), most, subject=self._zone, force=False)

    def _existing(self, most: int) -> int:
        """Return how many record sets the zone has, counted as far as that is needed."""
        with self._asking():
            return len(self._list({"maxResults": str(most), "fields": "rrsets/name"}))

    def _list(self, query: Mapping[str, str]) -> list[weighted.RecordSet]:
        answer = self._ask("GET", f"/rrsets?{urlencode(query)}").get("rrsets", [])
        if not isinstance(answer, list):
            raise ValueError("no list of record sets")  # noqa: TRY004 - for `understood`
        return [each for each in answer if isinstance(each, dict)]

    def _ask(self, method: str, target: str, *, body: Mapping[str, object] | None = None) -> dict[str, JsonValue]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        sent = json.dumps(body).encode() if body is not None else b""
        with self._wire.request(method, self._path + target, headers=headers, body=sent) as answer:
            said: JsonValue = json.loads(answer.read())
        if not isinstance(said, dict):
            raise ValueError("no object")  # noqa: TRY004 - for `understood`
        return said

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            with translate(_READING, self._subject), understood(_READING, self._subject):
                yield
        except NotFoundError as error:
            raise ConfigurationError(
                error.message, hint="Correct `project` and `zone` in the group's `director`"
            ) from error
