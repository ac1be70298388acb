"""Who is told when a group's traffic was moved."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from tradewind.fleet.part import Name, Part
from tradewind.fleet.sites import Credentials, Url


class _Address(Part):
    api: Url | None = None
    """Only for emulators and private endpoints."""


class Sns(_Address):
    """A topic of Amazon SNS."""

    kind: Literal["sns"]
    site: Name
    """A site on AWS, whose credentials may publish there."""
    topic: str = Field(pattern=r"^arn:aws[a-z-]*:sns:")
    """Its ARN."""


class PubSub(_Address):
    """A topic of Pub/Sub."""

    kind: Literal["pubsub"]
    site: Name
    """A site on Google Cloud, whose credentials may publish there."""
    topic: str
    """Its name, in the site's project."""


class EventGrid(Part):
    """A topic of Azure Event Grid, which takes CloudEvents."""

    kind: Literal["event_grid"]
    endpoint: Url
    """The topic's own."""
    key: Credentials
    """Where its access key is: a JSON object with the field `key`."""


class Webhook(Part):
    """An address that takes JSON by POST; Slack's incoming webhooks do."""

    kind: Literal["webhook"]
    url: Url
    secret: Credentials | None = None
    """Where the key of its signature is (Standard Webhooks, HMAC-SHA256): a JSON object with the field `key`."""


Address: TypeAlias = Annotated[Sns | PubSub | EventGrid | Webhook, Field(discriminator="kind")]
