"""Which processes of a sandbox run: their ids and logs, in the state folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tradewind_sandbox.plan import DATA
from tradewind_sandbox.process import Identity, Part, hold, resume, spawn, stop, wait_ready


class Roster:
    """The processes that were started from one state folder, by whichever process of ours.

    Args:
        state: The folder; `run/` in it holds the ids, `logs/` the logs.
    """

    def __init__(self, state: Path) -> None:
        self._run = state / "run"
        self._logs = state / "logs"

    def log(self, name: str) -> Path:
        """Return where a part's log is."""
        return self._logs / f"{name}.log"

    def running(self, name: str) -> Identity | None:
        """Return the part's process if it runs."""
        with suppress(FileNotFoundError, ValueError, TypeError):
            identity = Identity(**json.loads(self._file(name).read_text()))
            if identity.process():
                return identity
        return None

    def start(self, parts: Sequence[Part]) -> None:
        """Start parts side by side, and return when all of them answer.

        Raises:
            SandboxError: One did not; with the end of its log. The others run on.
        """
        self.wait_ready(self.begin(parts))

    def begin(self, parts: Sequence[Part]) -> Sequence[tuple[Part, Identity]]:
        """Start parts side by side, and return at once, with what `wait_ready` takes."""
        self._run.mkdir(parents=True, exist_ok=True)
        started = []
        for part in parts:
            identity = spawn(part, self.log(part.name))
            self._file(part.name).write_text(json.dumps(asdict(identity)))
            started.append((part, identity))
        return started

    def wait_ready(self, started: Sequence[tuple[Part, Identity]]) -> None:
        """Return when all of the parts answer.

        Raises:
            SandboxError: One does not; with the end of its log. The others run on.
        """
        for part, identity in started:
            wait_ready(part, identity, self.log(part.name))

    def stop(self, names: Sequence[str], *, force: bool) -> None:
        """End parts at the same time, by SIGKILL with `force`; no error if one does not run."""
        running = [identity for name in names if (identity := self.running(name))]
        with ThreadPoolExecutor(len(running) or 1) as workers:
            list(workers.map(partial(stop, force=force), running))

    def hold(self, names: Sequence[str]) -> None:
        """Hold parts still that run."""
        for name in names:
            if identity := self.running(name):
                hold(identity)

    def resume(self, names: Sequence[str]) -> None:
        """Let parts go on that were held still."""
        for name in names:
            if identity := self.running(name):
                resume(identity)

    def stop_all(self) -> bool:
        """End every part, and forget them: True if one ran."""
        files = sorted(self._run.glob("*.json"))
        running = {file.stem: identity for file in files if (identity := self.running(file.stem))}
        data = {name for name in running if name.endswith(DATA)}
        # First whoever asks, then who answers: so nobody logs that the other is gone.
        for group in (running.keys() - data, data):
            with ThreadPoolExecutor(len(group) or 1) as workers:
                list(workers.map(stop, [running[name] for name in group]))
        for file in files:
            file.unlink()
        return bool(running)

    def _file(self, name: str) -> Path:
        return self._run / f"{name}.json"
