"""What a function loads before it becomes a snapshot, and what it leaves to its events."""

from __future__ import annotations

import os
import subprocess
import sys

from tradewind.runtime.snapshot import MODULES


def loaded(**environment: str) -> list[str]:
    """Return what is loaded, of what events may need, once a process has prepared itself."""
    code = (
        "import sys; from tradewind import runtime; runtime.preload(lambda: print('prepared'))\n"
        f"print(*(name for name in {MODULES!r} if name in sys.modules), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, check=True, capture_output=True, text=True
    )
    return done.stdout.split()


def test_a_snapshot_holds_what_events_need() -> None:
    """No instance that is restored from it imports an SDK."""
    assert loaded(AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") == ["prepared", *MODULES]


def test_any_other_process_loads_what_it_uses() -> None:
    """Whoever starts from nothing pays for nothing beforehand."""
    assert "prepared" not in loaded(AWS_LAMBDA_INITIALIZATION_TYPE="on-demand")
    assert not {"boto3", "google.auth", "azure.identity"} & set(loaded(AWS_LAMBDA_INITIALIZATION_TYPE="on-demand"))
