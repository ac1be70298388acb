"""`python -m tradewind_sandbox.pubsub.front`: Pub/Sub as its users see it, a door for clients and push delivery.

Cloud Storage hands its notifications to Pub/Sub inside the cloud, and fake-gcs-server gives up after some seconds. So
what takes messages in and keeps them is a process of its own, which an outage of this one does not touch.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import threading
from pathlib import Path

from tradewind_sandbox import door
from tradewind_sandbox.pubsub.push import push_all
from tradewind_sandbox.pubsub.storage import Storage


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tradewind_sandbox.pubsub.front", description="Pub/Sub.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--behind", type=int, required=True)
    parser.add_argument("--database", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stopping = threading.Event()
    pushing = threading.Thread(target=push_all, args=(Storage(options.database), stopping))
    pushing.start()
    asyncio.run(door.serve(options.port, options.behind))
    stopping.set()
    pushing.join()


if __name__ == "__main__":
    main()
