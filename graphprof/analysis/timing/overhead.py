"""What tracing costs: step times with the profiler recording over those without.

Both come from the same process, the untraced steps from before and after the trace, so that a
steady drift of the machine cancels. Tracing costs some microseconds an event and modes differ in
events (measured: 1 % to 60 % of a step), so traced times explain a step and never time it.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphprof.analysis.timing import stats
from graphprof.session import TraceRecord

NOTABLE = 1.10
"""From this ratio on, a breakdown of traced steps needs a warning beside it."""


@dataclass(frozen=True)
class Overhead:
    """Traced step time divided by the untraced one.

    Attributes:
        value: the ratio: 1.06 is 6 % longer.
        low, high: 95 % interval, about this process; None when too few steps were timed.
        traced: traced calls that it rests on.
        untraced: untraced calls that it rests on.
    """

    value: float
    low: float | None
    high: float | None
    traced: int
    untraced: int

    @property
    def notable(self) -> bool:
        """Whether tracing has changed the step enough to say so."""
        return self.value > NOTABLE and (self.low is None or self.low > 1)


def tracing_overhead(record: TraceRecord, steps_per_call: int = 1) -> Overhead | None:
    """The overhead of a recorded trace, or None when traced or untraced steps were not timed.

    Args:
        record: the trace's record; its steps of one call all carry that call's share, so that only
            one of each call counts.
        steps_per_call: steps in each call.
    """
    traced = record.step_seconds[::steps_per_call]
    untraced = record.untraced_step_seconds[::steps_per_call]
    found = stats.ratio_of_series(traced, untraced)
    if found is None:
        return None
    return Overhead(found.median, found.low, found.high, len(traced), len(untraced))
