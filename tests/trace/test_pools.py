"""Pool work led back to who asked for it."""

from __future__ import annotations

import builders

from graphprof.trace import nesting, pools

START, STOP, RECORD = pools.STARTED, pools.STOPPED, pools.HANDED_OVER


def start(at, number):
    return (START, at, 0, {"_ct": 15, "_c": number})


def stop(at):
    return (STOP, at, 0)


def record(at, number):
    return (RECORD, at, 0, {"_pt": 15, "_p": number})


def regions(folder, lines):
    """``(line name, start, end, name of who asked)`` of each stretch, microseconds."""
    trace = builders.read(folder, builders.trace(lines), pools.STATS)
    plane = trace.host
    workers = [number for number, line in enumerate(plane.lines) if "Eigen" in line.name]
    found = pools.regions(plane, nesting.nest(plane), workers)
    return [
        (
            plane.lines[line].name,
            begins // 10**6,
            ends // 10**6,
            plane.names[plane.name_id[asked]] if asked >= 0 else None,
        )
        for line, begins, ends, asked in zip(
            found.line, found.start_ps, found.end_ps, found.asked_by, strict=True
        )
    ]


def test_work_is_led_back_to_the_op_that_handed_it_over(tmp_path):
    lines = {
        "tf_Compute/1": [
            ("conv:Conv2D", 10, 50),
            record(12, 1),
            ("relu:Relu", 70, 20),
            record(71, 2),
        ],
        "Eigen/2": [start(15, 1), stop(40), start(75, 2), stop(80)],
    }
    assert regions(tmp_path, lines) == [
        ("Eigen/2", 15, 40, "conv:Conv2D"),
        ("Eigen/2", 75, 80, "relu:Relu"),
    ]


def test_pieces_may_ask_for_more_pieces_on_other_threads(tmp_path):
    lines = {
        "tf_Compute/1": [("conv:Conv2D", 10, 80), record(12, 1)],
        "Eigen/2": [start(15, 1), record(16, 2), stop(40)],
        "Eigen/3": [start(20, 2), record(21, 3), stop(30), start(50, 3), stop(60)],
    }
    assert [asked for *_, asked in regions(tmp_path, lines)] == ["conv:Conv2D"] * 3


def test_work_from_before_the_trace_and_after_its_end_is_left_out(tmp_path):
    lines = {"Eigen/2": [stop(5), start(10, 9), stop(20), start(30, 8)]}
    assert regions(tmp_path, lines) == [("Eigen/2", 10, 20, None)]


def test_a_stretch_inside_a_stretch_is_part_of_it(tmp_path):
    lines = {"Eigen/2": [start(10, 1), start(15, 2), stop(20), stop(40)]}
    assert regions(tmp_path, lines) == [("Eigen/2", 10, 40, None)]


def test_numbers_in_a_circle_end(tmp_path):
    """No sound trace has it: a piece handed over by the work that it is itself."""
    lines = {"Eigen/2": [start(10, 1), record(11, 1), stop(40)]}
    assert regions(tmp_path, lines) == [("Eigen/2", 10, 40, None)]


def test_a_trace_without_pool_work_has_none(tmp_path):
    assert regions(tmp_path, {"Eigen/2": [("convolution.4", 0, 10)]}) == []
