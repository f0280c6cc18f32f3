"""Whose time it is: a line cut into segments, each owned by the innermost event.

Where events nest, an event owns the time between its children. Events that overlap without nesting
(the graph executor opens the scope of a loop's next iteration before it closes the last one) follow
the rule of ``graphprof.trace.nesting``: each moment belongs to the open event that began last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphprof.trace.model import Int64, Plane
from graphprof.trace.nesting import Nesting, runs, yielded


@dataclass(frozen=True)
class Segments:
    """The owned time of one line, ascending, without overlaps; gaps of the line are left out.

    Attributes:
        owner: shape (m,), int64: index of the event in the plane's columns.
        start_ps: shape (m,), int64.
        end_ps: shape (m,), int64.
    """

    owner: Int64
    start_ps: Int64
    end_ps: Int64

    def of(self, chosen: np.ndarray) -> Int64:
        """Return the chosen segments as a set of moments, shape (k, 2); ``chosen`` is a mask."""
        return np.stack((self.start_ps[chosen], self.end_ps[chosen]), axis=1)

    def __len__(self) -> int:
        return len(self.owner)


def cut(plane: Plane, nesting: Nesting, line: int) -> Segments:
    """Cut line number ``line`` of ``plane`` into owned segments."""
    overlapping = line in nesting.overlapping
    parts = [
        _cut_run(plane, nesting, slice(first, last), overlapping)
        for first, last in runs(plane, plane.lines[line])
    ]
    if not parts:
        nothing = np.empty(0, np.int64)
        return Segments(nothing, nothing, nothing)
    owner, begins, ends = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Segments(owner, begins, ends)


def _cut_run(
    plane: Plane, nesting: Nesting, events: slice, overlapping: bool
) -> tuple[Int64, Int64, Int64]:
    """Return owner, start and end of the segments of a run of events that stands by itself."""
    # Instants own nothing, and are nobody's parent.
    lasting = np.flatnonzero(plane.duration_ps[events] > 0)
    place = np.full(events.stop - events.start + 1, -1, np.int64)
    place[lasting] = np.arange(len(lasting))
    start = plane.start_ps[events][lasting]
    end = start + plane.duration_ps[events][lasting]
    up = nesting.parent[events][lasting]
    parent = np.where(up >= 0, place[np.maximum(up - events.start, -1)], -1)
    if overlapping:
        end = yielded(start, end)
    owner, begins, ends = _owned(start, end, parent)
    lasts = ends > begins
    owner, begins, ends = owner[lasts], begins[lasts], ends[lasts]
    order = np.argsort(begins, kind="stable")
    return lasting[owner[order]] + events.start, begins[order], ends[order]


def _owned(start: Int64, end: Int64, parent: Int64) -> tuple[Int64, Int64, Int64]:
    """Return owner, start and end of each stretch before a child and after the last one."""
    by_family = np.argsort(parent, kind="stable")
    family = parent[by_family]
    eldest = np.ones(len(family), bool)
    eldest[1:] = family[1:] != family[:-1]
    since = np.empty_like(start)
    since[1:] = end[by_family[:-1]]
    since[eldest] = start[family[eldest]]
    inside = family >= 0
    youngest = np.roll(eldest, -1) & inside
    rest = start.copy()
    rest[family[youngest]] = end[by_family[youngest]]
    return (
        np.concatenate((family[inside], np.arange(len(start)))),
        np.concatenate((since[inside], rest)),
        np.concatenate((start[by_family[inside]], end)),
    )
