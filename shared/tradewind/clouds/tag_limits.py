"""What object tags (S3) and blob index tags (Azure) have in common: how many there may be, and how long."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tradewind.clouds.header_text import require_text
from tradewind.errors import UnportableError

COUNT = 10
NAME_CHARACTERS = 128
VALUE_CHARACTERS = 256


def require_tags(tags: Mapping[str, str], *, allowed: re.Pattern[str], store: str) -> None:
    """Refuse tags that a store cannot hold.

    Args:
        tags: Names and values.
        allowed: Matches, as a whole, every name and value that the store takes.
        store: How to call the store in an error.

    Raises:
        UnportableError: There are too many, or one is too long, has no name, or has other characters.
    """
    if len(tags) > COUNT:
        raise UnportableError(
            f"{store} keeps {COUNT} tags of an object, and this has {len(tags)}",
            hint="Remove some at the object's source",
        )
    for name, value in tags.items():
        require_text(name + value, what="The tag")
        faults = {
            f"a name of 1 to {NAME_CHARACTERS} characters": not 0 < len(name) <= NAME_CHARACTERS,
            f"a value of at most {VALUE_CHARACTERS} characters": len(value) > VALUE_CHARACTERS,
            "only letters, digits, and the few signs that its documentation names": not (
                allowed.fullmatch(name) and allowed.fullmatch(value)
            ),
        }
        if broken := [rule for rule, fault in faults.items() if fault]:
            raise UnportableError(
                f"{store} cannot hold the tag {name[:64]!a} = {value[:64]!a}: there a tag has {broken[0]}",
                hint="Change the tag at the object's source, or exclude the object in the rule",
            )
