"""What several commands need: the fleet file."""

from __future__ import annotations

import os
from typing import Annotated, TypeAlias

import typer

from tradewind.runtime import FLEET_VARIABLE, Runtime, read_fleet

FleetOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--fleet",
        envvar=FLEET_VARIABLE,
        help="The fleet file: a path, or an s3://, gs:// or az:// URI. Default: tradewind.yaml.",
    ),
]


def open_runtime(location: str | None) -> Runtime:
    """Read the fleet file that `location`, the environment, or the present folder names."""
    return read_fleet(location or os.environ.get(FLEET_VARIABLE) or "tradewind.yaml")
