"""`python -m tradewind_sandbox.pubsub`: the emulator as a process."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from pathlib import Path

from tradewind_sandbox.ports import HOST
from tradewind_sandbox.pubsub.push import push_all
from tradewind_sandbox.pubsub.server import serve
from tradewind_sandbox.pubsub.storage import Storage


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tradewind_sandbox.pubsub", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--no-push", action="store_true", help="another process delivers to push endpoints")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    storage = Storage(options.database)
    server = serve(storage, f"{HOST}:{options.port}")
    if options.no_push:
        stopping.wait()
    else:
        push_all(storage, stopping)
    storage.close()
    server.stop(grace=1).wait()


if __name__ == "__main__":
    main()
