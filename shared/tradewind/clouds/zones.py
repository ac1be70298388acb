"""What the directors that are DNS zones have in common: the epoch's record, and how much of a zone may change at once.

The epoch stands in a TXT record beside the records that it belongs to, `_tradewind.<name>`, as
`"epoch=7 weights=0f3c9a21"`. The second half is a digest: so no change of the weights leaves this record as it was, and
a condition on it is one on all of them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from hashlib import sha256

from tradewind.errors import ConfigurationError, SafetyStopError

FEW = 10
"""Records of a zone, below which any change touches much of it; such a zone is not protected, as in OctoDNS."""
_EPOCH = re.compile(r'"epoch=([0-9]{1,18})( weights=[0-9a-f]{8})?"')


def full_name(name: str) -> str:
    """Return a name as zones list it: in small letters, with the dot at its end."""
    return f"{name.lower().rstrip('.')}."


def epoch_name(name: str) -> str:
    """Return the full name of the record that bears the epoch of `name`."""
    return f"_tradewind.{full_name(name)}"


def epoch_text(epoch: int, weights: Mapping[str, int]) -> str:
    """Return what that record holds."""
    digest = sha256(json.dumps(dict(weights), sort_keys=True).encode()).hexdigest()
    return f'"epoch={epoch} weights={digest[:8]}"'


def epoch_in(texts: list[str], *, subject: str) -> int:
    """Return the epoch in a record's values.

    Raises:
        ConfigurationError: The record is somebody else's.
    """
    found = _EPOCH.fullmatch(texts[0]) if len(texts) == 1 else None
    if found is None:
        raise ConfigurationError(
            f"The TXT record at {subject} holds something else than an epoch",
            hint="Its name is tradewind's: remove it, or set another `name` in the group's `director`",
        )
    return int(found[1])


def target_in(kind: str, target: str) -> str:
    """Return a target as a record of a kind holds it.

    Args:
        kind: `A`, `AAAA` or `CNAME`.
        target: An address, or a host name.
    """
    return full_name(target) if kind == "CNAME" else target.lower()


def records_needed(touched: int, most: float) -> int:
    """Return how many records a zone must have at least, so that a change is no great part of it.

    Args:
        touched: How many records would be changed or removed.
        most: The greatest share that may.
    """
    return math.ceil(touched / most - 1e-9)  # 3 / 0.3 is a little more than 10


def check_share(touched: int, existing: int, most: float, *, subject: str, force: bool) -> None:
    """Refuse a change that touches too much of a zone.

    Args:
        touched: How many records would be changed or removed.
        existing: How many there are.
        most: The greatest share that may.
        subject: The zone.
        force: Do it anyway.

    Raises:
        SafetyStopError: It does, and is not forced.
    """
    if force or not _is_much(touched, existing, most):
        return
    raise SafetyStopError(
        f"Refused to change {touched} of the {existing} records of {subject}: that is more than {most:.0%} of them",
        hint="If it is meant: `tradewind group force-zone`, or `--force` of `control switch-init`; so that it does not "
        "come again, raise `most_of_zone` in the group's `director`, or give the group a zone of its own",
    )


def stop_ahead(touched: int, existing: int, most: float, *, subject: str) -> str:
    """Return why a move that changes all of a group's records would be refused; "" if it would not.

    Args:
        touched: How many records those are.
        existing: How many the zone has, or will have once those are there.
        most: The greatest share that may change.
        subject: The zone.
    """
    if not _is_much(touched, existing, most):
        return ""
    return (
        f"a move of all shares would be stopped, for it changes {touched} of the {existing} records of {subject}, and "
        f"takes {records_needed(touched, most)}: raise `most_of_zone` in its `director`, or give it a zone of its own"
    )


def _is_much(touched: int, existing: int, most: float) -> bool:
    return FEW <= existing < records_needed(touched, most)
