"""Ports to listen on."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from tradewind_sandbox.errors import SandboxError

HOST = "127.0.0.1"
"""The only address that the sandbox listens on."""
_LOWEST = 20_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens now.

    It lies below the range that the kernel gives to outgoing connections: a part that is stopped for a while must find
    its port free again, and a client that dials a stopped part must not be handed that very port and meet itself.
    """
    highest = int(_EPHEMERAL.read_text().split()[0]) - 1 if _EPHEMERAL.exists() else 32_767
    candidates = range(min(_LOWEST, highest - 1000), highest)
    for port in random.sample(candidates, k=200):
        if is_free(port):
            return port
    raise SandboxError("no free port on 127.0.0.1", hint="Stop something that listens, then try again")


def is_free(port: int) -> bool:
    """Say whether a server could listen on `port` of 127.0.0.1 now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True


def listens(port: int) -> bool:
    """Say whether somebody accepts connections on `port` of 127.0.0.1."""
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
