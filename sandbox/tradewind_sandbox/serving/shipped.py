"""The model that the sandbox serves: what ships in the magika package, which tells kinds of files apart."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tradewind_sandbox.errors import SandboxError

SERVED = ("config.min.json", "model.onnx")
"""What a model server needs of it; the network comes last, as the larger."""


def model_files() -> dict[str, bytes]:
    """Return the files of the model folder that ships in the magika package: a network and its JSON.

    Raises:
        SandboxError: The package is not installed.
    """
    spec = find_spec("magika")
    if spec is None or not spec.submodule_search_locations:
        raise SandboxError("The package `magika` is not installed", hint="pip install 'tradewind[sandbox]'")
    models = Path(spec.submodule_search_locations[0]) / "models"
    files = {str(path.relative_to(models)): path.read_bytes() for path in sorted(models.rglob("*")) if path.is_file()}
    if not files:
        raise SandboxError(f"There is no model in {models}")
    return files


def served_files() -> dict[str, bytes]:
    """Return the files that a model server needs, by their names without a folder."""
    found = {Path(name).name: body for name, body in model_files().items()}
    return {name: found[name] for name in SERVED}
