"""A function's process without its platform: `python -m bench.function MESSAGES`, measured from "go" to the end.

It does what a handler does with a batch: each message goes through `runtime.deliver`, several side by side in threads.
Messages are lines of JSON, `[body, attributes]`. It says `ready` when everything is imported and the clients have been
used once, works off the messages when it is told `go`, and answers with what it took.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tradewind import runtime
from tradewind.logs import log_json
from tradewind.ports import Message
from tradewind.replication.decide import Verdict


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
    messages = [Message(body, str(n), attributes=of) for n, (body, of) in enumerate(_lines(options.messages))]
    warm, work = messages[: options.warm], messages[options.warm :]
    if options.processes > 1:
        _split(work, warm, options.threads, options.processes, answers)
        return
    with ThreadPoolExecutor(options.threads) as pool:
        _work(warm, pool)
        print("ready", file=answers, flush=True)
        sys.stdin.readline()
        print(json.dumps(_measured(work, pool)), file=answers, flush=True)


def _lines(path: Path) -> Sequence[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _work(messages: Sequence[Message], pool: ThreadPoolExecutor) -> int:
    return sum(pool.map(_deliver, messages))


def _deliver(message: Message) -> int:
    outcomes = runtime.deliver(message)
    for outcome in outcomes:
        if outcome.verdict is not Verdict.COPIED:
            raise SystemExit(f"{outcome.route}: {outcome.verdict} {outcome.reason} {outcome.error}")
    return len(outcomes)


def _measured(messages: Sequence[Message], pool: ThreadPoolExecutor) -> dict[str, float]:
    before, begin = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    copied = _work(messages, pool)
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu": cpu, "copied": copied, "rss": _peak()}


def _peak() -> int:
    """Return the most bytes that were resident; `ru_maxrss` counts those of the parent before the exec, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _split(
    work: Sequence[Message],
    warm: Sequence[Message],
    threads: int,
    processes: int,
    answers: Any,  # noqa: ANN401 - a stream
) -> None:
    """Share the messages among processes that were forked with everything imported."""
    gc.freeze()
    orders, told = [os.pipe() for _ in range(processes)], [os.pipe() for _ in range(processes)]
    for number in range(processes):
        if os.fork() == 0:
            with ThreadPoolExecutor(threads // processes) as pool:
                _work(warm[number::processes], pool)
                os.write(told[number][1], b"r")
                os.read(orders[number][0], 1)
                os.write(told[number][1], json.dumps(_measured(work[number::processes], pool)).encode())
            os._exit(0)
    for out, _ in told:
        os.read(out, 1)
    print("ready", file=answers, flush=True)
    sys.stdin.readline()
    for _, order in orders:
        os.write(order, b"g")
    found = [json.loads(os.read(out, 4096)) for out, _ in told]
    whole = {name: sum(each[name] for each in found) for name in ("cpu", "copied", "rss")}
    print(json.dumps(whole | {"seconds": max(each["seconds"] for each in found)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
