"""rclone, a client that knows nothing of tradewind, pointed at the sandbox's sites."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

RCLONE = Path(sys.executable).with_name("rclone")
MIB = 1024 * 1024
AWKWARD = (
    "with space",
    " leading space",
    "plus+sign",
    "percent%sign",
    "percent%20encoded",
    "percent%2Fslash",
    "hash#mark",
    "question?mark",
    "amper&sand=equals",
    "semi;colon:colon",
    "quotes'\"quotes",
    "brackets[1]{2}(3)<4>",
    "star*pipe|tilde~caret^",
    "comma,at@dollar$bang!",
    "größe",
    "модель",
    "模型",
    "emoji-🚀",
    "combining-e\u0301",
    "dots..inside",
    ".hidden",
    "UPPER and lower",
    "x" * 200,
)
"""Names that all three clouds can hold."""
BINARY = b"\x01"
"""A first byte that no text has. fake-gcs-server drops the content type that rclone gives, and serves a guess from the
bytes; Cloud Storage guesses nothing, and serves what was stored without a type as what is guessed of this."""


def remotes(sites: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the environment that tells rclone of the three sites, as remotes `aws`, `gcp` and `azure`."""
    fields: dict[str, Callable[[Mapping[str, str]], dict[str, str]]] = {
        "aws": lambda s: {
            "type": "s3",
            "provider": "Other",
            "access_key_id": s["access_key_id"],
            "secret_access_key": s["secret_access_key"],
            "endpoint": s["endpoint_url"],
            "region": s["region"],
            "force_path_style": "true",
        },
        "gcp": lambda s: {"type": "gcs", "anonymous": "true", "endpoint": f"{s['endpoint_url']}/storage/v1/"},
        "azure": lambda s: {
            "type": "azureblob",
            "account": s["account_name"],
            "key": s["account_key"],
            "endpoint": s["blob_endpoint"],
        },
    }
    environment = dict(os.environ)
    for site in sites.values():
        for name, value in fields[site["cloud"]](site).items():
            environment[f"RCLONE_CONFIG_{site['cloud']}_{name}".upper()] = value
    return environment | {"RCLONE_CONFIG": "/dev/null"}


def folder(site: Mapping[str, str], prefix: str) -> str:
    """Return how rclone calls a prefix of a site."""
    return f"{site['cloud']}:{site.get('bucket') or site['container']}/{prefix}"


def rclone(environment: Mapping[str, str], *arguments: str) -> None:
    """Run rclone, and fail with what it said if it fails."""
    command = [str(RCLONE), *arguments, "--log-level", "NOTICE", "--retries", "10", "--low-level-retries", "10"]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


def make_files(where: Path, count: int, seed: int) -> dict[str, int]:
    """Write `count` files of 0 B to 8 MiB with awkward names; return their sizes, in bytes, by their relative names."""
    chance = random.Random(seed)  # noqa: S311 - names and sizes, not secrets
    sizes = {}
    for number in range(count):
        name = f"{AWKWARD[number % len(AWKWARD)]}/{number:03} {AWKWARD[(number * 7) % len(AWKWARD)]}"
        size = {0: 0, 1: 8 * MIB}.get(number, int(2 ** chance.uniform(0, 23)))
        path = where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((BINARY + chance.randbytes(size))[:size])
        sizes[name] = size
    return sizes
