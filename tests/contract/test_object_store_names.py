"""Awkward keys and metadata: every store holds them exactly as they are spelled, or refuses them in words."""

from __future__ import annotations

import string

import pytest

from rigs.stores import KEY, Rig, put, read
from tradewind.errors import UnportableError
from tradewind.ports import PROVENANCE_KEY, Metadata, ObjectStore

CLOUDS = ("s3", "gcs", "azure")
TAGGED = ("memory", "s3", "azure")
EVERYWHERE = [
    "plain",
    "with space",
    " leading and trailing ",
    "a+b",
    "100%",
    "a%2Fb%20c",
    "what?versionId=1&x=y",
    "a#b",
    "a&b=c;d:e@f,g",
    "quote'\"`<>{}[]|^~*!$()",
    "/leading/slash",
    "double//slash",
    "three///slashes",
    ".hidden/file",
    "ends.in.dots..x",
    "\u00fcn\u00ef/\u00e9",
    "e\u0301 combining",
    "\u65e5\u672c\u8a9e/\u043f\u0440\u0438\u0432\u0435\u0442",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467/x",
    "non\u00a0breaking\u202fspaces",
    "%F0%9F%98%80",
    "k" * 1024,
    ("é" * 511) + "xy",
]
NOT_ON_AZURE = [
    "../up",
    "a/../b",
    "a/./b",
    "dot.",
    "dots...",
    "seg./x",
    "folder/",
    "back\\slash",
    "a/" * 300 + "x",
    "\x01",
]
NOT_ON_AZURE_AND_GCS = [".", ".."]
NOWHERE = ["", "k" * 1025, "é" * 513, "\ud800", "half \udfff pair"]


def holds(store: ObjectStore, key: str) -> None:
    """Assert that `key` can be written, read, listed and deleted."""
    store.check_key(key)
    token = put(store, key.encode(), key=key)

    state = store.head(key)

    assert state is not None
    assert (state.key, state.token) == (key, token)
    assert read(store, key, token=token) == key.encode()
    assert [line.key for line in store.list(key).objects] == [key]
    assert [line.key for line in store.list().objects] == [key]
    replaced = put(store, b"new", key=key, expect=token)
    store.delete(key, expect=replaced)
    assert store.head(key) is None
    assert store.list().objects == ()


def refuses(store: ObjectStore, key: str) -> None:
    """Assert that every call refuses `key`, and nothing is written."""
    for call in (store.check_key, store.head, lambda key: put(store, b"", key=key), lambda key: read(store, key)):
        with pytest.raises(UnportableError):
            call(key)
    with pytest.raises(UnportableError):
        store.delete(key, expect="1")
    assert store.list().objects == ()


@pytest.mark.parametrize("key", EVERYWHERE, ids=lambda key: ascii(key[:24]))
def test_keys_that_every_store_holds(store: ObjectStore, key: str) -> None:
    """A key comes back from every call as it was spelled."""
    holds(store, key)


@pytest.mark.parametrize("key", NOT_ON_AZURE, ids=lambda key: ascii(key[:24]))
def test_keys_that_azure_cannot_hold(rig: Rig, key: str) -> None:
    """Azure refuses keys that it would rename, drop or never list; the others hold them."""
    if rig.name == "azure":
        refuses(rig.store, key)
    else:
        holds(rig.store, key)


@pytest.mark.parametrize("key", NOT_ON_AZURE_AND_GCS)
def test_keys_that_are_a_dot_segment(rig: Rig, key: str) -> None:
    """Cloud Storage reserves the keys `.` and `..`, and Azure's web servers resolve them."""
    if rig.name in ("azure", "gcs"):
        refuses(rig.store, key)
    else:
        holds(rig.store, key)


@pytest.mark.parametrize("key", NOWHERE, ids=lambda key: ascii(key[:12]))
def test_keys_that_no_store_holds(rig: Rig, key: str) -> None:
    """Empty keys, keys above 1,024 bytes and half surrogate pairs are refused before anything is sent."""
    if rig.name == "azure" and key == "é" * 513:
        holds(rig.store, key)  # Azure counts characters
    else:
        refuses(rig.store, key)


def test_keys_with_a_line_break(rig: Rig) -> None:
    """A line break is a control character to Azure and forbidden by Cloud Storage; S3 holds it."""
    key = "two\nlines"
    if rig.name in ("azure", "gcs"):
        refuses(rig.store, key)
    else:
        rig.store.check_key(key)  # moto cannot route such a key, so it is not written here


