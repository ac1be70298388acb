"""What was there before a rule is replicated by a backfill that is killed again and again, and nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tradewind.replication.sweeping.progress import Progress
from tradewind.runtime import Runtime, read_fleet
from tradewind_sandbox.clients import client_of
from tradewind_sandbox.names import AWS_SITE, BUCKETS
from tradewind_sandbox.supervisor import Sandbox

COUNT = int(os.environ.get("TRADEWIND_BACKFILL_OBJECTS", "1200"))
"""Objects, more than a page of them; the full measure is 20,000."""
TRADEWIND = Path(sys.executable).with_name("tradewind")
PATIENCE = 60 + COUNT / 10
"""Seconds, on a machine that does other things, too."""


@pytest.mark.timeout(PATIENCE * 3)
def test_a_backfill_that_is_killed_twice_copies_nothing_twice(whole: Sandbox) -> None:
    """SIGKILL after some pages, twice, and a third start end with every object at every site, written once."""
    source = client_of(whole.endpoints.sites[AWS_SITE])
    bodies = {f"before/{number:06}": b"%06d" % number * 683 for number in range(COUNT)}
    with ThreadPoolExecutor(4) as executor:
        list(executor.map(source.put, bodies, bodies.values()))
    others = [site for site in BUCKETS if site != AWS_SITE]
    rule = {"name": "before", "mode": "one_way", "from": AWS_SITE, "to": others, "prefix": "before/"}
    whole.deploy_rules([rule | {"classification": "public"}])
    fleet = read_fleet(str(whole.endpoints.fleet))
    environment = {**os.environ, "TRADEWIND_FLEET": str(whole.endpoints.fleet)}

    for third in (1, 2):
        with subprocess.Popen([TRADEWIND, "backfill", "before"], env=environment) as running:
            _wait_for(fleet, third * COUNT // 3, running)
            running.send_signal(signal.SIGKILL)
        assert running.returncode == -signal.SIGKILL
    last = subprocess.run(
        [TRADEWIND, "backfill", "before"], env=environment, check=True, capture_output=True, text=True
    )
    whole.wait_until_idle(PATIENCE)

    assert "Going on after" in last.stdout
    assert f"{COUNT:,} keys compared" in last.stdout
    written = {each: count for each, count in whole.writes().items() if each[1].startswith("before/")}
    assert written == {(site, key): 1 for site in BUCKETS for key in bodies}
    verified = subprocess.run(
        [TRADEWIND, "verify", "before", "--deep"], env=environment, check=False, capture_output=True, text=True
    )
    assert verified.returncode == 0, verified.stdout


def _wait_for(fleet: Runtime, keys: int, running: subprocess.Popen[bytes]) -> None:
    """Wait until a backfill has noted so many keys."""
    rule, deadline = fleet.rule("before"), time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        progress: Progress = fleet.sweeper().progress(rule)
        assert running.poll() is None, "it ended before it could be killed"
        if progress.tally.keys >= keys:
            return
        time.sleep(0.02)
    raise AssertionError(f"after {PATIENCE} s it has not come to {keys} keys")
