"""The sandbox as a whole: three clouds on one machine, in one state folder.

There is no supervising process. Each part is a process of its own that outlives whoever started it; the state folder
remembers the ids, and whoever has the folder can look, stop and start.

    STATE/endpoints.json    where everything is; written when all of it answers
    STATE/tradewind.yaml    the fleet, with credentials/ beside it
    STATE/rules.yaml        rules of your own, if you put them there; the fleet has them besides the sandbox's
    STATE/logs/PART.log     one log for each process
    STATE/run/PART.json     process ids
    STATE/data/             what the emulators keep on disk; each new start begins with nothing
    STATE/notices.jsonl     what was told to the fleet's webhook, a line for each notice
    STATE/faults.json       what is wrong on purpose
"""

from __future__ import annotations

import fcntl
import shlex
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from tradewind_sandbox import disturbances, fleet_file, notices, prepare, timers
from tradewind_sandbox.addresses import Endpoints, Ports, endpoints
from tradewind_sandbox.clients import client_of
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.fault import RUNTIMES
from tradewind_sandbox.faults import Faults
from tradewind_sandbox.names import AWS_SITE, MODEL
from tradewind_sandbox.observe import Observer
from tradewind_sandbox.plan import DATA, Plan, plan
from tradewind_sandbox.ports import is_free
from tradewind_sandbox.process import Part
from tradewind_sandbox.roster import Roster
from tradewind_sandbox.serving.front import prepare_front
from tradewind_sandbox.serving.shipped import served_files
from tradewind_sandbox.serving.waiting import wait_until_serving
from tradewind_sandbox.settings import Settings

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
        serving: Whether it has model servers, their front and the timers that look after them.
        tick: Seconds between two rings of those timers; 0: they ring by hand only.

    What is not said of `serving` and `tick` is as it was the last time in that folder, and at first with all of it.
    """

    def __init__(self, state: Path = DEFAULT_STATE, *, serving: bool | None = None, tick: float | None = None) -> None:
        self.state = state.absolute()
        self._serving, self._tick = serving, tick
        self._roster = Roster(self.state)

    # --- all of it ------------------------------------------------------------------------------------------------

    def up(self) -> bool:
        """Start what does not run, and return when everything answers: True if something was started.

        If the data of an emulator is gone (the machine was restarted, a process was killed from outside), the sandbox
        starts afresh. Nothing is left running if it fails.

        Raises:
            SandboxError: A part did not start; with the end of its log. Or it runs with other settings.
        """
        with self.alone():
            self._refuse_other_settings()
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
        with self.alone():
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
        """Let the timers of sites that sweep ring, one after the other, as in the clouds every minute; default: all.

        Raises:
            SandboxError: A function failed; those of the sites after it were not called.
        """
        ports = self._ports()
        for site in sites or timers.SITES:
            timers.ring(site, ports)

    def look(self, *sites: str) -> None:
        """Let the timers of sites that look after endpoints ring, side by side: one round each; default: all sites.

        Raises:
            SandboxError: A function failed, after the others had ended.
        """
        chosen, ports = sites or timers.SITES, self._ports()
        with ThreadPoolExecutor(len(chosen)) as workers:
            for done in [workers.submit(timers.ring, site, ports, "observe") for site in chosen]:
                done.result()

    def deploy_model(self, site: str = AWS_SITE) -> None:
        """Upload the model that the model servers serve into one site's bucket, from where it goes to the others."""
        client = client_of(self.endpoints.sites[site])
        for name, body in served_files().items():
            client.put(MODEL + name, body)

    def wait_until_serving(self, timeout: float = 120.0) -> None:
        """Return when every model server has its model, or raise SandboxError after `timeout` seconds."""
        wait_until_serving(self.endpoints, timeout)

    def deploy_rules(self, rules: Sequence[Mapping[str, object]]) -> None:
        """Add rules to the fleet, and return when every function knows them, which takes a minute in the clouds.

        Raises:
            FleetError: They are not rules of this fleet; nothing is changed.
        """
        fleet_file.add_rules(self.endpoints.fleet, rules)
        self.restart(*(part for part in RUNTIMES if part in {each.name for each in self._parts()}))

    @cached_property
    def observer(self) -> Observer:
        """What looks at the sandbox from outside."""
        return Observer(self.state, self._ports())

    @cached_property
    def faults(self) -> Faults:
        """What is wrong with it on purpose."""
        return Faults(self)

    # --- some parts -----------------------------------------------------------------------------------------------

    def start(self, *names: str) -> None:
        """Start parts again side by side, and return when they answer; no error if one runs."""
        with self._alone_with(names) as parts:
            self._roster.start([part for part in parts if self._roster.running(part.name) is None])

    def stop(self, *names: str) -> None:
        """End parts as an orderly shutdown does; no error if one does not run."""
        with self._alone_with(names):
            self._roster.stop(names, force=False)

    def kill(self, *names: str) -> None:
        """End parts, and every process that they started, with SIGKILL and at the same time."""
        with self._alone_with(names):
            self._roster.stop(names, force=True)

    def restart(self, *names: str) -> None:
        """Stop parts and start them again, at the same addresses."""
        self.stop(*names)
        self.start(*names)

    def hold(self, *names: str) -> None:
        """Hold parts still, as a machine does that hangs: connections are taken, and nothing is answered."""
        with self._alone_with(names):
            self._roster.hold(names)

    def resume(self, *names: str) -> None:
        """Let parts go on that were held still."""
        with self._alone_with(names):
            self._roster.resume(names)

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

    @property
    def settings(self) -> Settings:
        """What it was started with; before that, what it would be started with."""
        remembered = Settings.load(self._settings_file)
        if remembered is not None and self._endpoints_file.exists():
            return remembered
        return (remembered or Settings()).wished(serving=self._serving, tick=self._tick)

    @property
    def _settings_file(self) -> Path:
        return self.state / "settings.json"

    def _refuse_other_settings(self) -> None:
        now = self.settings
        if now.wished(serving=self._serving, tick=self._tick) != now:
            what = f"{'with' if now.serving else 'without'} model servers, and timers that ring every {now.tick:g} s"
            raise SandboxError(
                f"The sandbox in {self.state} runs {what}", hint="Take it down first: tradewind sandbox down"
            )

    def _plan(self) -> Plan | None:
        ports = Ports.load(self._ports_file)
        if ports is None:
            return None
        shifts = {fault.subject: fault.amount for fault in disturbances.read(self.state) if fault.kind == "clock"}
        return plan(self.state, ports, self.state / "tradewind.yaml", self.settings, shifts)

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
        (self.state / notices.FILE).unlink(missing_ok=True)
        (self.state / "data").mkdir(parents=True)
        ports, settings = self._choose_ports(), self.settings
        settings.save(self._settings_file)
        where = endpoints(ports, self.state / "tradewind.yaml", serving=settings.serving)
        fleet_file.write(where, ports, settings)
        fleet_file.add_rules(where.fleet, fleet_file.own_rules(self.state))
        prepare_front(self.state, ports)
        steps = plan(self.state, ports, where.fleet, settings)
        self._roster.start(steps.storage)
        serving = self._roster.begin(steps.serving)  # they load while the rest is prepared
        prepare.prepare_topics(ports)
        self._roster.start(steps.announcing)
        prepare.prepare_buckets(ports)
        functions = self._roster.begin(steps.functions)
        if settings.serving:
            prepare.prepare_registers(where.fleet)
        self._roster.wait_ready([*functions, *serving])
        self._roster.start(steps.ringing)
        where.save(self._endpoints_file)

    def _choose_ports(self) -> Ports:
        """Keep the ports of the last time, if they are free, so that what points at them stays right."""
        ports = Ports.load(self._ports_file)
        if ports is None or not all(is_free(port) for port in asdict(ports).values()):
            ports = Ports.choose()
            ports.save(self._ports_file)
        return ports

    def _stop_everything(self) -> bool:
        self._endpoints_file.unlink(missing_ok=True)
        (self.state / disturbances.FILE).unlink(missing_ok=True)
        return self._roster.stop_all()

    def _status_of(self, part: Part) -> PartStatus:
        identity = self._roster.running(part.name)
        if identity is None:
            return PartStatus(part.name, part.note, running=False, port=part.port)
        seconds = round(time.time() - identity.created, 1)
        return PartStatus(part.name, part.note, running=True, pid=identity.pid, port=part.port, seconds=seconds)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let one process at a time start and stop parts, or change what is wrong; not to be nested."""
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
    def _alone_with(self, names: Sequence[str]) -> Iterator[Sequence[Part]]:
        """Hold the lock while some parts are started or stopped."""
        for name in names:
            self._part(name)  # before the lock: where there is no sandbox, no folder is made
        with self.alone():
            yield [self._part(name) for name in names]
