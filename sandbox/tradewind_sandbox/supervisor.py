"""The sandbox as a whole: three clouds on one machine, in one state folder.

There is no supervising process. Each part is a process of its own that outlives whoever started it; the state folder
remembers the ids, and whoever has the folder can look, stop and start.

    STATE/endpoints.json    where everything is; written when all of it answers
    STATE/tradewind.yaml    the fleet, with credentials/ beside it
    STATE/rules.yaml        rules of your own, if you put them there; the fleet has them besides the sandbox's
    STATE/logs/PART.log     one log for each process
    STATE/run/PART.json     process ids
    STATE/data/             what the emulators keep on disk; each new start begins with nothing
"""

from __future__ import annotations

import fcntl
import shlex
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from tradewind_sandbox import fleet_file, prepare, timers
from tradewind_sandbox.addresses import Endpoints, Ports, endpoints
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.observe import Observer
from tradewind_sandbox.plan import DATA, RUNTIMES, Plan, plan
from tradewind_sandbox.ports import is_free
from tradewind_sandbox.process import Part
from tradewind_sandbox.roster import Roster

DEFAULT_STATE = Path("build/sandbox")


@dataclass(frozen=True, slots=True)
class PartStatus:
    """What is known about one process."""

    name: str
    note: str
    running: bool
    pid: int | None = None
    port: int | None = None
    seconds: float | None = None
    """Since it was started."""


