"""The main job, with a client that nobody here wrote."""

from __future__ import annotations

from pathlib import Path

from rigs import rclone
from tradewind_sandbox.supervisor import Sandbox

COUNT = 300


def test_300_awkward_files_at_each_site_are_everywhere_and_were_written_once(whole: Sandbox, files: Path) -> None:
    """What rclone uploads at each of three sites it finds equal at all of them, and each store wrote it once."""
    sites = whole.endpoints.sites
    environment = rclone.remotes(sites)
    keys = set()
    for seed, site in enumerate(sites):
        (files / site).mkdir()
        keys |= {f"models/rclone/{site}/{name}" for name in rclone.make_files(files / site, COUNT, seed)}
    for site, where in sites.items():
        rclone.rclone(environment, "copy", str(files / site), rclone.folder(where, f"models/rclone/{site}"))
    whole.wait_until_idle(300)

    for where in sites.values():  # equal to the files, all three, and so to each other
        rclone.rclone(environment, "check", "--download", str(files), rclone.folder(where, "models/rclone"))
    written = {each: count for each, count in whole.writes().items() if each[1].startswith("models/rclone/")}
    assert written == {(site, key): 1 for site in sites for key in keys}
