"""`python -m tradewind_sandbox.serving`: a model server at one site, which serves what its bucket holds."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import threading
from pathlib import Path

from tradewind_sandbox.clients import client_of
from tradewind_sandbox.disturbances import Watched
from tradewind_sandbox.names import MODEL_SERVERS
from tradewind_sandbox.serving.loading import Loader
from tradewind_sandbox.serving.rate import Rate
from tradewind_sandbox.serving.server import Served, serve


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tradewind_sandbox.serving", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--site", required=True)
    parser.add_argument("--where", type=json.loads, required=True, help="the site, as endpoints.json has it")
    parser.add_argument("--state", type=Path, required=True, help="the state folder, whose faults it follows")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    endpoint = MODEL_SERVERS[options.site]
    loader = Loader(client_of(options.where), options.state / "data" / endpoint)
    server = serve(Served(endpoint, options.site, loader, Watched(options.state), Rate()), options.port)
    stopping = threading.Event()
    threading.Thread(target=loader.run, args=(stopping,), daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    stopping.set()


if __name__ == "__main__":
    main()
