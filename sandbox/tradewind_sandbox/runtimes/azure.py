"""`python -m tradewind_sandbox.runtimes.azure`: a host for a function app, in place of the Azure Functions host.

It drives the real `FunctionApp` through its bindings: queue triggers, Event Grid triggers, HTTP triggers.
"""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from pathlib import Path

from tradewind_sandbox.runtimes.azure_app import load
from tradewind_sandbox.runtimes.azure_http import serve
from tradewind_sandbox.runtimes.azure_queue import QueueListener
from tradewind_sandbox.runtimes.azure_settings import queue_settings


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tradewind_sandbox.runtimes.azure", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where function_app.py is")
    parser.add_argument("--host-file", type=Path, required=True, help="host.json")
    parser.add_argument("--lease", type=int, default=10, help="seconds for which a message is hidden")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("azure.core.pipeline.policies.http_logging_policy", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)

    functions = load(options.folder)
    settings = queue_settings(options.host_file)
    queued = [function for function in functions if function.trigger["type"] == "queueTrigger"]
    listeners = [QueueListener(function, settings, options.lease) for function in queued]
    server = serve(functions, options.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    for listener in listeners:
        listener.start()
    server.serve_forever()
    for listener in listeners:
        listener.stop()


if __name__ == "__main__":
    main()
