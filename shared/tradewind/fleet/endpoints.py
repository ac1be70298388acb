"""The endpoints of a fleet: what answers inference requests, at which site, and how its health is asked for."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, JsonValue, StringConstraints, model_validator

from tradewind.fleet.part import Name, Part
from tradewind.fleet.sites import Url

UrlPath: TypeAlias = Annotated[str, StringConstraints(pattern=r"^/[^\s#]*$")]
"""A path, with a query if need be; what follows the endpoint's URL."""
Pointer: TypeAlias = Annotated[str, StringConstraints(pattern=r"^(/([^~/]|~[01])*)+$")]
"""A JSON pointer (RFC 6901): `/status`, `/predictions/0/score`."""


class Golden(Part):
    """A prediction whose answer is known: what answers rightly serves, whatever its health page says."""

    path: UrlPath
    """Where it is asked for, by POST."""
    body: JsonValue
    """What is sent, as JSON."""
    expect: dict[Pointer, JsonValue] = Field(min_length=1)
    """What the answer holds, by JSON pointer."""
    tolerance: float = Field(default=1e-3, ge=0)
    """How far a number of the answer may be from the expected one."""


class Probe(Part):
    """One question after an endpoint's health, and which answers are good ones."""

    path: UrlPath = "/healthz"
    """Asked for under the endpoint's URL."""
    method: Literal["GET", "HEAD", "POST"] = "GET"
    """How it is asked for."""
    timeout_seconds: float = Field(default=2.0, ge=0.05, le=30)
    """Until the answer is there, whole; later is no answer."""
    status: tuple[int, ...] = Field(default=(200,), min_length=1)
    """Which status codes are good."""
    contains: str = ""
    """If given, the body of a good answer contains it."""
    expect: dict[Pointer, JsonValue] = Field(default_factory=dict)
    """What the body of a good answer, which is JSON then, holds; by JSON pointer."""
    load: Pointer | None = None
    """Where the body tells the requests that the endpoint answers a second; needed for `bursting`."""
    golden: Golden | None = None
    """A prediction that is asked for besides."""

    @model_validator(mode="after")
    def _body(self) -> Self:
        if self.method == "HEAD" and (self.contains or self.expect or self.load):
            message = "an answer to HEAD has no body that anything could be looked for in"
            raise ValueError(message)
        return self


class Endpoint(Part):
    """What answers inference requests at one site."""

    site: Name
    """Where it runs; decides its jurisdiction, its cloud and its region."""
    url: Url
    """Where it is reached directly, past whatever directs traffic."""
    probe: Probe = Probe()
    """How its health is asked for."""
    latency_ms: int = Field(default=500, ge=1)
    """Its objective: of 20 probes, 19 are answered within so many milliseconds."""
    capacity: float = Field(default=100, gt=0)
    """Requests a second that it can answer."""
    weight: int = Field(default=1, ge=0, le=1000)
    """Its share of the traffic, in relation to the other endpoints of a group."""
