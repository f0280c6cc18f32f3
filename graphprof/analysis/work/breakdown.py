"""Where each step's time goes: exclusive parts that sum to it.

1. *Partition.* Between its mark's start and end, each moment of a step belongs to the innermost
   event of the thread that made it, and so to one kind (``graphprof.trace.classify``).
2. *Projection.* While that thread waits for others, or hands work to them, the other threads say
   what for (``graphprof.analysis.work.projection``). A moment is counted once, however many work.

Everything is a difference of sets of moments in whole picoseconds, so that the parts of a step sum
to it exactly. How many kernels ran at once, and what the input pipeline did behind the step's back,
are numbers beside the parts, not parts.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphprof.analysis.work import projection
from graphprof.analysis.work.projection import Amounts, Share
from graphprof.errors import TraceError
from graphprof.trace import classify, marks, pools, xspace
from graphprof.trace.kinds import KIND_IDS
from graphprof.trace.marks import StepMark
from graphprof.trace.model import Int64, Trace
from graphprof.trace.nesting import Nesting, nest

STATS: tuple[str, ...] = tuple(dict.fromkeys((*marks.STATS, *classify.STATS, *pools.STATS)))
"""The stats that the division needs; ask for them when reading the trace."""

_PS = 1e-12
_NAMES_OF_A_KIND = 8


@dataclass(frozen=True)
class Evidence:
    """One event name behind a kind.

    Attributes:
        kind: id of the kind.
        name: event name; of an eager kernel the op's name.
        seconds: its part of the mean step. Where names ran side by side the kind's time is shared
            out by their own times, so that the names of a kind never sum to more than it.
        share: the same as a share of the mean step's time, 0 to 1.
        count: in how many stretches of time it was seen, over all steps.
    """

    kind: str
    name: str
    seconds: float
    share: float
    count: int


@dataclass(frozen=True)
class Unknown:
    """An event name that no rule knows.

    Attributes:
        name: event name.
        line: name of the line it stands on, without the thread's number.
        seconds: its own time in the mean step.
        counted_as: id of the kind that its time was counted as, from the event around it;
            ``waiting`` when the thread waited; None when it was counted as nothing.
    """

    name: str
    line: str
    seconds: float
    counted_as: str | None


@dataclass(frozen=True)
class Breakdown:
    """The steps of a trace, divided; arrays are parallel, one row a step, in order of time.

    Attributes:
        step_nums: shape (n,), int64.
        steps: shape (n,), int64: how many steps the call holds that the step is part of.
        exact: shape (n,), bool: False where a call of several steps had to be divided evenly.
        start_ps: shape (n,), int64: from the trace's origin.
        wall_ps: shape (n,), int64.
        parts_ps: shape (n, len(KINDS)), int64, never negative; a row sums to ``wall_ps``.
        op_busy_ps: shape (n,), int64: time of ops and kernels, summed over threads.
        op_wall_ps: shape (n,), int64: time in which at least one op or kernel ran, on any thread.
        background_ps: shape (n,), int64: time in which the input pipeline worked on threads of its
            own.
        evidence: the largest names of each kind, in order of kind, the largest first.
        unknown: names that no rule knows, the largest first.
        notices: what is odd about the marks, one sentence each.
    """

    step_nums: Int64
    steps: Int64
    exact: npt.NDArray[np.bool_]
    start_ps: Int64
    wall_ps: Int64
    parts_ps: Int64
    op_busy_ps: Int64
    op_wall_ps: Int64
    background_ps: Int64
    evidence: tuple[Evidence, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.step_nums)

    @property
    def step_s(self) -> float:
        """The mean step's time, seconds; the means of all kinds sum to it."""
        return float(self.wall_ps.mean()) * _PS

    @property
    def parallelism(self) -> float | None:
        """How many ops or kernels ran at once, while any did; None when none did."""
        wall = int(self.op_wall_ps.sum())
        return int(self.op_busy_ps.sum()) / wall if wall else None

    @property
    def background_s(self) -> float:
        """How long the input pipeline worked on its own threads in the mean step, seconds."""
        return float(self.background_ps.mean()) * _PS

    def mean_s(self, kind: str) -> float:
        """Return the time of a kind (by its id) in the mean step, seconds."""
        return float(self.parts_ps[:, KIND_IDS.index(kind)].mean()) * _PS

    def share(self, kind: str) -> float:
        """Return a kind's share of the time of all steps, 0 to 1."""
        wall = int(self.wall_ps.sum())
        return int(self.parts_ps[:, KIND_IDS.index(kind)].sum()) / wall if wall else 0.0

    def self_check(self) -> None:
        """Check what holds for any trace.

        Raises:
            AssertionError: a part is negative, parts do not sum to their step, or ops take longer
                than it.
        """
        if (self.parts_ps < 0).any():
            raise AssertionError("a part of a step is negative")
        off = self.parts_ps.sum(axis=1) - self.wall_ps
        if off.any():
            raise AssertionError(f"parts differ from their steps by {off[off != 0].tolist()} ps")
        if (self.op_wall_ps > np.minimum(self.op_busy_ps, self.wall_ps)).any():
            raise AssertionError("ops take longer than their step, or than their sum")


