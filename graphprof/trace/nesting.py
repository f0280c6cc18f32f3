"""How a line's events nest: parents, depth, self time, gaps.

Events of a thread nest like calls, and a line's events are sorted by start, the longer first. Then
all of it follows without a loop over events (n events, in cache-sized runs that are cut where
nothing is open):

* depth = events begun before - events ended by then, by the rank of each start among the ends;
* parent = the last event before it that is one level up;
* self time = duration - sum of the children's durations, summed in int64 and so exact.

An instant (no duration) never is a parent: it would swallow what starts at the same moment.

The graph executor, streams of a device, or damage may have events that overlap without nesting. That
shows as a child ending after its parent; the run is then redone under the rule that covers both
cases: *each moment belongs to the open event that began last*. An event ends, so to speak, where one
begins that outlives it (``yielded``). So self times on a line sum to its covered time, always.
"""

from __future__ import annotations

import dataclasses
import itertools
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
        parent: shape (n,), int64: index of the innermost event that was open when it began and is
            not outlived by it, -1 for a root.
        depth: shape (n,), int32: 0 for a root, one more than the parent's below; where events of
            a line overlap without nesting, the first depth below the parent's that is free, so that
            events of one depth never overlap.
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


def levels(nesting: Nesting) -> list[Int64]:
    """Return the events that have a parent, level by level, each shape (k,): parents come first."""
    deepest = int(nesting.depth.max(initial=0))
    # Sixteen bits sort by radix.
    keys = nesting.depth.astype(np.uint16) if deepest < 1 << 16 else nesting.depth
    order = np.argsort(keys, kind="stable")
    order = order[nesting.parent[order] >= 0]
    edges = np.searchsorted(nesting.depth[order], np.arange(1, deepest + 2))
    return [order[first:last] for first, last in itertools.pairwise(edges)]


def holder(nesting: Nesting, wanted: npt.NDArray[np.bool_]) -> Int64:
    """Return of each event the innermost wanted event that holds it, or is it; -1 where none does.

    Args:
        nesting: how n events nest.
        wanted: shape (n,).

    Returns:
        shape (n,), int64: indices of events. The ways up are halved in length by each pass, so
        that depth d costs log2(d) of them.
    """
    own: Int64 = np.arange(len(wanted), dtype=np.int64)
    up = np.where(wanted | (nesting.parent < 0), own, nesting.parent)
    while True:
        further = up[up]
        if np.array_equal(further, up):
            break
        up = further
    return np.where(wanted[up], up, -1)


def own_by_name(
    plane: Plane,
    nesting: Nesting,
    wanted: npt.NDArray[np.bool_],
    counted: npt.NDArray[np.bool_] | None = None,
) -> Int64:
    """Return the self time of wanted events and of what lies below them that is not wanted itself.

    Args:
        plane: the n events.
        nesting: how they nest.
        wanted: shape (n,).
        counted: shape (n,): whose self time counts; None counts all.

    Returns:
        shape (number of names,), int64: picoseconds by id of the wanted events' names.
    """
    owner = holder(nesting, wanted)
    chosen = owner >= 0 if counted is None else (owner >= 0) & counted
    own = np.zeros(len(plane.names), np.int64)
    np.add.at(own, plane.name_id[owner[chosen]], nesting.self_ps[chosen])
    return own


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


def yielded(start: Int64, end: Int64) -> Int64:
    """Return the ends at which events that overlap without nesting stop owning time.

    Where a later event begins that outlives the open one, each moment from there on belongs to the
    later, or to what follows it: the earlier ends there. With these ends the events nest.

    Args:
        start: shape (n,), ascending, the longer event first where two begin together.
        end: shape (n,).
    """
    trimmed = end.tolist()
    ends = end.tolist()
    open_events: list[int] = []
    for event, begin in enumerate(start.tolist()):
        until = ends[event]
        if until <= begin:
            continue
        while open_events and ends[open_events[-1]] < until:
            over = open_events.pop()
            if ends[over] > begin:
                trimmed[over] = min(trimmed[over], begin)
        open_events.append(event)
    return np.array(trimmed, np.int64)


def _nest_overlapping(start: Int64, end: Int64) -> _Run:
    """Nest events that may overlap: each moment belongs to the open event that began last."""
    nested = _nest_run(start, yielded(start, end))
    assert nested is not None
    return dataclasses.replace(nested, depth=_rows(start, end, nested.parent), sound=False)


def _rows(start: Int64, end: Int64, parent: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Depths below the parents' at which no two events overlap: the first that is free."""
    until: list[int] = []
    rows: list[int] = []
    ends = end.tolist()
    for event, (begin, holder_of) in enumerate(zip(start.tolist(), parent.tolist(), strict=True)):
        row = rows[holder_of] + 1 if holder_of >= 0 else 0
        while row < len(until) and until[row] > begin:
            row += 1
        until.extend([0] * (row + 1 - len(until)))
        until[row] = ends[event]
        rows.append(row)
    return np.array(rows, np.intp)
