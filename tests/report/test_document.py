"""The report of sessions written by hand: what is known is right, what is not known is null."""

import json
import shutil
from dataclasses import fields, is_dataclass
from pathlib import Path

import builders
import pytest

from graphprof import session
from graphprof.report import derive, document

ROOT = Path(__file__).resolve().parents[2]


def report(folder):
    return derive.report(session.load(folder))


def test_it_has_the_documented_schema(tmp_path):
    written = json.loads(document.to_json(report(builders.session(tmp_path))))
    assert written["schema"] == "graphprof.report/1"
    assert {
        "cause",
        "severity",
        "sentence",
        "evidence",
        "expected_gain",
        "change",
        "verified",
    } <= set(written["findings"][0])
    for mode in written["modes"]:
        assert set(mode["steps"]) == {"asked", "shown"}
        assert {"median", "low", "high", "figures"} == set(mode["step_time_s"])
        assert {"value", "low", "high", "verdict"} <= set(mode["ratio"])
        assert all(set(part) == {"kind", "seconds", "share"} for part in mode["breakdown"])


def test_every_step_asked_for_is_shown(tmp_path):
    for mode in report(builders.session(tmp_path, steps=5)).modes:
        assert (mode.steps.asked, mode.steps.shown) == (5, 5), mode.mode


def test_parts_sum_to_the_traced_step(tmp_path):
    for mode in report(builders.session(tmp_path)).modes:
        parts = [part.seconds for part in mode.breakdown]
        assert min(parts) >= 0
        assert sum(parts) == pytest.approx(mode.traced_step_s, rel=1e-12)
        assert sum(part.share for part in mode.breakdown) == pytest.approx(1, rel=1e-12)


def test_the_baseline_is_one(tmp_path):
    found = report(builders.session(tmp_path, modes=("graph", "eager")))
    assert found.baseline == "graph"
    baseline, other = found.modes
    assert (baseline.ratio.value, baseline.ratio.verdict) == (1, "baseline")
    assert other.ratio.value == pytest.approx(
        other.step_time_s.median / baseline.step_time_s.median, rel=0.2
    )


def test_what_was_not_measured_is_null(tmp_path):
    folder = builders.session(tmp_path, modes=("eager", "graph"))
    for name in ("measurement.json", "run.json"):
        path = folder / "graph/plugins/graphprof" / name
        if name == "measurement.json":
            path.unlink()
        else:
            run = json.loads(path.read_text())
            run["trace"] = None
            path.write_text(json.dumps(run))
    graph = json.loads(document.to_json(report(folder)))["modes"][1]
    assert set(graph["step_time_s"].values()) == {None}
    for name in ("first_step_s", "traced_step_s", "breakdown", "ratio", "measured", "trace"):
        assert graph[name] is None, name
    assert graph["steps"] == {"asked": None, "shown": None}


def test_a_damaged_trace_costs_only_its_own_breakdown(tmp_path):
    folder = builders.session(tmp_path, modes=("eager", "graph"))
    trace = next((folder / "graph").rglob("*.xplane.pb"))
    trace.write_bytes(b"")
    eager, graph = report(folder).modes
    assert eager.breakdown is not None
    assert graph.breakdown is None
    assert graph.step_time_s.median is not None
    assert graph.trace.problems


def test_missing_steps_are_said(tmp_path):
    folder = builders.session(tmp_path, modes=("eager",), steps=4)
    path = folder / "eager/plugins/graphprof/run.json"
    run = json.loads(path.read_text())
    run["trace"]["steps_asked"] = 6
    path.write_text(json.dumps(run))
    found = report(folder)
    assert (found.modes[0].steps.asked, found.modes[0].steps.shown) == (6, 4)
    assert any("6 steps were to be traced, 4 are" in warning for warning in found.warnings)


def test_the_same_files_give_the_same_bytes(tmp_path):
    folder = builders.session(tmp_path)
    assert document.to_json(report(folder)) == document.to_json(report(folder))


def dataclasses_below(annotation, found):
    """Every dataclass of the report's module that a report holds."""
    for name in dir(document):
        part = getattr(document, name)
        if is_dataclass(part) and part.__module__ == document.__name__:
            found.add(part)
    return found


@pytest.mark.parametrize(
    "field",
    sorted(
        {
            field.name
            for part in dataclasses_below(document.Report, set())
            for field in fields(part)
            if not field.name.startswith("narrow")
        }
    ),
)
def test_every_field_is_documented(field):
    assert f"`{field}`" in (ROOT / "docs/report-schema.md").read_text()


def test_a_mode_whose_folder_is_gone_is_named(tmp_path):
    folder = builders.session(tmp_path, modes=("eager", "graph"))
    shutil.rmtree(folder / "graph")
    found = report(folder)
    assert [mode.mode for mode in found.modes] == ["eager"]
    assert any("Mode graph is missing" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("was", "now", "field"),
    [
        ('"steps_per_call": 1', '"steps_per_call": 0', "steps_per_call"),
        ('"first_call_s": ', '"first_call_s": "Infinity", "_": ', "first_call_s"),
        ('"calls_s": [', '"calls_s": ["NaN", ', "calls_s"),
        ('"warmup_s": [', '"warmup_s": [-1, ', "warmup_s"),
    ],
)
def test_a_measurement_that_makes_no_sense_costs_only_its_mode(tmp_path, was, now, field):
    folder = builders.session(tmp_path, modes=("eager", "graph"))
    file = session.graphprof_folder(folder / "graph") / session.MEASUREMENT_FILE
    text = file.read_text()
    assert was in text
    file.write_text(text.replace(was, now))
    found = report(folder)
    assert [mode.mode for mode in found.modes] == ["eager"]
    assert any("is damaged" in warning and field in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("step_s", "asked"),
    [
        # The slowest that loses to the baseline, and not eager's distance to nothing.
        ({"graph": 0.006, "xla": 0.009, "fit": 0.007}, "xla"),
        ({"graph": 0.006, "xla": 0.002, "fit": 0.004}, "xla"),
        ({"graph": 0.006, "xla": 0.004, "fit": 0.002}, "fit"),
    ],
)
def test_the_mode_in_question_is_the_loser_or_the_fastest(tmp_path, step_s, asked):
    path = builders.session(tmp_path, modes=tuple(step_s), step_s=step_s, baseline="graph")
    assert derive.report(session.load(path)).in_question == asked


def test_without_a_second_mode_none_is_in_question(tmp_path):
    path = builders.session(tmp_path, modes=("graph",))
    assert derive.report(session.load(path)).in_question is None
