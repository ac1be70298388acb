"""What directs a group's traffic: DNS of a cloud, a proxy of one's own, or the quorum switch."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from tradewind.fleet.part import Name, Part
from tradewind.fleet.sites import Url


class _Director(Part):
    targets: dict[Name, str] = Field(min_length=1)
    """By endpoint: where its traffic goes, in the director's own terms."""
    api: Url | None = None
    """Only for emulators and private endpoints."""


class _Dns(_Director):
    site: Name
    """A site of that cloud, whose credentials may change the zone."""
    name: str
    """The record's full name, with or without the dot at its end."""
    type: Literal["A", "AAAA", "CNAME"] = "CNAME"
    """Of the records; `targets` are addresses or host names accordingly."""
    ttl_seconds: int = Field(default=60, ge=0, le=86_400)
    """For so long resolvers keep an answer."""
    most_of_zone: float = Field(default=0.3, gt=0, le=1)
    """A change that touches a greater share of the zone's records is refused unless it is forced."""


class Route53(_Dns):
    """Weighted records of Amazon Route 53, one for each endpoint, with the epoch in a TXT record beside them."""

    kind: Literal["route53"]
    zone: str
    """The hosted zone's id."""


class CloudDns(_Dns):
    """A weighted round-robin record set of Cloud DNS, with the epoch in a TXT record beside it."""

    kind: Literal["cloud_dns"]
    project: str
    zone: str
    """The managed zone's name."""


class TrafficManager(_Director):
    """A weighted profile of Azure Traffic Manager; `targets` are the names of its endpoints. The epoch is a tag."""

    kind: Literal["traffic_manager"]
    site: Name
    """A site on Azure, whose credentials may change the profile."""
    subscription: str
    resource_group: str
    profile: str
    endpoint_type: Literal["externalEndpoints", "azureEndpoints", "nestedEndpoints"] = "externalEndpoints"


class Caddy(_Director):
    """A Caddy of one's own, over its admin API; `targets` are upstreams such as `10.0.0.7:8080`."""

    kind: Literal["caddy"]
    admin: Url
    """Where its admin API listens."""
    id: Name
    """The `@id` of the `reverse_proxy` handler whose upstreams are the group's."""


class SwitchObject(Part):
    """One of the objects that the quorum switch is made of: small, public, and holding no secret."""

    bucket: str
    """Of the site's cloud, readable by anybody; on Azure a container of the site's account."""
    key: str
    host: str
    """Where it is read from over HTTPS: a host name."""
    path: str = Field(pattern=r"^/")
    """The same, after the host."""


class Switch(_Director):
    """The quorum switch: one public object at each site, which Route 53's health checks read and count by themselves.

    What directs is DNS's data plane: nobody calls a DNS API to move traffic. `targets` are the records' values.
    """

    kind: Literal["switch"]
    objects: dict[Name, SwitchObject] = Field(min_length=3)
    """By site; an odd number of them."""
    site: Name
    """A site on AWS, whose credentials may make the health checks and the records, once."""
    zone: str
    """The hosted zone's id."""
    name: str
    """The records' full name."""
    type: Literal["A", "AAAA", "CNAME"] = "CNAME"
    ttl_seconds: int = Field(default=60, ge=0, le=86_400)
    most_of_zone: float = Field(default=0.3, gt=0, le=1)
    """A change that touches a greater share of the zone's records is refused unless it is forced."""
    check_seconds: Literal[10, 30] = 10
    """Between two looks of one health checker at an object; 10 costs more."""
    check_looks: int = Field(default=3, ge=1, le=10)
    """So many looks in a row change a health checker's mind."""


Director: TypeAlias = Annotated[Route53 | CloudDns | TrafficManager | Caddy | Switch, Field(discriminator="kind")]
