"""A run's memory put together, on the recorded conv net and on hand-made runs."""

import json
from dataclasses import replace

import builders
import numpy as np
import pytest
import recorded_session
from hypothesis import given
from hypothesis import strategies as st

from graphprof import session
from graphprof.analysis.memory import allocators, footprint
from graphprof.errors import SessionError
from graphprof.session import graphprof_folder
from graphprof.trace import memory_file
from graphprof.trace.memory_file import (
    DeviceMemory,
    Held,
    MemoryRecord,
    ResidentCurve,
    Told,
)


@pytest.fixture(scope="module")
def conv(tmp_path_factory):
    path = recorded_session.write(tmp_path_factory.mktemp("conv"))
    return {folder.run.mode: footprint.of_run(folder) for folder in session.load(path).runs}


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_rows_sum_to_what_was_taken(conv, mode):
    found = conv[mode]
    assert sum(row.size for row in found.rows) == found.memory.peak - found.memory.unnamed
    assert found.step_bytes == found.memory.peak_step.peak - found.memory.peak_step.before
    gaps = sum(row.size for row in found.rows if row.largest.op == footprint.GAPS)
    assert found.needed_bytes + gaps == sum(row.size for row in found.rows)


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_every_byte_that_was_asked_for_has_an_owner(conv, mode):
    owned = sum(row.size for row in conv[mode].rows if row.owner)
    assert owned > 0.95 * conv[mode].needed_bytes


def test_xla_holds_the_pooling_s_gradient(conv):
    """Where graph keeps an activation, XLA's reduce-window keeps values and places."""
    first = conv["xla"].rows[0]
    assert (first.owner, first.in_pass) == ("conv/max_pooling2d", "backward")
    same = {(row.owner, row.in_pass): row.size for row in conv["graph"].rows}
    assert first.size > 5 * same[first.owner, first.in_pass]
    assert conv["xla"].needed_bytes > 3 * conv["graph"].needed_bytes


@pytest.mark.parametrize("mode", ["eager", "graph", "xla"])
def test_the_curve_is_of_the_step_with_the_peak(conv, mode):
    found = conv[mode]
    seconds = [at for at, _ in found.curve]
    assert seconds == sorted(seconds)
    assert (seconds[0], seconds[-1]) == (0, pytest.approx(found.step_s))
    assert max(level for _, level in found.curve) == found.memory.peak
    assert found.curve[0][1] == found.memory.peak_step.before
    assert found.memory.peak == max(step.peak for step in found.memory.steps)
    for top in found.tops:
        sizes = [tensor.size for tensor in top.tensors]
        assert sizes == sorted(sizes, reverse=True)
        assert 0 <= top.at_s <= found.step_s


def test_the_plan_lies_on_the_step_s_clock(conv):
    found = conv["xla"]
    seconds = [at for at, _ in found.planned]
    assert seconds == sorted(seconds)
    assert 0 < seconds[0] < seconds[-1] < found.step_s
    assert max(level for _, level in found.planned) == found.plan.plan.levels.max()
    # The temporaries are taken before the first instruction and given back after the last.
    taken = [at for at, level in found.curve if level > found.memory.peak_step.before]
    assert taken[0] < seconds[0] < seconds[-1] < found.curve[-2][0]


def test_a_mode_that_was_not_traced_says_so(conv):
    found = conv["fit-spe=8"]
    assert (found.memory, found.plan, found.step_bytes, found.needed_bytes) == (None,) * 4
    assert (found.resident, found.weights, found.curve) == (None, None, ())
    assert found.why_not == "It was not traced."


def run(tmp_path, record=None, modes=("graph",)):
    path = builders.session(tmp_path, modes=modes, steps=2, rounds=2)
    (folder, *_) = session.load(path).runs
    if record is not None:
        file = graphprof_folder(folder.path) / memory_file.MEMORY_FILE
        file.write_bytes(memory_file.to_json(record))
    return folder


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ((DeviceMemory("CPU:0", 0, 0, 0),), "no step took a tensor of 256 kib or more"),
        ((), "keeps no account"),
    ],
)
def test_why_no_allocator_was_seen(tmp_path, devices, said):
    found = footprint.of_run(run(tmp_path, MemoryRecord(told=Told((), devices))))
    assert found.memory is None
    assert said in found.why_not.lower()
    assert "TF_CPU_ALLOCATOR_USE_BFC=1" in found.why_not


