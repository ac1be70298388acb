"""Reading closing objects, one kind after the other. Nothing in them is ever executed. Pure."""

from __future__ import annotations

import json
import pickletools
import re
from dataclasses import replace
from typing import Any

import yaml

from tradewind.replication.sets.manifest import members_in
from tradewind.replication.sets.named import Member, Named, inside
from tradewind.replication.sets.recognise import Kind, folder_of

_DISTCP = re.compile(r"[^\0-\x1f]+\.distcp")
_SUCCESS = "_SUCCESS"
_MLMODEL_BYTES = 1024 * 1024
"""An MLmodel file has some kilobytes; a YAML parser in Python would take minutes over many megabytes."""
_FLAVOR_PATHS = (
    "artifacts",
    "code",
    "data",
    "env",
    "model_binary",
    "model_data",
    "model_path",
    "pickled_model",
    "python_model",
    "requirements_file",
)
"""Fields of MLflow's flavours that hold paths (https://mlflow.org/docs/latest/ml/model/)."""


def contents(kind: Kind, closing: str, body: bytes) -> Named | None:
    """Return the members that the closing object `body` names, or None if it is not what its key makes it look like.

    Such a file closes nothing, and is an object like any other.

    Raises:
        PermanentError: It names a path outside its own folder, or too many.
    """
    if kind.name == "mlflow":
        return _mlflow(closing, body)
    if kind.by_place:
        return placed(kind, closing)
    if kind.name == "torch_checkpoint":
        return _torch_checkpoint(closing, body)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    listed = members_in(closing, document) if kind.name == "manifest" else _weight_map(closing, document)
    return None if listed is None else Named(closing, tuple(m for m in listed if m.key != closing))


def placed(kind: Kind, closing: str) -> Named:
    """Return which keys are members by where they are alone, for the kinds that go by it."""
    if kind.name == "manifest":
        return Named(closing, glob=kind.members)
    # A folder that `_SUCCESS` closes is the larger set than the model in it, which must not wait for it.
    beside = {folder_of(closing) + _SUCCESS} if kind.name == "mlflow" else set()
    return Named(closing, glob="**", beside=frozenset(beside))


def _weight_map(closing: str, document: Any) -> list[Member] | None:  # noqa: ANN401 - whatever JSON there is
    """Read the index of a sharded model (https://huggingface.co/docs/safetensors, `model.safetensors.index.json`)."""
    weights = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(path, str) for path in weights.values()):
        return None
    return [Member(inside(closing, path)) for path in dict.fromkeys(weights.values())]


def _torch_checkpoint(closing: str, body: bytes) -> Named:
    """Read the names of a distributed checkpoint's files out of its pickled metadata, without unpickling it.

    `pickletools.genops` walks over the opcodes and calls nothing.
    """
    names: dict[str, None] = {}
    try:
        for _, argument, _ in pickletools.genops(body):
            if isinstance(argument, str) and _DISTCP.fullmatch(argument):
                names[argument] = None
    except (ValueError, IndexError, OverflowError):  # no pickle, or a cut one: what is in the folder counts
        names = {}
    if not names:
        return Named(closing, glob="*.distcp")
    return Named(closing, tuple(Member(inside(closing, name)) for name in names))


def _mlflow(closing: str, body: bytes) -> Named | None:
    try:
        document = yaml.safe_load(body) if len(body) <= _MLMODEL_BYTES else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("flavors"), dict):
        return None
    paths: list[str] = []
    for flavor in document["flavors"].values():
        if isinstance(flavor, dict):
            for field in _FLAVOR_PATHS:
                paths += _paths(flavor.get(field))
    example = document.get("saved_input_example_info")
    if isinstance(example, dict):
        paths += [each for each in (example.get("artifact_path"), example.get("serving_input_path")) if each]
    needed = dict.fromkeys(inside(closing, path).rstrip("/") for path in paths if isinstance(path, str))
    return replace(placed(Kind("mlflow"), closing), needed=tuple(needed))


def _paths(value: Any) -> list[str]:  # noqa: ANN401 - whatever YAML there is
    """Return the paths of one field: a path, a list of them, or named ones that may each have a `path`."""
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, dict):
        named = (each.get("path") if isinstance(each, dict) else each for each in value.values())
        return [each for each in named if isinstance(each, str) and each]
    if isinstance(value, list):
        return [each for each in value if isinstance(each, str) and each]
    return []
