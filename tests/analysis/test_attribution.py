"""Whose time it is: exact on traces written by hand, and always the sum of the breakdown."""

import builders
import numpy as np
import pytest
from conv_recording import MODES, attributed
from hypothesis import given, settings
from hypothesis import strategies as st

from graphprof.analysis.work import attribution, breakdown, layers, ops
from graphprof.errors import TraceError
from graphprof.trace.kinds import KIND_IDS
from graphprof.trace.labels import Label, Labels

LABELS = Labels(
    scopes={
        "a": Label("a", "forward"),
        "b": Label("b", "forward"),
        "adam": Label("adam", "optimizer"),
    }
)


def attribute(tmp_path, lines, known=LABELS):
    return attribution.attribute(builders.read(tmp_path, builders.trace(lines)), known)


def wall_us(found, kind="op"):
    """Owner and pass -> microseconds of a kind in the mean step."""
    sums = {}
    for op, row in zip(found.ops, found.wall_ps, strict=True):
        value = row[KIND_IDS.index(kind)] / found.steps / 1e6
        if value:
            sums[op.label] = sums.get(op.label, 0) + value
    return sums


def step(*events, length=100):
    return [("train", 0, length, {"_r": 1, "step_num": 0}), *events]


def waiting(start, length):
    """A call of a graph: the step's thread waits inside."""
    return [
        ("EagerLocalExecute: __inference_step_1", start, length),
        ("KernelAndDeviceFunc::Run", start, length),
        ("FunctionRun", start, 0.001),
    ]


def test_side_by_side_a_moment_is_shared_and_counted_once(tmp_path):
    found = attribute(
        tmp_path,
        {
            "python": step(*waiting(10, 80)),
            "tf_Compute/1": [("a/x:MatMul", 20, 40)],
            "tf_Compute/2": [("b/y:MatMul", 40, 40)],
        },
    )
    # 20 us alone, 20 us shared with the other, 20 us alone.
    assert wall_us(found) == {Label("a", "forward"): 30, Label("b", "forward"): 30}
    assert sum(found.busy_ps) == 80e6


def test_what_runs_while_nobody_waits_is_busy_but_no_part_of_the_step(tmp_path):
    found = attribute(tmp_path, {"python": step(), "tf_Compute/1": [("a/x:MatMul", 20, 40)]})
    assert wall_us(found) == {}
    assert sum(found.busy_ps) == 40e6


def test_scopes_own_what_happens_in_them(tmp_path):
    found = attribute(
        tmp_path,
        {
            "python": step(
                ("layer: net", 10, 60),
                ("layer: net/dense", 20, 30),
                ("EagerLocalExecute: MatMul", 25, 20),
                ("KernelAndDeviceFunc::Run", 30, 10),
                ("gradient: net/dense", 75, 10),
                ("EagerLocalExecute: MatMul", 75, 10),
                ("KernelAndDeviceFunc::Run", 77, 8),
                ("optimizer: adam", 90, 5),
            )
        },
    )
    dense, net = Label("net/dense", "forward"), Label("net", "forward")
    backward = Label("net/dense", "backward")
    assert wall_us(found) == {dense: 10, backward: 8}
    assert wall_us(found, "dispatch") == {dense: 10, backward: 2}
    adam = Label("adam", "optimizer")
    assert wall_us(found, "python") == {dense: 10, net: 30, adam: 5, Label("", "other"): 25}


def test_sums_of_gradients_belong_to_the_op_that_gets_them(tmp_path):
    found = attribute(
        tmp_path,
        {
            "python": step(
                ("gradient: ", 10, 80),
                ("gradient: net/b", 20, 10),
                ("EagerLocalExecute: AddN", 35, 10),
                ("KernelAndDeviceFunc::Run", 36, 8),
                ("gradient: net/a", 50, 10),
            )
        },
    )
    assert wall_us(found) == {Label("net/a", "backward"): 8}
    row = next(row for row in ops.table(found) if row.op_type == "AddN")
    assert row.tag == "dataflow"


