"""What a drill's report says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tradewind.failover.drills.measure import Figures, Loss, Reached
from tradewind.failover.drills.report import DrillReport, Expected, Objectives
from tradewind.failover.drills.timeline import Moment, Request, Shown, Timeline
from tradewind.failover.routing import State
from tradewind.ports.traffic import Traffic

NONE_LOST = {"before": 0, "during": 0, "after": 0, "restore": 0}
FIGURES = Figures(
    requests=500,
    failed=NONE_LOST | {"during": 40},
    reasons={"status 502": 40},
    epoch_before=3,
    epoch=4,
    epochs=(4,),
    detected=2.0,
    elected=2.5,
    redirected=3.0,
    settled=4.0,
    rto=3.1,
    steps=(Reached(4, State.ELECTED, 2.5, "gcp-euw4", "2026-01-01T00:00:00+00:00"),),
)
TIMELINE = Timeline(
    requests=[Request(at / 10, at / 10 + 0.02, "status 502" if 50 < at < 90 else "") for at in range(200)],
    shown=[
        Shown(0.0, Traffic({"aws": 100, "<gcp>": 0}, 3, "a")),
        Shown(8.0, Traffic({"aws": 0, "<gcp>": 100}, 4, "b")),
    ],
    moments={Moment.FAULT: 5.0, Moment.LIFTED: 15.0, Moment.END: 20.0},
)
REPORT = DrillReport(
    group="classifier",
    fault="kill:aws",
    began=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    load=50,
    objectives=Objectives(every_seconds=2.0, rto_seconds=30, rpo_seconds=60),
    figures=FIGURES,
    loss=Loss(uploaded=10, uploaded_bytes=163_840),
    timeline=TIMELINE,
)


def test_figures_are_told_in_ticks() -> None:
    """A tick is how often observers look; what did not happen is null."""
    document = REPORT.document()

    assert (document["detected_ticks"], document["redirect_ticks"], document["rto_s"]) == (1.0, 1.5, 3.1)
    assert (document["failed_requests"], document["requests"], document["rpo_bytes"]) == (40, 500, 0)
    assert (document["epoch"], document["passed"]) == (4, True)
    assert document["steps"][0]["state"] == "ELECTED"
    assert replace(REPORT, figures=replace(FIGURES, detected=None)).document()["detected_ticks"] is None


@pytest.mark.parametrize(
    ("report", "because"),
    [
        (replace(REPORT, figures=replace(FIGURES, epoch=None, settled=None)), "no traffic was moved"),
        (replace(REPORT, figures=replace(FIGURES, settled=None)), "epoch 4 was not settled"),
        (
            replace(REPORT, expected=Expected.STAY, figures=replace(FIGURES, failed=NONE_LOST)),
            "traffic was moved (epoch 4), and what served was well",
        ),
        (
            replace(REPORT, expected=Expected.STAY, figures=replace(FIGURES, epoch=None, settled=None)),
            "40 requests were lost, and what served was well",
        ),
        (replace(REPORT, figures=replace(FIGURES, rto=None)), "requests did not succeed again"),
        (replace(REPORT, figures=replace(FIGURES, rto=31.0)), "recovery took 31.0 s, and the objective is 30 s"),
        (
            replace(REPORT, figures=replace(FIGURES, failed=NONE_LOST | {"after": 1200})),
            "1,200 requests were lost after the move was settled",
        ),
        (
            replace(REPORT, loss=Loss(3, 30, 1, 10, 61.0)),
            "what was acknowledged 61.0 s before the fault is nowhere else, and the objective is 60 s",
        ),
        (replace(REPORT, notes=("the traffic did not go back in time",)), "the traffic did not go back in time"),
    ],
)
def test_a_drill_that_misses_an_objective_is_not_passed(report: DrillReport, because: str) -> None:
    """Each thing that went wrong is a sentence, and one is enough."""
    assert report.failures == (because,)
    assert report.document()["passed"] is False
    assert "NOT passed" in report.markdown("plot.svg")


def test_a_report_is_three_files_of_one_name(tmp_path: Path) -> None:
    """The JSON, the page and the picture of one drill lie beside each other under its date."""
    file = REPORT.save(tmp_path / "drills")

    assert file == tmp_path / "drills" / "20260102T030405Z-classifier.json"
    assert json.loads(file.read_text()) == REPORT.document()
    assert f"({file.stem}.svg)" in file.with_suffix(".md").read_text()
    assert ET.fromstring(file.with_suffix(".svg").read_text()).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own


def test_a_fault_of_what_does_not_serve_is_got_over_by_staying() -> None:
    """Where nothing should move, nothing moved and nothing was lost: that is passed."""
    still = replace(FIGURES, failed=NONE_LOST, epoch=None, epochs=(), settled=None, rto=0.0)

    assert replace(REPORT, expected=Expected.STAY, figures=still).good
    assert replace(REPORT, expected=Expected.STAY, figures=still).document()["expected"] == "stay"
    assert not replace(REPORT, figures=still).good


def test_a_second_drill_writes_over_no_report(tmp_path: Path) -> None:
    """Two drills of one group that begin within one second are two reports."""
    assert REPORT.save(tmp_path) != REPORT.save(tmp_path)


def test_the_picture_of_a_drill_without_requests_is_one(tmp_path: Path) -> None:
    """A drill that ended before anything was sent has a picture all the same."""
    file = replace(REPORT, timeline=Timeline()).save(tmp_path)

    assert "detected" not in file.with_suffix(".svg").read_text()
