"""What the steps hold in memory: the allocator's curve, its peak, and the tensors alive at the peak.

TensorFlow's tracer records each allocation and release of an allocator that keeps statistics, with the
allocator's level after it. On the CPU of TensorFlow 2.21 that is ``mklcpu``, which serves larger
tensors of graph and eager ops; XLA takes its buffers in one piece. What was allocated before the
trace began (weights) is part of the level, but has no name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphprof.analysis.attribution import PS
from graphprof.trace import marks
from graphprof.trace.intervals import union
from graphprof.trace.labels import Labels
from graphprof.trace.model import Int64, Plane, Trace
from graphprof.trace.opnames import Names

STATS: tuple[str, ...] = (
    *marks.STATS,
    *("allocator_name", "bytes_allocated", "allocation_bytes", "addr", "tf_op", "shape"),
)
"""The stats that memory is read from; ask for them when reading."""

_TAKEN, _GIVEN_BACK = "MemoryAllocation", "MemoryDeallocation"


@dataclass(frozen=True)
class Tensor:
    """A piece of memory that was alive at the peak.

    Attributes:
        op: the op that took it, as recorded.
        owner: path of the layer, or name of the loss, optimizer or metric; empty when unknown.
        in_pass: the pass.
        size: bytes.
        shape: as recorded, as ``[32,26,26,16]``; empty when it was not.
    """

    op: str
    owner: str
    in_pass: str
    size: int
    shape: str


@dataclass(frozen=True)
class Memory:
    """One allocator's memory over the traced steps.

    Attributes:
        allocator: its name.
        times_s: shape (n,): moments, seconds from the trace's origin.
        levels: shape (n,): bytes in use from each moment on.
        peak: the highest level in a step, bytes.
        peak_s: when it was reached first.
        alive: what was alive then and was taken since the trace began, the largest first.
        unnamed: bytes at the peak that were taken before the trace began.
    """

    allocator: str
    times_s: tuple[float, ...]
    levels: tuple[int, ...]
    peak: int
    peak_s: float
    alive: tuple[Tensor, ...]
    unnamed: int


def curves(trace: Trace, known: Labels | None = None) -> tuple[Memory, ...]:
    """Return the memory of each allocator that the trace speaks of, read with ``STATS``."""
    host = trace.host
    steps = marks.find(trace)
    if host is None or not steps:
        return ()
    window = union(*np.array([(step.start_ps, step.end_ps) for step in steps], np.int64).T)
    events = _events(host)
    allocators = _texts(host, "allocator_name", events)
    names = Names(known or Labels())
    found = []
    for allocator in sorted(set(allocators)):
        own = events[np.array([name == allocator for name in allocators], bool)]
        memory = _memory(host, allocator, own, window, names)
        if memory is not None:
            found.append(memory)
    return tuple(found)


def _events(host: Plane) -> Int64:
    """Return allocations and releases in order of time."""
    is_one = np.array([name in (_TAKEN, _GIVEN_BACK) for name in host.names], bool)
    events = np.flatnonzero(is_one[host.name_id])
    ordered: Int64 = events[np.argsort(host.start_ps[events], kind="stable")]
    return ordered


def _memory(
    host: Plane, allocator: str, events: Int64, window: Int64, names: Names
) -> Memory | None:
    levels = _numbers(host, "bytes_allocated", events)
    start = host.start_ps[events]
    place = np.searchsorted(window[:, 0], start, side="right") - 1
    inside = np.flatnonzero((place >= 0) & (start < window[np.maximum(place, 0), 1]))
    if not len(inside):
        return None
    top = int(inside[np.argmax(levels[inside])])
    alive = _alive(host, events[: top + 1], names)
    return Memory(
        allocator=allocator,
        times_s=tuple((start[inside] * PS).tolist()),
        levels=tuple(levels[inside].tolist()),
        peak=int(levels[top]),
        peak_s=float(start[top]) * PS,
        alive=alive,
        unnamed=max(0, int(levels[top]) - sum(tensor.size for tensor in alive)),
    )


def _alive(host: Plane, events: Int64, names: Names) -> tuple[Tensor, ...]:
    taken = np.array([name == _TAKEN for name in host.names], bool)[host.name_id[events]]
    rows = zip(
        taken,
        _numbers(host, "addr", events),
        _numbers(host, "allocation_bytes", events),
        _texts(host, "tf_op", events),
        _texts(host, "shape", events),
        strict=True,
    )
    held: dict[int, Tensor] = {}
    for is_taken, address, size, op, shape in rows:
        if is_taken:
            label = names.label(op)
            held[int(address)] = Tensor(op, label.owner, label.in_pass, int(size), shape)
        else:
            held.pop(int(address), None)
    return tuple(sorted(held.values(), key=lambda tensor: (-tensor.size, tensor.op)))


def _column(host: Plane, stat: str, events: Int64, missing: Any) -> list[Any]:
    column = host.stats.get(stat)
    if column is None or not len(column.owner):
        return [missing] * len(events)
    place = np.minimum(np.searchsorted(column.owner, events), len(column.owner) - 1)
    known = column.owner[place] == events
    return [column.values[at] if has else missing for at, has in zip(place, known, strict=True)]


def _numbers(host: Plane, stat: str, events: Int64) -> Int64:
    return np.array([int(value) for value in _column(host, stat, events, 0)], np.int64)


def _texts(host: Plane, stat: str, events: Int64) -> list[str]:
    return [str(value) for value in _column(host, stat, events, "")]