def test_pool_work_is_whose_it_was_asked_for(tmp_path):
    found = attribute(
        tmp_path,
        {
            "python": step(*waiting(10, 80)),
            "tf_Compute/1": [
                ("a/x:MatMul", 20, 10),
                ("ThreadpoolListener::Record", 22, 0, {"_pt": 15, "_p": 7}),
            ],
            "tf_numa_-1_Eigen/2": [
                ("ThreadpoolListener::StartRegion", 30, 0, {"_ct": 15, "_c": 7}),
                ("ThreadpoolListener::StopRegion", 50, 0),
            ],
        },
    )
    assert wall_us(found) == {Label("a", "forward"): 30}
    (row,) = ops.table(found)
    assert (row.calls, row.busy_s, row.total_s) == pytest.approx((1, 30e-6, 10e-6))


def test_an_asynchronous_instruction_is_an_interval(tmp_path):
    stats = {"hlo_op": builders.Ref("convolution.1"), "hlo_module": builders.Ref("m")}
    found = attribute(
        tmp_path,
        {
            "python": step(
                ("EagerLocalExecute: __inference_step_1", 5, 90),
                ("ThunkExecutor::Execute", 10, 70),
                ("convolution.1", 20, 10, {"_pt": 0, "_p": 1, **stats}),
                ("end: convolution.1", 60, 1, {"_ct": 0, "_c": 1}),
            )
        },
    )
    row = next(row for row in ops.table(found) if row.op_type == "convolution")
    assert (row.total_s, row.low_s, row.high_s) == pytest.approx((10e-6, 10e-6, 40e-6))
    assert row.asynchronous


def test_a_trace_without_steps_is_an_error(tmp_path):
    with pytest.raises(TraceError):
        attribute(tmp_path, {"python": [("a", 0, 1)]})


@pytest.mark.parametrize("mode", ["eager", "graph", "xla", "fit-spe=4"])
def test_all_owners_together_are_the_breakdown(tmp_path, mode):
    trace = builders.read(tmp_path, builders.mode_trace(mode, steps=8))
    found, divided = attribution.attribute(trace), breakdown.divide(trace)
    assert found.steps == len(divided)
    np.testing.assert_array_equal(found.wall_ps.sum(axis=0), divided.parts_ps.sum(axis=0))
    assert found.busy_ps.sum() == divided.op_busy_ps.sum()


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["a/x:Op", "b/y:Op", "adam/z:Op", "ExecutorState::Process", "odd"]),
        st.integers(0, 90),
        st.integers(0, 40),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(first=EVENTS, second=EVENTS, waits=st.tuples(st.integers(0, 50), st.integers(1, 60)))
def test_to_the_last_picosecond(tmp_path_factory, first, second, waits):
    trace = builders.read(
        tmp_path_factory.mktemp("trace"),
        builders.trace(
            {"python": step(*waiting(*waits)), "tf_Compute/1": first, "tf_Compute/2": second}
        ),
    )
    found, divided = attribution.attribute(trace, LABELS), breakdown.divide(trace)
    np.testing.assert_array_equal(found.wall_ps.sum(axis=0), divided.parts_ps.sum(axis=0))
    assert (found.wall_ps >= 0).all()


@pytest.mark.parametrize("mode", MODES)
def test_op_time_of_a_recorded_model_has_owners(mode):
    table = layers.table(attributed(mode))
    assert table.labelled >= 0.95
    assert sum(table.tags.values()) == pytest.approx(1)
    assert sum(row.wall_s for row in table.rows) == pytest.approx(table.step_s, rel=1e-12)
    assert sum(row.op_s for row in table.rows) == pytest.approx(table.op_s, rel=1e-12)
    owners = {(row.owner, row.in_pass) for row in table.rows if row.op_s}
    for layer in ("conv2d", "max_pooling2d", "conv2d_1", "max_pooling2d_1", "dense"):
        assert {(f"conv/{layer}", "forward"), (f"conv/{layer}", "backward")} <= owners
    assert ("adam", "optimizer") in owners


def test_ops_of_a_recorded_model_run_once_a_step():
    once = {
        (row.owner, row.op_type): row.calls
        for row in ops.table(attributed("graph"))
        if row.op_type in ("_MklNativeFusedConv2D", "_MklNativeMaxPool", "_MklNativeMaxPoolGrad")
    }
    assert len(once) == 6
    assert set(once.values()) == {1.0}
    assert root_of("graph") == "conv/"


def root_of(mode):
    return layers.root(row.owner for row in layers.table(attributed(mode)).rows)
