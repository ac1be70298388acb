"""The sites of a fleet: one bucket in one region of one cloud each, and how to act there."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tradewind.fleet.part import Jurisdiction, Name, Part
from tradewind.ports import RESERVED_PREFIX

Url: TypeAlias = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$")]
CLIENT_REQUEST = "tradewind-"
"""Begins the client request ids that tradewind sends to Azure with a delete, which the event of it repeats."""


def _folder(prefix: str) -> str:
    *names, last = prefix.split("/")
    if last or not names or {"", ".", ".."} & set(names) or prefix.startswith(RESERVED_PREFIX):
        message = (
            f"{prefix!r} is no folder like 'tradewind/': it ends with `/`, has no empty, `.` or `..` part, and is "
        )
        raise ValueError(f"{message}not in {RESERVED_PREFIX!r}")
    return prefix


Folder: TypeAlias = Annotated[str, AfterValidator(_folder)]


class Credentials(Part):
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


class Queues(Part):
    """The queues of a site. On Google Cloud each name is both a topic's and its subscription's."""

    notifications: str
    """Queue name (AWS, Azure) or topic (Google Cloud) that the bucket announces changes to."""
    dead_letters: str
    """Where messages end that no redelivery can help."""
    endpoint: Url | None = None
    """Only for emulators and private endpoints."""


class _Site(Part):
    region: str
    """The cloud's own name of the region."""
    jurisdiction: Jurisdiction
    """Whose law applies to what is stored here."""
    control_bucket: str
    """Bucket (on Azure: container) for tradewind's own records; it must announce nothing and have no lifecycle rule."""
    control_prefix: Folder = "tradewind/"
    """Keys in the control bucket start with this: one folder or several, with `/` at the end."""
    credentials: Credentials = Credentials(source="ambient")
    """How to act at this site."""
    credentials_at: dict[Name, Credentials] = Field(default_factory=dict)
    """The same, where the function of another site (or of this one) finds it elsewhere; by that site's name."""
    endpoint: Url | None = None
    """Only for emulators and private endpoints."""
    queues: Queues | None = None
    """Needed at sites that are a source of a rule."""
    concurrent_copies: int | None = Field(default=None, ge=1, le=500)
    """At most so many copies are written here at a time, by all rules and functions together."""

    @property
    def names_what_was_deleted(self) -> bool:
        """Say whether its delete events name the version that went, and nobody who removed it."""
        return False


class AwsSite(_Site):
    """A bucket on Amazon S3."""

    cloud: Literal["aws"]
    bucket: str
    principals: tuple[str, ...] = ()
    """Who tradewind is at this site, as S3's events name it in `userIdentity.principalId`; see `acts_as`."""

    @property
    def address(self) -> str:
        """The bucket as events name it."""
        return self.bucket

    def acts_as(self, actor: str) -> bool:
        """Say whether S3's principal id `actor` is one of tradewind's functions.

        A role's sessions are `AWS:AROAEXAMPLEID:session`, so `AROAEXAMPLEID` in `principals` stands for all of them.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
        """
        identity = actor.removeprefix("AWS:")
        return any(identity == own or identity.startswith(f"{own}:") for own in self.principals)


class GcpSite(_Site):
    """A bucket on Google Cloud Storage."""

    cloud: Literal["gcp"]
    project: str
    bucket: str

    @property
    def address(self) -> str:
        """The bucket as events name it."""
        return self.bucket

    def acts_as(self, actor: str) -> bool:  # noqa: ARG002 - its events name nobody; the deleted generation is on record
        """Say that no event of Cloud Storage tells who acted."""
        return False

    @property
    def names_what_was_deleted(self) -> bool:
        """Say that the generation is all that tells a delete of ours from a user's."""
        return True


class AzureSite(_Site):
    """A container on Azure Blob Storage."""

    cloud: Literal["azure"]
    account: str
    """Storage account name."""
    container: str
    pull: bool = False
    """Whether Azure may read large objects by itself, each from an address that is good for minutes, where the source
    is a bucket of S3 with versions; else functions send the bytes."""

    @property
    def address(self) -> str:
        """The container as events name it."""
        return f"{self.account}/{self.container}"

    def acts_as(self, actor: str) -> bool:
        """Say whether the client request id `actor` is one that tradewind sends with what it deletes."""
        return actor.startswith(CLIENT_REQUEST)


Site: TypeAlias = Annotated[AwsSite | GcpSite | AzureSite, Field(discriminator="cloud")]
