"""What Azure is asked for when it reads a part by itself, and what its answers mean."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from rigs.scripted import Answer, Script, ScriptedHttp, Sent
from tradewind.checksums import combine, crc64nvme
from tradewind.clouds.azure.lists import BlockLists
from tradewind.clouds.azure.pulled import LARGEST, NOTE, Pulled
from tradewind.clouds.azure.pulls import LONGEST, READ_TIMEOUT, BlobPulls, open_pulls
from tradewind.clouds.azure.signing import KeySigner
from tradewind.clouds.azure.uploads import BlobUploads
from tradewind.clouds.azure.wire import BlobWire
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    CredentialsError,
    NotFoundError,
    PullRefusedError,
    StoreUnavailableError,
    TradewindError,
    TransientError,
)
from tradewind.fleet import AzureSite
from tradewind.ports import Checksums, Part

KEY = "a b/c"
URL = "https://models.s3.eu-west-1.amazonaws.com/a%20b/c?versionId=v1&X-Amz-Signature=secret"
UPLOAD = "crc64nvme-0123456789abcdef"
BODY = b"0123456789"
WHOLE = crc64nvme(b"all of it")
NOTED = Answer(201)

Make = Callable[..., tuple[BlobPulls, Script]]


def read(checksum: int) -> Answer:
    """Answer that Azure has read what has this checksum."""
    return Answer(201, {"x-ms-content-crc64": b64encode(checksum.to_bytes(8, "little")).decode()})


def refused(status: int, code: str, **headers: str) -> Answer:
    """Answer with an error."""
    said = f"<Error><Code>{code}</Code><Message>Could not read {URL}</Message></Error>".encode()
    return Answer(status, {"x-ms-error-code": code, **headers}, said)


@pytest.fixture
def scripted() -> Make:
    """Make pulls over a script of answers."""

    def make(*answers: Answer) -> tuple[BlobPulls, Script]:
        script = Script(*answers)
        wire = BlobWire(ScriptedHttp("https://acct.blob.core.windows.net", script), KeySigner("acct", "a2V5"))
        return BlobPulls(wire, "acct", "models"), script

    return make


def pull(pulls: BlobPulls, *, url: str = URL, start: int = 64, length: int = len(BODY)) -> Part:
    """Pull part 7."""
    return pulls.pull_part(KEY, UPLOAD, 7, url, start=start, length=length, whole=WHOLE)


def block_of(sent: Sent, size: int) -> Pulled:
    """Return the block or the note that a request is about."""
    [name] = parse_qs(urlsplit(sent.url).query)["blockid"]
    found = Pulled.read(name, size)
    assert found is not None
    return found


def test_azure_is_asked_to_read_a_range_of_the_address(scripted: Make) -> None:
    """One request without a body, which names the source, the bytes, and a block that says what the whole must be."""
    pulls, script = scripted(read(crc64nvme(BODY)), NOTED)

    pull(pulls)

    asked = script.sent[0]
    parts = urlsplit(asked.url)
    assert (asked.method, asked.body, parts.path) == ("PUT", b"", "/models/a%20b/c")
    assert parse_qs(parts.query)["comp"] == ["block"]
    assert asked.headers["x-ms-copy-source"] == URL
    assert asked.headers["x-ms-source-range"] == "bytes=64-73"
    assert asked.headers["authorization"].startswith("SharedKey acct:")
    assert "x-ms-source-content-md5" not in asked.headers  # with it Azure would not tell the CRC-64
    block = block_of(asked, len(BODY))
    assert (block.upload, block.part, block.number, block.of, block.value) == ("0123456789abcdef", 7, 0, 1, WHOLE)


def test_what_azure_has_read_is_noted_beside_the_block(scripted: Make) -> None:
    """The note bears the checksum of the answer, whose lowest byte comes first, and is checked on its own way."""
    pulls, script = scripted(read(crc64nvme(BODY)), NOTED)

    part = pull(pulls)

    asked, noted = script.sent
    block = block_of(asked, len(BODY))
    assert block_of(noted, len(NOTE)) == block.note(crc64nvme(BODY))
    assert noted.body == NOTE
    assert b64decode(noted.headers["x-ms-content-crc64"]) == crc64nvme(NOTE).to_bytes(8, "little")
    assert part == Part(7, len(BODY), block.id, Checksums(crc64nvme=crc64nvme(BODY)))


def test_the_checksum_that_microsoft_gives_as_an_example() -> None:
    """CRC-64/NVME of `123456789` is ae8b14860a799888 in every catalogue, and its bytes come in the other order here."""
    answer = read(0xAE8B14860A799888)

    assert b64decode(answer.headers["x-ms-content-crc64"]).hex() == "8898790a86148bae"
    assert crc64nvme(b"123456789") == 0xAE8B14860A799888


def test_a_long_part_is_read_in_blocks(scripted: Make) -> None:
    """Each is read in time, and the part's checksum is that of all."""
    length = LARGEST + 2
    half = length // 2
    pulls, script = scripted(read(5), NOTED, read(7), NOTED)

    part = pull(pulls, start=0, length=length)

    ranges = [sent.headers["x-ms-source-range"] for sent in script.sent[::2]]
    assert ranges == [f"bytes=0-{half - 1}", f"bytes={half}-{length - 1}"]
    assert (part.size, len(part.tag.split(" "))) == (length, 2)
    assert part.checksums == Checksums(crc64nvme=combine("crc64nvme", 5, 7, half))


