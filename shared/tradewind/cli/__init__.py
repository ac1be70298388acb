"""The command line: `tradewind`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line, or say what is missing to run it."""
    try:
        from tradewind.cli.app import run  # noqa: PLC0415 - the functions' bundles have no command line
    except ModuleNotFoundError as error:
        sys.exit(f"tradewind: {error.name!r} is not installed; install it with: pip install 'tradewind[cli]'")
    run()