def read(path: str | os.PathLike[str]) -> Breakdown:
    """Read a trace file and divide its steps.

    Raises:
        TraceError: it cannot be read, or marks no step.
    """
    return divide(xspace.read(path, stats=STATS))


def divide(trace: Trace, nesting: Nesting | None = None) -> Breakdown:
    """Divide the steps of a trace that was read with the stats in ``STATS``.

    Args:
        trace: the trace.
        nesting: that of its host plane, when it is known already.

    Raises:
        TraceError: it has no host plane, or no marked step.
    """
    host = trace.host
    if host is None:
        raise TraceError(
            "The trace has no /host:CPU plane", "Record it on the host that runs Python"
        )
    steps = marks.find(trace)
    if not steps:
        raise TraceError(
            "The trace marks no steps: no event carries _r=1 and a step_num",
            "Record it with `graphprof profile`, or mark each step with "
            "tf.profiler.experimental.Trace('train', step_num=i, _r=1)",
        )
    threads = projection.Threads(host, nest(host) if nesting is None else nesting)
    by_line: defaultdict[int, list[StepMark]] = defaultdict(list)
    for step in steps:
        by_line[step.line].append(step)
    shares = [projection.project(threads, line, of_line) for line, of_line in by_line.items()]
    return _assemble([step for of_line in by_line.values() for step in of_line], shares)


def _assemble(steps: Sequence[StepMark], shares: Sequence[Share]) -> Breakdown:
    start, end, number, held = np.array(
        [(step.start_ps, step.end_ps, step.step_num, step.call_steps) for step in steps], np.int64
    ).T
    order = np.argsort(start, kind="stable")
    mean = 1 / (len(steps) / _PS)
    wall = (end - start)[order]

    def column(name: str) -> Int64:
        values: Int64 = np.concatenate([getattr(share, name) for share in shares])[order]
        return values

    return Breakdown(
        step_nums=number[order],
        steps=held[order],
        exact=np.array([step.exact for step in steps], bool)[order],
        start_ps=start[order],
        wall_ps=wall,
        parts_ps=column("parts_ps"),
        op_busy_ps=column("op_busy_ps"),
        op_wall_ps=column("op_wall_ps"),
        background_ps=column("background_ps"),
        evidence=_evidence(_total(share.names for share in shares), mean, int(wall.sum())),
        unknown=_unknown(_total(share.unknown for share in shares), mean),
        notices=marks.notices([steps[place] for place in order]),
    )


def _total(parts: Iterable[Amounts]) -> Amounts:
    """Add up what was seen in the steps of each thread."""
    total: Amounts = {}
    for part in parts:
        for key, (time_ps, count) in part.items():
            projection.add(total, key, time_ps, count)
    return total


def _evidence(names: Amounts, mean: float, wall_ps: int) -> tuple[Evidence, ...]:
    found = []
    for kind, kind_id in enumerate(KIND_IDS):
        own = [(key.name, *seen) for key, seen in names.items() if key.kind == kind]
        own.sort(key=lambda row: (-row[1], row[0]))
        found += [
            Evidence(kind_id, name, time_ps * mean, time_ps / max(wall_ps, 1), count)
            for name, time_ps, count in own[:_NAMES_OF_A_KIND]
            if time_ps > 0
        ]
    return tuple(found)


def _unknown(names: Amounts, mean: float) -> tuple[Unknown, ...]:
    found = [
        Unknown(key.name, key.line, time_ps * mean, projection.counted_as(key.kind))
        for key, (time_ps, _) in names.items()
    ]
    return tuple(sorted(found, key=lambda row: (-row.seconds, row.name, row.line)))