def test_similar_keys_are_different_objects(store: ObjectStore) -> None:
    """Keys that differ in case, normal form, encoding or slashes are not mixed up."""
    keys = ["a", "A", "\u00e9", "e\u0301", "a b", "a+b", "a%20b", "x/y", "x//y", "/x/y"]
    for key in keys:
        put(store, key.encode(), key=key)

    assert {key: read(store, key) for key in keys} == {key: key.encode() for key in keys}
    assert sorted(line.key for line in store.list().objects) == sorted(keys)


FULL = Metadata(
    content_type="application/vnd.safetensors; version=1",
    content_encoding="zstd",
    content_language="de-CH",
    content_disposition="attachment; filename*=UTF-8''gewicht%C3%A9.bin",
    cache_control="private, max-age=60",
    user={
        PROVENANCE_KEY: '{"v":1,"origin":"aws-use1"}',
        "plain": "value",
        "with-dash": "1",
        "with.dot": "2",
        "with_underscore": "3",
        "with_x002d_escape": "4",
        "0digit": "5",
        "text": "na\u00efve \u65e5\u672c \U0001f600",
        "spaces": "  both ends  ",
        "word": "=?UTF-8?B?aGk=?=",
        "percent": "100%25",
        "empty": "",
        "symbols": string.punctuation,
    },
)


def test_metadata_travels(store: ObjectStore) -> None:
    """Every field and every user entry comes back as it was given, whatever letters it is in."""
    store.check_metadata(FULL)
    put(store, b"weights", metadata=FULL)

    state = store.head(KEY)

    assert state is not None
    assert state.metadata == FULL
    with store.get(KEY, start=1, length=2) as download:
        assert download.state.metadata == FULL


def test_a_replacement_replaces_the_metadata(store: ObjectStore) -> None:
    """Nothing of the former metadata stays."""
    token = put(store, b"1", metadata=FULL)
    put(store, b"2", expect=token, metadata=Metadata(content_type="text/plain", user={"only": "this"}))

    state = store.head(KEY)

    assert state is not None
    assert state.metadata == Metadata(content_type="text/plain", user={"only": "this"})


@pytest.mark.parametrize("rig", CLOUDS, indirect=True)  # memory keeps what it is given
def test_names_are_lower_case(rig: Rig) -> None:
    """A name in capitals, which not every store keeps, is read in lower case."""
    put(rig.store, b"", metadata=Metadata(user={"Mixed-Case": "Value"}))

    state = rig.store.head(KEY)

    assert state is not None
    assert dict(state.metadata.user) == {"mixed-case": "Value"}


def room(rig: Rig) -> int:
    """Return how many bytes of user metadata a store keeps."""
    return 2048 if rig.name == "s3" else 8192


def test_metadata_up_to_the_limit(rig: Rig) -> None:
    """A store keeps as much user metadata as it says."""
    metadata = Metadata(user={"name": "v" * (room(rig) - 4)})
    put(rig.store, b"", metadata=metadata)

    state = rig.store.head(KEY)

    assert state is not None
    assert state.metadata.user == metadata.user


@pytest.mark.parametrize(
    "user",
    [
        {"name": "v" * 8192},
        {f"n{number}": "v" * 100 for number in range(90)},
        {"n" * 8193: ""},
        {"": "nameless"},
        {"half": "\ud83d"},
        {"half\udc00": ""},
    ],
    ids=["long value", "many entries", "long name", "no name", "half pair in a value", "half pair in a name"],
)
def test_metadata_that_no_store_keeps(store: ObjectStore, user: dict[str, str]) -> None:
    """What cannot be kept is refused by the check and by the write, and nothing is written."""
    with pytest.raises(UnportableError):
        store.check_metadata(Metadata(user=user))
    with pytest.raises(UnportableError):
        put(store, b"", metadata=Metadata(user=user))

    assert store.head(KEY) is None


