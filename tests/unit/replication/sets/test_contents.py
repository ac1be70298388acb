"""What closing objects name, as written by the tools of the field and by nobody's friends."""

import io
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import PermanentError
from tradewind.replication.sets.contents import contents
from tradewind.replication.sets.named import MOST, Member, Named
from tradewind.replication.sets.recognise import Kind

SAFETENSORS = Kind("safetensors")
MANIFEST = Kind("manifest", "json")
INDEX = "m/model.safetensors.index.json"
DIGEST = "sha256:" + "ab" * 32


def named(kind: Kind, closing: str, body: bytes | str) -> Named:
    """Return what a closing object names."""
    found = contents(kind, closing, body.encode() if isinstance(body, str) else body)
    assert found is not None
    return found


def keys(found: Named, there: tuple[str, ...] = ()) -> list[str]:
    """Return the members' keys, given what is in the folder."""
    return [member.key for member in found.members(there)]


def test_an_index_names_each_file_once() -> None:
    """Many tensors are in one file; the paths are relative to the index."""
    body = json.dumps({"metadata": {"total_size": 1}, "weight_map": {"a": "1.st", "b": "sub/2.st", "c": "./1.st"}})

    found = named(SAFETENSORS, INDEX, body)

    assert keys(found) == ["m/1.st", "m/sub/2.st"]
    assert found.has("m/1.st")
    assert not found.has("m/3.st")


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/x", "s3://bucket/x", "", "a\\b", "..", "a\0b"])
@pytest.mark.parametrize("kind", [SAFETENSORS, MANIFEST, Kind("mlflow")])
def test_a_path_that_leaves_the_folder_is_refused(kind: Kind, path: str) -> None:
    """No closing object can make tradewind look outside its own folder."""
    bodies = {
        "safetensors": json.dumps({"weight_map": {"a": path}}),
        "manifest": json.dumps([path]),
        "mlflow": json.dumps({"flavors": {"f": {"data": path or "/"}}}),
    }

    with pytest.raises(PermanentError, match="not a key in its own folder"):
        contents(kind, INDEX, bodies[kind.name].encode())


@pytest.mark.parametrize(
    "body",
    ["", "not json", "[" * 100_000, "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}', '"weight_map"'],
)
def test_what_is_no_index_closes_nothing(body: str) -> None:
    """A file that only has the name of an index names no members."""
    assert contents(SAFETENSORS, INDEX, body.encode()) is None


@given(body=st.binary(max_size=200))
def test_any_bytes_are_read_without_a_crash(body: bytes) -> None:
    """Whatever a user uploads under such a name, it names something, nothing, or is refused."""
    for kind in (SAFETENSORS, Kind("torch_checkpoint"), Kind("mlflow"), MANIFEST, Kind("success_folder")):
        try:
            found = contents(kind, "m/x", body)
        except PermanentError:
            continue
        assert found is None or "m/x" not in keys(found, ("m/x",))


class _StorageInfo:
    def __init__(self, path: str) -> None:
        self.relative_path = path
        self.offset = 0


class _Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("the pickle was executed",))


def test_a_checkpoint_is_read_without_unpickling_it() -> None:
    """File names come out of the pickle's opcodes; what it would call is never called."""
    body = pickle.dumps({n: _StorageInfo(f"__{n}_0.distcp") for n in range(3)} | {9: _Hostile()})

    assert keys(named(Kind("torch_checkpoint"), "c/.metadata", body)) == [f"c/__{n}_0.distcp" for n in range(3)]


@pytest.mark.parametrize("body", [b"", b"no pickle", pickle.dumps({"other": 1}), pickle.dumps("__0_0.distcp")[:-9]])
def test_a_checkpoint_that_names_no_file_has_those_of_its_folder(body: bytes) -> None:
    """Where the metadata tells nothing, every `.distcp` file beside it is a member."""
    found = named(Kind("torch_checkpoint"), "c/.metadata", body)

    assert keys(found, ("c/__0_0.distcp", "c/readme", "c/sub/__1_0.distcp")) == ["c/__0_0.distcp"]


def test_everything_below_a_success_folder_is_a_member() -> None:
    """The marker names its whole folder, at the top of the bucket too, and never itself."""
    found = named(Kind("success_folder"), "out/_SUCCESS", b"")
    top = named(Kind("success_folder"), "_SUCCESS", b"")

    assert keys(found, ("out/_SUCCESS", "out/a", "out/b/c", "outer/x")) == ["out/a", "out/b/c"]
    assert keys(top, ("_SUCCESS", "a", "b/c")) == ["a", "b/c"]


MLMODEL = """
artifact_path: model
flavors:
  python_function:
    artifacts:
      tokenizer: {path: artifacts/tokenizer, uri: "runs:/x"}
    code: code
    data: data
    env: {conda: conda.yaml, virtualenv: python_env.yaml}
    loader_module: mlflow.pytorch
    model_code_path: /home/me/model.py
    config: {prompt: "see /etc/passwd"}
  pytorch: {code: null, model_data: data, pytorch_version: "2.5"}
saved_input_example_info: {artifact_path: input_example.json, type: ndarray}
"""


