"""The demo, as a new user runs it."""

import json
import subprocess
import sys
from itertools import permutations
from pathlib import Path

from tradewind_sandbox.serving.shipped import model_files
from tradewind_sandbox.supervisor import Sandbox

SITES = ("aws-use1", "gcp-euw4", "azure-weu")


def test_the_model_arrives_from_each_site_at_both_others(whole: Sandbox, tmp_path: Path) -> None:
    """`tradewind demo` exits 0, and its report has every file of the model for every direction, with no echo."""
    report = tmp_path / "report.json"
    program = Path(sys.executable).with_name("tradewind")
    command = [str(program), "demo", "--state", str(whole.state), "--report", str(report)]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 echoes, 0 failures, 0 missing" in done.stdout
    content = json.loads(report.read_text())
    names = model_files()
    found = {(row["origin"], row["target"], row["key"].split("/", 3)[3]) for row in content["objects"]}
    assert found == {(origin, target, name) for origin, target in permutations(SITES, 2) for name in names}
    assert all(row["delay_ms"] > 0 and len(row["crc32c"]) == 8 for row in content["objects"])
    assert content["echoes"] == content["failures"] == []
    assert content["totals"]["missing"] == 0
    assert content["drill"] is None, "this sandbox serves nothing that could move"
    assert whole.running, "a sandbox that ran before the demo runs after it"
