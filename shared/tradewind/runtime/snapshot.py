"""What is loaded before a function's snapshot is taken, so that no instance that is restored from it loads it again.

Only modules are: a connection, a credential or a fleet file would be old in an instance that is restored days later.
What must differ between the instances of one snapshot (random numbers) comes from the operating system.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module

MODULES = (
    *(
        f"tradewind.clouds.{cloud}.{part}"
        for cloud in ("aws", "gcp", "azure")
        for part in ("store", "uploads", "copies")
    ),
    "tradewind.clouds.aws.queue",
    "tradewind.clouds.aws.secrets",
    "boto3",
    "certifi",
    "google.auth",
    "google.oauth2.service_account",
    "azure.identity",
    "xml.etree.ElementTree",
)
"""What an event may need beside what the handler imports, in any direction."""


def preload(*also: Callable[[], object]) -> None:
    """Load what events need and do what else is asked for, if this process is about to become a snapshot.

    Anywhere else, each event pays for just what it uses.
    """
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "snap-start":
        return
    for name in MODULES:
        import_module(name)
    for act in also:
        act()
