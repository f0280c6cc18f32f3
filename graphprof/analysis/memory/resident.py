"""What the system gave to a mode's processes: the resident set, stage by stage, and whether it grows."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from graphprof.trace.memory_file import MemoryRecord, Moment, ResidentProcess

STAGES: tuple[tuple[str, str], ...] = (
    ("imports", "imports"),
    ("loading", "model loaded"),
    ("first", "first call"),
    ("warmup", "warmed up"),
    ("block", "last block"),
)
"""What a process has done -> what people read, in order."""

# Linux counts pages per thread and adds them up late: a resident set is off by up to 64 pages a
# thread (proc(5)), so that less than this is no growth.
_NOTABLE_BYTES = 2 << 20
_FEWEST_BLOCKS = 6


@dataclass(frozen=True)
class Growth:
    """Whether the resident set grows while steps run.

    Attributes:
        bytes_per_step: slope over the blocks: the median over processes.
        low, high: its 95 % interval: of the process that the slope is of.
        total: bytes from the first block to the last.
        steps: steps between them.
        grows: whether even by the lower end of the slope it is more than the system's counting error.
    """

    bytes_per_step: float
    low: float
    high: float
    total: int
    steps: int
    grows: bool


@dataclass(frozen=True)
class Resident:
    """The resident set of a mode: medians over its processes, bytes.

    Attributes:
        stages: id of a stage in ``STAGES`` -> resident set after it; stages that nobody noted are
            left out.
        peak: the largest at any moment of any process, or None.
        traced_peak: the largest while a trace was recorded, or None.
        growth: over the timed blocks, or None where too few were timed.
        processes: of how many processes.
    """

    stages: dict[str, int]
    peak: int | None
    traced_peak: int | None
    growth: Growth | None
    processes: int


def of_record(
    record: MemoryRecord, peaks: Iterable[int | None] = (), steps_per_call: int = 1
) -> Resident:
    """Return the resident set of a mode.

    Args:
        record: its ``memory.json``.
        peaks: what the system says was the largest of each process (``Process.peak_rss_bytes``).
        steps_per_call: steps in a call.
    """
    seen = [moment.rss_bytes for one in record.processes for moment in one.moments]
    curve = record.curve.rss_bytes if record.curve else ()
    known = [*(peak for peak in peaks if peak is not None), *seen, *curve]
    return Resident(
        stages=_stages(record.processes),
        peak=max(known, default=None),
        traced_peak=max(curve, default=None),
        growth=_growth(record.processes, steps_per_call),
        processes=len(record.processes),
    )


def blocks(process: ResidentProcess) -> tuple[Moment, ...]:
    """The moments of a process after its timed blocks."""
    return tuple(moment for moment in process.moments if moment.after == "block")


def _stages(processes: Sequence[ResidentProcess]) -> dict[str, int]:
    found = {}
    for stage, _ in STAGES:
        # The last of its kind: blocks are many.
        last = [
            [moment.rss_bytes for moment in one.moments if moment.after == stage][-1:]
            for one in processes
        ]
        levels = [level for one in last for level in one]
        if levels:
            found[stage] = round(statistics.median(levels))
    return found


def _growth(processes: Sequence[ResidentProcess], steps_per_call: int) -> Growth | None:
    found = []
    for process in processes:
        own = blocks(process)
        if len(own) < _FEWEST_BLOCKS:
            continue
        steps = np.array([moment.calls for moment in own], float) * steps_per_call
        levels = np.array([moment.rss_bytes for moment in own], float)
        # Theil-Sen: one block in which the system took pages back does not tilt it.
        slope, _, low, high = stats.theilslopes(levels, steps)
        total = int(levels[-1] - levels[0])
        span = int(steps[-1] - steps[0])
        grows = low * span > _NOTABLE_BYTES
        found.append(Growth(float(slope), float(low), float(high), total, span, bool(grows)))
    if not found:
        return None
    found.sort(key=lambda growth: growth.bytes_per_step)
    return found[(len(found) - 1) // 2]
