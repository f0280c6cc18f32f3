"""The parts of a first call: traces written by hand, where every microsecond is known."""

from __future__ import annotations

from pathlib import Path

import builders
import pytest

from graphprof.analysis.building import first_call
from graphprof.analysis.building.first_call import PARTS
from graphprof.analysis.work import breakdown
from graphprof.errors import TraceError

TRACED = {"tf_function_call": "traced-nonXla"}
BUILDING = "tf.function-graph_building"
LAUNCH = "EagerLocalExecute: __inference_step_12"


def mark(number: int, start: int, length: int, **more: int) -> tuple[object, ...]:
    return ("train", start, length, {"_r": 1, "step_num": number, **more})


def parts(folder: Path, events: list[tuple[object, ...]], steps: int = 1) -> dict[str, float]:
    trace = builders.read(folder, builders.trace({"python": events}), breakdown.STATS)
    found = first_call.divide(trace, steps)
    assert tuple(found.parts) == tuple(part.id for part in PARTS)
    assert sum(found.parts.values()) == pytest.approx(found.seconds, rel=1e-12)
    return {part: round(seconds * 1e6, 6) for part, seconds in found.parts.items() if seconds}


def test_a_graph_is_built_optimised_and_run(tmp_path: Path) -> None:
    events = [
        mark(0, 0, 1000),
        ("step", 10, 980, TRACED),
        (BUILDING, 20, 500),
        ("TFE_Py_FastPathExecute_C", 30, 40),
        (LAUNCH, 600, 350),
        ("EagerKernelExecute", 800, 150),
        ("KernelAndDeviceFunc::Run", 800, 150),
        ("FunctionRun", 800, 0, {"id": 7, "_r": 1}),
        mark(1, 1000, 30),
    ]
    # Building: the building itself, and what the call does around it and the launch (130).
    assert parts(tmp_path, events) == {
        "building": 500 + 130,
        "optimising": 200,
        "running": 150,
        "rest": 20,
    }


def test_a_function_that_runs_while_another_is_built_belongs_to_that_building(
    tmp_path: Path,
) -> None:
    events = [
        mark(0, 0, 100),
        ("step", 0, 100, TRACED),
        (BUILDING, 0, 100),
        (LAUNCH, 40, 20),
    ]
    assert parts(tmp_path, events) == {"building": 100}


def test_xla_compiles_inside_the_first_launch(tmp_path: Path) -> None:
    events = [
        mark(0, 0, 1000),
        ("step", 0, 1000, TRACED),
        (BUILDING, 0, 100),
        (LAUNCH, 100, 900),
        ("EagerKernelExecute", 110, 890),
        ("__inference_step_12:__inference_step_12", 110, 890),
        ("CpuCompiler::RunBackend", 150, 600),
        ("anything at all", 200, 100),
    ]
    found = parts(tmp_path, events)

    assert found["compiling"] >= 600
    assert found["building"] == 100
    assert found["optimising"] == 10


def test_a_mode_that_builds_nothing_has_none_of_it(tmp_path: Path) -> None:
    events = [
        mark(0, 0, 100),
        ("EagerLocalExecute: Conv2D", 20, 60),
        ("EagerKernelExecute", 30, 50),
        ("KernelAndDeviceFunc::Run", 30, 50),
    ]
    assert parts(tmp_path, events) == {"running": 50, "rest": 50}


def test_later_calls_are_not_part_of_the_first(tmp_path: Path) -> None:
    events = [mark(0, 0, 10), mark(1, 10, 500), ("step", 10, 500, TRACED), (BUILDING, 20, 400)]
    assert parts(tmp_path, events) == {"rest": 10}


def test_a_launch_that_runs_all_steps_of_a_call_is_optimised_once(tmp_path: Path) -> None:
    events = [
        mark(0, 0, 1000, steps=2),
        ("step", 0, 1000, TRACED),
        (BUILDING, 0, 300),
        (LAUNCH, 300, 700),
        ("EagerKernelExecute", 500, 500),
        ("KernelAndDeviceFunc::Run", 500, 500),
        ("FunctionRun", 500, 0, {"id": 7, "_r": 1}),
    ]
    assert parts(tmp_path, events, steps=2)["optimising"] == 200


def test_a_trace_without_the_first_call_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="first call"):
        parts(tmp_path, [mark(3, 0, 10)])
