"""A function's process without its platform: `python -m bench.function MESSAGES`, measured from "go" to the end.

It does what a handler does with a batch: each message goes through `runtime.deliver`, several side by side in threads.
Messages are lines of JSON, `[body, attributes]`, and are read when their turn comes, since a function is never handed
thousands at once. It says `ready` when everything is imported and the clients have been used once, works off the
messages when it is told `go`, and answers with what that took.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock, Thread
from typing import TextIO

from tradewind import runtime
from tradewind.logs import log_json
from tradewind.ports import Message
from tradewind.replication.decide import Verdict


@dataclass(frozen=True, slots=True)
class Share:
    """The messages that are one process's.

    Args:
        path: Where all of them are.
        warm: So many at the beginning are worked off before anything is measured.
        number: Of the process.
        processes: Of which each takes every so-many-th message.
    """

    path: Path
    warm: int
    number: int
    processes: int

    def first(self) -> Iterator[Message]:
        """Yield what is worked off before anything is measured."""
        return self._messages(self.number, self.warm)

    def rest(self) -> Iterator[Message]:
        """Yield what is measured."""
        return self._messages(self.warm + self.number, None)

    def _messages(self, start: int, end: int | None) -> Iterator[Message]:
        with self.path.open() as lines:
            for line in islice(lines, start, end, self.processes):
                body, attributes = json.loads(line)
                yield Message(body, "bench", attributes=attributes)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("messages", type=Path)
    parser.add_argument("--warm", type=int, default=1, help="messages at the beginning that are not measured")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whither the audit log goes, formatted as in the cloud
    log_json()
    shares = [Share(options.messages, options.warm, each, options.processes) for each in range(options.processes)]
    threads = options.threads // options.processes
    if len(shares) > 1:
        _fork(shares, threads, answers)
        return
    _work(shares[0].first(), threads)
    print("ready", file=answers, flush=True)
    sys.stdin.readline()
    print(json.dumps(_measured(shares[0], threads)), file=answers, flush=True)


def _work(messages: Iterable[Message], threads: int) -> int:
    """Work off messages, so many at a time, and return how many replicas were written."""
    waiting, lock, written, failed = iter(messages), Lock(), [0] * threads, list[BaseException]()

    def work(number: int) -> None:
        try:
            while not failed:
                with lock:
                    message = next(waiting, None)
                if message is None:
                    return
                written[number] += _deliver(message)
        except BaseException as error:  # noqa: BLE001 - raised below
            failed.append(error)

    workers = [Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failed:
        raise failed[0]
    return sum(written)


def _deliver(message: Message) -> int:
    outcomes = runtime.deliver(message)
    for outcome in outcomes:
        if outcome.verdict is not Verdict.COPIED:
            raise SystemExit(f"{outcome.route}: {outcome.verdict} {outcome.reason} {outcome.error}")
    return len(outcomes)


def _measured(share: Share, threads: int) -> dict[str, float]:
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    written = _work(share.rest(), threads)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": cpu, "written": written}


def _fork(shares: Sequence[Share], threads: int, answers: TextIO) -> None:
    """Let processes take a share each that were forked with everything imported."""
    gc.freeze()
    orders, told = [os.pipe() for _ in shares], [os.pipe() for _ in shares]
    for number, share in enumerate(shares):
        if os.fork() == 0:
            _work(share.first(), threads)
            os.write(told[number][1], b"r")
            os.read(orders[number][0], 1)
            os.write(told[number][1], json.dumps(_measured(share, threads)).encode())
            os._exit(0)
    for out, into in told:
        os.close(into)  # so that a process that fails is noticed
        if not os.read(out, 1):
            raise SystemExit("a function's process failed")
    print("ready", file=answers, flush=True)
    sys.stdin.readline()
    for _, order in orders:
        os.write(order, b"g")
    found = [json.loads(os.read(out, 4096)) for out, _ in told]
    whole = {name: sum(each[name] for each in found) for name in ("cpu", "written")}
    print(json.dumps(whole | {"seconds": max(each["seconds"] for each in found)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