def test_the_limit_counts_what_is_sent(rig: Rig) -> None:
    """Letters that need an encoding count encoded, and one byte above the limit is refused."""
    rig.store.check_metadata(Metadata(user={"name": "v" * (room(rig) - 4)}))
    with pytest.raises(UnportableError, match=f"{room(rig):,}"):
        rig.store.check_metadata(Metadata(user={"name": "v" * (room(rig) - 3)}))
    if rig.name in ("s3", "azure"):
        with pytest.raises(UnportableError):
            rig.store.check_metadata(Metadata(user={"name": "é" * (room(rig) // 2 - 4)}))


@pytest.mark.parametrize("rig", CLOUDS, indirect=True)  # memory has no headers
def test_fields_that_no_header_can_carry(rig: Rig) -> None:
    """A content type with a line break would forge headers; the clouds' stores refuse it."""
    with pytest.raises(UnportableError, match="Content-Type"):
        put(rig.store, b"", metadata=Metadata(content_type="text/plain\r\nx-evil: 1"))
    assert rig.store.head(KEY) is None


TAGS = {"Team": "vision", "team": "Vision", "epoch": "", "path": "a/b:c=d_e-f.g+h i"}


@pytest.mark.parametrize("rig", TAGGED, indirect=True)
def test_tags_travel(rig: Rig) -> None:
    """Tags come back as they were written, in their case, with a head and with a download."""
    put(rig.store, b"", metadata=Metadata(content_type="text/plain", tags=TAGS))

    state = rig.store.head(KEY)

    assert rig.store.keeps_tags
    assert state is not None
    assert state.metadata == Metadata(content_type="text/plain", tags=TAGS)
    with rig.store.get(KEY) as download:
        assert download.state == state


@pytest.mark.parametrize("rig", TAGGED, indirect=True)
def test_a_replacement_replaces_the_tags(rig: Rig) -> None:
    """What is written over an object has its own tags and none of the other's."""
    first = put(rig.store, b"", metadata=Metadata(tags=TAGS))
    second = put(rig.store, b"", expect=first, metadata=Metadata(tags={"team": "speech"}))
    tagged = rig.store.head(KEY)
    put(rig.store, b"1", expect=second)
    bare = rig.store.head(KEY)

    assert tagged is not None
    assert tagged.metadata.tags == {"team": "speech"}
    assert bare is not None
    assert bare.metadata.tags == {}


@pytest.mark.parametrize("rig", ["gcs"], indirect=True)
def test_a_store_without_tags_says_so(rig: Rig) -> None:
    """It is written without them, which its `keeps_tags` announces."""
    rig.store.check_metadata(Metadata(tags={"anything": "\0" * 1000}))
    put(rig.store, b"", metadata=Metadata(tags=TAGS))

    state = rig.store.head(KEY)

    assert not rig.store.keeps_tags
    assert state is not None
    assert state.metadata.tags == {}


@pytest.mark.parametrize("rig", TAGGED, indirect=True)
def test_tags_up_to_the_limit(rig: Rig) -> None:
    """Ten tags of full length are held; an eleventh, and a longer name or value, are refused before they are sent."""
    full = {f"{number}".rjust(128, "k"): "v" * 256 for number in range(10)}
    put(rig.store, b"", metadata=Metadata(tags=full))
    state = rig.store.head(KEY)

    assert state is not None
    assert state.metadata.tags == full
    for tags in ({**full, "k": ""}, {"k" * 129: ""}, {"k": "v" * 257}, {"": "v"}, {"k": "\ud800"}):
        with pytest.raises(UnportableError):
            rig.store.check_metadata(Metadata(tags=tags))


@pytest.mark.parametrize(
    ("tags", "refusing"),
    [
        ({"owner": "ml@example.org"}, {"azure"}),
        ({"größe": "大 7"}, {"azure"}),
        ({"aws:backup": "x"}, {"s3"}),
        ({"AWS:backup": "x"}, {"s3"}),
        ({"owner": "a&b"}, {"s3", "azure"}),
        ({"line": "a\nb"}, {"s3", "azure"}),
    ],
)
def test_tags_that_a_cloud_cannot_spell(rig: Rig, tags: dict[str, str], refusing: set[str]) -> None:
    """A tag of characters that the cloud does not take is refused with a reason, and never changed."""
    if rig.name in refusing:
        with pytest.raises(UnportableError, match="cannot hold the tag"):
            put(rig.store, b"", metadata=Metadata(tags=tags))
        assert rig.store.head(KEY) is None
        return
    put(rig.store, b"", metadata=Metadata(tags=tags))
    state = rig.store.head(KEY)
    assert state is not None
    assert state.metadata.tags == (tags if rig.store.keeps_tags else {})
