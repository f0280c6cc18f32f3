"""Parity in the report: marked where results differ, said where they agree or nothing is known."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import builders
import numpy as np
import pytest
from rich.console import Console

from graphprof import session
from graphprof.analysis import parity_file
from graphprof.report import comparison, derive, document, markdown, text
from graphprof.report.document import Report
from graphprof.session import Failure, graphprof_folder


def report_of(folder: Path, off: Mapping[str, Mapping[str, float]], **about: Any) -> Report:
    """A session whose modes computed the same but for ``off``; ``about`` is said by xla."""
    path = builders.session(folder)
    builders.save_results(path, off, **about)
    return derive.report(session.load(path))


def printed(report: Report, width: int = 80) -> str:
    out = io.StringIO()
    text.render(report, Console(file=out, width=width, highlight=False))
    return out.getvalue()


def of(report: Report, mode: str) -> Any:
    return next(found for found in report.modes if found.mode == mode)


def test_a_difference_is_marked_wherever_the_speed_is_claimed(tmp_path: Path) -> None:
    report = report_of(tmp_path, {"eager": {"layer/head": 0.5, "loss": 0.25}})

    eager = of(report, "eager").parity
    assert (eager.verdict, eager.first_layer) == ("failed", "head")
    assert (eager.worst.kind, eager.worst.name) == ("layer", "head")
    assert eager.worst.relative == pytest.approx(0.5)
    assert eager.worst.ulp == pytest.approx(0.5 * 2**23)
    assert "slower (results differ)" in report.verdict
    assert "faster (results differ)" not in report.verdict
    for shown in (printed(report), markdown.render(report)):
        (row,) = [line for line in shown.splitlines() if "≠" in line and "slower" in line]
        assert "eager" in row
        assert "eager: results differ (≠) from graph: Layer head is off by 0.5" in " ".join(
            shown.split()
        )
    written = json.loads(document.to_json(report))["modes"]
    assert [mode["parity"] and mode["parity"]["verdict"] for mode in written] == [
        "failed",
        None,
        "passed",
        "passed",
    ]


def test_the_mark_fits_into_80_columns(tmp_path: Path) -> None:
    off = {mode: {"weight/dense/kernel": 0.5} for mode in ("eager", "xla", "fit")}
    out = printed(report_of(tmp_path, off))
    assert "…" not in out
    assert all(len(line) <= 80 for line in out.splitlines() if not line.startswith("Session"))
    assert "is off by" in out


def test_an_open_verdict_with_the_mark_fits_as_well(tmp_path: Path) -> None:
    path = builders.session(tmp_path, rounds=3, waves=1, noise=0.3)
    for mode in session.load(path).info.modes:
        arrays = builders.results({} if mode == "graph" else {"loss": 1.0})
        parity_file.save(graphprof_folder(path / mode) / parity_file.PARITY_FILE, arrays)
    report = derive.report(session.load(path))
    out = printed(report)
    assert "inconclusive ≠" in out
    assert "First step" in out
    assert "…" not in out
    needed = of(report, "xla").ratio.blocks_needed
    assert f"xla {needed}" in out.split("would be conclusive:")[1]


def test_agreement_is_said_with_its_largest_error(tmp_path: Path) -> None:
    report = report_of(tmp_path, {"xla": {"output/output": 2e-6}})
    assert "differ" not in report.verdict
    sentence = (
        "eager, xla and fit compute the same as graph: closest to its limit of 0.0001 is output"
        " output, off by 2e-06 of its size."
    )
    assert sentence in " ".join(printed(report).replace("·", " ").split())
    assert sentence in markdown.render(report)


def test_what_is_equal_to_the_last_bit_is_said_to_be(tmp_path: Path) -> None:
    assert "exactly the same as graph" in markdown.render(report_of(tmp_path, {}))


def test_random_numbers_make_it_unknown(tmp_path: Path) -> None:
    report = report_of(
        tmp_path, {"xla": {"loss": 1.0}}, random=["layer dropout under XLA", "op RandomUniform"]
    )
    assert of(report, "xla").parity.verdict == "unknown"
    assert of(report, "fit").parity.verdict == "passed"
    for shown in (printed(report, 300), markdown.render(report)):
        assert "≠" not in shown
        assert (
            "is unknown. Random numbers that no seed controls are drawn by layer dropout" in shown
        )


def test_a_difference_without_a_number_is_null(tmp_path: Path) -> None:
    report = report_of(tmp_path, {"xla": {"loss": np.nan}})
    worst = json.loads(document.to_json(report))["modes"][2]["parity"]["worst"]
    assert (worst["kind"], worst["relative"], worst["ulp"]) == ("loss", None, None)
    assert "results differ" in markdown.render(report)


def test_two_modes_side_by_side_say_it_whichever_they_are(tmp_path: Path) -> None:
    report = report_of(tmp_path, {"eager": {"layer/head": 0.5}, "xla": {"layer/head": 0.5}})
    written = session.load(report.session.path)
    (warning, *_) = comparison.build(written, "fit", "xla", "kind").warnings
    assert warning.startswith("Results of xla differ (≠) from fit: Layer head is off by 0.5")
    for one, other in (("eager", "xla"), ("graph", "fit")):
        warnings = comparison.build(written, one, other, "kind").warnings
        assert not any("≠" in warning for warning in warnings)


def test_a_session_without_it_says_nothing(tmp_path: Path) -> None:
    report = derive.report(session.load(builders.session(tmp_path)))
    assert [mode.parity for mode in report.modes] == [None] * 4
    assert "same as" not in printed(report)


def test_a_mode_that_failed_has_said_enough(tmp_path: Path) -> None:
    failed = {"xla": Failure("crashed", "Its process died", "Try again")}
    path = builders.session(tmp_path, failed=failed)
    for mode in ("graph", "eager"):
        parity_file.save(
            graphprof_folder(path / mode) / parity_file.PARITY_FILE, builders.results({})
        )
    report = derive.report(session.load(path))
    assert of(report, "xla").parity.verdict == "unknown"
    shown = markdown.render(report)
    assert "xla: whether" not in shown
    assert "fit: whether it computes the same as graph is unknown. What this mode" in shown
