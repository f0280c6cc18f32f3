"""One run's memory: allocator, plan and resident set put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from graphprof.analysis.memory import allocators, planned, resident
from graphprof.analysis.memory.allocators import Memory, Tensor, Top
from graphprof.analysis.memory.planned import Plan
from graphprof.analysis.memory.resident import Resident
from graphprof.analysis.work.attribution import PS
from graphprof.errors import TraceError
from graphprof.session import RunFolder, graphprof_folder
from graphprof.trace import labels, marks, memory_file, xspace
from graphprof.trace.labels import PASSES, Labels
from graphprof.trace.memory_file import MemoryRecord
from graphprof.trace.model import Trace

STATS: tuple[str, ...] = tuple(dict.fromkeys((*allocators.STATS, *planned.STATS)))
"""The stats that memory is read from; ask for them when reading."""

GAPS = "gaps"
"""The op of what nothing fills: what an allocator gives beyond what was asked for (oneDNN's up to as
much again), and space between the results of a plan."""

_CURVE_POINTS = 400

Point = tuple[float, int]


@dataclass(frozen=True)
class Row:
    """What an owner holds at the peak.

    Attributes:
        owner: path of the layer, or name of the loss, optimizer or metric; empty when unknown.
        in_pass: the pass.
        size: bytes.
        tensors: how many.
        largest: the largest of them.
        kept: whether they were taken before the step began: by an earlier one, or by the input
            pipeline ahead of it.
    """

    owner: str
    in_pass: str
    size: int
    tensors: int
    largest: Tensor
    kept: bool = False


@dataclass(frozen=True)
class Footprint:
    """A run's memory; sizes in bytes.

    Attributes:
        memory: of the allocator with the highest peak in the steps, or None.
        why_not: why ``memory`` is None, one sentence.
        plan: XLA's, of the module that takes most in the steps, or None.
        rows: what was taken since the trace began and is alive at the peak, by owner, the largest
            first: as much as was asked for, and a row of ``GAPS``, so that they sum to what was taken.
        needed_bytes: of it, what was asked for in the step itself.
        step_bytes: how far the step with the peak rises above its start; without ``memory`` what the
            plan takes; None where neither is known.
        curve: that step: (seconds since its start, bytes in use from then on).
        planned: (seconds since its start, bytes of the plan's temporaries), in the same step.
        tops: the largest of what is alive at moments of that step; seconds since its start.
        step_s: how long that step took.
        rss: (seconds since the first traced step's start, resident set from then on), until the
            last one's end.
        resident: its processes' resident sets, or None.
        weights: bytes of the model's variables, or None.
        trainable: of those that have gradients, which take as much again while they live.
        optimizer: bytes of the optimizer's state, or None.
        record: ``memory.json``, or None.
    """

    memory: Memory | None
    why_not: str | None
    plan: Plan | None
    rows: tuple[Row, ...]
    step_bytes: int | None
    needed_bytes: int | None
    curve: tuple[Point, ...]
    planned: tuple[Point, ...]
    tops: tuple[Top, ...]
    step_s: float | None
    rss: tuple[Point, ...]
    resident: Resident | None
    weights: int | None
    trainable: int | None
    optimizer: int | None
    record: MemoryRecord | None


def of_run(folder: RunFolder, trace: Trace | None = None) -> Footprint:
    """Return a run's memory.

    Args:
        folder: the run.
        trace: its trace with ``STATS``, when it was read already.

    Raises:
        TraceError: an XLA module in its trace is damaged.
        SessionError: ``memory.json`` or ``labels.json`` is damaged.
    """
    own = graphprof_folder(folder.path)
    record = memory_file.load(own / memory_file.MEMORY_FILE)
    known = labels.load(own / labels.LABELS_FILE)
    unreadable = None
    if trace is None and folder.xplane is not None:
        try:
            trace = xspace.read(folder.xplane, STATS)
        except TraceError as error:
            unreadable = str(error)
    found = allocators.curves(trace, known) if trace is not None else ()
    memory = max(found, key=lambda one: one.peak, default=None)
    plan = _plan(folder, trace, known)
    step = _step(trace, memory)
    clock = _clock(trace, plan, step)
    alive = _filled(memory.alive if memory else (), plan)
    measurement = folder.measurement
    return Footprint(
        memory=memory,
        why_not=None if memory else unreadable or _why_not(folder, record),
        plan=plan,
        rows=rows(alive),
        step_bytes=_step_bytes(memory, plan),
        needed_bytes=_needed(alive) if memory or plan else None,
        curve=_curve(memory),
        planned=_planned(plan, clock, step),
        tops=_tops(memory, plan, clock, step),
        rss=_rss(trace, record),
        step_s=step[1] - step[0] if step else None,
        resident=None
        if record is None
        else resident.of_record(
            record,
            [process.peak_rss_bytes for process in measurement.processes] if measurement else (),
            measurement.steps_per_call if measurement else 1,
        ),
        weights=_held(record, lambda one: one.role == "weights"),
        trainable=_held(record, lambda one: one.trainable),
        optimizer=_held(record, lambda one: one.role == "optimizer"),
        record=record,
    )


def rows(alive: Sequence[Tensor]) -> tuple[Row, ...]:
    """Sum tensors by owner and pass, the largest first."""
    found: defaultdict[tuple[str, str, bool, bool], list[Tensor]] = defaultdict(list)
    for tensor in alive:
        found[tensor.owner, tensor.in_pass, tensor.op == GAPS, tensor.kept].append(tensor)
    summed = [
        Row(owner, in_pass, sum(one.size for one in own), len(own), max(own, key=_size), kept)
        for (owner, in_pass, _, kept), own in found.items()
    ]
    order = [*PASSES, ""]
    return tuple(sorted(summed, key=lambda row: (-row.size, row.owner, order.index(row.in_pass))))


def _needed(alive: Sequence[Tensor]) -> int:
    return sum(one.size for one in alive if one.op != GAPS and not one.kept)


def _size(tensor: Tensor) -> int:
    return tensor.size


def _plan(folder: RunFolder, trace: Trace | None, known: Labels) -> Plan | None:
    if trace is None or trace.host is None or folder.xplane is None:
        return None
    steps = marks.find(trace)
    if not steps or "hlo_module" not in trace.host.stats:
        return None
    start, end = min(one.start_ps for one in steps), max(one.end_ps for one in steps)
    ran = planned.modules_in(trace.host, start, end)
    return planned.plan(xspace.hlo_modules(folder.xplane), known, ran) if ran else None


def _step(trace: Trace | None, memory: Memory | None) -> tuple[float, float] | None:
    """The step that curves are of: the one with the peak, else the first."""
    if memory is not None:
        return memory.peak_step.start_s, memory.peak_step.end_s
    steps = marks.find(trace) if trace is not None else ()
    if not steps:
        return None
    return steps[0].start_ps * PS, steps[0].end_ps * PS


def _filled(alive: Sequence[Tensor], plan: Plan | None) -> tuple[Tensor, ...]:
    """What was asked for, what is inside the piece that the plan's temporaries were taken as, and gaps."""
    piece = None
    inside: tuple[Tensor, ...] = ()
    if plan is not None:
        piece = next((one for one in alive if one.requested == plan.plan.temporary), None)
        inside = plan.alive if piece or not alive else ()
    taken = sum(one.size for one in alive)
    if plan is not None and not alive:
        taken = plan.plan.temporary
    asked = [replace(one, size=one.requested or one.size) for one in alive if one is not piece]
    filled = (*asked, *inside)
    space = taken - sum(one.size for one in filled)
    gaps = [Tensor(GAPS, "", "other", space, "")] if space > 0 else []
    return (*filled, *gaps)


def _step_bytes(memory: Memory | None, plan: Plan | None) -> int | None:
    if memory is not None:
        return memory.peak_step.peak - memory.peak_step.before
    return plan.plan.temporary if plan is not None else None


def _curve(memory: Memory | None) -> tuple[Point, ...]:
    if memory is None:
        return ()
    step = memory.peak_step
    first, last = np.searchsorted(memory.times_s, (step.start_s, step.end_s))
    times = (memory.times_s[first:last] - step.start_s).tolist()
    points = allocators.thinned(times, memory.levels[first:last].tolist(), _CURVE_POINTS)
    return ((0.0, step.before), *points, (step.end_s - step.start_s, step.after))


def _clock(
    trace: Trace | None, plan: Plan | None, step: tuple[float, float] | None
) -> npt.NDArray[np.float64]:
    """When each instruction of the plan's schedule began in a step; empty when that is not known."""
    if plan is None or step is None or trace is None or trace.host is None:
        return np.zeros(0)
    start_ps, end_ps = (round(second / PS) for second in step)
    return planned.on_clock(plan, trace.host, start_ps, end_ps)


def _planned(
    plan: Plan | None, clock: npt.NDArray[np.float64], step: tuple[float, float] | None
) -> tuple[Point, ...]:
    if plan is None or step is None or not len(clock):
        return ()
    levels = plan.plan.levels.tolist()
    return tuple(allocators.thinned((clock - step[0]).tolist(), levels, _CURVE_POINTS))


def _tops(
    memory: Memory | None,
    plan: Plan | None,
    clock: npt.NDArray[np.float64],
    step: tuple[float, float] | None,
) -> tuple[Top, ...]:
    if step is None:
        return ()
    if plan is not None and len(clock):
        found: Sequence[Top] = planned.tops(plan, clock, allocators.MOMENTS, allocators.LARGEST)
    else:
        found = memory.tops if memory is not None else ()
    return tuple(Top(one.at_s - step[0], one.tensors) for one in found)


def _rss(trace: Trace | None, record: MemoryRecord | None) -> tuple[Point, ...]:
    """The resident set on the trace's clock; both clocks are the system's wall clock."""
    steps = marks.find(trace) if trace is not None else ()
    if trace is None or record is None or record.curve is None or not steps:
        return ()
    if not record.curve.times_ns:
        return ()
    start_ns, end_ns = (
        trace.origin_ns + ps // 1000
        for ps in (min(one.start_ps for one in steps), max(one.end_ps for one in steps))
    )
    times = np.array(record.curve.times_ns, np.int64)
    levels = np.array(record.curve.rss_bytes, np.int64)
    first = max(0, int(np.searchsorted(times, start_ns, side="right")) - 1)
    last = int(np.searchsorted(times, end_ns))
    if first >= last or times[-1] < start_ns:
        return ()
    seconds = np.maximum((times[first:last] - start_ns) * 1e-9, 0.0)
    points = allocators.thinned(seconds.tolist(), levels[first:last].tolist(), _CURVE_POINTS)
    return (*points, (float((end_ns - start_ns) * 1e-9), points[-1][1]))


def _held(record: MemoryRecord | None, chosen: Callable[[memory_file.Held], bool]) -> int | None:
    if record is None or record.told is None or record.told.held is None:
        return None
    return sum(one.size for one in record.told.held if chosen(one))


def _why_not(folder: RunFolder, record: MemoryRecord | None) -> str:
    if folder.xplane is None:
        return "It was not traced."
    told = record.told if record else None
    if told is None:
        return "No allocator recorded anything in its trace."
    if any(one.device.startswith("CPU") for one in told.devices):
        return (
            "No step took a tensor of 256 KiB or more, and TensorFlow's allocator for the CPU "
            "(oneDNN's) records no smaller ones; with the environment variable "
            "TF_CPU_ALLOCATOR_USE_BFC=1 it records all."
        )
    return (
        "TensorFlow's allocator keeps no account of memory here; with the environment variable "
        "TF_CPU_ALLOCATOR_USE_BFC=1 it does."
    )
