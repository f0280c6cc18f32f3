"""A run's trace as the report shows it: divided, with whatever was wrong with it in words."""

from __future__ import annotations

from dataclasses import dataclass

from graphprof.analysis import breakdown
from graphprof.errors import TraceError
from graphprof.session import RunFolder
from graphprof.trace import xspace


@dataclass(frozen=True)
class Traced:
    """A run's divided trace, or why there is none.

    Attributes:
        breakdown: the division, or None.
        events: number of recorded events.
        problems: what was lost, one sentence each.
    """

    breakdown: breakdown.Breakdown | None
    events: int
    problems: tuple[str, ...]


def read_traced(folder: RunFolder) -> Traced | None:
    """Read and divide the trace of ``folder``; None when it was not traced."""
    if folder.xplane is None:
        return None
    try:
        trace = xspace.read(folder.xplane, breakdown.STATS)
        divided = breakdown.divide(trace)
    except TraceError as error:
        return Traced(None, 0, (str(error),))
    problems = (*trace.errors, *trace.warnings, *trace.dropped, *divided.notices)
    return Traced(divided, len(trace), problems)
