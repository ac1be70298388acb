"""What GcsUploads sends and understands, where fake-gcs-server is laxer than Cloud Storage or has no such answer."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from rigs.scripted import Answer, Script, ScriptedHttp, Sent
from tradewind.checksums import crc32c, crc64nvme
from tradewind.clouds.gcp.objects import GcsObjects
from tradewind.clouds.gcp.tokens import NoTokens
from tradewind.clouds.gcp.uploads import GcsUploads
from tradewind.clouds.gcp.wire import GcsWire
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    IntegrityError,
    NotFoundError,
    PermanentError,
    PreconditionFailedError,
    StoreUnavailableError,
)
from tradewind.ports import Algorithm, Checksums, Metadata, Part

KEY = "models/a b"
BODY = b"0123456789"
CRC = crc32c(BODY)
UPLOAD = "crc32c-" + "0" * 32
FOLDER = f".tradewind/parts/{UPLOAD}/"
GONE = Answer(404, body=b'{"error": {"code": 404, "message": "No such object: models/key"}}')
MOVED = Answer(412, body=b'{"error": {"code": 412, "message": "conditionNotMet"}}')
DENIED = Answer(403, body=b'{"error": {"code": 403, "message": "denied"}}')

Scripted = Callable[..., tuple[GcsUploads, Script]]


@pytest.fixture
def scripted() -> Scripted:
    """Make uploads over a script of answers."""

    def make(*answers: Answer) -> tuple[GcsUploads, Script]:
        script = Script(*answers)
        wire = GcsWire(ScriptedHttp("http://gcs.example", script), NoTokens())
        return GcsUploads(GcsObjects(wire, "models")), script

    return make


def resource(name: str = "key", generation: int = 7, body: bytes = BODY, **fields: object) -> Answer:
    """Answer with an object's resource."""
    return answer(described(name, generation, body, **fields))


def described(name: str = "key", generation: int = 7, body: bytes = BODY, **fields: object) -> dict[str, object]:
    """Return an object's resource."""
    crc = b64encode(crc32c(body).to_bytes(4)).decode()
    return {"name": name, "generation": str(generation), "size": str(len(body)), "crc32c": crc, **fields}


def answer(document: object) -> Answer:
    """Answer with JSON."""
    return Answer(headers={"Content-Type": "application/json"}, body=json.dumps(document).encode())


