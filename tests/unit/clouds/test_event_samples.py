"""Every payload in `events/` decodes to what its row in `events/README.md` says."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradewind.clouds.aws import events as aws
from tradewind.clouds.azure import events as azure
from tradewind.clouds.gcp import events as gcp
from tradewind.errors import BadEventError
from tradewind.ports import Change, Message, Notification

EVENTS = Path(__file__).parents[3] / "events"
ROW = re.compile(r"^\| \[(?P<file>[^]]+)\]\((?P=file)\) \|[^|]*\| (?P<says>[^|]*) \|[^|]*\|$", re.MULTILINE)
ROWS = {row["file"]: re.findall(r"`([^`]+)`", row["says"]) for row in ROW.finditer((EVENTS / "README.md").read_text())}
BUCKETS = {"aws": "tradewind-use1", "gcp": "tradewind-euw4", "azure": "devstoreaccount1/tradewind-weu"}


def messages(cloud: str, event: dict[str, Any]) -> Iterator[list[Notification]]:
    """Yield what each message of a trigger's event decodes to."""
    if cloud == "azure":
        yield azure.decode(Message(json.dumps(event)))
    elif cloud == "gcp" and "specversion" in event:
        yield gcp.decode(gcp.message_of(event["type"], event["data"], event_id=event["id"]))
    elif cloud == "gcp":
        yield gcp.decode(gcp.message_of(gcp.PUBLISHED, {"message": event["message"]}))
    elif "detail-type" in event:
        yield aws.decode(Message(json.dumps(event)))
    else:
        for record in event["Records"]:
            try:
                yield aws.decode(Message(record["body"]))
            except BadEventError as error:
                yield refused(error)


def refused(error: BadEventError) -> list[Notification]:
    """Return a refusal in the place of notifications, so that a batch can be told record by record."""
    return [Notification("refused", "", str(error), Change.WRITTEN)]


def spell(found: list[Notification], expected: str) -> str:
    """Return what was found in the words of the table."""
    if [one.cloud for one in found] == ["refused"]:
        wanted = expected.removeprefix("refused: ")
        return expected if wanted in found[0].key else f"refused: {found[0].key}"
    return ", ".join(f"{one.change} {one.key}" for one in found) or "nothing"


@pytest.mark.parametrize("name", sorted(ROWS))
def test_decodes_to_what_the_table_says(name: str) -> None:
    """A payload's messages decode to exactly what its row says."""
    cloud = name.partition("/")[0]
    event = json.loads((EVENTS / name).read_text())

    try:
        found = list(messages(cloud, event))
    except BadEventError as error:
        found = [refused(error)]

    assert [spell(one, says) for one, says in zip(found, ROWS[name], strict=True)] == ROWS[name]


def test_the_table_lists_every_payload() -> None:
    """A payload that nobody says anything about would prove nothing."""
    assert set(ROWS) == {str(path.relative_to(EVENTS)) for path in EVENTS.glob("*/*.json")}


@pytest.mark.parametrize("name", sorted(name for name in ROWS if "foreign" not in name))
def test_names_the_bucket_of_the_fleet(name: str) -> None:
    """Every payload but the foreign ones speaks of the sandbox's own bucket."""
    cloud = name.partition("/")[0]
    try:
        found = [one for message in messages(cloud, json.loads((EVENTS / name).read_text())) for one in message]
    except BadEventError:
        return

    assert {one.bucket for one in found if one.cloud != "refused"} <= {BUCKETS[cloud]}


@pytest.mark.parametrize("name", sorted(name for name in ROWS if name.startswith("azure/queue-")))
def test_takes_a_queue_message_in_base64(name: str) -> None:
    """A queue message that nobody decoded from base64 means the same."""
    text = (EVENTS / name).read_text()
    encoded = base64.b64encode(text.encode()).decode()

    try:
        plain = azure.decode(Message(text))
    except BadEventError:
        with pytest.raises(BadEventError):
            azure.decode(Message(encoded))
    else:
        assert azure.decode(Message(encoded)) == plain
