"""Sets of moments: unions, intersections, differences and lengths of intervals.

A set is an int64 array of shape (k, 2), start and end in picoseconds: ascending, apart from each
other, none empty. Lengths are sums of int64 and so exact; nothing here loops over intervals.
"""

from __future__ import annotations

import numpy as np

from graphprof.trace.model import Int64

EMPTY: Int64 = np.empty((0, 2), np.int64)


def union(start: Int64, end: Int64) -> Int64:
    """Return the set of moments covered by any of the intervals, given in any order."""
    lasts = end > start
    start, end = start[lasts], end[lasts]
    if not len(start):
        return EMPTY
    order = np.argsort(start, kind="stable")
    start, reach = start[order], np.maximum.accumulate(end[order])
    opens = np.flatnonzero(start[1:] > reach[:-1]) + 1
    first = np.concatenate(([0], opens))
    last = np.concatenate((opens, [len(start)])) - 1
    return np.stack((start[first], reach[last]), axis=1)


def intersect(one: Int64, other: Int64) -> Int64:
    """Return the moments that are in both sets."""
    low = np.searchsorted(other[:, 1], one[:, 0], side="right")
    high = np.searchsorted(other[:, 0], one[:, 1], side="left")
    met = np.maximum(high - low, 0)
    mine = np.repeat(np.arange(len(one)), met)
    # Position within each run of partners: 0, 1, ... for every interval of `one`.
    nth = np.arange(len(mine)) - np.repeat(np.cumsum(met) - met, met)
    theirs = low[mine] + nth
    return np.stack(
        (
            np.maximum(one[mine, 0], other[theirs, 0]),
            np.minimum(one[mine, 1], other[theirs, 1]),
        ),
        axis=1,
    )


def subtract(one: Int64, other: Int64) -> Int64:
    """Return the moments of ``one`` that are not in ``other``."""
    if not len(one) or not len(other):
        return one
    low = min(one[0, 0], other[0, 0])
    high = max(one[-1, 1], other[-1, 1])
    outside = np.concatenate(([low], other.ravel(), [high])).reshape(-1, 2)
    return intersect(one, outside[outside[:, 0] < outside[:, 1]])


def before(intervals: Int64, moments: Int64) -> Int64:
    """Return how much of the set lies before each moment, picoseconds."""
    if not len(intervals):
        return np.zeros(len(moments), np.int64)
    total = np.concatenate(([0], np.cumsum(intervals[:, 1] - intervals[:, 0])))
    begun = np.searchsorted(intervals[:, 0], moments, side="right")
    still_to_come = np.maximum(intervals[begun - 1, 1] - moments, 0)
    length: Int64 = total[begun] - np.where(begun > 0, still_to_come, 0)
    return length


def within(intervals: Int64, start: Int64, end: Int64) -> Int64:
    """Return how much of the set lies in each window from ``start`` to ``end``, picoseconds."""
    length: Int64 = before(intervals, end) - before(intervals, start)
    return length
