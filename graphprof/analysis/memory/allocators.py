"""What TensorFlow's allocators recorded: their level over the steps, the peak, and what was alive at it.

Each allocation and release of an allocator that keeps account is an event, with the level after it.
What was taken before the trace began (weights, batches) is part of the level, but has no name.
"""

from __future__ import annotations

import heapq
import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphprof.analysis.memory.owning import AllocationOwners
from graphprof.analysis.work.attribution import PS
from graphprof.trace import marks
from graphprof.trace.labels import Labels
from graphprof.trace.marks import StepMark
from graphprof.trace.model import Int64, Plane, Trace

STATS: tuple[str, ...] = (
    *marks.STATS,
    *("allocator_name", "bytes_allocated", "allocation_bytes", "requested_bytes", "addr"),
    *("tf_op", "shape"),
)
"""The stats that memory is read from; ask for them when reading."""

COUNTS_FROM = {"mklcpu": 256 << 10}
"""Allocators that leave out smaller tensors -> bytes from which they count.

oneDNN's allocator hands requests below 256 KiB to another one, which records nothing
(``kSmallAllocationsThreshold`` in TensorFlow's ``mkl_cpu_allocator.h``)."""

# Moments of a step at which the largest tensors are told, and how many of them.
MOMENTS = 60
LARGEST = 4

