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
from graphprof.analysis.results import parity_file
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


def with_reference(folder: Path, off: Mapping[str, Mapping[str, float]], **about: Any) -> Report:
    """The same, with a float64 run that ``builders.results`` and ``about`` describe."""
    path = builders.session(folder)
    builders.save_results(path, off)
    arrays = builders.results({"layer/dense": 2e-7}, **{"precision": "float64", **about})
    parity_file.save(path / parity_file.REFERENCE_FILE, arrays)
    return derive.report(session.load(path))


def test_every_array_stands_against_the_baseline_and_against_float64(tmp_path: Path) -> None:
    report = with_reference(tmp_path, {"xla": {"layer/dense": 8e-7}})
    assert report.parity is not None
    assert (report.parity.baseline, report.parity.steps) == ("graph", 3)
    assert report.parity.reference == "float64, eager"
    (own,) = [one for one in report.parity.arrays if one.name == "dense"]
    assert own.reference is not None
    assert own.reference.relative == pytest.approx(2e-7)
    found = of(report, "xla").parity
    assert found.verdict == "passed"
    (dense,) = [one for one in found.arrays if one.name == "dense"]
    assert dense.relative == pytest.approx(8e-7)
    assert dense.reference.relative == pytest.approx(6e-7, rel=1e-2)
    assert dense.tolerance == 1e-4
    assert found.worst_from_reference.relative == pytest.approx(6e-7, rel=1e-2)
    assert "xla by 6e-07 (layer dense)" in " ".join(printed(report).split())
    written = json.loads(document.to_json(report))
    assert written["modes"][2]["parity"]["arrays"][0]["reference"]["ok"] is True
    assert written["parity"]["reference"] == "float64, eager"


def test_a_mode_that_is_farther_from_the_truth_than_the_baseline_is_said(tmp_path: Path) -> None:
    off = {"layer/dense": 2e-6, "layer/head": 0.0, "output/output": 0.0}
    path = builders.session(tmp_path)
    builders.save_results(path, {"xla": off})
    truth = builders.results(dict.fromkeys(off, 1e-7), precision="float64")
    parity_file.save(path / parity_file.REFERENCE_FILE, truth)
    # Off in one of three arrays: the median is not.
    assert "none is notably farther" in " ".join(printed(derive.report(session.load(path))).split())
    builders.save_results(path, {"xla": dict.fromkeys(off, 2e-6)})
    report = derive.report(session.load(path))
    assert of(report, "xla").parity.times_baseline == pytest.approx(19, rel=1e-2)
    assert "xla is typically 19.0x as far from it as graph" in " ".join(printed(report).split())


def test_why_there_is_no_float64_run_is_said(tmp_path: Path) -> None:
    report = with_reference(tmp_path, {}, coarse_ops=["MatMul in float32"])
    assert report.parity is not None
    assert report.parity.reference is None
    assert "No float64 reference: The model does not compute in float64" in " ".join(
        printed(report).split()
    )


def test_the_whole_table_is_there_when_it_is_asked_for(tmp_path: Path) -> None:
    report = with_reference(tmp_path, {"xla": {"layer/head": 0.5}})
    assert "Largest relative errors" not in printed(report)
    full = markdown.render(report, full=True)
    (row,) = [line for line in full.splitlines() if line.startswith("| layer head")]
    assert "5e-1 ≠" in row
    assert "1e-4" in row
    dense = next(line for line in full.splitlines() if line.startswith("| layer dense"))
    assert "2e-7" in dense
