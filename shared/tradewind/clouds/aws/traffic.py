"""A hosted zone of Route 53 that directs traffic: weighted records, and the epoch in a TXT record beside them.

Source: https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tradewind.clouds.aws import weighted
from tradewind.clouds.aws.errors import translate
from tradewind.clouds.aws.identity import open_session
from tradewind.clouds.publishing import check_targets, settled
from tradewind.clouds.zones import FEW, check_share, epoch_name, records_needed, stop_ahead
from tradewind.errors import ConfigurationError
from tradewind.fleet import AwsSite
from tradewind.fleet.directors import Route53
from tradewind.ports import Traffic

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_route53.type_defs import ListResourceRecordSetsRequestTypeDef, ResourceRecordSetOutputTypeDef

CONNECT_TIMEOUT, READ_TIMEOUT, ATTEMPTS = 5.0, 15.0, 3
PAGE = 300
"""Records; as many as Route 53 lists at once."""

REFUSED = frozenset({"InvalidChangeBatch", "InvalidInput"})
"""What Route 53 says of a batch that does not fit what is there, or that would never fit."""


def open_director(config: Route53, site: AwsSite, credentials: Mapping[str, str] | None) -> Route53Director:
    """Return the director of a group.

    Args:
        config: Which records of which zone.
        site: Whose credentials these are.
        credentials: Fields of the secret; None for the identity of the process.

    Raises:
        CredentialsError: The secret lacks a field.
        ConfigurationError: Two endpoints share a target.
    """
    from botocore.config import Config  # noqa: PLC0415 - only a function that talks to Route 53 pays for it

    client_config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        user_agent_extra="tradewind",
    )
    session = open_session(credentials, region=site.region, subject=f"Route 53, zone {config.zone}")
    return Route53Director(session.client("route53", endpoint_url=config.api, config=client_config), config)


class Route53Director:
    """Directs the traffic of one group by its weighted records (see `ports.TrafficDirector`).

    Nothing here waits until all of Route 53's servers answer by a change, which takes about a minute.

    Args:
        client: May be shared between threads.
        config: Which records of which zone.
    """

    def __init__(self, client: Route53Client, config: Route53) -> None:
        self._client = client
        self._config = config
        self._zone = f"route53 zone {config.zone}"
        self._subject = f"{self._zone}, {config.name} {config.type}"
        check_targets(config.targets, subject=self._subject)

    def read(self) -> Traffic:
        """Return where the records send the traffic: 1 request, unless hundreds of records are between them."""
        return weighted.shown(self._records(), self._config)

    def publish(self, weights: Mapping[str, int], *, epoch: int, expect: Traffic, force: bool = False) -> Traffic:
        """Replace the records in one batch, if they are still what `expect` shows: up to 4 requests.

        Raises:
            PreconditionFailedError: Somebody else changed a record meanwhile.
            SafetyStopError: It would change too much of the zone.
            ConfigurationError: A record is protected, or is somebody else's.
        """
        records = self._records()
        now = weighted.shown(records, self._config)
        if settled(self._subject, self._config.targets, weights, epoch=epoch, expect=expect, now=now):
            return now
        made = weighted.wanted(records, self._config, weights, epoch)
        self._check_share(weighted.touched(records, made), force=force)
        changes = weighted.batch(records, made)
        from botocore.exceptions import ClientError  # noqa: PLC0415 - loaded with the client

        with translate("change the records of", self._subject):
            try:
                self._client.change_resource_record_sets(
                    HostedZoneId=self._config.zone,
                    ChangeBatch={"Comment": f"tradewind, epoch {epoch}", "Changes": changes},
                )
            except ClientError as error:
                if error.response["Error"]["Code"] not in REFUSED:
                    raise
                # Somebody was faster, or this request came twice; if neither, the batch itself is wrong.
                now = self.read()
                if settled(self._subject, self._config.targets, weights, epoch=epoch, expect=expect, now=now):
                    return now
                raise self._refused(error) from error
        return self.read()

    def stop_ahead(self) -> str:
        """Say what would stop a move that changes every weight (see `ports.Stops`): at most 2 requests."""
        there = len(self._records().all)
        due = max(there, len(self._config.targets) + 1)
        if self._unchecked(due):
            return ""
        return stop_ahead(due, self._existing() - there + due, self._config.most_of_zone, subject=self._zone)

    def _records(self) -> weighted.Records:
        with self._asking():
            return weighted.found(list(self._listed()), self._config, subject=self._subject)

    def _listed(self) -> Iterator[ResourceRecordSetOutputTypeDef]:
        """Yield the zone's records from the name's on, until the one that bears the epoch can no longer come."""
        last = weighted.place(epoch_name(self._config.name))
        start: ListResourceRecordSetsRequestTypeDef = {
            "HostedZoneId": self._config.zone,
            "StartRecordName": self._config.name,
            "MaxItems": str(PAGE),
        }
        while True:
            page = self._client.list_resource_record_sets(**start)
            yield from page["ResourceRecordSets"]
            if not page["IsTruncated"] or weighted.place(page["NextRecordName"]) > last:
                return
            start["StartRecordName"] = page["NextRecordName"]
            start["StartRecordType"] = page["NextRecordType"]
            if "NextRecordIdentifier" in page:
                start["StartRecordIdentifier"] = page["NextRecordIdentifier"]
            else:
                start.pop("StartRecordIdentifier", None)

    def _check_share(self, touched: int, *, force: bool) -> None:
        if not force and not self._unchecked(touched):
            check_share(touched, self._existing(), self._config.most_of_zone, subject=self._zone, force=False)

    def _unchecked(self, touched: int) -> bool:
        """Say whether a change may be made whatever else there is in the zone."""
        return records_needed(touched, self._config.most_of_zone) <= FEW

    def _existing(self) -> int:
        with self._asking():
            return self._client.get_hosted_zone(Id=self._config.zone)["HostedZone"].get("ResourceRecordSetCount", 0)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        with translate("read the records of", self._subject):
            yield

    def _refused(self, error: ClientError) -> ConfigurationError:
        said = error.response["Error"].get("Message", "").strip("[]")
        protected = "protect" in said.lower()
        hint = "Remove its protection" if protected else "What Route 53 says is above"
        return ConfigurationError(f"Could not change the records of {self._subject}: {said}", hint=hint)
