"""`python -m tradewind_sandbox.door`: the address that clients of an emulator connect to.

A cloud that is down has not forgotten anything, but moto and fake-gcs-server keep their objects in memory, and Azurite
writes its index every five seconds. So the sandbox runs an emulator as two processes: what holds the data, and a door
before it. Stopping or killing the door is what an outage looks like from outside: connections break, new ones are
refused, and when it opens again everything is there.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from contextlib import suppress

from tradewind_sandbox.ports import HOST

_CHUNK = 1 << 18


async def serve(port: int, behind: int) -> None:
    """Forward every connection to `port` to the port `behind`, until SIGTERM."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(HOST, behind, limit=_CHUNK)
        except OSError:
            writer.close()
            return
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(reader, inner_writer))
            both.create_task(_pump(inner_reader, writer))

    # Not `async with`: that would wait for the clients to hang up.
    await asyncio.start_server(forward, HOST, port, limit=_CHUNK, backlog=1024)
    await stopping.wait()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # Either end may hang up at any moment; then the other is told, and that is all there is to do.
    with suppress(ConnectionError, TimeoutError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    with suppress(ConnectionError, RuntimeError):
        writer.close()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tradewind_sandbox.door", description="The door of an emulator.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--behind", type=int, required=True)
    options = parser.parse_args()
    asyncio.run(serve(options.port, options.behind))


if __name__ == "__main__":
    main()