def query(sent: Sent) -> dict[str, str]:
    """Return a request's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(sent.url).query).items()}


def path(sent: Sent) -> str:
    """Return what a request is about."""
    return unquote(urlsplit(sent.url).path)


def parts_of(*bodies: bytes) -> Sequence[Part]:
    """Return parts as a listing shows them; each has its number for a generation."""
    return [
        Part(number, len(body), f"{number:05d}-ab/{number}", Checksums(crc32c=crc32c(body)))
        for number, body in enumerate(bodies, 1)
    ]


def complete(uploads: GcsUploads, *bodies: bytes, expect: str | None = None, metadata: Metadata | None = None) -> str:
    """Complete an upload of these parts."""
    checksums = Checksums(crc32c=crc32c(b"".join(bodies)))
    parts = parts_of(*bodies)
    return uploads.complete(
        KEY, UPLOAD, parts, metadata=metadata or Metadata(), checksums=checksums, expect=expect
    ).token


def test_the_same_version_has_the_same_upload(scripted: Scripted) -> None:
    """Whoever begins an upload that was begun before finds its parts; another key, version or algorithm does not."""
    uploads, script = scripted()

    def begin(key: str, version: str, algorithm: Algorithm) -> str:
        return uploads.begin(key, version=version, algorithm=algorithm, metadata=Metadata(), final=True)

    first = begin("a", "v", "crc32c")
    others = {begin("b", "v", "crc32c"), begin("a", "w", "crc32c"), begin("a", "v", "crc32")}

    assert begin("a", "v", "crc32c") == first
    assert len({first, *others}) == 4
    assert script.sent == []


def test_a_part_is_one_request_of_known_length_and_one_that_confirms_it(scripted: Scripted) -> None:
    """The bytes go as they are, with their length, to an object whose name says which part they are."""
    uploads, script = scripted(resource(generation=42), resource())

    part = uploads.put_part(KEY, UPLOAD, 3, iter((BODY[:4], BODY[4:])), size=10)

    sent, confirmation = script.sent
    assert (confirmation.method, query(confirmation)["ifGenerationMatch"]) == ("PATCH", "42")
    assert json.loads(confirmation.body) == {"metadata": {"crc32c": f"{CRC:x}"}}
    name = query(sent)["name"].removeprefix(FOLDER)
    assert part == Part(3, 10, f"{name}/42", Checksums(crc32c=CRC))
    assert (sent.method, path(sent), sent.body) == ("POST", "/upload/storage/v1/b/models/o", BODY)
    assert query(sent)["uploadType"] == "media"
    assert name.startswith("00003-")


def test_who_writes_a_part_again_replaces_no_object(scripted: Scripted) -> None:
    """Else a part that has arrived would be gone until the second writer is done, and whoever counts parts miss it."""
    uploads, script = scripted(resource(), resource(), resource(), resource())

    uploads.put_part(KEY, UPLOAD, 3, iter((BODY,)), size=10)
    uploads.put_part(KEY, UPLOAD, 3, iter((BODY,)), size=10)

    assert query(script.sent[0])["name"] != query(script.sent[2])["name"]


def test_a_checksum_that_cloud_storage_does_not_know_is_kept_beside_the_part(scripted: Scripted) -> None:
    """It is written once the bytes are there, to exactly the object that they became."""
    upload = "crc64nvme-" + "0" * 32
    name = f".tradewind/parts/{upload}/00001"
    uploads, script = scripted(resource(name, 42), resource())

    part = uploads.put_part(KEY, upload, 1, iter((BODY,)), size=10)

    patch = script.sent[1]
    assert part.checksums == Checksums(crc32c=CRC, crc64nvme=crc64nvme(BODY))
    assert (patch.method, path(patch)) == ("PATCH", f"/storage/v1/b/models/o/{name}")
    assert query(patch)["ifGenerationMatch"] == "42"
    assert json.loads(patch.body) == {"metadata": {"crc64nvme": f"{crc64nvme(BODY):x}"}}


def test_a_part_of_an_upload_that_ended_meanwhile_is_no_failure(scripted: Scripted) -> None:
    """Whoever ended it removed what there was, and there is nothing to confirm."""
    uploads, _ = scripted(resource(), GONE)

    assert uploads.put_part(KEY, UPLOAD.replace("crc32c", "crc32"), 1, iter((BODY,)), size=10).number == 1


def test_other_bytes_than_were_sent_are_removed(scripted: Scripted) -> None:
    """A part whose checksum at Cloud Storage is another is deleted, and it alone."""
    uploads, script = scripted(resource(f"{FOLDER}00001", 42, b"9876543210"), Answer(204))

    with pytest.raises(IntegrityError):
        uploads.put_part(KEY, UPLOAD, 1, iter((BODY,)), size=10)

    assert (script.sent[1].method, query(script.sent[1])) == ("DELETE", {"generation": "42"})


def test_the_listing_knows_parts_from_what_they_were_joined_to(scripted: Scripted) -> None:
    """Objects between the parts and the whole are no parts, nor is one whose checksum is not there yet.

    Of several attempts at one part the latest that arrived counts.
    """
    upload = "crc64nvme-" + "0" * 32
    folder = f".tradewind/parts/{upload}/"
    uploads, script = scripted(
        answer(
            {
                "items": [
                    described(f"{folder}00001-ab", 7, metadata={"crc64nvme": "ff"}),
                    described(f"{folder}00001-cd", 6, metadata={"crc64nvme": "ff"}),
                    described(f"{folder}00001-ef", 8),
                ],
                "nextPageToken": "next",
            }
        ),
        answer({"items": [described(f"{folder}00002-ab"), described(f"{folder}joined-1-00000")]}),
    )

    parts = uploads.parts(KEY, upload)

    assert parts == [Part(1, 10, "00001-ab/7", Checksums(crc32c=CRC, crc64nvme=255))]
    assert [query(sent).get("pageToken") for sent in script.sent] == [None, "next"]
    assert {query(sent)["prefix"] for sent in script.sent} == {folder}


@pytest.mark.parametrize("expect", [None, "41"])
def test_the_whole_is_joined_under_conditions(scripted: Scripted, expect: str | None) -> None:
    """Destination and sources are named by their generations, and the metadata is the destination's."""
    now = GONE if expect is None else resource(generation=int(expect))
    uploads, script = scripted(now, resource(generation=42, body=b"onetwo"))
    metadata = Metadata(content_type="text/plain", user={"Note": "caf\u00e9"})

    token = complete(uploads, b"one", b"two", expect=expect, metadata=metadata)

    compose = script.sent[1]
    assert token == "42"
    assert (compose.method, path(compose)) == ("POST", f"/storage/v1/b/models/o/{KEY}/compose")
    assert query(compose)["ifGenerationMatch"] == (expect or "0")
    assert json.loads(compose.body) == {
        "sourceObjects": [
            {"name": f"{FOLDER}00001-ab", "objectPreconditions": {"ifGenerationMatch": "1"}},
            {"name": f"{FOLDER}00002-ab", "objectPreconditions": {"ifGenerationMatch": "2"}},
        ],
        "destination": {"contentType": "text/plain", "metadata": {"note": "caf\u00e9"}},
    }


