"""Who owns each moment of a line, against walking every moment."""

from __future__ import annotations

import builders
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphprof.trace import nesting, segments
from graphprof.trace.model import Line, Plane

any_line = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), max_size=20)


def plane_of(*lines):
    made, rows = [], []
    for number, events in enumerate(lines):
        first = len(rows)
        rows += sorted(events, key=lambda event: (event[0], -event[1]))
        made.append(Line(number, f"line {number}", first, len(rows)))
    table = np.array(rows, np.int64).reshape(-1, 2)
    names = np.zeros(len(rows), np.int32)
    return Plane("/host:CPU", tuple(made), ("event",), names, table[:, 0], table[:, 1])


def owners(plane, line):
    """The event that began last among those open, for every moment."""
    found = {}
    for moment in range(80):
        opened = [
            event
            for event in range(line.first, line.last)
            if plane.start_ps[event] <= moment < plane.end_ps[event]
        ]
        if opened:
            found[moment] = opened[-1]
    return found


def as_moments(cut):
    return {
        moment: owner
        for owner, start, end in zip(
            cut.owner.tolist(), cut.start_ps.tolist(), cut.end_ps.tolist(), strict=True
        )
        for moment in range(start, end)
    }


@settings(max_examples=300)
@given(any_line, any_line)
def test_each_moment_belongs_to_the_open_event_that_began_last(one, other):
    plane = plane_of(one, other)
    nested = nesting.nest(plane)
    for number, line in enumerate(plane.lines):
        cut = segments.cut(plane, nested, number)
        assert as_moments(cut) == owners(plane, line)
        assert (cut.start_ps[1:] >= cut.end_ps[:-1]).all()


@settings(max_examples=100)
@given(any_line)
def test_an_event_owns_its_self_time(events):
    plane = plane_of(events)
    nested = nesting.nest(plane)
    cut = segments.cut(plane, nested, 0)
    owned = np.zeros(len(plane), np.int64)
    np.add.at(owned, cut.owner, cut.end_ps - cut.start_ps)
    assert owned.tolist() == nested.self_ps.tolist()


def test_the_scope_of_the_next_iteration_takes_over_before_the_last_one_closes(tmp_path):
    """As the graph executor records a loop: each scope opens just before the previous closes."""
    rounds = [("ExecutorState::Process", 10 * k, 10.5) for k in range(50)]
    trace = builders.read(tmp_path, builders.trace({"tf_Compute/1": rounds}))
    plane = trace.host
    cut = segments.cut(plane, nesting.nest(plane), 0)
    lengths = np.bincount(cut.owner, weights=cut.end_ps - cut.start_ps)
    assert lengths.tolist() == [10e6] * 49 + [10.5e6]
