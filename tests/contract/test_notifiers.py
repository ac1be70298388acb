"""What every address that is told promises: SNS by moto, Pub/Sub by the sandbox, the others by a local server."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cloudevents.http import from_json
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from rigs.notices import (
    DOCUMENT,
    NOTICE,
    SECRET,
    Listener,
    PubSubTopic,
    Rig,
    SnsTopic,
    event_grid_rig,
    listening,
    webhook_rig,
)
from rigs.scripted import Answer
from tradewind.clouds.web.notices import WebhookNotifier, open_notifier
from tradewind.errors import AccessDeniedError, ConfigurationError, StoreUnavailableError, TradewindError
from tradewind.fleet.notices import Webhook
from tradewind_sandbox.emulators import PubsubEmulator, S3Emulator, start_pubsub


@pytest.fixture(scope="module")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PubsubEmulator]:
    """Pub/Sub, by the sandbox's own emulator."""
    with start_pubsub(tmp_path_factory.mktemp("pubsub")) as emulator:
        yield emulator


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A local server."""
    with listening() as running:
        yield running


@pytest.fixture(params=["sns", "pubsub", "event_grid", "webhook"])
def rig(request: pytest.FixtureRequest) -> Rig:
    """Each kind of address in turn."""
    name = f"topic-{uuid.uuid4().hex[:12]}"
    match request.param:
        case "sns":
            return SnsTopic(request.getfixturevalue("s3"), name).rig()
        case "pubsub":
            return PubSubTopic(request.getfixturevalue("pubsub"), name).rig()
        case "event_grid":
            return event_grid_rig(request.getfixturevalue("listener"))
    return webhook_rig(request.getfixturevalue("listener"))


def test_tells_the_whole_notice(rig: Rig) -> None:
    """Everything that a notice says arrives, in any language, and once."""
    rig.notifier.tell(NOTICE)

    assert rig.heard() == [DOCUMENT]


def test_a_notice_told_again_is_known_by_its_id(rig: Rig) -> None:
    """Whoever hears of the same move twice can know."""
    rig.notifier.tell(NOTICE)
    rig.notifier.tell(NOTICE)

    assert [each["id"] for each in rig.heard()] == [NOTICE.id, NOTICE.id]


@pytest.mark.parametrize(
    "text", ["a\x01b", "line\nbreak", "x" * 3000, "", "<!channel> & co", "💎" * 200, "\ud800\uffff"]
)
def test_any_words_can_be_told(rig: Rig, text: str) -> None:
    """Whatever an endpoint answered can be in a reason, and in a summary."""
    rig.notifier.tell(replace(NOTICE, summary=f"Traffic {text}", reason=text))

    (heard,) = rig.heard()
    assert (heard["summary"], heard["reason"]) == (f"Traffic {text}", text)


def test_an_address_that_does_not_answer_is_unavailable(rig: Rig) -> None:
    """Nothing was told; another try may succeed."""
    with pytest.raises(StoreUnavailableError):
        rig.down.tell(NOTICE)


def test_an_address_that_refuses_is_the_operators_to_mend(rig: Rig) -> None:
    """A topic that does not exist, or a key that is not known, is named with what to do."""
    with pytest.raises(ConfigurationError) as raised:
        rig.unknown.tell(NOTICE)

    assert isinstance(raised.value, TradewindError)
    assert raised.value.hint


def test_sns_has_a_subject_and_attributes_to_filter_by(s3: S3Emulator) -> None:
    """The subject is short ASCII on one line, and subscriptions can choose by group, epoch and kind."""
    topic = SnsTopic(s3, f"topic-{uuid.uuid4().hex[:12]}")

    topic.open().tell(replace(NOTICE, summary="Verkehr läuft\nanders " + "x" * 200))

    (envelope,) = topic.envelopes()
    subject = str(envelope["Subject"])
    assert subject.startswith("Verkehr l?uft?anders x")
    assert len(subject) == 99
    assert envelope["MessageAttributes"] == {
        "group": {"Type": "String", "Value": "classifier"},
        "epoch": {"Type": "Number", "Value": "7"},
        "what": {"Type": "String", "Value": "failover"},
    }


def test_a_fifo_topic_hears_a_notice_once(s3: S3Emulator) -> None:
    """A topic in order takes a notice under its id, and so leaves out what it was told already."""
    topic = SnsTopic(s3, f"topic-{uuid.uuid4().hex[:12]}.fifo")
    notifier = topic.open()

    notifier.tell(NOTICE)
    notifier.tell(NOTICE)
    notifier.tell(replace(NOTICE, id="classifier:8:VERIFIED"))

    assert [each["id"] for each in topic.heard()] == [NOTICE.id, "classifier:8:VERIFIED"]


def test_pubsub_has_attributes_to_filter_by(pubsub: PubsubEmulator) -> None:
    """Subscriptions can choose by group, epoch and kind, and drop what they heard by its id."""
    topic = PubSubTopic(pubsub, f"topic-{uuid.uuid4().hex[:12]}")

    topic.rig().notifier.tell(NOTICE)

    (message,) = topic.queue.receive()
    assert message.attributes == {"id": NOTICE.id, "group": "classifier", "epoch": "7", "what": "failover"}


def test_event_grid_takes_cloud_events(listener: Listener) -> None:
    """The request is what Event Grid documents, and its one event is a CloudEvent to the CloudEvents SDK."""
    event_grid_rig(listener).notifier.tell(NOTICE)

    (sent,) = listener.sent
    assert sent.url == "/api/events?api-version=2018-01-01"
    assert sent.headers["content-type"] == "application/cloudevents-batch+json; charset=utf-8"
    assert sent.headers["aeg-sas-key"] == "topic-key"
    (event,) = [from_json(json.dumps(each)) for each in json.loads(sent.body)]
    assert {name: event[name] for name in ("specversion", "id", "type", "source", "subject", "time")} == {
        "specversion": "1.0",
        "id": NOTICE.id,
        "type": "tradewind.traffic.failover",
        "source": "/tradewind/groups/classifier",
        "subject": "epochs/7",
        "time": "2026-03-01T03:04:05.678Z",
    }
    assert event.get_data() == DOCUMENT


def test_a_webhook_is_signed(listener: Listener) -> None:
    """Whoever has the key can prove who sent what, under which id, and when."""
    key = base64.b64decode(SECRET.removeprefix("whsec_"))

    WebhookNotifier(f"{listener.url}/hook", key, clock=lambda: 1_772_334_245.9).tell(NOTICE)

    (sent,) = listener.sent
    assert (sent.headers["webhook-id"], sent.headers["webhook-timestamp"]) == (NOTICE.id, "1772334245")
    version, _, signature = sent.headers["webhook-signature"].partition(",")
    proof = HMAC(key, SHA256())
    proof.update(f"{NOTICE.id}.1772334245.".encode() + sent.body)
    assert version == "v1"
    proof.verify(base64.b64decode(signature))


def test_a_webhook_without_a_secret_is_not_signed(listener: Listener) -> None:
    """Slack's address alone says who may write there."""
    open_notifier(Webhook(kind="webhook", url=f"{listener.url}/services/T0"), None).tell(NOTICE)

    (sent,) = listener.sent
    assert "webhook-signature" not in sent.headers
    assert sent.headers["webhook-id"] == NOTICE.id


