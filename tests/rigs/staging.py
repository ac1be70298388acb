"""Bundles as `make package-*` stages them, and environments that hold only what a bundle asks for."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLOUDS = ("aws", "gcp", "azure")


def stage(cloud: str, into: Path, **variables: str) -> Path:
    """Stage a cloud's bundle as a user does, and return its folder."""
    settings = [f"{name}={value}" for name, value in {"PACKAGES": str(into), **variables}.items()]
    # A jobserver of the `make test` around this is not ours to use.
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    subprocess.run(["make", "--silent", f"package-{cloud}", *settings], cwd=ROOT, env=env, check=True)  # noqa: S607
    return into / cloud


def this_machine() -> dict[str, str]:
    """Return the make variables of a Lambda bundle that this machine's Python can import."""
    wheels = f"{platform.machine()}-manylinux2014" if sys.platform == "linux" else "macos"
    return {"LAMBDA_PYTHON": f"{sys.version_info.major}.{sys.version_info.minor}", "LAMBDA_PLATFORM": wheels}


@dataclass(frozen=True, slots=True)
class Deployed:
    """A bundle beside a Python that has nothing but what the bundle asks for, as its cloud would lay it out."""

    folder: Path
    """Where the handler's file is; the platform starts there."""
    module: str
    python: Path
    path: Path | None
    """What the platform adds to the module path (a Lambda layer)."""

    def run(self, code: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `code` there, with nothing of this process's environment."""
        env = {"PATH": os.defpath, "HOME": str(self.folder), "AWS_DEFAULT_REGION": "us-east-1"}
        if self.path is not None:
            env["PYTHONPATH"] = str(self.path)
        command = [str(self.python), "-B", "-s", *options, "-c", code]
        return subprocess.run(command, cwd=self.folder, env=env, check=False, capture_output=True, text=True)


def environment(folder: Path, requirements: Path | None) -> Path:
    """Make a Python environment that holds only what `requirements` names, and return its interpreter."""
    uv = str(ROOT / ".venv" / "bin" / "uv")
    env = dict(os.environ)
    if "PIP_INDEX_URL" in env:  # as the Makefile does, for whoever runs pytest without it
        env.setdefault("UV_DEFAULT_INDEX", env["PIP_INDEX_URL"])
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], env=env, check=True)
    python = folder / "bin" / "python"
    if requirements is not None:
        install = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            str(python),
            "--require-hashes",
            "-r",
            str(requirements),
        ]
        subprocess.run([*install, "-r", str(requirements)], env=env, check=True)
    return python
