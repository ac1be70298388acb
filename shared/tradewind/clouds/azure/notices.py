"""Notices on a custom topic of Azure Event Grid, as CloudEvents.

Sources: https://learn.microsoft.com/azure/event-grid/post-to-custom-topic,
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import JsonValue

from tradewind.clouds.posting import Address
from tradewind.errors import CredentialsError
from tradewind.fleet.notices import EventGrid
from tradewind.ports import Notice

API_VERSION = "2018-01-01"
CONTENT_TYPE = "application/cloudevents-batch+json; charset=utf-8"
TYPE = "tradewind.traffic"
"""Begins the type of the events; what happened follows."""
_WORDS = {
    "Unauthorized": "The key is not this topic's: check the secret that `key` names",
    "BadRequest": "Let the topic's input schema be CloudEvents v1.0",
}


def open_notifier(config: EventGrid, key: Mapping[str, str] | None) -> EventGridNotifier:
    """Return what tells a topic.

    Args:
        config: Where it is.
        key: The secret that `config.key` names.

    Raises:
        CredentialsError: The secret has no key.
    """
    if not (given := (key or {}).get("key")):
        raise CredentialsError(
            f"The credentials for the Event Grid topic {config.endpoint} lack key",
            hint='The secret is a JSON object, {"key": "…"}, with an access key of the topic',
        )
    return EventGridNotifier(config.endpoint, given)


class EventGridNotifier:
    """One topic (see `ports.Notifier`).

    Args:
        endpoint: The topic's own.
        key: One of its access keys.
    """

    def __init__(self, endpoint: str, key: str) -> None:
        url = endpoint if urlsplit(endpoint).query else f"{endpoint}?api-version={API_VERSION}"
        self._address = Address(url, what="Event Grid topic", words=_WORDS)
        self._key = key

    def tell(self, notice: Notice) -> None:
        """Publish the notice as a batch of one event, whose id is the notice's.

        Raises:
            StoreUnavailableError: Event Grid does not answer, or is throttling.
            ConfigurationError: It does not know the key, or does not take CloudEvents.
        """
        body = json.dumps([event_of(notice)]).encode()
        self._address.post(body, {"content-type": CONTENT_TYPE, "aeg-sas-key": self._key})


def event_of(notice: Notice) -> dict[str, JsonValue]:
    """Return a notice as a CloudEvent."""
    document = notice.as_document()
    return {
        "specversion": "1.0",
        "id": notice.id,
        "source": f"/tradewind/groups/{notice.group}",
        "type": f"{TYPE}.{notice.what}",
        "subject": f"epochs/{notice.epoch}",
        "time": document["at"],
        "datacontenttype": "application/json",
        "data": document,
    }
