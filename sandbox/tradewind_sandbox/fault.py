"""What can be wrong, as a person writes it; and which parts of the sandbox it is about. Pure.

kill:CLOUD                 everything of a cloud is gone: its functions, its storage and queues, its endpoint
kill:CLOUD/PART            one of those: `runtime`, `store`, `endpoint`, or a part as `status` lists it
hang:PART                  it takes connections and never answers
store:CLOUD                the cloud's storage refuses connections, the control bucket's included
slow:ENDPOINT=SECONDS      every answer takes so much longer
errors:ENDPOINT=SHARE      so many of all requests are answered by an error, 0 to 1
blackhole:SITE>ENDPOINT    what the observer of that site asks this endpoint is never answered
clock:SITE=SECONDS         the clock of that site's functions is wrong by so much
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, CLOUDS, GCP_SITE, MODEL_SERVERS

PARTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    AWS_SITE: {"runtime": ("aws-runtime",), "store": ("s3",), "endpoint": ("model-aws",)},
    GCP_SITE: {
        "runtime": ("gcp-runtime", "gcp-sweep", "gcp-observe"),
        "store": ("gcs",),
        "queue": ("pubsub",),
        "endpoint": ("model-gcp",),
    },
    AZURE_SITE: {
        "runtime": ("azure-runtime", "event-grid"),
        "store": ("azure-blob",),
        "queue": ("azure-queue",),
        "endpoint": ("model-azure",),
    },
}
"""What each site is made of, by what it is. At AWS one part is the store and the queue."""
OBSERVERS: Mapping[str, Sequence[str]] = {
    AWS_SITE: ("aws-runtime",),
    GCP_SITE: ("gcp-runtime", "gcp-sweep", "gcp-observe"),
    AZURE_SITE: ("azure-runtime",),
}
"""The processes in which a site's functions run."""
RUNTIMES = tuple(part for parts in OBSERVERS.values() for part in parts)
SERVING = frozenset({"slow", "errors", "blackhole"})
"""Kinds that only a model server can have."""
_FORM = re.compile(
    r"(?P<kind>[a-z]+):(?P<subject>[a-z0-9-]+)(?:/(?P<part>[a-z0-9-]+)|>(?P<to>[a-z0-9-]+))?(?:=(?P<by>.+))?"
)
_FORMS = {
    "kill": "kill:CLOUD or kill:CLOUD/PART",
    "hang": "hang:PART",
    "store": "store:CLOUD",
    "slow": "slow:ENDPOINT=SECONDS",
    "errors": "errors:ENDPOINT=SHARE",
    "blackhole": "blackhole:SITE>ENDPOINT",
    "clock": "clock:SITE=SECONDS",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong."""

    kind: str
    subject: str
    """A part, an endpoint or a site: of a cloud its site."""
    detail: str = ""
    """Of `kill`: which part of the site; of `blackhole`: which endpoint."""
    amount: float = 0.0
    """Seconds, or a share."""

    def __str__(self) -> str:
        joint = {"kill": "/", "blackhole": ">"}.get(self.kind, "")
        rest = f"{joint}{self.detail}" if self.detail else ""
        sign = "+" if self.kind == "clock" and self.amount > 0 else ""
        by = f"={sign}{self.amount:g}" if self.amount else ""
        return f"{self.kind}:{self.subject}{rest}{by}"

    @property
    def about(self) -> tuple[str, str, str]:
        """What is wrong, however much: another fault about the same takes its place."""
        return self.kind, self.subject, self.detail

    @property
    def stopped(self) -> Sequence[str]:
        """The parts that are ended by it."""
        if self.kind == "store":
            return PARTS[self.subject]["store"]
        if self.kind != "kill":
            return ()
        of = PARTS[self.subject]
        if not self.detail:
            return [part for parts in of.values() for part in parts]
        return of.get(self.detail, (self.detail,))

    @property
    def frozen(self) -> Sequence[str]:
        """The parts that are held still by it."""
        return (self.subject,) if self.kind == "hang" else ()

    @property
    def shifted(self) -> Sequence[str]:
        """The parts whose clock is wrong by it, and that must start anew to know."""
        return OBSERVERS[self.subject] if self.kind == "clock" else ()


def parse(text: str, *, amount: bool = True) -> Fault:
    """Read a fault. A cloud may stand for its site or its endpoint, and the other way round.

    Args:
        text: As a person writes it.
        amount: Whether the seconds or the share must be there; not to name a fault that is known.

    Raises:
        SandboxError: It is none.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None or found["kind"] not in _FORMS:
        raise SandboxError(f"{text!r} is no fault", hint=f"Faults are: {', '.join(_FORMS.values())}")
    kind, subject, by = found["kind"], found["subject"], found["by"]
    wrong = SandboxError(f"{text!r} is no fault of the kind {kind!r}", hint=f"Write {_FORMS[kind]}")
    takes = {"part": kind == "kill", "to": kind == "blackhole", "by": kind in ("slow", "errors", "clock")}
    if any(found[each] and not takes[each] for each in takes) or (takes["to"] and not found["to"]):
        raise wrong
    by_much = _amount(kind, by, wrong) if takes["by"] and (amount or by) else 0.0
    match kind:
        case "kill":
            site = _site(subject)
            return Fault(kind, site, _part_of(site, found["part"]) if found["part"] else "")
        case "blackhole":
            return Fault(kind, _site(subject), _endpoint(found["to"]))
        case "slow" | "errors":
            return Fault(kind, _endpoint(subject), amount=by_much)
        case "store" | "clock":
            return Fault(kind, _site(subject), amount=by_much)
    return Fault(kind, _known_part(subject))


def _amount(kind: str, by: str | None, wrong: SandboxError) -> float:
    try:
        amount = float(by or "")
    except ValueError:
        raise wrong from None
    good = {"slow": 0 < amount <= 600, "errors": 0 < amount <= 1, "clock": amount != 0 and abs(amount) < 1e8}  # noqa: PLR2004 - ten minutes, and three years
    if not good[kind]:
        raise wrong
    return amount


def _site(name: str) -> str:
    sites = {**{cloud: site for site, cloud in CLOUDS.items()}, **{site: site for site in CLOUDS}}
    return _of(sites, name, "cloud", tuple(CLOUDS.values()))


def _endpoint(name: str) -> str:
    """Return the endpoint that is called so, or that is at the site or the cloud of this name."""
    known = {alias: MODEL_SERVERS[site] for site, cloud in CLOUDS.items() for alias in (site, cloud)}
    return _of(
        {**known, **{each: each for each in MODEL_SERVERS.values()}}, name, "endpoint", tuple(MODEL_SERVERS.values())
    )


def _part_of(site: str, name: str) -> str:
    roles = PARTS[site]
    parts = [part for parts in roles.values() for part in parts]
    return _of({each: each for each in (*roles, *parts)}, name, f"part of {site}", (*roles, *parts))


def _known_part(name: str) -> str:
    parts = [part for roles in PARTS.values() for parts in roles.values() for part in parts]
    return _of({each: each for each in (*parts, "front")}, name, "part", (*parts, "front"))


def _of(known: Mapping[str, str], name: str, what: str, shown: Sequence[str]) -> str:
    if name not in known:
        raise SandboxError(f"There is no {what} {name!r}", hint=f"Known are: {', '.join(shown)}")
    return known[name]
