"""What the threads of a trace did in a step, for ``graphprof.analysis.work.breakdown``.

The thread that makes the steps is partitioned; the moments in which it waits for others (or hands
work to them) go to the first kind in ``PRIORITY`` that any other thread is at, and what is left is
idle. What other threads do in moments when it does not wait is nobody's part of the step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphprof.trace import classify, pools, rules
from graphprof.trace.intervals import EMPTY, intersect, subtract, union, within
from graphprof.trace.kinds import KIND_IDS
from graphprof.trace.marks import StepMark
from graphprof.trace.model import Int64, Plane
from graphprof.trace.nesting import Nesting
from graphprof.trace.rules import Pool
from graphprof.trace.segments import Segments, cut

Bool = npt.NDArray[np.bool_]

PRIORITY = (rules.OP, rules.PY_FUNCTION, rules.COMPILE, rules.BUILD, rules.RUNTIME, rules.INPUT)
"""What a step waits for when several threads are at work: the first of these."""

BETWEEN_CALLS = "between TensorFlow calls"
"""What is shown as the name behind Python's time that no event covers."""

POOL_WORK = "thread pool"
"""What is shown as the name of pool work when the trace does not say who asked for it."""


class Key(NamedTuple):
    """What time is added up by."""

    kind: int
    name: str
    line: str = ""


Amounts = dict[Key, tuple[float, int]]
"""Time in picoseconds, and the number of stretches."""


def add(amounts: Amounts, key: Key, time_ps: float, count: int) -> None:
    """Add time to a key's."""
    before_ps, before = amounts.get(key, (0.0, 0))
    amounts[key] = (before_ps + time_ps, before + count)


@dataclass(frozen=True)
class Stretches:
    """Stretches of one thread's time: ascending, apart.

    Attributes:
        owner: shape (m,), int64: index of the event in the plane's columns, -1 when not known.
        spans: shape (m, 2), int64: start and end, picoseconds.
    """

    owner: Int64
    spans: Int64

    @classmethod
    def of(cls, segments: Segments, chosen: Bool) -> Stretches:
        """Return the chosen segments; ``chosen`` is a mask."""
        return cls(segments.owner[chosen], segments.of(chosen))

    def where(self, chosen: Bool) -> Stretches:
        """Return the chosen stretches; ``chosen`` is a mask."""
        return Stretches(self.owner[chosen], self.spans[chosen])


def covered(stretches: Iterable[Stretches]) -> Int64:
    """Return the moments in which any of the threads is in one of its stretches."""
    spans = np.concatenate([EMPTY, *(part.spans for part in stretches)])
    return union(spans[:, 0], spans[:, 1])


@dataclass(frozen=True)
class Share:
    """What the steps of one thread divide into; arrays as in ``Breakdown``.

    Attributes:
        names: time by kind and name, over all steps.
        unknown: time by kind, name and line of the names that no rule knows, over all steps.
    """

    parts_ps: Int64
    op_busy_ps: Int64
    op_wall_ps: Int64
    background_ps: Int64
    names: Amounts
    unknown: Amounts


class Threads:
    """The time of a host plane by thread and kind."""

    def __init__(self, host: Plane, nesting: Nesting) -> None:
        self.host = host
        self.classes = classify.classify(host, nesting)
        self.segments = [cut(host, nesting, line) for line in range(len(host.lines))]
        workers = [line for line, pool in enumerate(self.classes.pool) if pool == Pool.INTRA_OP]
        regions = pools.regions(host, nesting, workers)
        self.pool_work = [self._unnamed(regions, line) for line in np.unique(regions.line)]

    def _unnamed(self, regions: pools.Regions, line: int) -> Stretches:
        """Return the work of an intra-op thread that no event on its line names."""
        own = np.flatnonzero((regions.line == line) & (regions.end_ps > regions.start_ps))
        start, end = regions.start_ps[own], regions.end_ps[own]
        named = self.segments[line]
        spans = subtract(np.stack((start, end), axis=1), union(named.start_ps, named.end_ps))
        place = np.searchsorted(start, spans[:, 0], side="right") - 1
        return Stretches(regions.asked_by[own[place]], spans)

    def elsewhere(self, line: int, kind: int) -> list[Stretches]:
        """Return the time of a kind on the threads that serve the steps of ``line``.

        Other threads of Python's do not: what they do is not the step's.
        """
        found = [
            Stretches.of(segments, self.classes.kind[segments.owner] == kind)
            for number, segments in enumerate(self.segments)
            if number != line and self.classes.pool[number] != Pool.PYTHON
        ]
        if kind in (rules.OP, rules.BACKGROUND):
            for work in self.pool_work:
                asked = (work.owner >= 0) & (self.classes.kind[work.owner] == rules.BACKGROUND)
                found.append(work.where(asked == (kind == rules.BACKGROUND)))
        return found

    def own(self, line: int) -> tuple[Segments, npt.NDArray[np.int8]]:
        """Return the time of the thread that makes the steps, and its kind by segment."""
        segments = self.segments[line]
        kind = self.classes.kind[segments.owner]
        # The pipeline's functions, run on this thread, hold the step up.
        kind = np.where(kind == rules.BACKGROUND, rules.INPUT, kind)
        return segments, np.where(kind == rules.UNKNOWN, rules.PYTHON, kind).astype(np.int8)

    def add_names(self, kind: int, stretches: Stretches, time_ps: Int64, total: Amounts) -> float:
        """Add the time of stretches to the names they go by; return their sum."""
        labels = np.where(stretches.owner >= 0, self.classes.label[stretches.owner], -1) + 1
        times = np.bincount(labels, weights=time_ps)
        counts = np.bincount(labels[time_ps > 0], minlength=len(times))
        for label in np.flatnonzero(counts):
            name = POOL_WORK if label == 0 else self.host.names[label - 1]
            key = Key(kind, rules.CALL_PREFIX.sub("", name, count=1))
            add(total, key, float(times[label]), int(counts[label]))
        return float(times.sum())