def test_variables_by_role(tmp_path):
    held = (
        Held("net/kernel", "weights", 100, trainable=True),
        Held("net/mean", "weights", 10),
        Held("adam/momentum", "optimizer", 200),
    )
    found = footprint.of_run(run(tmp_path, MemoryRecord(told=Told(held))))
    assert (found.weights, found.trainable, found.optimizer) == (110, 100, 200)
    unknown = footprint.of_run(run(tmp_path / "other", MemoryRecord(told=Told(None))))
    assert (unknown.weights, unknown.optimizer) == (None, None)


def test_the_resident_set_is_cut_to_the_steps(tmp_path):
    folder = run(tmp_path)
    found = footprint.of_run(folder)
    # Two steps of 6.1 ms begin 130 us after the trace's origin of 30 us; see builders.mode_trace.
    origin = builders.PROFILE_START_NS + 30_000
    times = [origin + round(at * 1e6) for at in (-50, -1, 2, 5, 11, 13, 50)]
    curve = ResidentCurve(10**6, 70, tuple(times), (1, 2, 3, 4, 5, 6, 7))
    file = graphprof_folder(folder.path) / memory_file.MEMORY_FILE
    assert found.rss == ()
    file.write_bytes(memory_file.to_json(MemoryRecord(curve=curve)))
    found = footprint.of_run(folder)
    assert [level for _, level in found.rss] == [2, 3, 4, 5, 5]
    assert found.rss[0][0] == 0
    assert found.rss[1][0] == pytest.approx(1.9e-3)
    assert found.rss[-1][0] == pytest.approx(12.322e-3, rel=0.01)


CURVE = '{"curve": {"period_ns": 1, "looks": 1, "times_ns": %s, "rss_bytes": %s}}'


@pytest.mark.parametrize(
    "damage",
    [
        '{"processes": [{"wave": "x"}]}',
        "[]",
        "",
        CURVE % ("[1, 2]", "[1]"),
        CURVE % ("[2, 1]", "[1, 1]"),
        CURVE % ("[1]", "[-1]"),
        CURVE % (f"[{10**30}]", "[1]"),
        '{"told": {"held": [{"name": "w", "role": "weights", "size": 1e400}]}}',
    ],
)
def test_a_damaged_record_is_an_error_with_a_cure(tmp_path, damage):
    folder = run(tmp_path)
    file = graphprof_folder(folder.path) / memory_file.MEMORY_FILE
    file.write_text(damage)
    with pytest.raises(SessionError, match=r"memory\.json"):
        footprint.of_run(folder)


def test_a_record_comes_back_as_it_was_written():
    record = MemoryRecord(told=Told((Held("a", "weights", 1),), (DeviceMemory("GPU:0", 1, 2, 3),)))
    assert json.loads(memory_file.to_json(record))["format_version"] == 1
    assert memory_file._ADAPTER.validate_json(memory_file.to_json(record)) == record


def test_a_trace_that_cannot_be_read_leaves_the_process(tmp_path):
    folder = run(tmp_path, MemoryRecord(told=Told((Held("a", "weights", 8),))))
    folder.xplane.write_bytes(b"")
    found = footprint.of_run(folder)
    assert found.memory is None
    assert found.weights == 8
    assert found.why_not != "It was not traced."
    untraced = replace(folder, run=replace(folder.run, trace=None))
    assert footprint.of_run(untraced).why_not == "It was not traced."


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=300), st.integers(4, 60))
def test_a_thinned_curve_keeps_its_ends_and_extremes(levels, most):
    times = np.arange(len(levels)) * 1e-3
    points = allocators.thinned(times.tolist(), levels, most)
    assert len(points) <= most + 2
    kept = [level for _, level in points]
    assert (max(kept), min(kept)) == (max(levels), min(levels))
    assert (points[0], points[-1]) == ((0, levels[0]), (times[-1], levels[-1]))
    assert [at for at, _ in points] == sorted({at for at, _ in points})
    assert all(levels[round(at * 1e3)] == level for at, level in points)
