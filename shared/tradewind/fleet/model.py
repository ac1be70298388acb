"""The fleet file as data. Every field's meaning and every allowed value is stated here, and exported as JSON Schema."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tradewind.ports import RESERVED_PREFIX

Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""Lower-case letters, digits and hyphens; used in metadata, metrics and paths."""
Jurisdiction: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""Whose law applies: `EU`, or an ISO 3166 code such as `US`, `CH`, `US-CA`."""
Url: TypeAlias = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]
Glob: TypeAlias = Annotated[str, StringConstraints(min_length=1)]


def _unreserved(prefix: str) -> str:
    if prefix.startswith(RESERVED_PREFIX):
        message = f"{RESERVED_PREFIX!r} is reserved and never replicated"
        raise ValueError(message)
    return prefix


Prefix: TypeAlias = Annotated[str, AfterValidator(_unreserved)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True)


class Credentials(_Part):
    """Where a site's credentials are. The secret is a JSON object; its fields depend on the site's cloud.

    aws: access_key_id, secret_access_key, optionally session_token.
    gcp: a service-account or external-account (workload identity) file's contents, or {"type": "anonymous"}.
    azure: account_key, or sas_token, or tenant_id, client_id and client_secret.
    """

    source: Literal["ambient", "environment", "file", "aws_secrets_manager", "gcp_secret_manager", "azure_key_vault"]
    """`ambient` is the identity of the process: a role, a service account, a managed identity."""
    name: str = ""
    """Variable name, file path (relative to the fleet file), secret id, `projects/P/secrets/S`, or secret URL."""

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.source == "ambient") != (self.name == ""):
            message = "`name` says where the secret is: leave it out for `ambient`, and give it for every other source"
            raise ValueError(message)
        return self


class Queues(_Part):
    """The queues of a site. On Google Cloud each name is both a topic's and its subscription's."""

    notifications: str
    """Queue name (AWS, Azure) or topic (Google Cloud) that the bucket announces changes to."""
    dead_letters: str
    """Where messages end that no redelivery can help."""
    endpoint: Url | None = None
    """Only for emulators and private endpoints."""


class _Site(_Part):
    region: str
    """The cloud's own name of the region."""
    jurisdiction: Jurisdiction
    """Whose law applies to what is stored here."""
    control_bucket: str
    """Bucket (on Azure: container) for tradewind's own records; it must announce nothing and have no lifecycle rule."""
    control_prefix: str = "tradewind/"
    """Keys in the control bucket start with this."""
    credentials: Credentials = Credentials(source="ambient")
    """How to act at this site."""
    credentials_at: dict[Name, Credentials] = Field(default_factory=dict)
    """The same, where the function of another site (or of this one) finds it elsewhere; by that site's name."""
    endpoint: Url | None = None
    """Only for emulators and private endpoints."""
    queues: Queues | None = None
    """Needed at sites that are a source of a rule."""


class AwsSite(_Site):
    """A bucket on Amazon S3."""

    cloud: Literal["aws"]
    bucket: str

    @property
    def address(self) -> str:
        """The bucket as events name it."""
        return self.bucket


class GcpSite(_Site):
    """A bucket on Google Cloud Storage."""

    cloud: Literal["gcp"]
    project: str
    bucket: str

    @property
    def address(self) -> str:
        """The bucket as events name it."""
        return self.bucket


class AzureSite(_Site):
    """A container on Azure Blob Storage."""

    cloud: Literal["azure"]
    account: str
    """Storage account name."""
    container: str

    @property
    def address(self) -> str:
        """The container as events name it."""
        return f"{self.account}/{self.container}"


Site: TypeAlias = Annotated[AwsSite | GcpSite | AzureSite, Field(discriminator="cloud")]


class Classification(_Part):
    """A class of data, and where it may be."""

    jurisdictions: Literal["any"] | tuple[Jurisdiction, ...]
    """Jurisdictions in which data of this class may be stored, or `any`."""


class _Rule(_Part):
    name: Name
    prefix: Prefix = ""
    """Keys that start with this; "" means every key. `.tradewind/` is reserved and never replicated."""
    include: tuple[Glob, ...] = ()
    """If given, only keys that match one of these globs (`*` within a folder, `**` across folders)."""
    exclude: tuple[Glob, ...] = ()
    """Keys that match one of these globs are left out."""
    kind: Literal["model_artifacts", "training_data", "feature_store", "predictions", "other"] = "other"
    """What the data is."""
    classification: Name
    """Which of the fleet's classifications the data has."""


class OneWayRule(_Rule):
    """From one site to others; the others hold replicas."""

    mode: Literal["one_way"]
    from_: Name = Field(alias="from")
    to: tuple[Name, ...] = Field(min_length=1)
    deletes: Literal["propagate", "keep"] = "keep"
    """`propagate`: what is deleted at the source is deleted where tradewind copied it to, if it is unchanged there."""
    conflict: Literal["keep", "overwrite", "fail"] = "keep"
    """When a target holds an object that tradewind did not write: keep it, overwrite it, or dead-letter the event."""

    def targets_of(self, site: str) -> tuple[str, ...]:
        """Return where a change at `site` goes."""
        return self.to if site == self.from_ else ()

    @property
    def members(self) -> tuple[str, ...]:
        """Every site of the rule, sources first."""
        return (self.from_, *self.to)


class ActiveActiveRule(_Rule):
    """Between all of the sites; each may be written."""

    mode: Literal["active_active"]
    sites: tuple[Name, ...] = Field(min_length=2)
    """In order: where two writes bear the same time, the later site of this list wins."""
    deletes: Literal["keep"] = "keep"
    """What is deleted at one site stays at the others."""
    conflict: Literal["newest_wins"] = "newest_wins"
    """The write with the latest time at its own site wins."""

    def targets_of(self, site: str) -> tuple[str, ...]:
        """Return where a change at `site` goes."""
        return tuple(name for name in self.sites if name != site) if site in self.sites else ()

    @property
    def members(self) -> tuple[str, ...]:
        """Every site of the rule."""
        return self.sites


Rule: TypeAlias = Annotated[OneWayRule | ActiveActiveRule, Field(discriminator="mode")]


class Fleet(_Part):
    """Everything that one fleet file describes."""

    version: Literal[1]
    """Of this format."""
    sites: dict[Name, Site] = Field(min_length=1)
    classifications: dict[Name, Classification] = Field(min_length=1)
    rules: tuple[Rule, ...] = ()
    """For each key and target the first rule that matches decides."""

    @cached_property
    def _by_address(self) -> dict[tuple[str, str], str]:
        return {(site.cloud, site.address): name for name, site in self.sites.items()}

    def site_at(self, cloud: str, address: str) -> str | None:
        """Return the name of the site that is this bucket or container, or None if it is not in the fleet."""
        return self._by_address.get((cloud, address))
