"""`python -m tradewind_sandbox.clockwork`: rings the timers that look after endpoints, and takes the notices of it.

Each site's timer rings by itself: what hangs at one cloud is not waited for at the others, and none rings again before
its function has ended.
"""

from __future__ import annotations

import argparse
import logging
import math
import signal
import threading
import time
from pathlib import Path

from tradewind_sandbox import notices
from tradewind_sandbox.addresses import Ports
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.timers import SITES, ring

_log = logging.getLogger(__name__)


def next_ring(last: float, now: float, tick: float) -> float:
    """Return when a timer rings next: on its beat, and none of those that it missed.

    Args:
        last: When it rang.
        now: When its function ended; not before.
        tick: Seconds between two beats.
    """
    return last + tick * max(1, math.ceil((now - last) / tick))


def keep_ringing(site: str, ports: Ports, tick: float, stopping: threading.Event) -> None:
    """Let a site's timer ring on its beat until `stopping` is set."""
    at, complaint = time.monotonic(), ""
    while not stopping.wait(max(0.0, at - time.monotonic())):
        said = _ring(site, ports)
        if said != complaint:
            _log.log(logging.WARNING if said else logging.INFO, "%s", said or f"the timer of {site} is answered again")
        complaint = said
        at = next_ring(at, time.monotonic(), tick)


def _ring(site: str, ports: Ports) -> str:
    """Let a timer ring once, and return what was wrong, or nothing."""
    try:
        ring(site, ports, "observe")
    except SandboxError as error:
        return error.message
    return ""


def main() -> None:
    """Ring, and take notices, until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tradewind_sandbox.clockwork", description="Timers and notices.")
    parser.add_argument("--state", type=Path, required=True, help="the state folder")
    parser.add_argument("--tick", type=float, required=True, help="seconds; 0: ring nothing")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    ports = Ports.load(options.state / "ports.json")
    if ports is None:
        raise SandboxError(f"There is no sandbox in {options.state}")
    stopping = threading.Event()
    for site in SITES if options.tick else ():
        threading.Thread(target=keep_ringing, args=(site, ports, options.tick, stopping), daemon=True).start()
    server = notices.serve(options.state, ports.notices)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    stopping.set()


if __name__ == "__main__":
    main()
