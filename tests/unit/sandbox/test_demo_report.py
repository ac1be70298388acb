"""What the demo reports."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from rich.console import Console

from tradewind.failover.drills.measure import Figures, Loss
from tradewind.failover.drills.report import DrillReport, Objectives
from tradewind.failover.drills.timeline import Timeline
from tradewind_sandbox.demo.progress import Arrival, Progress
from tradewind_sandbox.demo.report import DemoReport, Echo, echoes
from tradewind_sandbox.demo.run import new_prefix

ARRIVAL = Arrival("models/demo/a/x", "a", "b", 3, "00c0ffee", 12.5)


def progress(*arrivals: Arrival) -> Progress:
    """Return the progress of one file that goes from each of two sites to the other."""
    return Progress(("a", "b"), expected=2, uploads={"a": 1, "b": 1}, uploaded_bytes=6, arrivals=list(arrivals))


def test_two_demos_in_one_second_write_apart() -> None:
    """Each demo has a prefix of its own, below the rule's."""
    now = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)

    first, second = new_prefix(now), new_prefix(now)

    assert first != second
    assert all(prefix.startswith("models/demo-20250102-030405-") and prefix.endswith("/") for prefix in (first, second))


def test_a_second_write_is_an_echo() -> None:
    """What a store wrote more often than once is an echo, and other people's keys are none of ours."""
    writes = {("a", "models/demo/x"): 1, ("b", "models/demo/x"): 2, ("b", "models/other"): 5}

    assert echoes(writes.items(), "models/demo/") == [Echo("models/demo/x", "b", 2)]


def test_the_report_says_what_is_missing(tmp_path: Path) -> None:
    """A replica that did not arrive is a failure in words and a count in the totals, and the report is not good."""
    report = DemoReport(progress(ARRIVAL), [], [("models/demo/b/x", "b", "a")], seconds=1.0)
    report.save(tmp_path / "report.json")

    content = json.loads((tmp_path / "report.json").read_text())
    assert not report.good
    assert content["failures"] == ["models/demo/b/x from b did not arrive at a"]
    assert content["objects"] == [
        {
            "key": "models/demo/a/x",
            "origin": "a",
            "target": "b",
            "bytes": 3,
            "crc32c": "00c0ffee",
            "delay_ms": 12.5,
        }
    ]
    assert (content["totals"]["replicas"], content["totals"]["expected"], content["totals"]["missing"]) == (1, 2, 1)


def test_a_good_report() -> None:
    """Nothing missing, nothing twice, nothing different: good."""
    assert DemoReport(progress(ARRIVAL), [], [], seconds=1.0).good


def test_a_drill_that_was_not_passed_makes_no_good_report(tmp_path: Path) -> None:
    """The report has the drill's figures, and what it failed by is the demo's failure, too."""
    lost = {"before": 0, "during": 3, "after": 0, "restore": 0}
    drill = DrillReport(
        group="classifier",
        fault="kill:aws",
        began=datetime(2026, 1, 2, tzinfo=UTC),
        load=10,
        objectives=Objectives(every_seconds=2, rto_seconds=20, rpo_seconds=60),
        figures=Figures(100, lost, {"status 502": 3}, 1, epoch=2, epochs=(2,), settled=4.0, rto=3.0),
        loss=Loss(),
        timeline=Timeline(),
    )
    report = DemoReport(progress(ARRIVAL), [], [], seconds=1.0, drill=drill)
    report.save(tmp_path / "report.json")

    content = json.loads((tmp_path / "report.json").read_text())
    assert report.good
    assert (content["drill"]["epoch"], content["drill"]["failed_requests"]) == (2, 3)
    assert not replace(report, drill=replace(drill, notes=("the traffic did not go back in time",))).good


def test_the_live_view_shows_every_direction_and_site() -> None:
    """The view has a row per direction with its delays, a row per site with its queue, and the sum."""
    console = Console(width=100, record=True, file=StringIO())
    console.print(progress(ARRIVAL).render(files=1, waiting={"a": 4}))

    shown = console.export_text()
    assert "1/1" in shown
    assert "0/1" in shown
    assert "12 ms" in shown
    assert "1 of 2 replicas read back and equal" in shown
