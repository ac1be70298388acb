"""Requests to look at keys again: tradewind's own messages, in the same queues as the clouds' notifications.

A sweep, a backfill or a person asks for a key to be looked at. The request names no state and wants nothing in
particular: like every notification it is a hint, and whoever works it off reads the stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradewind.errors import BadEventError, TransientError
from tradewind.fleet import Fleet
from tradewind.ports import Change, Message, Notification
from tradewind.replication.parts import tasks

BATCH = 20
"""Keys in one message: work for a few seconds, and far from every queue's limit of size."""
_MARK = '{"tradewind":'
PARTS = "parts"
"""Why a dead letter that was a part task asks: whoever sends it to work again wants it tried anew."""


class LookRequest(BaseModel):
    """Please look at these keys of this site."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tradewind: Literal[1] = 1
    """Format of the message."""
    site: str
    keys: Annotated[tuple[str, ...], Field(min_length=1, max_length=1000)]
    rule: str = ""
    """For whose sake; a function that has not read of that rule yet must not take the keys for nobody's."""
    new: bool = False
    """The keys were found at this site only, so that looking elsewhere first can be spared: a guess like any other."""
    why: str = ""
    """Who asks, for the audit log."""


def encode(site: str, keys: Iterable[str], *, why: str, rule: str = "", new: bool = False) -> Iterable[str]:
    """Yield the messages that ask to look at `keys` of `site`, a few keys in each."""
    waiting = iter(keys)
    while batch := tuple(islice(waiting, BATCH)):
        yield LookRequest(site=site, keys=batch, rule=rule, new=new, why=why).model_dump_json()


def is_request(message: Message) -> bool:
    """Say whether a message is one of tradewind's own."""
    return message.body.startswith(_MARK)


def narrowed(message: Message, keys: Iterable[str]) -> str:
    """Return a request's body for some of its keys only; any other message's body as it is.

    A part task becomes a request to look at its key: when it is redriven, its upload has ended most likely.
    """
    wanted = tuple(dict.fromkeys(keys))
    if tasks.is_part_task(message) and wanted:
        task = tasks.decode(message)
        return LookRequest(site=task.source, keys=wanted, rule=task.rule, why=PARTS).model_dump_json()
    if not is_request(message) or not wanted:
        return message.body
    return LookRequest.model_validate_json(message.body).model_copy(update={"keys": wanted}).model_dump_json()


def decode(fleet: Fleet, message: Message) -> Sequence[Notification]:
    """Return what a request asks for, in the normal form of every notification.

    Raises:
        BadEventError: It is malformed.
        TransientError: Its site or its rule is not in the fleet; a function reads the fleet file again once a minute.
    """
    try:
        request = LookRequest.model_validate_json(message.body)
    except ValidationError as error:
        raise BadEventError(f"The request is not understood ({error.error_count()} errors): {error}") from error
    site = fleet.sites.get(request.site)
    if site is None:
        raise TransientError(
            f"The request speaks of the site {request.site!r}, which is not in the fleet file as it was read",
            hint="Upload the fleet file that has the site, to where the functions read it",
        )
    if request.rule and all(rule.name != request.rule for rule in fleet.rules):
        raise TransientError(
            f"The request is for the sake of the rule {request.rule!r}, which is not in the fleet file as it was read",
            hint="Upload the fleet file that has the rule, to where the functions read it",
        )
    change = Change.WRITTEN if request.new else Change.NOTHING
    return [
        Notification(
            site.cloud,
            site.address,
            key,
            change,
            id=f"{message.id} {request.why}".strip(),
            asked=True,
            redriven=request.why == PARTS,
        )
        for key in request.keys
    ]
