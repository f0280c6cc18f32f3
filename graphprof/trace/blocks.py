"""Entries of a timeline row, and their merging into blocks, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from graphprof.trace.model import Int32, Int64, Plane

Int8 = npt.NDArray[np.int8]
Index = npt.NDArray[np.intp]

FEWEST = 32
"""So few entries need no wider level."""

_FINEST, _STEP = 10, 2
LEVELS = 24
"""Levels are 2**10, 2**12, ... 2**56 ps wide: 1 ns to 20 hours."""


def width_ps(level: int) -> int:
    """Return the width of a level's bins; 0 below the finest, where nothing is merged."""
    return 1 << (_FINEST + _STEP * level) if level >= 0 else 0


def widest(pixel_ps: float) -> int:
    """Return the widest level whose bins a pixel hides, -1 where there is none."""
    return max(-1, min((int(pixel_ps).bit_length() - 1 - _FINEST) // _STEP, LEVELS - 1))


@dataclass(frozen=True)
class Entries:
    """What is drawn, in columns: blocks, and events that stay themselves.

    Attributes:
        start_ps, end_ps: shape (n,), int64.
        busy_ps: shape (n,), float32: time that events cover in between.
        longest_ps: shape (n,), float32: duration of the longest event, which ``event`` is.
        count: shape (n,), int32: events.
        name: shape (n,), int32: index in ``Plane.names``, -1 for several.
        event: shape (n,), int32: the longest event, as index in the plane's columns.
        kind: shape (n,), int8: kind with most time, -1 unknown.
    """

    start_ps: Int64
    end_ps: Int64
    busy_ps: npt.NDArray[np.float32]
    longest_ps: npt.NDArray[np.float32]
    count: Int32
    name: Int32
    event: Int32
    kind: Int8

    def __len__(self) -> int:
        return len(self.start_ps)

    def at(self, places: Any) -> Entries:
        """Return the entries at ``places``."""
        return Entries(*(getattr(self, name)[places] for name in _COLUMNS))

    @staticmethod
    def joined(parts: Sequence[Entries]) -> Entries:
        """Return the entries of all ``parts``, of which there is at least one."""
        if len(parts) == 1:
            return parts[0]
        return Entries(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS)
        )


_COLUMNS = tuple(column.name for column in fields(Entries))


def singles(plane: Plane, kinds: Int8 | None, events: npt.NDArray[Any]) -> Entries:
    """Events as entries."""
    start, duration = plane.start_ps[events], plane.duration_ps[events]
    length = duration.astype(np.float32)
    return Entries(
        start,
        start + duration,
        length,
        length,
        np.ones(len(events), np.int32),
        plane.name_id[events],
        events.astype(np.int32),
        np.full(len(events), -1, np.int8) if kinds is None else kinds[events],
    )


def merge(
    plane: Plane, kinds: Int8 | None, events: npt.NDArray[np.int32]
) -> list[tuple[int, Entries]]:
    """Merge a row's events level by level; return the levels that are worth keeping."""
    duration = plane.duration_ps[events]
    block = _Blocks.of(singles(plane, kinds, events), duration, duration)
    # Below the mean distance of events there is less to merge than pixels to draw.
    spacing = int(block.end[-1] - block.start[0]) // len(events)
    level = max(0, -(-(spacing.bit_length() - 1 - _FINEST) // _STEP))
    kept = []
    while level < LEVELS and len(block.start) > FEWEST:
        groups = block.groups(_FINEST + _STEP * level)
        if 2 * len(groups) <= len(block.start):
            block = block.merged(groups)
            kept.append((level, block.entries()))
        level += 1
    return kept


def merge_again(entries: Entries, row: Int64, level: int, pixel_ps: float) -> tuple[Entries, Int64]:
    """Merge entries of a level as far as a pixel hides more than the level's width.

    Levels are four times as wide as the last, so this halves at most what is drawn. A block's kind
    is then the one with most time among the kinds of its parts.
    """
    if level < 0 or pixel_ps < 2 * width_ps(level) or not len(entries):
        return entries, row
    block = _Blocks.of(entries, entries.busy_ps, entries.longest_ps)
    groups = block.groups(_FINEST + _STEP * level + 1, row)
    return block.merged(groups).entries(), row[groups]


@dataclass
class _Blocks:
    """Entries of one level in columns that add up."""

    start: Int64
    end: Int64
    count: Int32
    name: Int32
    longest: npt.NDArray[Any]  # duration of the longest event
    event: Int32
    kind: Int8  # of the longest event, for blocks of instants, which take no time
    kind_ids: Int64
    busy: npt.NDArray[Any]  # shape (kinds, n): time by kind

    @classmethod
    def of(cls, entries: Entries, busy: npt.NDArray[Any], longest: npt.NDArray[Any]) -> _Blocks:
        kind_ids: Int64 = np.flatnonzero(np.bincount(entries.kind.astype(np.int64) + 1)) - 1
        if len(kind_ids) == 1:
            by_kind = busy[None]
        else:
            by_kind = np.where(entries.kind == kind_ids[:, None], busy, 0)
        return cls(
            entries.start_ps,
            entries.end_ps,
            entries.count,
            entries.name,
            longest,
            entries.event,
            entries.kind,
            kind_ids,
            by_kind,
        )

    def groups(self, shift: int, row: Int64 | None = None) -> Index:
        """Where the blocks of a level begin; never across rows."""
        short = (self.end - self.start) >> shift == 0
        place = self.start >> shift
        apart = place[1:] != place[:-1]
        apart |= ~(short[1:] & short[:-1])
        if row is not None:
            apart |= row[1:] != row[:-1]
        return np.concatenate(([0], np.flatnonzero(apart) + 1))

    def merged(self, groups: Index) -> _Blocks:
        """Entries merged from each group's begin to the next."""
        last = np.append(groups[1:], len(self.start)) - 1
        name = np.minimum.reduceat(self.name, groups)
        name[name != np.maximum.reduceat(self.name, groups)] = -1
        longest = np.maximum.reduceat(self.longest, groups)
        is_longest = np.flatnonzero(self.longest == np.repeat(longest, last - groups + 1))
        # Of equals the first.
        chosen = is_longest[np.searchsorted(is_longest, groups)]
        return _Blocks(
            self.start[groups],
            self.end[last],
            np.add.reduceat(self.count, groups, dtype=np.int32),
            name,
            longest,
            self.event[chosen],
            self.kind[chosen],
            self.kind_ids,
            np.add.reduceat(self.busy, groups, axis=1),
        )

    def entries(self) -> Entries:
        """The blocks as they are kept."""
        busiest = self.kind_ids[self.busy.argmax(axis=0)]
        return Entries(
            self.start,
            self.end,
            self.busy.sum(axis=0).astype(np.float32),
            self.longest.astype(np.float32),
            self.count,
            self.name,
            self.event,
            np.where(self.busy.any(axis=0), busiest, self.kind).astype(np.int8),
        )
