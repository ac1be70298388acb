"""Making what Route 53 needs for a quorum switch, once; from then on nobody calls its API to move traffic.

Everything is found again by what it is called, so that making it twice makes nothing, and an attempt that broke off is
finished by the next one.
https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHealthCheck.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tradewind.clouds.aws.errors import translate
from tradewind.clouds.aws.identity import open_session
from tradewind.clouds.aws.switch_checks import MADE, PREFIX, Found, Wish, found_in, marks, wishes
from tradewind.clouds.aws.switch_plan import Plan, batch, changes_of, ids_of, plan
from tradewind.clouds.publishing import check_targets
from tradewind.clouds.zones import check_share, full_name
from tradewind.errors import ConfigurationError, PreconditionFailedError
from tradewind.fleet import AwsSite
from tradewind.fleet.directors import Switch

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_route53 import Route53Client
    from mypy_boto3_route53.type_defs import HealthCheckTypeDef, ResourceRecordSetOutputTypeDef

CONNECT_TIMEOUT, READ_TIMEOUT, ATTEMPTS = 5.0, 15.0, 3
GENERATIONS = 16
"""How often a health check can be deleted and made again."""
_TAGGED = 10
"""Health checks whose tags are told at once."""
_REFUSED: Mapping[str, str] = {
    "TooManyHealthChecks": "Ask AWS for a higher quota of health checks, or remove some",
    "InvalidInput": "What Route 53 says is above",
    "InvalidChangeBatch": "Look what `--dry-run` lists now: somebody changed the records meanwhile, or protects them",
    "NoSuchHostedZone": "Correct `zone` in the group's `director`",
}


def open_switch(
    config: Switch,
    group: str,
    order: Sequence[str],
    site: AwsSite,
    credentials: Mapping[str, str] | None,
) -> SwitchZone:
    """Return what makes the health checks and the records of a group's switch.

    Args:
        config: The group's director.
        group: The group's name.
        order: Its endpoints, the primary first.
        site: Whose credentials these are.
        credentials: Fields of the secret; None for the identity of the process.

    Raises:
        CredentialsError: The secret lacks a field.
        ConfigurationError: Two endpoints share a target.
    """
    from botocore.config import Config  # noqa: PLC0415 - only a function that talks to Route 53 pays for it

    settings = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        user_agent_extra="tradewind",
    )
    session = open_session(credentials, region=site.region, subject=f"Route 53, zone {config.zone}")
    client = session.client("route53", endpoint_url=config.api, config=settings)
    check_targets(config.targets, subject=f"the quorum switch of {group}")
    return SwitchZone(client, config, order, wishes(group, config, order), group)


class SwitchZone:
    """The health checks and the records of one group's switch.

    Args:
        client: Of Route 53.
        config: The group's director.
        order: Its endpoints, the primary first.
        wanted: The health checks that are to be.
        group: Its name.
    """

    def __init__(
        self, client: Route53Client, config: Switch, order: Sequence[str], wanted: Sequence[Wish], group: str
    ) -> None:
        self._client = client
        self._config = config
        self._order = order
        self._wanted = wanted
        self._marks = marks(group, config)
        self._subject = f"the quorum switch {config.name} {config.type} in route53 zone {config.zone}"

    def plan(self) -> Plan:
        """Return what differs from how it should be, and so what `make` would do; changes nothing.

        Raises:
            ConfigurationError: There is no such zone, or somebody else's record in the place of the group's.
        """
        found = self._found()
        return self._plan(found, self._clock())

    def make(self, *, force: bool = False) -> Plan:
        """Make what is missing, change what differs, and return what was done. Records are changed in one batch.

        Nothing that is left over is removed. Where records are there, what they answer by is not handed to checks that
        are new (`Plan.fresh`): traffic that is away from a primary would go back to it. That is for a later call.

        Args:
            force: Change the zone even if it is much of it.

        Raises:
            SafetyStopError: It would change too much of the zone; nothing was done.
            PreconditionFailedError: Somebody changed a health check meanwhile.
            ConfigurationError: Route 53 refuses a part of it; what was made before stays, and is found again.
        """
        found, now = self._found(), self._clock()
        due = self._plan(found, now)
        self._check_share(len(due.replaced), force=force)
        ids = dict(ids_of(found))
        with self._changing():
            for wish in due.create:
                ids[wish.reference] = self._created(wish, ids)
                self._tag(wish, ids[wish.reference], made=now)
            for wish, each in due.update:
                if not due.waits(wish):
                    self._update(wish, each, ids)
            for wish, each in due.tag:
                self._tag(wish, each.id, made=now if each.bare else None)
            # With the ids that the checks have by now; an endpoint that lacked a check has other records than planned.
            changes = batch(changes_of(self._config, self._order, self._wanted, ids, self._there()))
            if changes and not due.fresh:
                self._client.change_resource_record_sets(
                    HostedZoneId=self._config.zone, ChangeBatch={"Comment": "tradewind", "Changes": changes}
                )
        return due

    def _plan(self, found: Sequence[Found], now: datetime) -> Plan:
        with translate("read the records of", self._subject):
            there = self._there()
        return plan(self._config, self._order, self._wanted, found, there, now)

    def _clock(self) -> datetime:
        """Return the time by Route 53's clock, since whoever comes next may have another one than this machine."""
        with translate("read the zone of", self._subject):
            headers = self._client.get_hosted_zone(Id=self._config.zone)["ResponseMetadata"]["HTTPHeaders"]
        return parsedate_to_datetime(headers["date"]).astimezone(UTC)

    def _found(self) -> Sequence[Found]:
        """Return the health checks of this switch: those that it would make, and those that are tagged as its own."""
        with translate("read the health checks of", self._subject):
            ours = [each for each in self._listed() if each["CallerReference"].startswith(PREFIX)]
            found = [found_in(each, tags) for each, tags in self._tagged(ours)]
        references = {wish.reference for wish in self._wanted}
        return [each for each in found if each.wished in references or self._marks.items() <= each.tags.items()]

    def _listed(self) -> Iterator[HealthCheckTypeDef]:
        for page in self._client.get_paginator("list_health_checks").paginate():
            yield from page["HealthChecks"]

    def _tagged(self, checks: Sequence[HealthCheckTypeDef]) -> Iterator[tuple[HealthCheckTypeDef, Mapping[str, str]]]:
        for start in range(0, len(checks), _TAGGED):
            few = checks[start : start + _TAGGED]
            told = self._client.list_tags_for_resources(
                ResourceType="healthcheck", ResourceIds=[each["Id"] for each in few]
            )
            tags = {
                each.get("ResourceId", ""): {tag.get("Key", ""): tag.get("Value", "") for tag in each.get("Tags", [])}
                for each in told["ResourceTagSets"]
            }
            yield from ((each, tags.get(each["Id"], {})) for each in few)

    def _there(self) -> Sequence[ResourceRecordSetOutputTypeDef]:
        """Return the records of the switch's name and type: Route 53 allows 100 of one name, and lists 300."""
        name = full_name(self._config.name).replace("*", r"\052")
        page = self._client.list_resource_record_sets(
            HostedZoneId=self._config.zone, StartRecordName=name, StartRecordType=self._config.type
        )
        records = page["ResourceRecordSets"]
        return [each for each in records if (full_name(each["Name"]), each["Type"]) == (name, self._config.type)]

    def _check_share(self, touched: int, *, force: bool) -> None:
        if not touched:
            return
        with translate("read the records of", self._subject):
            zone = self._client.get_hosted_zone(Id=self._config.zone)["HostedZone"]
        existing, most = zone.get("ResourceRecordSetCount", 0), self._config.most_of_zone
        check_share(touched, existing, most, subject=f"route53 zone {self._config.zone}", force=force)

    def _created(self, wish: Wish, ids: Mapping[str, str]) -> str:
        """Make a health check, and return its id; the same one if an earlier attempt has made it already."""
        refused = self._client.exceptions.HealthCheckAlreadyExists
        for number in range(1, GENERATIONS + 1):
            try:
                answer = self._client.create_health_check(
                    CallerReference=f"{wish.reference}-{number}", HealthCheckConfig=wish.made(ids)
                )
            except refused:  # it was deleted since, and its reference is never taken again
                continue
            return answer["HealthCheck"]["Id"]
        raise ConfigurationError(
            f"Could not make the health check {wish.name}: it was deleted {GENERATIONS} times",
            hint="Give the records another name: the health checks of another name are others",
        )

    def _update(self, wish: Wish, found: Found, ids: Mapping[str, str]) -> None:
        fields = {name: value for name, value in wish.made(ids).items() if name not in ("Type", "RequestInterval")}
        try:
            self._client.update_health_check(
                HealthCheckId=found.id,
                HealthCheckVersion=found.version,
                **fields,  # type: ignore[arg-type]  # both shapes have these fields alike
            )
        except self._client.exceptions.HealthCheckVersionMismatch as error:
            raise PreconditionFailedError(
                f"Could not change the health check {wish.name}: somebody changed it meanwhile", hint="Look again"
            ) from error

    def _tag(self, wish: Wish, check: str, *, made: datetime | None) -> None:
        time = {} if made is None else {MADE: made.isoformat()}
        tags = [{"Key": name, "Value": value} for name, value in {**wish.tags, **time}.items()]
        self._client.change_tags_for_resource(
            ResourceType="healthcheck",
            ResourceId=check,
            AddTags=tags,  # type: ignore[arg-type]  # a list of these is what it takes
        )

    @contextmanager
    def _changing(self) -> Iterator[None]:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - loaded with the client

        with translate("make the health checks of", self._subject):
            try:
                yield
            except ClientError as error:
                if refusal := self._refusal(error):
                    raise refusal from error
                raise

    def _refusal(self, error: ClientError) -> ConfigurationError | None:
        said = error.response["Error"]
        hint = _REFUSED.get(said["Code"])
        if hint is None:
            return None
        return ConfigurationError(f"Could not make {self._subject}: {said['Code']}: {said['Message']}", hint=hint)