def test_a_webhook_that_is_down_keeps_its_address(listener: Listener) -> None:
    """The address may be all that keeps others from writing there: no error repeats its path."""
    with pytest.raises(StoreUnavailableError, match=r"webhook at 127\.0\.0\.1:9") as raised:
        webhook_rig(listener).down.tell(NOTICE)

    assert "xyz" not in str(raised.value)


def test_slack_is_told_a_text_that_calls_nobody(listener: Listener) -> None:
    """What an endpoint answered cannot notify a channel."""
    webhook_rig(listener).notifier.tell(replace(NOTICE, summary="Moved.", reason="it said <!channel> & <http://x|y>"))

    (body,) = listener.heard()
    assert body["text"] == "Moved. it said &lt;!channel&gt; &amp; &lt;http://x|y&gt;"
    assert body["reason"] == "it said <!channel> & <http://x|y>"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(400, {}, b"invalid_payload"), ConfigurationError, "does not understand"),
        (Answer(403, {}, b"action_prohibited"), AccessDeniedError, "administrator"),
        (Answer(404, {}, b"channel_not_found"), ConfigurationError, "channel .* is gone"),
        (Answer(410, {}, b"channel_is_archived"), ConfigurationError, "unarchive"),
        (Answer(500, {}, b"rollup_error"), StoreUnavailableError, "Slack failed by itself"),
        (Answer(429, {"Retry-After": "30"}, b"rate_limited"), StoreUnavailableError, "one message a second"),
        (Answer(302, {"Location": "/elsewhere"}), ConfigurationError, "not followed"),
        (Answer(418, {}, b"short\nand stout"), ConfigurationError, "418 short and stout"),
        (Answer(401), AccessDeniedError, "Check the secret"),
    ],
)
def test_a_webhooks_refusal_is_in_words(
    listener: Listener, answer: Answer, kind: type[TradewindError], words: str
) -> None:
    """What Slack answers in a word is explained, and the path of the address is in no message."""
    listener.answers.append(answer)

    with pytest.raises(kind, match=words) as raised:
        open_notifier(Webhook(kind="webhook", url=f"{listener.url}/services/T0/xyz"), None).tell(NOTICE)

    assert "xyz" not in str(raised.value)
    assert len(listener.sent) == 1
