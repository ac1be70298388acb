"""Notices to a webhook: JSON that Slack shows and any program reads, signed as Standard Webhooks says.

Sources: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md,
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from time import time

from tradewind.clouds.posting import Address
from tradewind.errors import CredentialsError
from tradewind.fleet.notices import Webhook
from tradewind.ports import Notice

PREFIX = "whsec_"
"""Begins a secret, as the reference implementations print it."""
SHORTEST = 24
"""Bytes of a secret at least."""
_SLACK = {
    "invalid_payload": "Slack does not understand the text",
    "no_text": "Slack wants a text",
    "no_service": "Slack has disabled or removed this webhook: make a new one, and correct `url`",
    "no_active_hooks": "Slack has disabled this webhook: enable it, or make a new one",
    "no_team": "The Slack workspace is gone: correct `url`",
    "invalid_token": "Slack does not know this webhook: correct `url`",
    "user_not_found": "The Slack user that this webhook writes to is gone",
    "channel_not_found": "The Slack channel that this webhook writes to is gone: make a new one, and correct `url`",
    "channel_is_archived": "The Slack channel is archived: unarchive it, or make a webhook for another one",
    "action_prohibited": "An administrator of the Slack workspace does not allow this webhook to write there",
    "posting_to_general_channel_denied": "Members may not write to this Slack channel: make a webhook for another one",
    "rollup_error": "Slack failed by itself",
    "rate_limited": "Slack takes about one message a second",
}


def open_notifier(config: Webhook, secret: Mapping[str, str] | None) -> WebhookNotifier:
    """Return what tells a webhook.

    Args:
        config: Where it is.
        secret: What `config.secret` names; None if nothing is signed.

    Raises:
        CredentialsError: The secret has no key, or one that is none.
    """
    return WebhookNotifier(config.url, None if secret is None else _key(secret))


class WebhookNotifier:
    """One webhook (see `ports.Notifier`).

    Args:
        url: Where it is; to be kept as a secret if nothing is signed.
        key: What to sign with; None if the address alone says who may write.
        clock: Seconds since 1970.
    """

    def __init__(self, url: str, key: bytes | None, *, clock: Callable[[], float] = time) -> None:
        self._address = Address(url, what="webhook", words=_SLACK)
        self._key = key
        self._clock = clock

    def tell(self, notice: Notice) -> None:
        """Post the notice; each try is signed with its own time, and the notice's id.

        Raises:
            StoreUnavailableError: It does not answer, or not now.
            ConfigurationError: It refuses the notice, or who tells it; the hint says what Slack means by it.
        """
        document = {"text": _escaped(f"{notice.summary} {notice.reason}".strip()), **notice.as_document()}
        body = json.dumps(document).encode()
        moment = str(int(self._clock()))
        headers = {"content-type": "application/json", "webhook-id": notice.id, "webhook-timestamp": moment}
        if self._key is not None:
            headers["webhook-signature"] = sign(self._key, notice.id, moment, body)
        self._address.post(body, headers)


def sign(key: bytes, message: str, moment: str, body: bytes) -> str:
    """Return the signature of a message, as its header says it."""
    signed = f"{message}.{moment}.".encode() + body
    return f"v1,{b64encode(hmac.new(key, signed, sha256).digest()).decode()}"


def _key(secret: Mapping[str, str]) -> bytes:
    try:
        key = b64decode(secret["key"].removeprefix(PREFIX), validate=True)
    except (KeyError, ValueError):
        key = b""
    if len(key) < SHORTEST:
        raise CredentialsError(
            "The secret of a webhook has no usable key",
            hint=f'It is a JSON object, {{"key": "whsec_…"}}, with {SHORTEST} random bytes or more in base64',
        )
    return key


def _escaped(text: str) -> str:
    """Return a text in which Slack sees no links and calls nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
