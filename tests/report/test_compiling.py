"""The price of compiling in the report: from a session's files to JSON and text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import builders
import compiled_session
import pytest

from graphprof import session
from graphprof.report import compiling, derive, document, sections
from graphprof.report.compiling import BreakEven
from graphprof.report.document import Report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = builders.session(tmp_path, modes=("eager", "graph", "xla"), baseline="eager", rounds=6)
    compiled_session.add(made, "graph")
    compiled_session.add(made, "xla", xla=True)
    return made


def report(folder: Path) -> Report:
    return derive.report(session.load(folder))


def as_json(folder: Path) -> dict[str, Any]:
    modes = json.loads(document.to_json(report(folder)))["modes"]
    return {mode["mode"]: mode["compile"] for mode in modes}


def test_parts_come_from_the_early_trace_and_sum_to_the_first_call(folder: Path) -> None:
    found = as_json(folder)["xla"]
    parts = {part["part"]: part["seconds"] for part in found["parts"]}

    assert sum(parts.values()) == pytest.approx(found["traced_first_call_s"])
    assert parts["building"] == pytest.approx(0.4)
    assert parts["optimising"] == pytest.approx(0.12)
    assert parts["compiling"] == pytest.approx(0.9)
    assert parts["running"] == pytest.approx(0.03)


def test_a_graph_without_xla_has_compiled_nothing_and_that_is_a_number(folder: Path) -> None:
    parts = {part["part"]: part["seconds"] for part in as_json(folder)["graph"]["parts"]}

    assert parts["compiling"] == 0.0


def test_first_calls_are_those_without_the_profiler(folder: Path) -> None:
    loaded = session.load(folder).run("graph")
    assert loaded is not None
    assert loaded.measurement is not None
    untraced = [p.first_call_s for p in loaded.measurement.processes if not p.first_call_traced]
    found = as_json(folder)["graph"]

    assert len(untraced) == len(loaded.measurement.processes) - 1
    assert found["first_call_traced"] is False
    assert found["first_call_s"]["median"] == pytest.approx(untraced[0])
    assert found["calls_s"][0] == untraced[0]


def test_what_is_built_in_timed_calls_again_and_again_counts_in_when_it_pays(folder: Path) -> None:
    path = folder / "graph/plugins/graphprof/measurement.json"
    before = as_json(folder)["graph"]
    measured = json.loads(path.read_text())
    calls = 0
    for process in measured["processes"]:
        if process["arm"] == "mode":
            for block in process["blocks"]:
                block["calls_s"][2], block["built"] = 10.0, [2]
                calls += len(block["calls_s"])
    path.write_text(json.dumps(measured))
    found = report(folder)
    graph = as_json(folder)["graph"]
    blocks = next(mode for mode in found.modes if mode.mode == "graph").measured
    assert blocks is not None
    step_s = next(mode for mode in found.modes if mode.mode == "graph").step_time_s.median
    assert step_s is not None

    # The step time is without these calls, a long run is not.
    assert step_s < 1.0
    assert before["recurring_s"] == 0.0
    assert graph["recurring_s"] == pytest.approx(blocks.blocks * (10.0 - step_s) / calls)
    assert graph["recurring_s"] > 1.0
    eager = next(one for one in graph["break_even"] if one["against"] == "eager")
    assert eager["status"] in ("never", "ahead until")
    assert any("built or compiled anew" in warning for warning in found.warnings)


def test_what_was_built_again_says_where_and_why(folder: Path) -> None:
    recompiled, rebuilt = sorted(as_json(folder)["xla"]["again"], key=lambda one: -len(one["what"]))

    assert (recompiled["what"], rebuilt["what"]) == ("compiling", "building")
    assert rebuilt["function"] == recompiled["function"] == "train_step"
    assert rebuilt["defined_at"] == {"file": "/home/me/models.py", "line": 17}
    assert rebuilt["words"] == "`x`: batch 8 → 5, a smaller batch, such as the last partial one"
    assert recompiled["words"] == "`x`: shape (5, 3) → (6, 3)"


def test_a_mode_without_logs_and_traces_is_not_measured_not_free(folder: Path) -> None:
    eager = as_json(folder)["eager"]

    assert eager["parts"] is None
    assert eager["traced_first_call_s"] is None
    assert eager["building_s"] is None
    assert eager["buildings"] is None
    assert eager["first_call_s"]["median"] > 0


def test_a_damaged_log_is_said_and_costs_only_itself(folder: Path) -> None:
    (folder / "graph/plugins/graphprof/building.json").write_text("{")
    graph = as_json(folder)["graph"]

    assert graph["buildings"] is None
    assert graph["parts"] is not None
    assert "damaged" in graph["problems"][0]


def test_a_lost_early_trace_is_said_and_costs_only_the_parts(folder: Path) -> None:
    (folder / "graph/plugins/graphprof/early.xplane.pb").write_bytes(b"")
    graph = as_json(folder)["graph"]

    assert graph["parts"] is None
    assert graph["buildings"]
    assert graph["problems"]


def test_the_table_has_a_row_a_mode_and_says_none_where_nothing_was(folder: Path) -> None:
    found = {one.name: cells for one, cells in sections.chosen(report(folder), full=False)}
    rows = {row[0]: row[1:] for row in found["compile"].rows}

    assert set(rows) == {"eager", "graph", "xla"}
    assert rows["eager"][1:5] == ("—",) * 4
    assert rows["eager"][5] == "baseline"
    assert rows["graph"][1:5] == ("400 ms", "120 ms", "none", "30 ms")
    again = [row[1] for row in found["built_again"].rows]
    assert again == ["train_step (models.py:17)"] * 3


def test_epochs_where_the_steps_of_one_are_known(folder: Path) -> None:
    path = folder / "session.json"
    info = json.loads(path.read_text())
    info["workload"]["steps_per_epoch"] = 10
    path.write_text(json.dumps(info))
    for one in as_json(folder)["graph"]["break_even"]:
        if one["step"] is not None:
            assert one["epochs"]["value"] == one["step"] / 10


@pytest.mark.parametrize(
    ("even", "words"),
    [
        (("step", 38, 25, 60), "38 [25, 60]"),
        (("ahead until", 13, 3, 33), "until 13 [3, 33]"),
        (("at once", 1, 1, 1), "at once"),
        (("never", None, None, None), "never"),
        (("unclear", 50, 41, None), "unclear (> 40)"),
        (("unclear", None, 1, None), "unclear"),
    ],
)
def test_break_even_in_words(even: tuple[Any, ...], words: str) -> None:
    assert compiling.break_even_words(BreakEven("eager", *even, None)) == words


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ({"x": {"kind": "tensor", "shape": [None, 3], "dtype": "float32"}}, "x (None, 3) float32"),
        ({"x": {"kind": "tensor", "shape": [3], "dtype": "int32"}}, "x (3,) int32"),
        ({"x": {"kind": "tensor", "shape": None, "dtype": "int32"}}, "x (?) int32"),
        (
            {"k": {"kind": "python", "type": "int", "value": "3"}, "m": {"kind": "none"}},
            "k 3, m None",
        ),
        ({"o": {"kind": "object", "type": "Net"}}, "o Net"),
        ({"s": {"kind": "other", "text": "IteratorSpec((TensorSpec"}}, "s IteratorSpec"),
    ],
)
def test_arguments_in_words(signature: dict[str, Any], words: str) -> None:
    assert compiling.arguments(signature) == words
