"""Random traces, divided moment by moment: the definition, nothing clever."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphprof.analysis.work import breakdown, projection
from graphprof.trace import classify, nesting, rules
from graphprof.trace.model import Line, Plane, StatColumn, Trace
from graphprof.trace.rules import Pool

NAMES = (
    "TFE_Py_FastPathExecute_C",
    "EagerLocalExecute: Conv2D",
    "EagerLocalExecute: __inference_step_1",
    "KernelAndDeviceFunc::Run",
    "FunctionRun",
    "ExecutorState::Process",
    "a/MatMul:MatMul",
    "EagerPyFunc:EagerPyFunc",
    "IteratorGetNextOp::DoCompute",
    "ThunkExecutor::Execute",
    "BlockUntilReady",
    "CpuCompiler::RunBackend",
    "tf.function-graph_building",
    "nobody knows",
)
LINES = ("python", "tf_Compute/1", "tf_Compute/2", "tf_numa_-1_Eigen/3", "tf_data_x/4", "loader")
STEPS = ((5, 30), (30, 48), (52, 70))
LENGTH = 80

events = st.lists(
    st.tuples(st.integers(0, LENGTH - 1), st.integers(0, 40), st.integers(0, len(NAMES) - 1)),
    max_size=12,
)


def trace_of(lines):
    """A trace with the steps ``STEPS`` and the lines' ``(start, duration, name)`` events."""
    made, rows, marked = [], [], []
    for number, (name, chosen) in enumerate(zip(LINES, lines, strict=True)):
        first = len(rows)
        own = list(chosen)
        if number == 0:
            own += [(start, end - start, len(NAMES)) for start, end in STEPS]
        own.sort(key=lambda row: (row[0], -row[1], row[2] != len(NAMES)))
        rows += own
        marked += [first + place for place, row in enumerate(own) if row[2] == len(NAMES)]
        made.append(Line(number, name, first, len(rows)))
    table = np.array(rows, np.int64).reshape(-1, 3)
    owner = np.array(marked, np.int64)
    plane = Plane(
        name="/host:CPU",
        lines=tuple(made),
        names=(*NAMES, "train"),
        name_id=table[:, 2].astype(np.int32),
        start_ps=table[:, 0].copy(),
        duration_ps=table[:, 1].copy(),
        stats={
            "_r": StatColumn(owner, np.ones(len(owner), np.int64)),
            "step_num": StatColumn(owner, np.arange(len(owner), dtype=np.int64)),
        },
    )
    return Trace((plane,), 0)


def owner_at(plane, line, moment):
    opened = [
        event
        for event in range(line.first, line.last)
        if plane.start_ps[event] <= moment < plane.end_ps[event]
    ]
    return opened[-1] if opened else None


def kind_at(plane, classes, moment):
    """What one moment of a step is, by asking every thread."""
    own = owner_at(plane, plane.lines[0], moment)
    kind = rules.PYTHON if own is None else int(classes.kind[own])
    kind = {rules.UNKNOWN: rules.PYTHON, rules.BACKGROUND: rules.INPUT}.get(kind, kind)
    if kind not in (rules.WAITING, rules.RUNTIME):
        return kind
    others = set()
    for line, pool in zip(plane.lines[1:], classes.pool[1:], strict=True):
        event = owner_at(plane, line, moment)
        if event is not None and pool != Pool.PYTHON:
            others.add(int(classes.kind[event]))
    # What the thread itself does to hand work over counts last.
    last = rules.RUNTIME if kind == rules.RUNTIME else rules.IDLE
    return next((kind for kind in projection.PRIORITY if kind in others), last)


@settings(max_examples=150, deadline=None)
@given(st.tuples(*[events] * len(LINES)))
def test_parts_are_what_counting_moments_gives(lines):
    trace = trace_of(lines)
    result = breakdown.divide(trace)
    result.self_check()
    assert result.wall_ps.tolist() == [end - start for start, end in STEPS]
    classes = classify.classify(trace.host, nesting.nest(trace.host))
    for row, (start, end) in enumerate(STEPS):
        counted = np.zeros(result.parts_ps.shape[1], np.int64)
        for moment in range(start, end):
            counted[kind_at(trace.host, classes, moment)] += 1
        assert result.parts_ps[row].tolist() == counted.tolist()


@settings(max_examples=100, deadline=None)
@given(st.tuples(*[events] * len(LINES)))
def test_the_names_of_a_kind_never_sum_to_more_than_it(lines):
    result = breakdown.divide(trace_of(lines))
    for kind in {entry.kind for entry in result.evidence}:
        shown = sum(entry.seconds for entry in result.evidence if entry.kind == kind)
        assert shown <= result.mean_s(kind) * (1 + 1e-9)
