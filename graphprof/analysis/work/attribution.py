"""Whose time a step's is: its wall time by kind and by the op, layer and pass it was spent on.

The division into kinds is that of ``graphprof.analysis.work.breakdown``; here each part is given to owners.
Time of the thread that makes the steps belongs to the owner of the event in which it passes. While
that thread waits for ops on other threads, each moment is shared equally by the threads that
execute ops, each for its op: so that a moment is counted once however many kernels run in it, and
the owners' parts sum to the kind's time exactly. How long kernels were busy, counting every thread,
stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from graphprof.analysis.work import breakdown, owners
from graphprof.analysis.work.costs import Costs
from graphprof.analysis.work.owners import Op, Owners
from graphprof.analysis.work.projection import PRIORITY, Stretches, Threads, covered
from graphprof.errors import TraceError
from graphprof.session import RunFolder, graphprof_folder
from graphprof.trace import graphs, labels, marks, rules, xspace
from graphprof.trace.intervals import intersect, subtract, union, within
from graphprof.trace.kinds import KIND_IDS
from graphprof.trace.labels import UNLABELLED, Labels, LayerInfo
from graphprof.trace.model import Int64, Plane, Trace
from graphprof.trace.nesting import Nesting, nest

STATS: tuple[str, ...] = tuple(dict.fromkeys((*breakdown.STATS, *owners.STATS, "_p", "_c")))
"""The stats that attribution needs; ask for them when reading."""

PS = 1e-12
_SHARED = (rules.OP, rules.PY_FUNCTION)


@dataclass(frozen=True)
class Attribution:
    """The time of a trace's steps by owner; arrays have a row for each of ``ops``.

    Sums over all steps, in picoseconds.

    Attributes:
        ops: whose time it is: ops, and an entry without op type for each label (time of a layer
            outside any op, as Python's).
        steps: how many steps.
        wall_ps: shape (r, len(KINDS)), int64: wall time by kind; all of it sums to the steps.
        busy_ps: shape (r,), int64: time of ops and kernels, summed over threads.
        calls: shape (r,), int64: how many times the op ran.
        total_ps: shape (r,), int64: length of its events, what they contain included.
        self_ps: shape (r,), int64: the same without other ops inside.
        span_ps: shape (r,), int64: of XLA instructions, up to the marker of their end: an
            instruction that runs asynchronously has returned by the end of its event. Else the
            same as ``total_ps``.
        layers: the layers that are known of the run.
        exact: op -> how often it runs in a step, counted in the trace of the run's first calls:
            TensorFlow records the cheap nodes of a graph only in its first hundred runs or so. None
            without such a trace.
        costs: what the ops compute and move, None when that is not known.
    """

    ops: tuple[Op, ...]
    steps: int
    wall_ps: Int64
    busy_ps: Int64
    calls: Int64
    total_ps: Int64
    self_ps: Int64
    span_ps: Int64
    layers: tuple[LayerInfo, ...] = ()
    exact: Mapping[Op, float] | None = None
    costs: Costs | None = None

    def wall_s(self, kind: str) -> float:
        """Return the time of a kind (by its id) in the mean step, seconds."""
        return int(self.wall_ps[:, KIND_IDS.index(kind)].sum()) / self.steps * PS

    @property
    def step_s(self) -> float:
        """The mean step's time, seconds."""
        return int(self.wall_ps.sum()) / self.steps * PS

    @property
    def knows_layers(self) -> bool:
        """Whether any op has an owner; in an eager trace without scopes none has."""
        return any(op.op_type and op.label.owner for op in self.ops)

    def without_layers(self) -> Attribution:
        """Return it with every op nobody's, to be compared by ops with one that knows no layers."""
        return replace(
            self, ops=tuple(replace(op, label=UNLABELLED, tag="none") for op in self.ops)
        )


def attribute(
    trace: Trace,
    known: Labels | None = None,
    modules: Mapping[str, bytes] | None = None,
    nesting: Nesting | None = None,
    first: int = 0,
) -> Attribution:
    """Say whose the time of a trace's steps is.

    Args:
        trace: read with the stats in ``STATS``.
        known: what op names mean in this run; without them names are guessed from.
        modules: XLA modules of the trace (``xspace.hlo_modules``).
        nesting: that of its host plane, when it is known already.
        first: number of the first step that counts.

    Raises:
        TraceError: it has no host plane, or no marked step.
    """
    host = trace.host
    steps = [step for step in marks.find(trace) if step.step_num >= first]
    if host is None or not steps:
        raise TraceError(
            "The trace marks no steps: it was cut off, or recorded without step marks",
            "Record it with `graphprof profile`, which marks each step",
        )
    nesting = nest(host) if nesting is None else nesting
    threads = Threads(host, nesting)
    found = owners.find(host, nesting, threads.classes, known or Labels(), modules)
    sums = _Sums(found)
    for line in sorted({step.line for step in steps}):
        own = [step for step in steps if step.line == line]
        start = np.array([step.start_ps for step in own], np.int64)
        end = np.array([step.end_ps for step in own], np.int64)
        sums.add_line(threads, line, union(start, end))
    window = union(*np.array([(step.start_ps, step.end_ps) for step in steps], np.int64).T)
    counted = _counted(host, nesting, threads, found, window)
    layers = () if known is None else known.layers
    return Attribution(found.ops, len(steps), sums.wall_ps, sums.busy_ps, *counted, layers)


def of_run(folder: RunFolder) -> Attribution | None:
    """Say whose the time of a recorded run's steps is; None when it was not traced.

    Raises:
        TraceError: its trace cannot be read, or marks no step.
        SessionError: its labels are damaged.
    """
    if folder.xplane is None:
        return None
    own = graphprof_folder(folder.path)
    known = labels.load(own / labels.LABELS_FILE)
    trace = xspace.read(folder.xplane, STATS)
    modules = xspace.hlo_modules(folder.xplane)
    found = attribute(trace, known, modules)
    recorded = graphs.load(own / graphs.GRAPHS_FILE)
    return replace(
        found,
        exact=_exact(folder, known),
        costs=None if recorded is None else Costs(recorded, known, modules),
    )


def _exact(folder: RunFolder, known: Labels) -> dict[Op, float] | None:
    """Count the ops of a step in the trace of the first calls, the very first left out."""
    if folder.early_xplane is None:
        return None
    trace = xspace.read(folder.early_xplane, STATS)
    # The first call also builds and compiles, and makes what an eager optimizer keeps.
    first = 1 if folder.measurement is None else folder.measurement.steps_per_call
    if not any(step.step_num >= first for step in marks.find(trace)):
        return None
    found = attribute(trace, known, xspace.hlo_modules(folder.early_xplane), first=first)
    counted = zip(found.ops, found.calls.tolist(), strict=True)
    return {op: calls / found.steps for op, calls in counted if calls}


class _Sums:
    """Time by owner, as it is added up."""

    def __init__(self, found: Owners) -> None:
        self.of = found.of
        self.rows = len(found.ops)
        self.nobody = next(
            place
            for place, op in enumerate(found.ops)
            if not op.op_type and not op.label.owner and op.label.in_pass == "other"
        )
        self.wall_ps = np.zeros((self.rows, len(KIND_IDS)), np.int64)
        self.busy_ps = np.zeros(self.rows, np.int64)

    def add_line(self, threads: Threads, line: int, window: Int64) -> None:
        """Add the steps that the thread of a line made; ``window`` is when."""
        segments, kind = threads.own(line)
        waits = (kind == rules.WAITING) | (kind == rules.RUNTIME)
        inside = within(window, segments.start_ps, segments.end_ps)
        rows = self.of[segments.owner]
        for own in np.unique(kind[~waits]).tolist():
            chosen = kind == own
            self.wall_ps[:, own] += self._sum(rows[chosen], inside[chosen])
        bare = subtract(window, union(segments.start_ps, segments.end_ps))
        self.wall_ps[self.nobody, rules.PYTHON] += _length(bare)

        left = intersect(segments.of(waits), window)
        waiting = Stretches.of(segments, waits)
        for other in PRIORITY:
            working = threads.elsewhere(line, other)
            if other == rules.RUNTIME:
                working.append(Stretches.of(segments, kind == rules.RUNTIME))
            won = intersect(left, covered(working))
            left = subtract(left, won)
            if other in _SHARED:
                self.wall_ps[:, other] += self._share(won, working)
            else:
                self._give(won, waiting, other)
        self._give(left, waiting, rules.IDLE)
        self._add_busy(threads, line, window, Stretches.of(segments, kind == rules.OP))

    def _add_busy(self, threads: Threads, line: int, window: Int64, own: Stretches) -> None:
        for one in (*threads.elsewhere(line, rules.OP), own):
            self.busy_ps += self._sum(self._rows(one), within(window, *one.spans.T))

    def _give(self, moments: Int64, waiting: Stretches, kind: int) -> None:
        """Give moments to the owners of the events in which the step's thread waits."""
        self.wall_ps[:, kind] += self._sum(self._rows(waiting), within(moments, *waiting.spans.T))

    def _share(self, moments: Int64, working: Sequence[Stretches]) -> Int64:
        """Share moments equally among the threads that work in them, to the last picosecond."""
        given = np.zeros(self.rows, np.int64)
        edges = np.unique(
            np.concatenate([moments.ravel(), *(one.spans.ravel() for one in working)])
        )
        start, end = edges[:-1], edges[1:]
        chosen = _holding(moments, start) >= 0
        start, end = start[chosen], end[chosen]
        who = []
        for one in working:
            place = _holding(one.spans, start)
            rows = self._rows(one)
            who.append(
                np.where(place >= 0, rows[place], -1) if len(rows) else np.full(len(start), -1)
            )
        if not len(start):
            return given
        active = np.array(who)
        count = (active >= 0).sum(axis=0)
        whole, rest = np.divmod(end - start, np.maximum(count, 1))
        rank = np.zeros(len(start), np.int64)
        for rows in active:
            on = rows >= 0
            given += self._sum(rows[on], (whole + (rank < rest))[on])
            rank += on
        return given

    def _rows(self, stretches: Stretches) -> Int64:
        known = np.maximum(stretches.owner, 0)
        rows: Int64 = np.where(stretches.owner >= 0, self.of[known], self.nobody)
        return rows

    def _sum(self, rows: Int64, time_ps: Int64) -> Int64:
        # Sums below 2**53 ps (two and a half hours) are exact in the weights' float64.
        return np.bincount(rows, weights=time_ps, minlength=self.rows).astype(np.int64)


def _length(intervals: Int64) -> int:
    return int((intervals[:, 1] - intervals[:, 0]).sum())


def _holding(intervals: Int64, moments: Int64) -> Int64:
    """Return which of the (ascending, apart) intervals holds each moment, -1 for none."""
    place = np.searchsorted(intervals[:, 0], moments, side="right") - 1
    inside = (
        (place >= 0) & (moments < intervals[np.maximum(place, 0), 1])
        if len(intervals)
        else (np.zeros(len(moments), bool))
    )
    found: Int64 = np.where(inside, place, -1)
    return found


def _counted(
    host: Plane, nesting: Nesting, threads: Threads, found: Owners, window: Int64
) -> tuple[Int64, Int64, Int64, Int64]:
    """Return calls, total, self and span of each op, over events that begin in a step."""
    inside = _holding(window, host.start_ps) >= 0
    work = np.isin(threads.classes.kind, _SHARED)
    roots = np.flatnonzero(found.roots & work & inside)
    pieces = np.flatnonzero(work & inside)

    def total(events: Int64, values: npt.NDArray[np.int64]) -> Int64:
        sums = np.bincount(found.of[events], weights=values, minlength=len(found.ops))
        return sums.astype(np.int64)

    duration = host.duration_ps[roots]
    return (
        total(roots, np.ones(len(roots), np.int64)),
        total(roots, duration),
        total(pieces, nesting.self_ps[pieces]),
        total(roots, np.maximum(duration, _until_end(host, roots))),
    )


def _until_end(host: Plane, roots: Int64) -> Int64:
    """Return the time from each event's start to the marker of its end, 0 without one."""
    produced, consumed = host.stats.get("_p"), host.stats.get("_c")
    nothing = np.zeros(len(roots), np.int64)
    if "hlo_op" not in host.stats or produced is None or consumed is None:
        return nothing
    is_end = np.array([name.startswith("end: ") for name in host.names], bool)
    ends = is_end[host.name_id[consumed.owner]]
    number_of_end = np.asarray(consumed.values)[ends]
    order = np.argsort(number_of_end, kind="stable")
    number_of_end, end_event = number_of_end[order], consumed.owner[ends][order]
    mine = np.minimum(np.searchsorted(produced.owner, roots), len(produced.owner) - 1)
    number = np.asarray(produced.values)[mine]
    place = np.minimum(np.searchsorted(number_of_end, number), len(number_of_end) - 1)
    if not len(number_of_end):
        return nothing
    known = (produced.owner[mine] == roots) & (number_of_end[place] == number)
    known &= np.isin(roots, host.stats["hlo_op"].owner)
    length: Int64 = np.where(known, host.start_ps[end_event[place]] - host.start_ps[roots], 0)
    return np.maximum(length, 0)
