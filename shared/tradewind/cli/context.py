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
UriArgument: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="URI", help="s3://bucket/key, gs://bucket/key, az://account/container/key, or SITE:key."),
]


def open_runtime(location: str | None) -> Runtime:
    """Read the fleet file that `location`, the environment, or the present folder names."""
    return read_fleet(location or os.environ.get(FLEET_VARIABLE) or "tradewind.yaml")
