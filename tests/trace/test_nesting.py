"""Nesting against a plain loop over events, and against arithmetic that cannot be argued with."""

from __future__ import annotations

import builders
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphprof.trace import nesting
from graphprof.trace.model import Line, Plane


def plane_of(*lines):
    """A plane with the lines' ``(start, duration)`` events, sorted as the reader sorts them."""
    made, starts, durations = [], [], []
    for number, events in enumerate(lines):
        first = len(starts)
        for start, duration in sorted(events, key=lambda event: (event[0], -event[1])):
            starts.append(start)
            durations.append(duration)
        made.append(Line(number, f"line {number}", first, len(starts)))
    return Plane(
        name="/host:CPU",
        lines=tuple(made),
        names=("event",),
        name_id=np.zeros(len(starts), np.int32),
        start_ps=np.array(starts, np.int64),
        duration_ps=np.array(durations, np.int64),
    )


def moment_by_moment(plane, line):
    """Self times by walking every moment of a line: the definition, nothing clever."""
    self_ps = [0] * len(line)
    events = range(line.first, line.last)
    for moment in range(80):
        opened = [
            event for event in events if plane.start_ps[event] <= moment < plane.end_ps[event]
        ]
        if opened:
            self_ps[opened[-1] - line.first] += 1
    return self_ps


def parents(plane, line):
    """The innermost event that holds the whole of each, by trying them all."""
    result = []
    for event in range(line.first, line.last):
        opened = [
            other
            for other in range(line.first, event)
            if plane.end_ps[other] > plane.start_ps[event]
            and plane.end_ps[other] >= plane.end_ps[event]
            and plane.duration_ps[other]
        ]
        result.append(opened[-1] if opened else -1)
    return result


any_line = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30)), max_size=25)


@st.composite
def nested_line(draw, start=0, end=64, depth=0):
    """Events that nest like calls, instants among them."""
    events = []
    edges = sorted(draw(st.lists(st.integers(start, end), max_size=6)))
    for first, last in zip(edges[::2], edges[1::2], strict=False):
        events.append((first, last - first))
        if depth < 4 and first < last:
            events += draw(nested_line(first, last, depth + 1))
    return events


@given(st.lists(any_line, max_size=3))
def test_self_time_is_each_moment_given_to_the_event_begun_last(lines):
    plane = plane_of(*lines)
    nested = nesting.nest(plane)
    for line in plane.lines:
        assert nested.self_ps[line.events].tolist() == moment_by_moment(plane, line)


@given(any_line | nested_line())
def test_parents_are_the_innermost_events_around(events):
    plane = plane_of(events)
    nested = nesting.nest(plane)
    assert nested.parent.tolist() == parents(plane, plane.lines[0])
    below = nested.parent >= 0
    assert np.all(nested.depth[below] > nested.depth[nested.parent[below]])
    if not nested.overlapping:
        assert np.all(nested.depth[~below] == 0)
        assert np.all(nested.depth[below] == nested.depth[nested.parent[below]] + 1)


def test_what_hands_over_again_and_again_does_not_nest_deeper_and_deeper():
    """The graph executor opens the scope of what comes next before it closes the last one."""
    plane = plane_of([(2 * step, 3) for step in range(2000)])
    nested = nesting.nest(plane)
    assert set(nested.parent.tolist()) == {-1}
    assert set(nested.depth.tolist()) == {0, 1}
    assert nested.self_ps.tolist() == [2] * 1999 + [3]


@given(any_line | nested_line(), st.data())
def test_holders_are_found_up_the_parents(events, data):
    plane = plane_of(events)
    nested = nesting.nest(plane)
    wanted = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(plane), max_size=len(plane))), bool
    )
    found = nesting.holder(nested, wanted).tolist()
    for event in range(len(plane)):
        at = event
        while at >= 0 and not wanted[at]:
            at = int(nested.parent[at])
        assert found[event] == at


@given(any_line | nested_line())
def test_levels_hold_what_has_a_parent_each_once_parents_first(events):
    nested = nesting.nest(plane_of(events))
    seen = set(np.flatnonzero(nested.parent < 0).tolist())
    for level in nesting.levels(nested):
        assert {int(nested.parent[event]) for event in level} <= seen
        seen |= set(level.tolist())
    assert seen == set(range(len(nested.parent)))