def test_two_attempts_have_blocks_of_their_own(scripted: Make) -> None:
    """So the note about the one never speaks of the other's bytes."""
    pulls, script = scripted(read(1), NOTED, read(2), NOTED)

    assert pull(pulls).tag != pull(pulls).tag
    assert len({sent.url for sent in script.sent}) == 4


@pytest.mark.parametrize(
    "answer",
    [
        refused(403, "CannotVerifyCopySource"),
        refused(404, "CannotVerifyCopySource", **{"x-ms-copy-source-status-code": "404"}),
        refused(409, "CannotVerifyCopySource"),
        refused(401, "CannotVerifyCopySource"),
        refused(500, "CannotVerifyCopySource"),
        refused(503, "CannotVerifyCopySource", **{"x-ms-copy-source-status-code": "503"}),
        refused(400, "InvalidHeaderValue"),
        refused(409, "PublicAccessNotPermitted"),
        refused(416, "InvalidRange"),
        refused(403, ""),
        refused(501, "NotImplemented"),
        Answer(201),
        Answer(201, {"x-ms-content-crc64": "AAAA"}),
        Answer(201, {"x-ms-content-crc64": "no base64"}),
    ],
    ids=lambda answer: f"{answer.status} {answer.headers.get('x-ms-error-code', answer.headers)}",
)
def test_what_azure_cannot_read_is_a_refusal(answer: Answer, scripted: Make) -> None:
    """Whether the source does not answer, does not let it, or it has no such call, or tells no checksum."""
    pulls, script = scripted(answer, answer)

    with pytest.raises(PullRefusedError) as error:
        pull(pulls)

    assert "X-Amz" not in str(error.value)  # a log is no place for what opens the source
    assert error.value.__cause__ is None
    assert not [sent for sent in script.sent if sent.body]


@pytest.mark.parametrize(
    ("answer", "family"),
    [
        (refused(503, "ServerBusy"), StoreUnavailableError),
        (refused(500, "OperationTimedOut"), StoreUnavailableError),
        (refused(429, "TooManyRequests"), StoreUnavailableError),
        (refused(409, "BlockCountExceedsLimit"), TransientError),
        (refused(403, "AuthorizationPermissionMismatch"), AccessDeniedError),
        (refused(403, "AuthenticationFailed"), CredentialsError),
        (refused(404, "ContainerNotFound"), BucketNotFoundError),
    ],
)
def test_what_is_wrong_with_the_target_is_no_refusal(
    answer: Answer, family: type[TradewindError], scripted: Make
) -> None:
    """Streaming would meet it, too: it is mended, or the task comes back."""
    pulls, _ = scripted(answer, answer)

    with pytest.raises(family) as raised:
        pull(pulls)
    assert raised.type is family


def test_an_address_that_is_too_long_is_not_sent(scripted: Make) -> None:
    """Azure takes 2 KiB; a key of 1,024 bytes and a session token may be longer."""
    pulls, script = scripted()

    with pytest.raises(PullRefusedError):
        pull(pulls, url=URL + "x" * LONGEST)
    assert not script.sent


def test_an_id_of_nobody_is_no_upload(scripted: Make) -> None:
    """As everywhere: what was never begun is not there."""
    pulls, _ = scripted()

    with pytest.raises(NotFoundError):
        pulls.pull_part(KEY, "x", 1, URL, start=0, length=1, whole=0)


def test_a_part_that_was_pulled_is_among_the_parts() -> None:
    """What a dead worker has had read is found by the next one, in the list of uncommitted blocks."""
    block = Pulled("0123456789abcdef", 1, 0, 1, len(BODY), "aaaaaaaa", WHOLE)
    names = [(block.id, len(BODY)), (block.note(5).id, len(NOTE))]
    inside = "".join(f"<Block><Name>{name}</Name><Size>{size}</Size></Block>" for name, size in names)
    body = f"<BlockList><CommittedBlocks /><UncommittedBlocks>{inside}</UncommittedBlocks></BlockList>"
    script = Script(Answer(body=body.encode()))
    wire = BlobWire(ScriptedHttp("https://acct.blob.core.windows.net", script), KeySigner("acct", "a2V5"))

    [part] = BlobUploads(BlockLists(wire, "acct", "models")).parts(KEY, UPLOAD)

    assert part == Part(1, len(BODY), block.id, Checksums(crc64nvme=5))


def test_azure_is_given_time_to_read() -> None:
    """It answers when it has read a block, which takes longer than any other request."""
    site = AzureSite(
        cloud="azure", account="acct", container="models", region="r", jurisdiction="EU", control_bucket="control"
    )

    assert open_pulls(site, {"account_key": "a2V5"})._wire._http._read_timeout == READ_TIMEOUT
