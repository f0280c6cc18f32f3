"""A run's trace as the report shows it: divided, with whatever was wrong with it in words."""

from __future__ import annotations

from dataclasses import dataclass

from graphprof.analysis.memory import footprint
from graphprof.analysis.work import breakdown
from graphprof.errors import TraceError
from graphprof.report import memory
from graphprof.report.memory import ModeMemory
from graphprof.session import RunFolder
from graphprof.trace import devices, xspace


@dataclass(frozen=True)
class Traced:
    """A run's divided trace, or why there is none.

    Attributes:
        breakdown: the division, or None.
        events: number of recorded events.
        problems: what was lost, one sentence each.
        memory: what the run holds in memory.
    """

    breakdown: breakdown.Breakdown | None
    events: int
    problems: tuple[str, ...]
    memory: ModeMemory


_STATS = tuple(dict.fromkeys((*breakdown.STATS, *footprint.STATS)))


def read_traced(folder: RunFolder) -> Traced | None:
    """Read and divide the trace of ``folder``; None when it was not traced."""
    if folder.xplane is None:
        return None
    try:
        trace = xspace.read(folder.xplane, _STATS)
        divided = breakdown.divide(trace)
    except TraceError as error:
        return Traced(None, 0, (str(error),), memory.of_run(folder))
    beside = devices.notice(trace)
    problems = (*trace.errors, *trace.warnings, *trace.dropped, *divided.notices)
    problems += () if beside is None else (beside,)
    return Traced(divided, len(trace), problems, memory.of_run(folder, trace))
