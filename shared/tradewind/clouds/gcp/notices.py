"""Notices on Pub/Sub, published as the queues' messages are.

Source: https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#publisher
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from tradewind.clouds.gcp.queue import PubSubQueue, open_queue
from tradewind.errors import ConfigurationError, PermanentError
from tradewind.fleet import GcpSite, Queues
from tradewind.fleet.notices import PubSub
from tradewind.ports import Notice


def open_notifier(config: PubSub, site: GcpSite, credentials: Mapping[str, str] | None) -> PubSubNotifier:
    """Return what tells a topic of the site's project.

    Raises:
        CredentialsError: There are no credentials, or they are of no known kind.
    """
    endpoint = config.api or (site.queues.endpoint if site.queues else None)
    queues = Queues(notifications=config.topic, dead_letters=config.topic, endpoint=endpoint)
    return PubSubNotifier(open_queue(site.model_copy(update={"queues": queues}), credentials, config.topic))


class PubSubNotifier:
    """One topic (see `ports.Notifier`); the request bears the token of the site's credentials.

    Args:
        topic: Only ever sent to.
    """

    def __init__(self, topic: PubSubQueue) -> None:
        self._topic = topic

    def tell(self, notice: Notice) -> None:
        """Publish the notice as JSON, with what subscriptions filter by, and its id, as attributes.

        Raises:
            StoreUnavailableError: Pub/Sub does not answer, or is throttling.
            ConfigurationError: There is no such topic, it may not be published to, or it does not take the notice.
        """
        attributes = {"id": notice.id, "group": notice.group, "epoch": str(notice.epoch), "what": notice.what}
        try:
            self._topic.send(json.dumps(notice.as_document()), attributes=attributes)
        except PermanentError as error:
            raise ConfigurationError(error.message, hint=error.hint) from error