def test_a_key_that_moved_is_not_joined(scripted: Scripted) -> None:
    """Where the condition would fail, nothing is sent to be joined."""
    uploads, script = scripted(resource(generation=8))

    with pytest.raises(PreconditionFailedError):
        complete(uploads, b"one", expect="7")

    assert script.only.method == "GET"


@pytest.mark.parametrize(
    ("refusal", "now", "family"),
    [
        (MOVED, resource(), PreconditionFailedError),
        (MOVED, GONE, NotFoundError),
        (GONE, GONE, NotFoundError),
    ],
    ids=["the key was written", "a part was written again", "a part is gone"],
)
def test_which_condition_failed(scripted: Scripted, refusal: Answer, now: Answer, family: type[Exception]) -> None:
    """Cloud Storage does not say whether it was the key's or a part's, so the key is looked at again."""
    uploads, _ = scripted(GONE, refusal, now)

    with pytest.raises(family):
        complete(uploads, b"one")


def test_a_whole_of_other_bytes_is_told_and_stays(scripted: Scripted) -> None:
    """What it replaced is gone already, so that removing it would leave nothing at all under the key."""
    uploads, script = scripted(resource(), resource(KEY, 42, b"three!"))

    with pytest.raises(PermanentError, match="another checksum than its parts"):
        complete(uploads, b"one", b"two", expect="7")

    assert [sent.method for sent in script.sent] == ["GET", "POST"]


def test_what_is_joined_is_proven_before_it_is_visible(scripted: Scripted) -> None:
    """Parts that are not the whole, and groups of them that Cloud Storage joined to anything else, never get there."""
    bodies = [bytes((number,)) for number in range(33)]
    uploads, script = scripted(resource(f"{FOLDER}joined-1-00000", 5, b"other"), Answer(204))
    uploads.side_by_side = 1

    with pytest.raises(IntegrityError):
        uploads.complete(
            KEY, UPLOAD, parts_of(b"one"), metadata=Metadata(), checksums=Checksums(crc32c=CRC), expect="7"
        )
    assert script.sent == []
    script.then(*[resource(f"{FOLDER}joined-1-00001", 6, bodies[32])])
    with pytest.raises(IntegrityError):
        complete(uploads, *bodies, expect="7")

    assert not [sent for sent in script.sent if KEY in path(sent)]