class Sandbox:
    """The sandbox in one state folder, running or not. Several processes may use the same folder at once.

    Args:
        state: The folder; made when it is needed.
    """

    def __init__(self, state: Path = DEFAULT_STATE) -> None:
        self.state = state.absolute()
        self._roster = Roster(self.state)

    # --- all of it ------------------------------------------------------------------------------------------------

    def up(self) -> bool:
        """Start what does not run, and return when everything answers: True if something was started.

        If the data of an emulator is gone (the machine was restarted, a process was killed from outside), the sandbox
        starts afresh. Nothing is left running if it fails.

        Raises:
            SandboxError: A part did not start; with the end of its log.
        """
        with self._lock():
            missing = [part for part in self._parts() if self._roster.running(part.name) is None]
            if self._endpoints_file.exists() and not missing:
                return False
            if self._endpoints_file.exists() and not any(part.name.endswith(DATA) for part in missing):
                self._roster.start(missing)
                return True
            self._stop_everything()
            try:
                self._start_afresh()
            except BaseException:
                self._stop_everything()
                raise
            return True

    def down(self) -> bool:
        """Stop everything: True if something ran. The logs stay, and the data stays until the next start."""
        with self._lock():
            return self._stop_everything()

    def status(self) -> list[PartStatus]:
        """Return what every part does, those of a sandbox that is down included."""
        return [self._status_of(part) for part in self._parts()]

    @property
    def running(self) -> bool:
        """Say whether the sandbox was brought up, and not down since."""
        return self._endpoints_file.exists() and any(part.running for part in self.status())

    @property
    def endpoints(self) -> Endpoints:
        """Where everything is.

        Raises:
            SandboxError: The sandbox is not up.
        """
        if not self.running:
            raise self._none("No sandbox runs in")
        return Endpoints.load(self._endpoints_file)

    @property
    def start_command(self) -> str:
        """What a person types to bring up the sandbox in this folder."""
        default = self.state == DEFAULT_STATE.absolute()
        return "tradewind sandbox up --detach" + ("" if default else f" --state {shlex.quote(str(self.state))}")

    # --- what it does ---------------------------------------------------------------------------------------------

    def idle(self) -> bool:
        """Say whether no notification waits at any site just now."""
        return not any(self.observer.backlog().values())

    def wait_until_idle(self, timeout: float = 120.0) -> None:
        """Return when no notification waits at any site, or raise SandboxError after `timeout` seconds."""
        self.observer.wait_until_idle(timeout)

    def writes(self) -> Counter[tuple[str, str]]:
        """Return how often each object was written, by site and key (see `Observer.writes`)."""
        return self.observer.writes()

    def tick(self, *sites: str) -> None:
        """Let the timers of sites ring, one after the other, as the clouds do every minute; default: all sites.

        Raises:
            SandboxError: A function failed; those of the sites after it were not called.
        """
        ports = self._ports()
        for site in sites or timers.SITES:
            timers.ring(site, ports)

    def deploy_rules(self, rules: Sequence[Mapping[str, object]]) -> None:
        """Add rules to the fleet, and return when every function knows them, which takes a minute in the clouds.

        Raises:
            FleetError: They are not rules of this fleet; nothing is changed.
        """
        fleet_file.add_rules(self.endpoints.fleet, rules)
        for runtime in RUNTIMES:
            self.restart(runtime)

    @cached_property
    def observer(self) -> Observer:
        """What looks at the sandbox from outside."""
        return Observer(self.state, self._ports())

    # --- one part -------------------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Start one part again, and return when it answers; no error if it runs."""
        with self._alone_with(name) as part:
            if self._roster.running(name) is None:
                self._roster.start([part])

    def stop(self, name: str) -> None:
        """End one part as an orderly shutdown does; no error if it does not run."""
        self._end(name, force=False)

    def kill(self, name: str) -> None:
        """End one part, and every process that it started, with SIGKILL."""
        self._end(name, force=True)

    def restart(self, name: str) -> None:
        """Stop one part and start it again, at the same address."""
        self.stop(name)
        self.start(name)

    def log(self, name: str) -> Path:
        """Return the log of one part, a data process included.

        Raises:
            SandboxError: There is no such part, or no sandbox.
        """
        known = [part.name for part in self._known_parts()]
        if name not in known:
            raise SandboxError(f"The sandbox has no part {name!r}", hint=f"Parts are: {', '.join(known)}")
        return self._roster.log(name)

    # --- inside ---------------------------------------------------------------------------------------------------

    @property
    def _endpoints_file(self) -> Path:
        return self.state / "endpoints.json"

    @property
    def _ports_file(self) -> Path:
        return self.state / "ports.json"

    def _ports(self) -> Ports:
        ports = Ports.load(self._ports_file)
        if ports is None:
            raise self._none("There is no sandbox in")
        return ports

    def _plan(self) -> Plan | None:
        ports = Ports.load(self._ports_file)
        return None if ports is None else plan(self.state, ports, self.state / "tradewind.yaml")

    def _parts(self) -> Sequence[Part]:
        known = self._plan()
        return known.parts if known else []

    def _known_parts(self) -> Sequence[Part]:
        if parts := self._parts():
            return parts
        raise self._none("There is no sandbox in")

    def _none(self, what: str) -> SandboxError:
        return SandboxError(f"{what} {self.state}", hint=f"Start it: {self.start_command}")

    def _part(self, name: str) -> Part:
        offered = {part.name: part for part in self._known_parts() if not part.name.endswith(DATA)}
        if not self._endpoints_file.exists():
            raise self._none("No sandbox runs in")
        if name.endswith(DATA) and name.removesuffix(DATA) in offered:
            door = name.removesuffix(DATA)
            raise SandboxError(
                f"{name} holds the data of {door} in memory, and a cloud that is down does not forget",
                hint=f"Use {door}: its clients are cut off, and find everything again afterwards",
            )
        if name not in offered:
            raise SandboxError(f"The sandbox has no part {name!r}", hint=f"Parts are: {', '.join(offered)}")
        return offered[name]

    def _start_afresh(self) -> None:
        for folder in ("data", "logs", "run"):
            shutil.rmtree(self.state / folder, ignore_errors=True)
        (self.state / "data").mkdir(parents=True)
        ports = self._choose_ports()
        where = endpoints(ports, self.state / "tradewind.yaml")
        fleet_file.write(where, ports)
        fleet_file.add_rules(where.fleet, fleet_file.own_rules(self.state))
        steps = plan(self.state, ports, where.fleet)
        self._roster.start(steps.storage)
        prepare.prepare_topics(ports)
        self._roster.start(steps.announcing)
        prepare.prepare_buckets(ports)
        self._roster.start(steps.functions)
        where.save(self._endpoints_file)

    def _choose_ports(self) -> Ports:
        """Keep the ports of the last time, if they are free, so that what points at them stays right."""
        ports = Ports.load(self._ports_file)
        if ports is None or not all(is_free(port) for port in asdict(ports).values()):
            ports = Ports.choose()
            ports.save(self._ports_file)
        return ports

    def _end(self, name: str, *, force: bool) -> None:
        with self._alone_with(name):
            self._roster.stop(name, force=force)

    def _stop_everything(self) -> bool:
        self._endpoints_file.unlink(missing_ok=True)
        return self._roster.stop_all()

    def _status_of(self, part: Part) -> PartStatus:
        identity = self._roster.running(part.name)
        if identity is None:
            return PartStatus(part.name, part.note, running=False, port=part.port)
        seconds = round(time.time() - identity.created, 1)
        return PartStatus(part.name, part.note, running=True, pid=identity.pid, port=part.port, seconds=seconds)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one process at a time start and stop parts."""
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            lock = (self.state / "lock").open("w")
        except OSError as error:
            raise SandboxError(
                f"The state folder {self.state} cannot be used ({error.strerror or error})",
                hint="Name a folder that can be written: --state DIR",
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as error:
                raise SandboxError(
                    f"{lock.name} cannot be locked ({error.strerror or error})",
                    hint="Name a folder on a local disk: --state DIR",
                ) from error
            yield

    @contextmanager
    def _alone_with(self, name: str) -> Iterator[Part]:
        """Hold the lock while one part is started or stopped."""
        self._part(name)  # before the lock: where there is no sandbox, no folder is made
        with self._lock():
            yield self._part(name)
