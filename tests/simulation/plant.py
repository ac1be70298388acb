"""Plant a bug in a copy of tradewind, and see how soon the simulation finds it: `python -m simulation.plant NAME`.

A simulation that passes says something only if it fails where it should. Each bug takes one of the promises away; its
text must be found exactly once, so that a plant that no longer fits the source is noticed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
COPIES = ROOT / "build" / "plants"
PARTS = "replication/parts/work.py"
SEND = "        self.at.send(job.source, (task.encode() for task in tasks))\n"
NOTE = "        self.jobs.note_asked(held, self.at.clock(), missing[share - 1] if share < len(missing) else None)\n"
PROPOSER = "registers/proposer.py"
STEPS = "failover/moving/steps.py"
_REPLAY = re.compile(r"^replay: .* SEED=(\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Edit:
    """In `file`, `old` becomes `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Plant:
    """A bug, and the suite that must find it."""

    suite: str
    edits: tuple[Edit, ...]


PLANTS = {
    "write-condition": Plant(
        "replication",
        (
            Edit(
                "replication/transfer.py",
                "md5=checksum, expect=expect)\n",
                "md5=checksum, expect=now.token if (now := store.head(payload.state.key)) else None)\n",
            ),
        ),
    ),
    "confirm-read": Plant(
        "replication",
        (
            Edit("replication/copying.py", "        if acted and self._unchanged(source):\n", "        if acted:\n"),
            Edit(
                "replication/agreeing/converge.py", " or self._confirmed(payload.state) else None", " or True else None"
            ),
        ),
    ),
    "tombstone": Plant(
        "replication",
        (
            Edit(
                "replication/agreeing/tombstones.py",
                "            return replace(memory, tombstone=tombstone)\n",
                "            return None\n",
            ),
        ),
    ),
    "own-delete": Plant(
        "replication",
        (
            Edit(
                "replication/replicate.py",
                "        here = self.at.fleet.sites[site]\n        if here.acts_as",
                "        return False\n        here = self.at.fleet.sites[site]\n        if here.acts_as",
            ),
        ),
    ),
    "guard": Plant(
        "guarded",
        (
            Edit(
                "replication/guard.py",
                "return max(guard.minimum, int(guard.share * keys))\n",
                "return max(guard.minimum, int(guard.share * keys) + 1)\n",
            ),
        ),
    ),
    "sweep": Plant(
        "replication",
        (
            Edit(
                "replication/sweeping/sweep.py",
                "if any(judged.repairable for judged in",
                "if all(judged.repairable for judged in",
            ),
        ),
    ),
    "index-first": Plant(
        "sets",
        (
            Edit(
                "replication/sets/keeper.py",
                "        with self._publishing(route, key, body):\n            yield\n",
                "        yield\n        with self._publishing(route, key, body):\n            pass\n",
            ),
        ),
    ),
    "no-sets": Plant(
        "sets",
        (
            Edit(
                "replication/assemble.py",
                "        sets=SetKeeper(fleet, sites.store_of, sites.records_of, fetch, clock, withdraw=withdraw, "
                "may_come=may_come),\n",
                "",
            ),
        ),
    ),
    "parts-unpinned": Plant(
        "replication",
        (
            Edit(PARTS, "store.get(job.key, token=job.version.token, start", "store.get(job.key, start"),
            Edit(PARTS, "            if Version.of(download.state) != job.version:\n", "            if False:\n"),
        ),
    ),
    "parts-condition": Plant(
        "replication",
        (
            Edit(
                PARTS,
                "checksums=made, expect=job.expect\n",
                "checksums=made,\nexpect=now.token if (now := self.at.store_of(job.target).head(job.key)) else None,\n",
            ),
        ),
    ),
    "parts-confirm": Plant(
        "replication",
        (
            Edit(
                PARTS,
                "        after = self.look(route, job.key)\n        return [joined, *(",
                "        after: list[Outcome] = []\n        return [joined, *(",
            ),
        ),
    ),
    "parts-missing": Plant(
        "replication", (Edit(PARTS, "if len(parts) < len(job.plan.numbers):", "if len(parts) < len(numbers):"),)
    ),
    "parts-shared": Plant(
        "replication",
        (
            Edit(
                "replication/parts/start.py",
                "            if other is None or other.job.upload != job.upload:",
                "            if other is None or other.job.upload:",
            ),
            Edit("replication/parts/start.py", " {job.began.isoformat()}", ""),
        ),
    ),
    "parts-unasked": Plant(
        "replication",
        (
            Edit("replication/parts/start.py", NOTE, ""),
            Edit("replication/parts/start.py", SEND, NOTE + SEND),
        ),
    ),
    "parts-left": Plant(
        "replication",
        (
            Edit(
                "replication/parts/leftovers.py", "        for each in self._old(PARTS):\n", "        for each in ():\n"
            ),
        ),
    ),
    "register-promise": Plant(
        "register",
        (
            Edit(
                PROPOSER,
                "self.place.record, after, expect=held.token, stands=stands)",
                "self.place.record, after, stands=stands,\n"
                "expect=now.token if (now := look(self.place.shelves[site], self.place.record)) else None)",
            ),
        ),
    ),
    "register-one-store": Plant(
        "register",
        (
            Edit(
                "registers/panel.py",
                "acceptor.accepted == ballot for acceptor in votes) >= self.config.majority\n",
                "acceptor.accepted == ballot for acceptor in votes) >= 1\n",
            ),
        ),
    ),
    "register-empty": Plant(
        "register",
        (
            Edit(
                "registers/panel.py",
                "    counts: dict[str, Held] = {}\n",
                "    counts: dict[str, Held] = {}\n"
                "    lives = config.members if config else {}\n"
                "    new = {site: Held(Acceptor(life, config, True), None) for site, life in lives.items()}\n"
                "    looks = {site: held or new.get(site) for site, held in looks.items()}\n",
            ),
        ),
    ),
    "register-again": Plant(
        "register", (Edit("registers/register.py", "        if made is not None:\n", "        if False:\n"),)
    ),
    "register-fence": Plant(
        "register",
        (
            Edit(
                "registers/membership.py",
                "        if held.acceptor.config.version >= new.version:\n",
                "        if held.acceptor.config:\n",
            ),
        ),
    ),
    "failover-epoch": Plant(
        "failover",
        (
            Edit(
                "failover/moving/acting.py",
                "    if not whole and not _current(hands.register, routing, changing=True):\n",
                "    if False:\n",
            ),
        ),
    ),
    "failover-minority": Plant(
        "failover",
        (Edit("failover/deciding/health.py", "        return self.observers // 2 + 1\n", "        return 1\n"),),
    ),
    "failover-clocks": Plant(
        "failover",
        (
            Edit(
                "failover/looking/seeing.py",
                "    return _age(heard.since, now, stale) or",
                "    return _age(view.at, now, stale) or",
            ),
        ),
    ),
    "failover-stale": Plant(
        "failover",
        (
            Edit(
                "failover/looking/seeing.py",
                "    return _age(heard.since, now, stale) or",
                "    return",
            ),
            Edit("failover/looking/seeing.py", "heard.still > STILL", "False"),
        ),
    ),
    "failover-frozen": Plant(
        "failover",
        (
            Edit("failover/deciding/decide.py", "    if routing.frozen:\n", "    if False:\n"),
            Edit(STEPS, "routing.state is not State.SETTLED or routing.frozen:", "routing.state is not State.SETTLED:"),
            Edit(
                STEPS, "routing.state is not State.DETECTED or routing.frozen:", "routing.state is not State.DETECTED:"
            ),
        ),
    ),
    "failover-forced": Plant(
        "failover",
        (Edit(STEPS, "        frozen=routing.frozen,\n", "        frozen=routing.frozen, forced=routing.forced,\n"),),
    ),
    "failover-thawed": Plant("failover", (Edit(STEPS, "        frozen=routing.frozen,\n", ""),)),
    "failover-minimum": Plant(
        "failover",
        (
            Edit(
                "failover/deciding/leaving.py",
                "    if len(left) < scene.group.minimum_serving:\n",
                "    if False:\n",
            ),
        ),
    ),
    "failover-person": Plant(
        "failover",
        (
            Edit(
                "failover/deciding/returning.py",
                "if scene.routing.kind is Kind.MANUAL and _moved(scene, start(scene)):",
                "if False:",
            ),
        ),
    ),
    "failover-person-unseen": Plant(
        "failover",
        (
            Edit(
                "failover/moving/acting.py",
                "(routing.kind is Kind.MANUAL and not any(self.hands.seen_down(name) for name in out))",
                "False",
            ),
        ),
    ),
    "failover-stores": Plant(
        "failover",
        (
            Edit(
                "registers/panel.py",
                "len(self.held) >= self.config.majority",
                "len(self.held) >= len(self.config.members)",
            ),
        ),
    ),
    "failover-observers": Plant(
        "failover", (Edit("failover/deciding/decide.py", "< health.majority:", "< health.observers:"),)
    ),
    "failover-verified": Plant(
        "failover", (Edit("failover/moving/acting.py", "        if not poor:\n", "        if True:\n"),)
    ),
    "failover-unshown": Plant(
        "failover", (Edit(STEPS, "routing.before if routing.state in UNSHOWN else routing.weights", "routing.weights"),)
    ),
    "failover-callers": Plant(
        "failover",
        (
            Edit(
                "failover/turn.py",
                "        finally:\n            if self.routing is not None:\n",
                "        finally:\n            if self.routing is not None and self.routing.state in steps.RESTING:\n",
            ),
        ),
    ),
    "failover-jumps": Plant(
        "failover",
        (
            Edit(
                "failover/remembering.py",
                "min(now - known.epoch_since, known.looks * every)",
                "(now - known.epoch_since)",
            ),
        ),
    ),
    "failover-alone": Plant(
        "failover",
        (
            Edit(
                "failover/remembering.py",
                "    return now - known.revision_since >= rounds * every\n",
                "    return now - known.revision_since < rounds * every < timedelta()\n",
            ),
        ),
    ),
}


def plant(name: str) -> Path:
    """Make a copy of tradewind with the bug in it, and return the folder that it is in.

    Raises:
        SystemExit: The source is no longer what the bug was written for.
    """
    bug, copy = PLANTS[name], COPIES / name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(ROOT / "shared" / "tradewind", copy / "tradewind", ignore=shutil.ignore_patterns("__pycache__"))
    for edit in bug.edits:
        target = copy / "tradewind" / edit.file
        text = target.read_text() if target.exists() else ""
        if text.count(edit.old) != 1:
            sys.exit(f"{name}: {edit.old!r} is {text.count(edit.old)} times in {edit.file}, and must be there once")
        target.write_text(text.replace(edit.old, edit.new))
    return copy


def hunt(name: str, seeds: int) -> int:
    """Run seeds over the copy until one fails; return 0 if one did, and does not without the bug."""
    path = os.pathsep.join((str(plant(name)), str(TESTS)))
    told = _simulate(name, path, "--seeds", str(seeds), "--failures", "1").stdout
    print(told)
    failing = _REPLAY.search(told)
    if failing is None or "FAILED" not in told:
        print(f"{name}: NOT found in {seeds:,} seeds")
        return 1
    if "FAILED" in _simulate(name, str(TESTS), "--seed", failing[1]).stdout:
        print(f"{name}: seed {failing[1]} fails without the bug, too")
        return 1
    print(f"{name}: found by seed {failing[1]}, which passes without the bug")
    return 0


def _simulate(name: str, path: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "simulation.run", "--suite", PLANTS[name].suite, *options]
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, env=environment, check=False, stdout=subprocess.PIPE, text=True)


if __name__ == "__main__":
    sys.exit(hunt(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20_000))
