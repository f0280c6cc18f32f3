"""From decoded chunks of events to a plane's columns: names interned, times on one clock, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphprof.trace.events import Events, Stats
from graphprof.trace.model import Int32, Int64, StatColumn

FAR_PS = 1 << 61
"""26 days: times that far from the origin are damage, and sums of others fit 64 bits."""

_DENSE = 1 << 20

_DOUBLE, _UINT, _INT, _STR, _BYTES, _REF = range(2, 8)
"""Numbers of the fields of XStat that hold a value."""


class Names:
    """Metadata ids to name ids, for ids that come by the million.

    Args:
        by_key: name of each metadata id.
    """

    def __init__(self, by_key: dict[int, str]) -> None:
        self._ids: dict[str, int] = {}
        self._by_key = {key: self._intern(name) for key, name in by_key.items()}
        dense = [key for key in by_key if 0 <= key < _DENSE]
        self._table = np.full(max(dense, default=-1) + 1, -1, np.int32)
        for key in dense:
            self._table[key] = self._by_key[key]
        self.unknown: set[int] = set()

    @property
    def texts(self) -> tuple[str, ...]:
        """The distinct names; a name id is an index here."""
        return tuple(self._ids)

    def of(self, keys: Int64) -> Int32:
        """Name ids of metadata ids; an id without a name gets one that says so."""
        if len(keys) and keys.min() >= 0 and keys.max() < len(self._table):
            found: Int32 = self._table[keys]
            if found.min() >= 0:
                return found
        distinct, where = np.unique(keys, return_inverse=True)
        ids = np.array([self._of(key) for key in distinct.tolist()], np.int32)
        return ids[where]

    def _of(self, key: int) -> int:
        if key not in self._by_key:
            self.unknown.add(key)
            self._by_key[key] = self._intern(f"unknown event {key}")
        return self._by_key[key]

    def _intern(self, name: str) -> int:
        return self._ids.setdefault(name, len(self._ids))


class Column:
    """A column that grows in place: a large block is moved by the system without being copied."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.values: npt.NDArray[Any] = np.empty(0, dtype)

    def extend(self, values: npt.NDArray[Any]) -> None:
        """Append ``values``."""
        size = len(self.values)
        self.values.resize(size + len(values), refcheck=False)
        self.values[size:] = values


class Extent(NamedTuple):
    """Where a line's events stand in a plane's columns."""

    first: int
    last: int


class PlaneColumns:
    """The columns of a plane while its lines are decoded."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.name_id = Column(np.int32)
        self.start_ps = Column(np.int64)
        self.duration_ps = Column(np.int64)
        self.stats: list[Stats] = []

    def __len__(self) -> int:
        return len(self.start_ps.values)

    def add(self, chunk: Events) -> None:
        """Append the events of a chunk, their times still as recorded."""
        if len(chunk.stats.owner):
            self.stats.append(replace(chunk.stats, owner=chunk.stats.owner + len(self)))
        self.name_id.extend(self.names.of(chunk.metadata_id))
        self.start_ps.extend(chunk.offset_ps)
        self.duration_ps.extend(chunk.duration_ps)

    def move(self, line: Extent, shift_ps: int) -> None:
        """Put the events of a line on the trace's clock."""
        start = self.start_ps.values[line.first : line.last]
        if not len(start):
            return
        # What is far off is left out when the columns are arranged; until then it must not wrap.
        if max(-int(start.min()), int(start.max())) >= FAR_PS:
            np.clip(start, -FAR_PS, FAR_PS, out=start)
        start += shift_ps


def arrange(
    columns: PlaneColumns, extents: Sequence[Extent]
) -> tuple[list[Extent], npt.NDArray[np.intp] | None, int]:
    """Find the order that sorts each line by start, the longer first, without impossible events.

    Returns:
        where the lines' events will stand, the order to take them in (None where they are in order
        already, as nearly always), and how many are left out.
    """
    orders = [_order(columns, extent) for extent in extents]
    if all(order is None for order in orders):
        return list(extents), None, 0
    kept = [
        np.arange(extent.first, extent.last) if order is None else order
        for extent, order in zip(extents, orders, strict=True)
    ]
    edges = [0, *np.cumsum([len(order) for order in kept]).tolist()]
    lost = len(columns) - edges[-1]
    moved = [Extent(edges[line], edges[line + 1]) for line in range(len(kept))]
    return moved, np.concatenate(kept), lost


