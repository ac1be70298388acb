"""Credentials by reference: from what the fleet file names to the fields that a cloud's client wants."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tradewind.errors import CredentialsError
from tradewind.fleet import Credentials
from tradewind.ports import Secrets


def resolve(
    reference: Credentials, *, beside: Path, vaults: Mapping[str, Callable[[], Secrets]]
) -> Mapping[str, str] | None:
    """Return the fields of the secret that `reference` names, or None for the identity of the process.

    Args:
        reference: From the fleet file.
        beside: Folder that relative file names start from.
        vaults: Opens the secret store of each cloud, by the reference's source.

    Raises:
        CredentialsError: There is no such secret, it may not be read, or it is not a JSON object of strings.
    """
    if reference.source == "ambient":
        return None
    place = f"{reference.source} {reference.name!r}"
    if reference.source == "environment":
        text = os.environ.get(reference.name)
        if text is None:
            raise CredentialsError(
                f"The environment variable {reference.name!r} is not set", hint="Set it, or change the fleet file"
            )
    elif reference.source == "file":
        text = _read(beside / reference.name)
    else:
        text = vaults[reference.source]().get(reference.name)
    return _parse(text, place)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(
            f"The credentials file {str(path)!r} cannot be read ({getattr(error, 'strerror', error)})",
            hint="The fleet file names it relative to itself",
        ) from error


def _parse(text: str, place: str) -> Mapping[str, str]:
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise CredentialsError(
            f"The secret in {place} is not a JSON object",
            hint="`tradewind fleet schema` says which fields each cloud's credentials have",
        )
    return {str(name): value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
