"""A function instance that works off its site's queue until it is killed: `python -m bench.worker QUEUE_PORT`."""

from __future__ import annotations

import argparse
import logging
import os
from threading import Thread

from bench.queueing import LocalQueue
from tradewind import runtime
from tradewind.errors import TradewindError
from tradewind.logs import log_json


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--threads", type=int, default=1, help="messages at a time")
    parser.add_argument("--quiet", action="store_true", help="keep the audit log to itself")
    options = parser.parse_args()
    if options.quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    log_json()
    site, queue = os.environ["TRADEWIND_SITE"], LocalQueue(options.port)
    here = runtime.current()
    # A queue of the bench in the place of the cloud's: it alone gives a message out again when its worker is killed.
    here._opened["queue", site, "notifications"] = queue  # noqa: SLF001 - as above
    here._opened["queue", site, "dead_letters"] = LocalQueue(options.port, sends="dead")  # noqa: SLF001 - likewise
    here.store(site)
    threads = [Thread(target=_work, args=(here, site, queue)) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    queue.tell_ready()
    for thread in threads:
        thread.join()


def _work(here: runtime.Runtime, site: str, queue: LocalQueue) -> None:
    while True:
        for message in queue.receive():
            try:
                here.deliver(site, message)
            except TradewindError:
                logging.getLogger("tradewind").exception("to be delivered again")  # `deliver` has released it
            else:
                queue.acknowledge(message)


if __name__ == "__main__":
    main()