def _order(columns: PlaneColumns, extent: Extent) -> npt.NDArray[np.intp] | None:
    start = columns.start_ps.values[extent.first : extent.last]
    duration = columns.duration_ps.values[extent.first : extent.last]
    if not len(start):
        return None
    far = max(-int(start.min()), int(start.max()), int(duration.max())) >= FAR_PS
    if far or duration.min() < 0:
        possible = (np.abs(start) < FAR_PS) & (duration >= 0) & (duration < FAR_PS)
        some = np.flatnonzero(possible)
        return some[np.lexsort((-duration[some], start[some]))] + extent.first
    step = np.diff(start)
    if np.all((step > 0) | ((step == 0) & (duration[1:] <= duration[:-1]))):
        return None
    return np.lexsort((-duration, start)) + extent.first


def stat_columns(
    chunks: Sequence[Stats], names: dict[int, str], order: npt.NDArray[np.intp] | None
) -> dict[str, StatColumn]:
    """Return the stats of a plane's events by name, their events numbered as in ``order``."""
    if not any(len(chunk.owner) for chunk in chunks):
        return {}
    owner, metadata_id, field, bits, texts = _concatenate(chunks)
    if order is not None:
        place = np.full(max(int(owner.max()), int(order.max(initial=0))) + 1, -1, np.int64)
        place[order] = np.arange(len(order))
        owner = place[owner]
    by_name: dict[str, list[npt.NDArray[np.intp]]] = {}
    sorting = np.argsort(metadata_id, kind="stable")
    edges = np.flatnonzero(np.diff(metadata_id[sorting])) + 1
    for rows in np.split(sorting, edges):
        key = int(metadata_id[rows[0]])
        name = names.get(key, f"unknown stat {key}")
        by_name.setdefault(name, []).append(rows[owner[rows] >= 0])
    columns = {}
    for name, parts in by_name.items():
        rows = np.sort(np.concatenate(parts))
        if order is not None:
            rows = rows[np.argsort(owner[rows], kind="stable")]
        columns[name] = StatColumn(owner[rows], _values(field[rows], bits[rows], texts, names))
    return columns


def _concatenate(
    chunks: Sequence[Stats],
) -> tuple[Int64, Int64, npt.NDArray[np.uint8], Int64, list[bytes]]:
    texts: list[bytes] = []
    all_bits = []
    for chunk in chunks:
        is_text = (chunk.field == _STR) | (chunk.field == _BYTES)
        all_bits.append(np.where(is_text, chunk.bits + len(texts), chunk.bits))
        texts += chunk.texts
    return (
        np.concatenate([chunk.owner for chunk in chunks]),
        np.concatenate([chunk.metadata_id for chunk in chunks]),
        np.concatenate([chunk.field for chunk in chunks]),
        np.concatenate(all_bits),
        texts,
    )


def _values(
    field: npt.NDArray[np.uint8], bits: Int64, texts: Sequence[bytes], names: dict[int, str]
) -> npt.NDArray[Any]:
    """Turn recorded values into a column: int64, float64 or object (str, bytes, or a mixture)."""
    kinds = set(np.unique(field).tolist())
    if kinds <= {_UINT, _INT}:
        return bits
    if kinds == {_DOUBLE}:
        return bits.view(np.float64)
    known: dict[tuple[int, int], Any] = {}
    column = np.empty(len(bits), object)
    for row, key in enumerate(zip(field.tolist(), bits.tolist(), strict=True)):
        if key not in known:
            known[key] = _value(*key, texts, names)
        column[row] = known[key]
    return column


def _value(
    field: int, bits: int, texts: Sequence[bytes], names: dict[int, str]
) -> int | float | str | bytes:
    if field == _DOUBLE:
        return float(np.int64(bits).view(np.float64))
    if field == _STR:
        return text(texts[bits])
    if field == _BYTES:
        return texts[bits]
    return names.get(bits, f"unknown name {bits}") if field == _REF else bits


def text(data: bytes) -> str:
    """Return recorded bytes as text; what is not UTF-8 stays visible and distinct."""
    return data.decode("utf-8", "backslashreplace")
