"""Exported tables hold what the reports say, and sum to it."""

import csv
import io
import json
import re
from collections import defaultdict
from pathlib import Path

import builders
import pytest
import recorded_session
from click.testing import CliRunner

from graphprof import session as sessions
from graphprof.cli.main import graphprof
from graphprof.errors import SessionError, UsageError
from graphprof.report import answer, comparison, export

DOCUMENTED = (Path(__file__).parents[2] / "docs/export.md").read_text()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return sessions.load(recorded_session.write(tmp_path_factory.mktemp("logs")))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return sessions.load(builders.session(tmp_path_factory.mktemp("logs"), steps=4, rounds=5))


def exported(session, what, by="layer"):
    """The table as another program reads it: texts and numbers from CSV."""
    return list(csv.DictReader(io.StringIO(export.to_csv(export.table(session, what, by)))))


def total(rows, column, **where):
    chosen = [row for row in rows if all(row[key] == value for key, value in where.items())]
    return sum(float(row[column] or 0) for row in chosen)


def test_steps_hold_every_timed_call(built):
    rows = exported(built, "steps")
    for run in built.runs:
        made = run.measurement.processes
        calls = sum(1 + len(p.warmup_s) + sum(len(b.calls_s) for b in p.blocks) for p in made)
        assert sum(row["mode"] == run.run.mode for row in rows) == calls
        seconds = sum(
            p.first_call_s + sum(p.warmup_s) + sum(sum(b.calls_s) for b in p.blocks) for p in made
        )
        per_call = run.measurement.steps_per_call
        assert total(rows, "step_time_s", mode=run.run.mode) == pytest.approx(seconds / per_call)
    assert {row["arm"] for row in rows} == {"mode", "aa"}
    outside = [row for row in rows if row["part"] in ("first call", "warm-up")]
    assert {row["block"] for row in outside} == {""}


def test_breakdowns_sum_to_their_steps_and_to_the_report(built):
    rows = exported(built, "breakdown")
    kinds = [name for name in rows[0] if name in {f"{part.kind}_s" for part in _parts(built)}]
    for row in rows:
        assert sum(float(row[kind]) for kind in kinds) == pytest.approx(float(row["step_time_s"]))
    report = answer.build(built)
    for mode in report.modes:
        mine = [row for row in rows if row["mode"] == mode.mode]
        assert len(mine) == mode.steps.shown
        for part in mode.breakdown:
            mean = sum(float(row[f"{part.kind}_s"]) for row in mine) / len(mine)
            assert mean == pytest.approx(part.seconds, abs=1e-15)


def _parts(session):
    return answer.build(session).modes[0].breakdown


def test_layers_sum_to_the_step(recorded):
    rows = exported(recorded, "layers")
    modes = answer.build(recorded).modes
    steps = {mode.mode: mode.traced_step_s for mode in modes if mode.traced_step_s}
    assert {row["mode"] for row in rows} == set(steps)
    for mode, step_s in steps.items():
        assert total(rows, "wall_s", mode=mode) == pytest.approx(step_s)


def test_the_ops_of_a_layer_sum_to_its_op_time(recorded):
    layers, ops = exported(recorded, "layers"), exported(recorded, "ops")
    by_layer = defaultdict(float)
    for row in ops:
        by_layer[row["mode"], row["owner"], row["pass"]] += float(row["wall_s"] or 0)
    checked = 0
    for row in layers:
        if row["owner"] and float(row["op_time_s"]):
            found = by_layer[row["mode"], row["owner"], row["pass"]]
            assert found == pytest.approx(float(row["op_time_s"]), rel=1e-9)
            checked += 1
    assert checked > 10