@given(nested_line())
def test_both_ways_agree_on_nested_events(events):
    plane = plane_of(events)
    if not len(plane):
        return
    fast = nesting._nest_run(plane.start_ps, plane.end_ps)
    slow = nesting._nest_overlapping(plane.start_ps, plane.end_ps)
    assert fast is not None
    for column in ("parent", "depth", "self_ps"):
        assert getattr(fast, column).tolist() == getattr(slow, column).tolist()


@given(st.lists(any_line, max_size=3))
def test_events_of_a_row_never_overlap(lines):
    plane = plane_of(*lines)
    depth = nesting.nest(plane).depth
    for line in plane.lines:
        for level in set(depth[line.events].tolist()):
            row = np.flatnonzero(depth[line.events] == level) + line.first
            assert np.all(plane.end_ps[row][:-1] <= plane.start_ps[row][1:])


@given(any_line, st.integers(0, 20), st.integers(20, 70))
def test_gaps_and_covered_time_tile_a_window(events, start, end):
    plane = plane_of(events)
    line = plane.lines[0]
    moments = np.arange(start, end)
    is_open = np.zeros(len(moments), bool)
    for first, duration in events:
        is_open |= (first <= moments) & (moments < first + duration)
    gaps = nesting.gaps(plane, line, start, end)
    assert np.all(gaps[:, 0] < gaps[:, 1])
    in_gap = np.zeros(len(moments), bool)
    for first, last in gaps.tolist():
        in_gap |= (first <= moments) & (moments < last)
    assert in_gap.tolist() == (~is_open).tolist()


@given(st.lists(any_line, max_size=2))
def test_self_times_sum_to_the_covered_time(lines):
    plane = plane_of(*lines)
    self_ps = nesting.nest(plane).self_ps
    assert np.all(self_ps >= 0)
    for line in plane.lines:
        intervals = nesting.covered(plane, line)
        assert self_ps[line.events].sum() == (intervals[:, 1] - intervals[:, 0]).sum()


@settings(max_examples=20, deadline=None)
@given(st.lists(nested_line(), min_size=8, max_size=20), st.booleans())
def test_runs_change_nothing(patterns, overlap):
    """Cut into tiny runs, a line nests as it does in one."""
    events = [
        (start + 100 * k, length) for k, line in enumerate(patterns) for start, length in line
    ]
    if overlap:
        events.append((130, 95))
    plane = plane_of(events)
    whole = nesting.nest(plane)
    before = nesting._RUN
    nesting._RUN = 7
    try:
        cut = nesting.nest(plane)
    finally:
        nesting._RUN = before
    for column in ("parent", "depth", "self_ps"):
        assert getattr(cut, column).tolist() == getattr(whole, column).tolist()


def test_an_instant_swallows_nothing():
    plane = plane_of([(0, 10), (3, 0), (3, 0), (3, 4), (10, 0), (10, 5)])
    nested = nesting.nest(plane)
    #                                (0,10) (3,4) (3,0) (3,0) (10,5) (10,0)
    assert nested.parent.tolist() == [-1, 0, 1, 1, -1, 4]
    assert nested.self_ps.tolist() == [6, 4, 0, 0, 5, 0]


def test_overlapping_lines_are_named():
    plane = plane_of([(0, 10), (2, 3)], [(0, 10), (5, 10)], [])
    nested = nesting.nest(plane)
    assert nested.overlapping == (1,)
    assert nested.self_ps.tolist() == [7, 3, 5, 10]


def test_deep_nesting_does_not_exhaust_anything():
    depth = 70_000
    plane = plane_of([(k, 2 * (depth - k)) for k in range(depth)])
    nested = nesting.nest(plane)
    assert nested.depth.tolist() == list(range(depth))
    assert nested.self_ps.tolist() == [2] * depth


@pytest.mark.parametrize("mode", ["eager", "graph", "xla", "fit-spe=4"])
def test_times_as_tensorflow_records_them_nest(tmp_path, mode):
    host = builders.read(tmp_path, builders.mode_trace(mode, steps=8)).host
    nested = nesting.nest(host)
    assert nested.overlapping == ()
    names = np.array(host.names)[host.name_id]
    marks = names == "train"
    assert np.all(nested.depth[marks] == 0)
    assert np.all(nested.depth[names == "EagerKernelExecute"] >= 3)
