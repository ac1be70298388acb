"""One part of the sandbox is one process group with a log file; this starts it, checks it and ends it."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.ports import listens

_POLL = 0.05
"""Seconds between two looks at a process that starts or ends."""
_PATIENCE = 60.0
"""Seconds that a part has to become ready; generous, because a loaded machine is not a broken one."""
_GRACE = 10.0
"""Seconds that a part has to end by itself before it is killed."""


@dataclass(frozen=True, slots=True)
class Part:
    """How to run one part."""

    name: str
    command: Sequence[str]
    port: int | None = None
    """The part is ready when this port accepts connections; None if it listens nowhere."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to this process's own environment."""
    cwd: Path | None = None
    note: str = ""
    """What it is, for people."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A process, told apart from a later one that was given the same id."""

    pid: int
    created: float
    """Seconds since the epoch, as the kernel knows it."""

    def process(self) -> psutil.Process | None:
        """Return the process if it still runs, else None."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created) < 1 and _lives(process):
                return process
        return None


_started: dict[int, subprocess.Popen[bytes]] = {}
"""Our own children, kept for as long as this process lives: some run on when it ends, and that is meant so."""


@atexit.register
def _reap() -> None:
    """Take note of children that somebody else ended, so that Python does not take them for forgotten."""
    for child in _started.values():
        child.poll()


def spawn(part: Part, log: Path) -> Identity:
    """Start `part` as the leader of a session of its own, appending to `log`, and return at once."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(part.command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=part.cwd,
            env={**os.environ, **part.env},
            start_new_session=True,
        )
    _started[process.pid] = process
    return Identity(process.pid, psutil.Process(process.pid).create_time())


def wait_ready(part: Part, identity: Identity, log: Path) -> None:
    """Return when `part` answers.

    Raises:
        SandboxError: It ended, or did not answer in time; with the end of its log.
    """
    _until(
        lambda: identity.process() is None or part.port is None or listens(part.port),
        f"{part.name} does not answer on port {part.port} after {_PATIENCE:.0f} s",
        log,
    )
    if identity.process() is None:
        raise SandboxError(f"{part.name} ended while it was starting", hint=tail(log))


def stop(identity: Identity, *, force: bool = False) -> None:
    """End a part and every process that it started; return when they are gone. Stopping twice is no error.

    Args:
        identity: The part's first process.
        force: Use SIGKILL at once, on all of them, as a crash would.
    """
    if process := identity.process():
        family = [process, *_children(process)]
        if not force:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
            resume(identity)  # one that is held still takes no other signal
            _wait_gone(family)
        # The part leads its session, so the group is its own and holds nothing of ours.
        with suppress(ProcessLookupError):
            os.killpg(identity.pid, signal.SIGKILL)
        _wait_gone(family)
    if child := _started.pop(identity.pid, None):
        child.wait()


def hold(identity: Identity) -> None:
    """Hold a part and every process that it started still, until `resume`: the kernel takes connections for it."""
    os.killpg(identity.pid, signal.SIGSTOP)


def resume(identity: Identity) -> None:
    """Let a part go on that was held still; no error if it was not."""
    with suppress(ProcessLookupError):
        os.killpg(identity.pid, signal.SIGCONT)


def tail(log: Path, lines: int = 20) -> str:
    """Return the end of a log, for an error message."""
    text = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([f"The end of {log}:", *text[-lines:]]) if text else f"{log} is empty"


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def _wait_gone(processes: Sequence[psutil.Process]) -> None:
    # A zombie is gone, too: in a container it may be a while before anybody reaps it.
    end = time.monotonic() + _GRACE
    while any(_lives(process) for process in processes) and time.monotonic() < end:
        time.sleep(_POLL)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _until(done: Callable[[], bool], complaint: str, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > end:
            raise SandboxError(complaint, hint=tail(log))
        time.sleep(_POLL)
