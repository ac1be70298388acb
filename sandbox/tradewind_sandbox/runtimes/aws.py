"""`python -m tradewind_sandbox.runtimes.aws`: Lambda for a function that is fed from an SQS queue, and for others."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from pathlib import Path

from tradewind_sandbox.emulators import AWS_ACCOUNT, AWS_REGION, S3Emulator
from tradewind_sandbox.runtimes.lambda_environment import FunctionSettings
from tradewind_sandbox.runtimes.lambda_service import Function, serve
from tradewind_sandbox.runtimes.sqs_source import SqsSource, client

_LONGEST = 300.0
"""Seconds that an invocation of the other functions may take; template.yaml says the same of the sweep."""


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tradewind_sandbox.runtimes.aws", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--handler", required=True, help="module.function, which the queue feeds")
    parser.add_argument("--also", action="append", default=[], help="module.function, which whoever likes invokes")
    parser.add_argument("--folder", type=Path, required=True, help="where the handlers' files are")
    parser.add_argument("--endpoint", required=True, help="of SQS")
    parser.add_argument("--queue", required=True)
    parser.add_argument("--visibility", type=int, required=True, help="of the queue, in seconds")
    parser.add_argument("--timeout", type=float, default=60.0, help="of one invocation from the queue, in seconds")
    parser.add_argument("--concurrency", type=int, default=2)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")

    function = Function(_settings(options.handler, options.folder, options.timeout), concurrency=options.concurrency)
    others = [Function(_settings(handler, options.folder, _LONGEST), concurrency=1) for handler in options.also]
    known = S3Emulator(options.endpoint)
    sqs = client(known.url, known.region, known.access_key_id, known.secret_access_key)
    source = SqsSource(
        sqs,
        f"{options.endpoint}/{AWS_ACCOUNT}/{options.queue}",
        f"arn:aws:sqs:{AWS_REGION}:{AWS_ACCOUNT}:{options.queue}",
        options.visibility,
        function.invoke,
    )
    server = serve([function, *others], options.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    function.warm_up()
    source.start(options.concurrency)
    server.serve_forever()
    source.stop()
    for each in (function, *others):
        each.close()


def _settings(handler: str, folder: Path, timeout: float) -> FunctionSettings:
    name = handler.split(".", maxsplit=1)[0]
    arn = f"arn:aws:lambda:{AWS_REGION}:{AWS_ACCOUNT}:function:{name}"
    return FunctionSettings(name, arn, handler, folder, timeout, _environment(name))


def _environment(name: str) -> dict[str, str]:
    return {
        "AWS_REGION": AWS_REGION,
        "AWS_DEFAULT_REGION": AWS_REGION,
        "POWERTOOLS_SERVICE_NAME": name,
        "POWERTOOLS_METRICS_NAMESPACE": "tradewind",
        # There is no X-Ray daemon on this machine.
        "POWERTOOLS_TRACE_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
        **{name: value for name, value in os.environ.items() if name.startswith("TRADEWIND_")},
    }


if __name__ == "__main__":
    main()