@pytest.mark.parametrize("by", export.BYS)
def test_differences_are_those_of_compare(recorded, by):
    rows = exported(recorded, "difference", by)
    baseline = recorded.info.baseline
    for mode in {row["mode"] for row in rows}:
        found = json.loads(comparison.to_json(comparison.build(recorded, baseline, mode, by)))
        assert total(rows, "gap_s", mode=mode) == pytest.approx(found["difference"]["gap_s"])
        assert sum(row["mode"] == mode for row in rows) == len(found["difference"]["parts"])


@pytest.mark.parametrize("what", export.TABLES)
def test_every_column_is_documented(recorded, built, what):
    section = re.search(rf"^## {what}\n(.*?)(?=^## |\Z)", DOCUMENTED, re.M | re.S)
    columns = export.table(built if what == "steps" else recorded, what).columns
    kinds = {f"{part.kind}_s" for part in _parts(built)}
    missing = [name for name in columns if name not in kinds and f"`{name}`" not in section[1]]
    assert missing == []


def test_hostile_names_are_texts(tmp_path):
    mode = "=HYPERLINK(1)"
    session = sessions.load(
        builders.session(tmp_path, modes=("graph", mode), steps=2, hostile_names=True, rounds=2)
    )
    rows = exported(session, "steps")
    assert {row["mode"] for row in rows} == {"graph", f"'{mode}", builders.HOSTILE[0]}
    for what in ("breakdown", "ops", "layers"):
        assert exported(session, what)


def test_what_was_not_measured_is_empty(tmp_path):
    session = sessions.load(builders.session(tmp_path, modes=("graph",), traces=False))
    with pytest.raises(SessionError, match="has no ops to export"):
        export.table(session, "ops")


def test_a_damaged_trace_is_missing_and_said(tmp_path):
    path = builders.session(tmp_path, modes=("graph", "xla"))
    session = sessions.load(path)
    session.run("xla").xplane.write_bytes(b"")
    made = export.table(session, "layers")
    assert {row[0] for row in made.rows} == {"graph"}
    assert len(made.problems) == 1
    assert made.problems[0].startswith("xla: ")


def test_parquet_says_what_it_needs(built, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UsageError, match="pyarrow"):
        export.to_parquet(export.table(built, "steps"))


def test_parquet_holds_the_same(built):
    parquet = pytest.importorskip("pyarrow.parquet")
    made = export.table(built, "steps")
    found = parquet.read_table(io.BytesIO(export.to_parquet(made)))
    assert tuple(found.column_names) == made.columns
    assert found.num_rows == len(made.rows)


def test_the_verb_writes_files_and_stdout_alike(built, tmp_path):
    def invoke(*more):
        arguments = ["export", str(built.path), "--what", "breakdown", *more]
        return CliRunner().invoke(graphprof, arguments, standalone_mode=False)

    printed = invoke()
    assert printed.exception is None
    written = invoke("-o", str(tmp_path / "out.csv"))
    assert written.stdout == ""
    assert (tmp_path / "out.csv").read_text() == printed.stdout
    assert isinstance(invoke("--format", "parquet").exception, UsageError)


def test_memory_sums_to_what_the_report_says(recorded):
    rows = exported(recorded, "memory")
    for mode in answer.build(recorded).modes:
        if not mode.memory.alive:
            continue
        taken = sum(row.bytes for row in mode.memory.alive)
        assert total(rows, "bytes", mode=mode.mode) == taken
        assert total(rows, "share", mode=mode.mode) == pytest.approx(1)
        gaps = total(rows, "bytes", mode=mode.mode, **{"pass": "gaps"})
        assert taken - gaps == mode.memory.needed_bytes


def test_resident_sets_are_those_that_were_noted(recorded):
    rows = exported(recorded, "resident")
    eager = [row for row in rows if row["mode"] == "eager" and row["wave"] == "0"]
    assert [row["after"] for row in eager[:4]] == ["imports", "loading", "first", "warmup"]
    assert [row["at_ns"] for row in eager[:2]] == ["", ""]
    assert int(eager[2]["rss_bytes"]) == recorded_session.FIRST["eager"]
