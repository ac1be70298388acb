"""Filters of subscriptions, as far as they are needed: terms about attributes, of which one must hold.

https://cloud.google.com/pubsub/docs/subscription-message-filter
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_TERM = re.compile(
    r'(?P<not>NOT )?(?:attributes:(?P<key>\w+)|hasPrefix\(attributes\.(?P<name>\w+), "(?P<prefix>[^"]*)"\))'
)


class UnknownFilterError(ValueError):
    """The filter is wrong, or of a form that is not understood here."""


def matches(expression: str, attributes: Mapping[str, str]) -> bool:
    """Say whether a subscription gets a message; one without a filter gets all.

    Args:
        expression: `attributes:KEY` or `hasPrefix(attributes.KEY, "TEXT")`, each with or without NOT, joined by OR.
        attributes: The message's.

    Raises:
        UnknownFilterError: It is of another form.
    """
    if not expression:
        return True
    terms = [_TERM.fullmatch(each) for each in expression.split(" OR ")]
    found = [term for term in terms if term is not None]
    if len(found) < len(terms):
        raise UnknownFilterError(expression)
    return any(_holds(term, attributes) for term in found)


def _holds(term: re.Match[str], attributes: Mapping[str, str]) -> bool:
    negated = term["not"] is not None
    if term["key"] is not None:
        return (term["key"] in attributes) is not negated
    # That a negation holds for a message without the attribute is not documented, so nothing here may count on it.
    return term["name"] in attributes and attributes[term["name"]].startswith(term["prefix"]) is not negated