_FEWEST_STEPS = 3

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
        requested: bytes that were asked for, of which the allocator made ``size``.
        kept: whether it was taken before the step began in which it is seen.
    """

    op: str
    owner: str
    in_pass: str
    size: int
    shape: str
    requested: int = 0
    kept: bool = False


@dataclass(frozen=True)
class Step:
    """One step's part of a curve.

    Attributes:
        step_num: its number.
        start_s, end_s: when, seconds from the trace's origin.
        before: bytes in use as it began.
        peak: the most in use at once in it; the same as ``before`` where nothing was taken.
        after: bytes in use as it ended.
    """

    step_num: int
    start_s: float
    end_s: float
    before: int
    peak: int
    after: int


class Top(NamedTuple):
    """The largest of what was taken in a step and is alive at a moment.

    Attributes:
        at_s: from when on, seconds from the trace's origin.
        tensors: the largest first.
    """

    at_s: float
    tensors: tuple[Tensor, ...]


@dataclass(frozen=True)
class Memory:
    """One allocator's memory over the traced steps.

    Attributes:
        allocator: its name.
        counts_from: tensors of fewer bytes are not in it; 0 when all are.
        times_s: shape (n,): moments, seconds from the trace's origin.
        levels: shape (n,), int64: bytes in use from each moment on.
        steps: the traced steps, in order.
        peak: the highest level in a step, bytes.
        peak_s: when it was reached first.
        alive: what was alive then and was taken since the trace began, the largest first.
        unnamed: bytes at the peak that were taken before the trace began.
        tops: moments of the step with the peak, in order.
    """

    allocator: str
    counts_from: int
    times_s: npt.NDArray[np.float64]
    levels: Int64
    steps: tuple[Step, ...]
    peak: int
    peak_s: float
    alive: tuple[Tensor, ...]
    unnamed: int
    tops: tuple[Top, ...]

    @property
    def peak_step(self) -> Step:
        """The step that the peak is in."""
        return next(step for step in self.steps if step.start_s <= self.peak_s < step.end_s)

    @property
    def left_behind(self) -> int | None:
        """Bytes that each step leaves behind: 0 unless every one does; None for fewer than three steps."""
        if len(self.steps) < _FEWEST_STEPS:
            return None
        left = [step.after - step.before for step in self.steps]
        return round(statistics.median(left)) if min(left) > 0 else 0


def curves(trace: Trace, known: Labels | None = None) -> tuple[Memory, ...]:
    """Return the memory of each allocator that the trace speaks of, read with ``STATS``."""
    host = trace.host
    steps = marks.find(trace)
    if host is None or not steps:
        return ()
    events = _events(host)
    if not len(events):
        return ()
    allocators = _texts(host, "allocator_name", events)
    names = AllocationOwners(host, steps, known or Labels())
    found = []
    for allocator in sorted(set(allocators)):
        # Compared by Python: numpy takes trailing NULs for none.
        own = np.array([name == allocator for name in allocators], bool)
        memory = _memory(host, allocator, events[own], steps, names)
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
    host: Plane, allocator: str, events: Int64, marked: Sequence[StepMark], names: AllocationOwners
) -> Memory | None:
    levels = _numbers(host, "bytes_allocated", events)
    start = host.start_ps[events]
    before = _level_before(host, events, levels)
    steps, tops = [], []
    inside = np.zeros(len(events), bool)
    for step in marked:
        first, last = np.searchsorted(start, (step.start_ps, step.end_ps))
        own = levels[first:last]
        inside[first:last] = True
        at_start = before if first == 0 else int(levels[first - 1])
        top = int(own.max()) if len(own) else at_start
        after = int(own[-1]) if len(own) else at_start
        limits = (step.start_ps * PS, step.end_ps * PS)
        steps.append(Step(step.step_num, *limits, at_start, max(top, at_start), after))
        if len(own):
            tops.append((top, first + int(np.argmax(own))))
    if not tops:
        return None
    peak, place = max(tops, key=lambda top: (top[0], -top[1]))
    own_step = next(one for one in marked if one.start_ps <= start[place] < one.end_ps)
    alive = _alive(host, events[: place + 1], names, own_step.start_ps)
    window = np.searchsorted(start, (own_step.start_ps, own_step.end_ps))
    return Memory(
        allocator=allocator,
        counts_from=COUNTS_FROM.get(allocator, 0),
        times_s=(start[inside] * PS).astype(np.float64),
        levels=levels[inside],
        steps=tuple(steps),
        peak=peak,
        peak_s=float(start[place]) * PS,
        alive=alive,
        unnamed=max(0, peak - sum(tensor.size for tensor in alive)),
        tops=_tops(host, events, int(window[0]), int(window[1]), names),
    )


def _level_before(host: Plane, events: Int64, levels: Int64) -> int:
    """The level before the first event."""
    size = int(_numbers(host, "allocation_bytes", events[:1])[0])
    taken = host.names[host.name_id[events[0]]] == _TAKEN
    return max(0, int(levels[0]) + (-size if taken else size))


def _alive(
    host: Plane, events: Int64, names: AllocationOwners, since_ps: int
) -> tuple[Tensor, ...]:
    """What is taken and not given back after these events; ``kept`` is what was taken before a time."""
    taken = _held(host, events)
    kept = (host.start_ps[taken] < since_ps).tolist()
    tensors = _tensors(host, taken, names)
    found = [replace(one, kept=was) for one, was in zip(tensors, kept, strict=True)]
    return tuple(sorted(found, key=lambda tensor: (-tensor.size, tensor.op)))


def _is_taken(host: Plane, events: Int64) -> npt.NDArray[np.bool_]:
    return np.array([name == _TAKEN for name in host.names], bool)[host.name_id[events]]


def _held(host: Plane, events: Int64) -> Int64:
    """The allocations of which the memory is not given back after these events."""
    taken = _is_taken(host, events)
    address = _numbers(host, "addr", events)
    # The last event of each address tells; an address may be used many times.
    _, from_end = np.unique(address[::-1], return_index=True)
    last = np.sort(len(events) - 1 - from_end)
    held: Int64 = events[last[taken[last]]]
    return held


def _tensors(host: Plane, taken: Int64, names: AllocationOwners) -> list[Tensor]:
    rows = zip(
        taken,
        _numbers(host, "allocation_bytes", taken).tolist(),
        _texts(host, "tf_op", taken),
        _texts(host, "shape", taken),
        _numbers(host, "requested_bytes", taken).tolist(),
        strict=True,
    )
    found = []
    for event, size, op, shape, requested in rows:
        label = names.label(op, int(host.start_ps[event]))
        found.append(Tensor(op, label.owner, label.in_pass, size, shape, requested))
    return found


def _tops(
    host: Plane, events: Int64, first: int, last: int, names: AllocationOwners
) -> tuple[Top, ...]:
    """The largest tensors at moments of the step that ``events[first:last]`` are of."""
    own = events[first:last]
    before = _held(host, events[:first])
    taken = own[_is_taken(host, own)]
    known = np.concatenate((before, taken))
    tensors = dict(zip(known.tolist(), _tensors(host, known, names), strict=True))
    held = dict(zip(_numbers(host, "addr", before).tolist(), before.tolist(), strict=True))
    is_taken, address = _is_taken(host, own), _numbers(host, "addr", own).tolist()
    every = max(1, -(-len(own) // MOMENTS))
    found = []
    for at, event in enumerate(own.tolist()):
        if is_taken[at]:
            held[address[at]] = event
        else:
            held.pop(address[at], None)
        if at % every == every - 1 or at == len(own) - 1:
            largest = heapq.nlargest(
                LARGEST, (tensors[one] for one in held.values()), key=lambda one: one.size
            )
            found.append(Top(float(host.start_ps[event]) * PS, tuple(largest)))
    return tuple(found)


def thinned(times_s: Sequence[float], levels: Sequence[int], most: int) -> list[tuple[float, int]]:
    """A curve in at most about ``most`` points, its highest and lowest levels kept.

    Args:
        times_s: shape (n,), ascending.
        levels: shape (n,): the level from each moment on.
        most: how many points are wanted.
    """
    if len(times_s) <= most:
        return list(zip(times_s, levels, strict=True))
    edges = np.linspace(0, len(times_s), max(2, most // 2) + 1).astype(int)
    kept: set[int] = {0, len(times_s) - 1}
    values = np.asarray(levels)
    for first, last in itertools.pairwise(edges.tolist()):
        part = values[first:last]
        kept |= {first + int(np.argmax(part)), first + int(np.argmin(part))}
    return [(float(times_s[at]), int(values[at])) for at in sorted(kept)]


def _column(host: Plane, stat: str, events: Int64, missing: Any) -> npt.NDArray[Any]:
    """The values of a stat for some events, ``missing`` for those that have none."""
    column = host.stats.get(stat)
    if column is None or not len(column.owner):
        return np.full(len(events), missing, object)
    place = np.minimum(np.searchsorted(column.owner, events), len(column.owner) - 1)
    return np.where(column.owner[place] == events, column.values[place], missing)


def _numbers(host: Plane, stat: str, events: Int64) -> Int64:
    # A hand-made or damaged trace may hold a text or a fraction where bytes belong.
    values = _column(host, stat, events, 0)
    if values.dtype == object:
        values = np.array([one if isinstance(one, (int, float)) else 0 for one in values])
    if values.dtype.kind == "f":
        values = np.where(np.abs(values) < 1 << 62, values, 0)
    numbers: Int64 = values.astype(np.int64)
    return numbers


def _texts(host: Plane, stat: str, events: Int64) -> list[str]:
    return [str(value) for value in _column(host, stat, events, "").tolist()]