def test_what_another_has_joined_already_is_used(scripted: Scripted) -> None:
    """Two who complete one upload at once share the objects between parts and whole, so neither stops the other."""
    bodies = [bytes((number,)) for number in range(33)]
    first = b"".join(bodies[:32])
    uploads, script = scripted(
        MOVED,
        resource(f"{FOLDER}joined-1-00000", 5, first),
        resource(f"{FOLDER}joined-1-00001", 6, bodies[32]),
        GONE,
        resource(generation=42, body=first + bodies[32]),
    )
    uploads.side_by_side = 1

    complete(uploads, *bodies)

    assert query(script.sent[0])["ifGenerationMatch"] == "0"
    assert json.loads(script.sent[4].body)["sourceObjects"] == [
        {"name": f"{FOLDER}joined-1-00000", "objectPreconditions": {"ifGenerationMatch": "5"}},
        {"name": f"{FOLDER}joined-1-00001", "objectPreconditions": {"ifGenerationMatch": "6"}},
    ]


def test_what_was_joined_of_other_parts_is_joined_anew(scripted: Scripted) -> None:
    """An object that an earlier attempt left is replaced if it is not what these parts make."""
    bodies = [bytes((number,)) for number in range(33)]
    first = b"".join(bodies[:32])
    uploads, script = scripted(
        MOVED,
        resource(f"{FOLDER}joined-1-00000", 5, b"of another attempt"),
        resource(f"{FOLDER}joined-1-00000", 6, first),
        resource(f"{FOLDER}joined-1-00001", 7, bodies[32]),
        GONE,
        resource(generation=42, body=first + bodies[32]),
    )
    uploads.side_by_side = 1

    complete(uploads, *bodies)

    assert query(script.sent[2])["ifGenerationMatch"] == "5"


def test_a_bucket_that_does_not_exist(scripted: Scripted) -> None:
    """A part that cannot be written because there is no bucket is a matter for the operator."""
    uploads, _ = scripted(GONE)

    with pytest.raises(BucketNotFoundError):
        uploads.put_part(KEY, UPLOAD, 1, iter((BODY,)), size=10)


def test_an_answer_that_is_none_of_googles(scripted: Scripted) -> None:
    """A page of somebody in between is no part, no list, and no object."""
    uploads, _ = scripted(Answer(body=b"<html>"), answer({"items": [{}]}), answer({}))

    with pytest.raises(StoreUnavailableError, match="gs://models"):
        uploads.put_part(KEY, UPLOAD, 1, iter((BODY,)), size=10)
    with pytest.raises(StoreUnavailableError, match="gs://models"):
        uploads.parts(KEY, UPLOAD)
    with pytest.raises(StoreUnavailableError, match="gs://models"):
        complete(uploads, b"one")


def test_a_missing_permission_is_named(scripted: Scripted) -> None:
    """Whoever may not describe parts is told what to grant."""
    uploads, _ = scripted(resource(), DENIED)

    with pytest.raises(AccessDeniedError, match=r"storage\.objects\.update"):
        uploads.put_part(KEY, UPLOAD.replace("crc32c", "crc32"), 1, iter((BODY,)), size=10)


def test_a_part_is_not_sent_twice_by_itself(scripted: Scripted) -> None:
    """Bytes that were read cannot be sent again; whoever has them sends the part anew."""
    uploads, _ = scripted(Answer(503, body=b'{"error": {"message": "busy"}}'))

    with pytest.raises(StoreUnavailableError):
        uploads.put_part(KEY, UPLOAD, 1, iter((BODY,)), size=10)


def test_a_part_that_nobody_confirmed_has_not_arrived(scripted: Scripted) -> None:
    """Its writer may have died before it was known that Cloud Storage received what was sent."""
    name = f"{FOLDER}0000"
    confirmed = described(f"{name}1", 1, metadata={"crc32c": f"{CRC:x}"})
    uploads, _ = scripted(answer({"items": [confirmed, described(f"{name}2", 2)]}))

    assert [part.number for part in uploads.parts(KEY, UPLOAD)] == [1]
