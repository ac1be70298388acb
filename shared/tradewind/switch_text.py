"""The text of the quorum switch: which endpoints of a group are on, as Route 53's health checks read it. Pure.

One such text stands in one public object at each site. A health check looks for one string in the first 5,120 bytes of
an answer, and for nothing else, so each endpoint has a mark that is no part of another endpoint's:

    tradewind switch 1
    group classifier
    epoch 7
    [classifier-aws=off]
    [classifier-gcp=on]

https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html (`SearchString`)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tradewind.errors import ConfigurationError

SEARCHED = 5120
"""Bytes of an answer in which a health check looks for its string."""
WHOLE = 100
"""Percent."""
_FORM = re.compile(r"tradewind switch 1\ngroup (?P<group>[^\n]+)\nepoch (?P<epoch>[0-9]+)\n(?P<marks>(\[[^\n]+\]\n)+)")
_MARK = re.compile(r"\[(?P<name>[a-z0-9-]+)=(?P<state>on|off)\]")


@dataclass(frozen=True, slots=True)
class SwitchText:
    """What one object says."""

    group: str
    epoch: int
    on: str
    """The endpoint that traffic goes to."""
    endpoints: frozenset[str]
    """All of the group, that one among them."""

    @property
    def weights(self) -> Mapping[str, int]:
        """Percent of the traffic by endpoint."""
        return {name: WHOLE if name == self.on else 0 for name in sorted(self.endpoints)}


def text_of(group: str, epoch: int, weights: Mapping[str, int]) -> SwitchText:
    """Return what the objects are to say.

    Raises:
        ConfigurationError: The weights are shares, which no health check can read out of a text.
        ValueError: They are not 100 together.
    """
    if sum(weights.values()) != WHOLE or min(weights.values()) < 0:
        message = f"these are no shares of 100: {dict(weights)}"
        raise ValueError(message)
    serving = [name for name, weight in weights.items() if weight]
    if len(serving) > 1:
        raise ConfigurationError(
            f"Could not publish epoch {epoch} at the quorum switch of {group}: it turns one endpoint on, and "
            f"{' and '.join(serving)} would share the traffic",
            hint="Send all traffic to one endpoint",
        )
    return SwitchText(group, epoch, serving[0], frozenset(weights))


def mark(endpoint: str, *, on: bool) -> str:
    """Return the string that says, of an endpoint, whether it is on."""
    return f"[{endpoint}={'on' if on else 'off'}]"


def encode(text: SwitchText) -> bytes:
    """Return the bytes of an object; the same ones for the same text.

    Raises:
        ConfigurationError: There are more endpoints than a health check reads of.
    """
    marks = "".join(f"{mark(name, on=name == text.on)}\n" for name in sorted(text.endpoints))
    body = f"tradewind switch 1\ngroup {text.group}\nepoch {text.epoch}\n{marks}".encode()
    if len(body) > SEARCHED:
        raise ConfigurationError(
            f"The quorum switch of {text.group} would be {len(body):,} bytes, and health checks read {SEARCHED:,}",
            hint="Give the group fewer endpoints, or shorter names",
        )
    return body


def decode(body: bytes) -> SwitchText:
    """Return what an object says.

    Raises:
        ValueError: It is none of ours.
    """
    form = _FORM.fullmatch(body.decode("ascii"))
    marks = [_MARK.fullmatch(line) for line in form["marks"].splitlines()] if form else []
    states = {found["name"]: found["state"] for found in marks if found}
    on = [name for name, state in states.items() if state == "on"]
    if form is None or len(on) != 1:
        message = "this is no text of a quorum switch"
        raise ValueError(message)
    text = SwitchText(form["group"], int(form["epoch"]), on[0], frozenset(states))
    if encode(text) != body:
        message = "this is no text of a quorum switch as tradewind writes it"
        raise ValueError(message)
    return text
