"""Keys that cannot be looked at, which must not hide the others. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from tradewind.errors import (
    BucketNotFoundError,
    ConfigurationError,
    CredentialsError,
    FleetError,
    IntegrityError,
    PermanentError,
    TradewindError,
)
from tradewind.fleet import OneWayRule, Rule
from tradewind.replication.seeing.compare import Finding, Judgement

_OF_THE_SITE = (CredentialsError, BucketNotFoundError, FleetError)


def is_of_one_key(error: TradewindError) -> bool:
    """Say whether an error may speak of the key that was looked at, and of no other.

    A refusal counts as one: whether it is one object's encryption key or a whole bucket's policy, the answer is the
    same. What is refused altogether cannot be listed either, and that stops whoever lists it.
    """
    if isinstance(error, _OF_THE_SITE):
        return False
    return isinstance(error, PermanentError | ConfigurationError | IntegrityError)


def verdicts(rule: Rule, reasons: Mapping[str, str]) -> Iterator[tuple[str, Judgement]]:
    """Yield what is to be said of a key that could not be looked at somewhere, by the sites that are thereby not known.

    Args:
        rule: The rule that is compared.
        reasons: Why it could not be looked at, by site.
    """
    decisive: Collection[str] = (rule.from_,) if isinstance(rule, OneWayRule) else rule.sites
    blind = next((site for site in decisive if site in reasons), None)
    for site in rule.to if isinstance(rule, OneWayRule) else rule.sites:
        place = site if site in reasons else blind
        if place is not None:
            yield site, unlooked(place, reasons[place])


def unlooked(place: str, reason: str) -> Judgement:
    """Return what is said of a key that could not be looked at, or not be read, at `place`."""
    return Judgement(Finding.UNREADABLE, f"it could not be looked at in {place}: {reason}", place)