def project(threads: Threads, line: int, steps: Sequence[StepMark]) -> Share:
    """Divide the steps that the thread of a line made."""
    start = np.array([step.start_ps for step in steps], np.int64)
    end = np.array([step.end_ps for step in steps], np.int64)
    window = union(start, end)
    names: Amounts = {}
    parts = np.zeros((len(steps), len(KIND_IDS)), np.int64)
    segments, kind = threads.own(line)
    waits = (kind == rules.WAITING) | (kind == rules.RUNTIME)
    for own in np.unique(kind[~waits]).tolist():
        stretches = Stretches.of(segments, kind == own)
        parts[:, own] += within(stretches.spans, start, end)
        time_ps = within(window, *stretches.spans.T)
        threads.add_names(own, stretches, time_ps, names)
    bare = subtract(window, union(segments.start_ps, segments.end_ps))
    parts[:, rules.PYTHON] += within(bare, start, end)
    _rename_marks(names, {step.name for step in steps})

    left = intersect(segments.of(waits), window)
    # What the thread itself does to hand work over counts last: where others already work, or the
    # graph already waits for its batch, the step would wait for them without it as well.
    itself = [Stretches.of(segments, kind == rules.RUNTIME)]
    turns = [(other, threads.elsewhere(line, other)) for other in PRIORITY]
    for other, found in (*turns, (rules.RUNTIME, itself)):
        won = intersect(left, covered(found))
        left = subtract(left, won)
        parts[:, other] += within(won, start, end)
        _share_out(threads, other, found, won, names)
    parts[:, rules.IDLE] += within(left, start, end)

    ops = [*threads.elsewhere(line, rules.OP), Stretches.of(segments, kind == rules.OP)]
    background = covered(threads.elsewhere(line, rules.BACKGROUND))
    return Share(
        parts_ps=parts,
        op_busy_ps=np.sum([within(one.spans, start, end) for one in ops], axis=0, dtype=np.int64),
        op_wall_ps=within(covered(ops), start, end),
        background_ps=within(background, start, end),
        names=names,
        unknown=_unknown(threads, window),
    )


def _rename_marks(names: Amounts, marks: set[str]) -> None:
    """Show Python's time between calls as what it is, not by the name of the step's mark."""
    for name in marks:
        if (own := Key(rules.PYTHON, name)) in names:
            add(names, Key(rules.PYTHON, BETWEEN_CALLS), *names.pop(own))


def _share_out(
    threads: Threads, kind: int, found: list[Stretches], won: Int64, names: Amounts
) -> None:
    """Share the moments that a kind won out to its names, by their own time in them."""
    seen: Amounts = {}
    total = sum(
        threads.add_names(kind, one, within(won, *one.spans.T), seen) for one in found if len(won)
    )
    # Side by side they come to more than the moments that passed.
    factor = float((won[:, 1] - won[:, 0]).sum()) / total if total else 0.0
    for key, (time_ps, count) in seen.items():
        add(names, key, time_ps * factor, count)


def _unknown(threads: Threads, window: Int64) -> Amounts:
    """Return the time, in steps, of names that no rule knows, on any thread."""
    found: Amounts = {}
    for line, segments in zip(threads.host.lines, threads.segments, strict=True):
        strange = threads.classes.unknown[segments.owner]
        if not strange.any():
            continue
        owners = segments.owner[strange]
        time_ps = within(window, segments.start_ps[strange], segments.end_ps[strange])
        rows = np.stack((threads.host.name_id[owners], threads.classes.kind[owners]), axis=1)
        which, place = np.unique(rows, axis=0, return_inverse=True)
        times = np.bincount(place.ravel(), weights=time_ps, minlength=len(which))
        counts = np.bincount(place.ravel()[time_ps > 0], minlength=len(which))
        for number in np.flatnonzero(counts):
            name_id, kind = which[number].tolist()
            key = Key(kind, threads.host.names[name_id], line.name.partition("/")[0])
            add(found, key, float(times[number]), int(counts[number]))
    return found


def counted_as(kind: int) -> str | None:
    """Return the id of what time was counted as; None for nothing."""
    if 0 <= kind < len(KIND_IDS):
        return KIND_IDS[kind]
    return "waiting" if kind == rules.WAITING else None