def test_an_mlflow_model_needs_the_paths_that_it_declares() -> None:
    """A declared path is a file, or a folder with something in it; whatever else is in the folder is a member too."""
    found = named(Kind("mlflow"), "r/MLmodel", MLMODEL)
    there = ["r/MLmodel", "r/_SUCCESS", "r/artifacts/tokenizer/t", "r/code/a.py", "r/data/model.pth", "r/extra"]

    assert found.lacking(there) == ["r/conda.yaml", "r/python_env.yaml", "r/input_example.json"]
    assert found.lacking([*there, "r/conda.yaml", "r/python_env.yaml", "r/input_example.json"]) == []
    assert keys(found, tuple(there)) == there[2:]


@pytest.mark.parametrize("body", ["", "- a list", "flavors: none", "a: [", "&a [*a]", "!!python/object:os.system {}"])
def test_what_is_no_mlflow_model_closes_nothing(body: str) -> None:
    """YAML that is something else, broken, or asks for objects names no members."""
    assert contents(Kind("mlflow"), "r/MLmodel", body.encode()) is None


@pytest.mark.parametrize(
    ("document", "members"),
    [
        (["a", "b/c"], [Member("m/a"), Member("m/b/c")]),
        ([], []),
        ([{"path": "a", "size": 5}], [Member("m/a", 5)]),
        ([{"key": "a", "crc32c": "0000000a"}, {"name": "b"}], [Member("m/a", None, 10), Member("m/b")]),
        ([{"path": "a", "crc32c": "AAAACg=="}], [Member("m/a", None, 10)]),
        ([{"path": "a", "crc32c": 10, "size": -1}], [Member("m/a", None, 10)]),
        ([{"path": "a", "crc32c": "?", "sha256": "x", "size": True}], [Member("m/a")]),
        ({"files": ["a"]}, [Member("m/a")]),
        ({"version": 1, "shards": [{"path": "a"}]}, [Member("m/a")]),
        ({"a": {"size": 1}, "b": {"path": "c"}}, [Member("m/a", 1), Member("m/c")]),
    ],
)
def test_manifests_of_users(document: object, members: list[Member]) -> None:
    """Lists of paths or of objects, and objects by path, with what they say of the bytes."""
    assert named(MANIFEST, "m/manifest.json", json.dumps(document)).members(()) == tuple(members)


def test_an_image_layout_names_its_blobs() -> None:
    """A descriptor is the blob of its digest, or the file that its title gives."""
    document = {
        "schemaVersion": 2,
        "config": {"digest": DIGEST, "size": 7},
        "layers": [
            {"digest": "sha256:" + "cd" * 32, "size": 9, "annotations": {"org.opencontainers.image.title": "w.bin"}}
        ],
    }

    found = named(MANIFEST, "m/manifest.json", json.dumps(document))

    assert found.members(()) == (Member(f"m/blobs/sha256/{'ab' * 32}", 7), Member("m/w.bin", 9))
    assert (
        contents(MANIFEST, "m/index.json", json.dumps({"manifests": [{"digest": "sha256:../../x"}]}).encode()) is None
    )


@pytest.mark.parametrize("document", [1, "a", {}, {"name": "web app"}, {"files": 1}, [1], [{"size": 1}], {"a": [1]}])
def test_a_manifest_of_unknown_form_closes_nothing(document: object) -> None:
    """It is copied as an object like any other."""
    assert contents(MANIFEST, "m/manifest.json", json.dumps(document).encode()) is None


def test_a_manifest_by_glob_has_what_matches_below_its_folder() -> None:
    """The glob is relative to the closing key's folder, whatever characters that folder's name has."""
    found = named(Kind("manifest", "**/*.parquet"), "a*[b]/done", b"")

    assert keys(found, ("a*[b]/done", "a*[b]/1.parquet", "a*[b]/x/2.parquet", "ab/3.parquet", "a*[b]/x.csv")) == [
        "a*[b]/1.parquet",
        "a*[b]/x/2.parquet",
    ]


def test_a_manifest_does_not_wait_for_itself() -> None:
    """A closing key that lists itself is not its own member."""
    assert keys(named(MANIFEST, "m/manifest.json", '["manifest.json", "a"]')) == ["m/a"]


def test_a_set_of_too_many_members_is_refused() -> None:
    """What cannot be published as a whole within a function's time says so."""
    found = named(MANIFEST, "m/manifest.json", json.dumps([str(n) for n in range(MOST + 1)]))

    with pytest.raises(PermanentError, match="10,001 members"):
        found.members(())


def test_a_pickle_with_a_huge_length_is_refused_by_the_reader() -> None:
    """A string that claims to be longer than the file ends the reading, not the process."""
    body = io.BytesIO(b"\x80\x04\x8d" + (2**60).to_bytes(8, "little") + b"__0_0.distcp").getvalue()

    assert named(Kind("torch_checkpoint"), "c/.metadata", body).listed == ()
