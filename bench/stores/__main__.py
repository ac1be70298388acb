"""Run one store: `python -m bench.stores s3 --port 9000`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
from collections.abc import Callable, Mapping
from typing import Protocol

import uvloop

from bench.stores.azure import Azure
from bench.stores.gcs import Gcs
from bench.stores.s3 import S3
from bench.stores.shelf import Shelf
from bench.stores.wire import Answer, Connection, Pace, Request


class Dialect(Protocol):
    """Answers requests in one cloud's way."""

    def handle(self, request: Request) -> Answer:
        """Answer one request."""


DIALECTS: Mapping[str, Callable[[Shelf], Dialect]] = {"s3": S3, "gcs": Gcs, "azure": Azure}


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGINT, stop.set)
    shelf = Shelf(options.summed * 1024 * 1024)
    dialect = DIALECTS[options.dialect](shelf)
    for number in range(options.ports):
        pace = Pace(options.pace * 1e6) if options.pace and number else None

        def connect(pace: Pace | None = pace) -> Connection:
            return Connection(
                dialect.handle, shelf.lose, discard=options.discard, delay=options.delay / 1000, pace=pace
            )

        await loop.create_server(connect, "127.0.0.1", options.port + number, backlog=512)
    await stop.wait()


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m bench.stores", description=__doc__)
    parser.add_argument("dialect", choices=DIALECTS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ports", type=int, default=1, help="how many ports from --port on serve the same objects")
    parser.add_argument("--pace", type=float, default=0.0, help="MB/s that each port but the first carries")
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds that every answer waits")
    parser.add_argument("--summed", type=int, default=8, help="MiB up to which an MD5 is kept where clouds do")
    parser.add_argument("--discard", action="store_true", help="keep no body above 1 MiB, only count it")
    options = parser.parse_args()
    gc.freeze()
    gc.set_threshold(100_000)  # objects are many, and hardly any is in a cycle
    uvloop.run(serve(options))


if __name__ == "__main__":
    main()
