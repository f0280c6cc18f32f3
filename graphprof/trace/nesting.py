"""How a line's events nest: parents, depth, self time, gaps.

Events of a thread nest like calls, and a line's events are sorted by start, the longer first. Then
all of it follows without a loop over events (n events, in cache-sized runs that are cut where
nothing is open):

* depth = events begun before - events ended by then, by the rank of each start among the ends;
* parent = the last event before it that is one level up;
* self time = duration - sum of the children's durations, summed in int64 and so exact.

An instant (no duration) never is a parent: it would swallow what starts at the same moment.

Streams of a device, or damage, may overlap without nesting. That shows as a child ending after its
parent; the run is then redone by a loop under the rule that covers both cases: *each moment
belongs to the open event that began last*. So self times on a line sum to its covered time, always.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphprof.trace.model import Int32, Int64, Line, Plane

_RUN = 1 << 16
"""Events looked at together; their columns fit a processor's cache."""


@dataclass(frozen=True)
class Nesting:
    """How a plane's events nest; parallel to the plane's columns.

    Attributes:
        parent: shape (n,), int64: index of the innermost event that was open when it began, -1
            for a root.
        depth: shape (n,), int32: 0 for a root.
        self_ps: shape (n,), int64: time that belongs to the event and to none of its children,
            picoseconds, never negative.
        overlapping: indices of the lines (in ``Plane.lines``) with events that overlap without
            nesting.
    """

    parent: Int64
    depth: Int32
    self_ps: Int64
    overlapping: tuple[int, ...] = ()


def nest(plane: Plane) -> Nesting:
    """Nest the events of each line of ``plane``."""
    size = len(plane)
    parent = np.full(size, -1, np.int64)
    depth = np.zeros(size, np.int32)
    self_ps = np.zeros(size, np.int64)
    overlapping = []
    for number, line in enumerate(plane.lines):
        sound = True
        for first, last in runs(plane, line):
            run = slice(first, last)
            start, end = plane.start_ps[run], plane.end_ps[run]
            nested = _nest_run(start, end) or _nest_overlapping(start, end)
            sound &= nested.sound
            parent[run] = np.where(nested.parent >= 0, nested.parent + first, -1)
            depth[run] = nested.depth
            self_ps[run] = nested.self_ps
        if not sound:
            overlapping.append(number)
    return Nesting(parent, depth, self_ps, tuple(overlapping))


def covered(plane: Plane, line: Line) -> Int64:
    """Return the intervals in which at least one event of ``line`` is open.

    Returns:
        shape (k, 2), int64: start and end in picoseconds, ascending, apart from each other.
    """
    start = plane.start_ps[line.events]
    if not len(start):
        return np.empty((0, 2), np.int64)
    reach = np.maximum.accumulate(start + plane.duration_ps[line.events])
    opens = np.flatnonzero(start[1:] > reach[:-1]) + 1
    first = np.concatenate(([0], opens))
    last = np.concatenate((opens, [len(start)])) - 1
    intervals = np.stack((start[first], reach[last]), axis=1)
    return intervals[intervals[:, 0] < intervals[:, 1]]


def gaps(plane: Plane, line: Line, start_ps: int, end_ps: int) -> Int64:
    """Return the intervals of a window in which no event of ``line`` is open.

    Returns:
        shape (k, 2), int64: start and end in picoseconds, ascending, none empty.
    """
    intervals = np.clip(covered(plane, line), start_ps, end_ps)
    edges = np.concatenate(([start_ps], intervals.ravel(), [end_ps])).reshape(-1, 2)
    return edges[edges[:, 0] < edges[:, 1]]


@dataclass(frozen=True)
class _Run:
    parent: npt.NDArray[np.intp]
    depth: npt.NDArray[np.intp]
    self_ps: Int64
    sound: bool


def runs(plane: Plane, line: Line) -> list[tuple[int, int]]:
    """``line`` cut into runs of about ``_RUN`` events at moments when nothing is open."""
    if len(line) <= _RUN:
        return [(line.first, line.last)] if len(line) else []
    reach = np.maximum.accumulate(plane.end_ps[line.events])
    cuts = np.flatnonzero(plane.start_ps[line.events][1:] >= reach[:-1]) + 1
    wanted = np.searchsorted(cuts, np.arange(_RUN, len(line), _RUN))
    edges = np.unique(cuts[wanted[wanted < len(cuts)]]) + line.first
    return list(zip([line.first, *edges.tolist()], [*edges.tolist(), line.last], strict=True))


def _nest_run(start: Int64, end: Int64) -> _Run | None:
    """Nest events in which nothing but nesting happens, or None where they overlap otherwise."""
    size = len(start)
    lasts = end > start
    ends = np.sort(end[lasts])
    # Those begun before: only events that last can hold another one.
    begun: npt.NDArray[np.intp] = np.cumsum(lasts) - lasts
    depth = begun - np.searchsorted(ends, start, side="right")
    order, parent_of = _parents(depth, lasts)
    parent = np.full(size, -1, np.intp)
    parent[order] = parent_of
    inside = parent >= 0
    if np.any(end[inside] > end[parent[inside]]):
        return None
    self_ps = end - start
    _subtract_children(self_ps, order, parent_of)
    return _Run(parent, depth, self_ps, sound=True)


def _parents(
    depth: npt.NDArray[np.intp], lasts: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the events below the roots, level by level, and the parent of each."""
    deepest = int(depth.max(initial=0))
    # Sixteen bits sort by radix.
    keys = depth.astype(np.uint16) if deepest < 1 << 16 else depth
    order = np.argsort(keys, kind="stable")
    edges = np.concatenate(([0], np.cumsum(np.bincount(depth, minlength=deepest + 1))))
    parent = np.empty(len(depth), np.intp)
    holders = order[edges[0] : edges[1]]
    for level in range(1, deepest + 1):
        holders = holders[lasts[holders]]
        here = order[edges[level] : edges[level + 1]]
        parent[edges[level] : edges[level + 1]] = holders[np.searchsorted(holders, here) - 1]
        holders = here
    return order[edges[1] :], parent[edges[1] :]


def _subtract_children(
    self_ps: Int64, order: npt.NDArray[np.intp], parent: npt.NDArray[np.intp]
) -> None:
    """Take the children's durations off; level by level, siblings lie side by side."""
    if not len(order):
        return
    families = np.concatenate(([0], np.flatnonzero(parent[1:] != parent[:-1]) + 1))
    children = np.add.reduceat(self_ps[order], families)
    self_ps[parent[families]] -= children


def _nest_overlapping(start: Int64, end: Int64) -> _Run:
    """Nest events that may overlap: each moment belongs to the open event that began last."""
    parent = np.full(len(start), -1, np.intp)
    depth = np.zeros(len(start), np.intp)
    owned = [0] * len(start)
    ends = end.tolist()
    stack: list[int] = []
    clock = int(start[0])
    for event, begin in enumerate([*start.tolist(), int(end.max())]):
        while stack and ends[stack[-1]] <= begin:
            closed = stack.pop()
            owned[closed] += max(0, ends[closed] - clock)
            clock = max(clock, ends[closed])
        if event == len(ends):
            break
        if stack:
            owned[stack[-1]] += begin - clock
            parent[event] = stack[-1]
            depth[event] = depth[stack[-1]] + 1
        clock = begin
        if ends[event] > begin:
            stack.append(event)
    return _Run(parent, depth, np.array(owned, np.int64), sound=False)
