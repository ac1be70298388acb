"""The programs that tradewind is compared with, as one would call them for the same work."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import measure
from bench.clouds import BUCKET, Clouds
from bench.measure import Usage

RCLONE = str(Path(sys.executable).with_name("rclone"))


@dataclass(frozen=True, slots=True)
class Rclone:
    """rclone, with a remote for each site."""

    clouds: Clouds
    options: Sequence[str] = ()

    def copy(self, source: str, target: str, prefix: str, *options: str) -> Usage:
        """Copy everything under a prefix from one site to another."""
        return self("copy", *options, f"{source}:{BUCKET}/{prefix}", f"{target}:{BUCKET}/{prefix}")

    def upload(self, folder: Path, site: str, prefix: str) -> None:
        """Put a folder's files under a prefix."""
        self("copy", "--transfers", "16", str(folder), f"{site}:{BUCKET}/{prefix}")

    def __call__(self, *arguments: str) -> Usage:
        """Run it."""
        command = [RCLONE, "--config", "/dev/null", "--log-level", "ERROR", *self.options, *arguments]
        return measure.run(command, {**os.environ, **self.clouds.remotes()})
