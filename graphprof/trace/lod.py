"""Levels of detail: a timeline window costs what it shows, not what the trace holds.

A row is a line at one depth of nesting; its events never overlap. Where events are narrower than a
pixel, neighbours are merged into blocks: at the level of width r (a power of two, in picoseconds),
entries shorter than r that begin in the same r-wide bin, with nothing longer between them, are one
block. What is longer stays itself, at every level.

Rows are cut into tiles of at most ``_TILE`` events. A tile keeps a level only if it halves the
entries of the level before, so all levels together take no more entries than there are events.
A query picks, for each tile in its window, the widest level that a pixel still hides, and merges
once more where the pixel hides two of its bins.

The payload of ``query``, little endian::

    offset  type  field
     0      u32   magic 0x54505247 ("GRPT")
     4      u32   version, 1
     8      u32   n, the number of entries
    12      u32   number of rows of the plane
    16      i64   base_ps, the window's start, from which ``start`` counts
    24      i64   end_ps, the window's end
    32      i64   resolution_ps, the level's width; 0 where every event stands for itself
    40      f64   unit_ps, picoseconds in one unit of ``start``, ``span`` and ``busy``: a power of
                  two, at most a 64th of a pixel, at least 1
    48      n entries as columns, each beginning at a multiple of four bytes:
            i32   start   in units from base_ps; negative where the entry began before the window
            u32   span    in units; 0 for an instant. Ends are clipped 2**30 units off the window,
                          so exact times come from ``describe``
            i32   name    index in ``Plane.names``, -1 for a block of several names
            u32   count   events in the entry; 1 is an event itself
            u32   busy    units covered by events, ``span`` for an event itself
            i32   event   index in the plane's columns: the event, or a block's longest one
            i32   row     index in ``rows``
            i8    kind    as given to ``build``, -1 unknown; of a block the one with most time

Entries are sorted by row, then by start.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphprof.trace.blocks import (
    FEWEST,
    LEVELS,
    Entries,
    Index,
    Int8,
    merge,
    merge_again,
    singles,
    widest,
    width_ps,
)
from graphprof.trace.model import Int64, Plane
from graphprof.trace.nesting import Nesting

MAGIC = 0x54505247
VERSION = 1

_TILE = 1 << 16
_UNITS_A_PIXEL = 64
_FAR = 1 << 30
_FARTHEST = 1 << 61
_HEADER = struct.Struct("<IIIIqqqd")


@dataclass(frozen=True)
class Row:
    """A line at one depth of nesting.

    Attributes:
        line: index in ``Plane.lines``.
        depth: depth of nesting, 0 for roots.
        line_name: name of the line.
    """

    line: int
    depth: int
    line_name: str


@dataclass(frozen=True)
class Levels:
    """A plane's rows at all levels of detail.

    Attributes:
        plane, nesting, kinds: what it was built from.
        row_first: shape (lines,): the first row of each line.
        row_count: shape (lines,): how many rows each line has, 0 without events.
        order: shape (n,), int32: the plane's events by row, then by start.
        tile_row: shape (t,): the row of each tile; tiles are sorted by row, then by start.
        tile_span: shape (t, 2): where the tile starts and ends, picoseconds.
        tile_events: shape (t, 2): first and one past its last place in ``order``.
        tile_level: shape (levels, t, 2): the same in ``entries``, -1 where the tile shows its
            events themselves.
        entries: the blocks of all tiles and levels.
    """

    plane: Plane
    nesting: Nesting
    kinds: Int8 | None
    row_first: Int64
    row_count: Int64
    order: npt.NDArray[np.int32]
    tile_row: Int64
    tile_span: Int64
    tile_events: Int64
    tile_level: Int64
    entries: Entries


@dataclass(frozen=True)
class EventDetail:
    """One event in full; times in picoseconds.

    Attributes:
        event: index in the plane's columns.
        parent: index of the event around it, -1 for none.
        line: index in ``Plane.lines``.
        kind: as given, -1 unknown.
    """

    event: int
    name: str
    start_ps: int
    duration_ps: int
    self_ps: int
    depth: int
    parent: int
    line: int
    line_name: str
    kind: int


def build(plane: Plane, nesting: Nesting, kinds: Int8 | None = None) -> Levels:
    """Sort a plane's events into rows and merge them level by level.

    Args:
        plane: the plane.
        nesting: how its events nest.
        kinds: kind of each event, -1 unknown, or None where there are none.
    """
    row_first, row_count, row = _number_rows(plane, nesting)
    order = np.argsort(row, kind="stable").astype(np.int32)
    edges = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=int(row_count.sum())))))
    tiles = [
        (number, first, min(first + _TILE, last))
        for number, (first, last) in enumerate(
            zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        )
        for first in range(first, last, _TILE)
    ]
    tile_level = np.full((LEVELS, len(tiles), 2), -1, np.int64)
    tile_span = np.zeros((len(tiles), 2), np.int64)
    none = np.empty(0, np.intp)
    found = [singles(plane, kinds, none)]
    size = 0
    for tile, (_, first, last) in enumerate(tiles):
        events = order[first:last]
        tile_span[tile] = plane.start_ps[events[0]], _end_of(plane, events)
        if last - first <= FEWEST:
            continue
        for level, entries in merge(plane, kinds, events):
            tile_level[level:, tile] = size, size + len(entries)
            found.append(entries)
            size += len(entries)
    return Levels(
        plane,
        nesting,
        kinds,
        row_first,
        row_count,
        order,
        tile_row=np.array([number for number, _, _ in tiles], np.int64),
        tile_span=tile_span,
        tile_events=np.array([tile[1:] for tile in tiles], np.int64).reshape(-1, 2),
        tile_level=tile_level,
        entries=Entries.joined(found),
    )


def rows(levels: Levels) -> tuple[Row, ...]:
    """Return the rows in order of display: lines as recorded, roots first."""
    counts = levels.row_count.tolist()
    return tuple(
        Row(number, depth, line.name)
        for number, line in enumerate(levels.plane.lines)
        for depth in range(counts[number])
    )


def row_of(levels: Levels, events: Int64) -> Int64:
    """Return the rows that ``events`` (indices in the plane's columns) stand in."""
    first = [line.first for line in levels.plane.lines]
    # Of lines that begin at the same place all but the last are empty.
    line = np.searchsorted(np.array(first, np.int64), events, side="right") - 1
    return levels.row_first[line] + levels.nesting.depth[events]


def describe(plane: Plane, nesting: Nesting, kinds: Int8 | None, event: int) -> EventDetail:
    """Return everything about one event.

    Raises:
        IndexError: there is no such event.
    """
    if not 0 <= event < len(plane):
        raise IndexError(event)
    number = next(n for n, line in enumerate(plane.lines) if line.first <= event < line.last)
    return EventDetail(
        event=event,
        name=plane.names[plane.name_id[event]],
        start_ps=int(plane.start_ps[event]),
        duration_ps=int(plane.duration_ps[event]),
        self_ps=int(nesting.self_ps[event]),
        depth=int(nesting.depth[event]),
        parent=int(nesting.parent[event]),
        line=number,
        line_name=plane.lines[number].name,
        kind=-1 if kinds is None else int(kinds[event]),
    )


def query(levels: Levels, start_ps: int, end_ps: int, width_px: int) -> bytes:
    """Return what a window of the timeline shows (the payload in the module's description).

    Args:
        levels: the plane.
        start_ps: the window's start; anything, also before the first event.
        end_ps: its end; at least one picosecond later, or it is taken so.
        width_px: its width in pixels, at least one.
    """
    start_ps = min(max(start_ps, -_FARTHEST), _FARTHEST)
    end_ps = min(max(end_ps, start_ps + 1), _FARTHEST + 1)
    pixel_ps = (end_ps - start_ps) / max(width_px, 1)
    level = widest(pixel_ps)
    touched = (levels.tile_span[:, 0] < end_ps) & (levels.tile_span[:, 1] >= start_ps)
    tiles = np.flatnonzero(touched)
    entries, row = _window(levels, tiles, level, start_ps, end_ps)
    entries, row = merge_again(entries, row, level, pixel_ps)
    shift = max(int(pixel_ps / _UNITS_A_PIXEL).bit_length() - 1, 0)
    header = _HEADER.pack(
        MAGIC,
        VERSION,
        len(entries),
        int(levels.row_count.sum()),
        start_ps,
        end_ps,
        width_ps(level),
        float(1 << shift),
    )
    return header + _columns(entries, row, start_ps, end_ps, shift)


def _number_rows(plane: Plane, nesting: Nesting) -> tuple[Int64, Int64, npt.NDArray[Any]]:
    """Return the first row and number of rows of each line, and the row of each event."""
    depths = [int(nesting.depth[line.events].max()) + 1 if len(line) else 0 for line in plane.lines]
    count = np.array(depths, np.int64)
    first = np.cumsum(count) - count
    # Sixteen bits sort by radix.
    row = nesting.depth.astype(np.uint16 if count.sum() < 1 << 16 else np.int64)
    for number, line in enumerate(plane.lines):
        row[line.events] += first[number].astype(row.dtype)
    return first, count, row


def _end_of(plane: Plane, events: npt.NDArray[np.int32]) -> int:
    return int(plane.start_ps[events[-1]] + plane.duration_ps[events[-1]])


def _window(
    levels: Levels, tiles: Index, level: int, start_ps: int, end_ps: int
) -> tuple[Entries, Int64]:
    """Gather the entries of ``tiles`` that touch the window, and their rows."""
    chosen = levels.tile_level[level, tiles] if level >= 0 else np.full((len(tiles), 2), -1)
    merged = chosen[:, 0] >= 0
    bounds = np.where(merged[:, None], chosen, levels.tile_events[tiles])
    first, last = bounds.T.copy()
    span = levels.tile_span[tiles]
    inside = (span[:, 0] >= start_ps) & (span[:, 1] < end_ps)
    starts = levels.plane.start_ps
    for is_merged, start_of in (
        (False, lambda place: starts[levels.order[place]]),
        (True, lambda place: levels.entries.start_ps[place]),
    ):
        here = (merged == is_merged) & ~inside
        if here.any():
            begins, ends = bounds[here].T
            # The entry before the first one that begins later may reach into the window.
            after = _first_after(start_of, begins, ends, start_ps - 1)
            first[here] = np.maximum(after - 1, begins)
            last[here] = _first_after(start_of, begins, ends, end_ps - 1)
    counts = np.maximum(last - first, 0)
    place = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    from_level = np.repeat(merged, counts)
    blocks = levels.entries.at(place[from_level])
    events = singles(levels.plane, levels.kinds, levels.order[place[~from_level]])
    entries = Entries.joined((blocks, events))
    if len(blocks) and len(events):
        order = np.empty(len(place), np.intp)
        order[from_level] = np.arange(len(blocks))
        order[~from_level] = np.arange(len(blocks), len(place))
        entries = entries.at(order)
    row = np.repeat(levels.tile_row[tiles], counts)
    touches = (entries.end_ps > start_ps) | (entries.start_ps >= start_ps)
    return (entries, row) if touches.all() else (entries.at(touches), row[touches])


def _first_after(start_of: Any, first: Int64, last: Int64, moment_ps: int) -> Int64:
    """Of each range, the first place whose entry starts after a moment, by bisection of all."""
    first, last = first.copy(), last.copy()
    while True:
        open_ = first < last
        if not open_.any():
            return first
        middle = (first + last) // 2
        later = np.zeros(len(first), bool)
        later[open_] = start_of(middle[open_]) > moment_ps
        last = np.where(open_ & later, middle, last)
        first = np.where(open_ & ~later, middle + 1, first)


def _columns(entries: Entries, row: Int64, start_ps: int, end_ps: int, shift: int) -> bytes:
    """Return entries as the columns of the payload."""
    far = min(_FAR << shift, _FARTHEST)
    start = np.clip(entries.start_ps - start_ps, -far, end_ps - start_ps + far) >> shift
    end = np.clip(entries.end_ps - start_ps, -far, end_ps - start_ps + far) >> shift
    span = end - start
    busy = np.minimum(entries.busy_ps.astype(np.float64) / (1 << shift), 2**32 - 1)
    columns = (
        start.astype("<i4"),
        span.astype("<u4"),
        entries.name.astype("<i4"),
        entries.count.astype("<u4"),
        np.where(entries.count == 1, span, busy).astype("<u4"),
        entries.event.astype("<i4"),
        row.astype("<i4"),
        entries.kind.astype("i1"),
    )
    return b"".join(column.tobytes() for column in columns) + bytes(-len(row) % 4)
