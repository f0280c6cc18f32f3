"""From which step on a mode has repaid what its first call cost more.

The time of n steps is a line: ``T(n) = start + n * step``, where ``start`` is the first call beyond
the steady steps that it holds (building, optimising, compiling, first runs). Two lines cross at ::

    k = A / B,    A = start - start',    B = step' - step = g * (1 / sqrt(r) - sqrt(r))

with r the ratio of the step times, which is measured in pairs, round by round, and g the geometric
mean of the two (so that B only turns its sign when the modes are exchanged). The interval of k is
that of a ratio of two quantities known with intervals of their own (MOVER-R; Donner & Zou 2012,
"Closed-form confidence intervals for functions of the normal mean and standard deviation"); with
symmetrical ones it is Fieller's. Where the interval of B holds 0, no last step can be named.

It is about a new run of both modes. First calls differ from process to process by more than anything
else here, so that those of the new run count with those that were measured: the half-width of a first
call, on the log scale, is t * sd * sqrt(1 + 1/n). The sd is that within the modes, over all modes
of the session, averaged with what is usual.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from graphprof.analysis.timing import stats

# Standard deviation of the log of first calls between processes of one mode: 0.13 (eager) to 0.4
# on shared virtual machines, a few per cent on quiet ones. It is worth so many degrees of freedom.
USUAL_SD: Final = 0.2
USUAL_DF: Final = 4

Status = Literal["at once", "step", "ahead until", "never", "unclear"]


@dataclass(frozen=True)
class Line:
    """What n steps of a mode take.

    Attributes:
        mode: its name.
        first_s: median seconds of the first call.
        processes: in how many processes it was measured.
        steps_in_first: steps that the first call holds.
        step_s: seconds of a steady step.
        step_low_s, step_high_s: its 95 % interval, where there is one.
    """

    mode: str
    first_s: float
    processes: int
    steps_in_first: int
    step_s: float
    step_low_s: float | None = None
    step_high_s: float | None = None

    @property
    def start_s(self) -> float:
        """The first call beyond the steady steps that it holds, seconds."""
        return self.first_s - self.steps_in_first * self.step_s

    def total_s(self, steps: float) -> float:
        """Seconds that so many steps take."""
        return self.start_s + steps * self.step_s


@dataclass(frozen=True)
class Spread:
    """How first calls differ between processes of one mode, on the log scale.

    Attributes:
        sd: standard deviation.
        df: its degrees of freedom.
    """

    sd: float
    df: float


@dataclass(frozen=True)
class BreakEven:
    """From which step on ``mode`` has taken less time in all than ``against``.

    Attributes:
        mode: the mode.
        against: what it is held against.
        status: ``at once`` (its first call costs no more, and its steps are faster), ``step`` (from
            ``step`` on), ``ahead until`` (its first call costs less and its steps are slower: it is
            ahead until ``step``), ``never`` (its first call costs more and its steps are slower),
            ``unclear`` (which steps are faster is not known: ``low`` is as early as it may be).
        step: the step at which the lines cross; None where they do not.
        low, high: 95 % interval of ``step`` in a new run of both; None where there is no bound.
    """

    mode: str
    against: str
    status: Status
    step: int | None
    low: int | None
    high: int | None


@dataclass(frozen=True)
class _Range:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


def spread(first_calls: Iterable[Sequence[float]]) -> Spread:
    """How first calls differ between processes, over all modes of a session.

    Args:
        first_calls: seconds of the first calls of each mode.
    """
    squares, df = 0.0, 0
    for values in first_calls:
        logs = np.log([value for value in values if value > 0])
        if logs.size > 1:
            squares += float(((logs - logs.mean()) ** 2).sum())
            df += int(logs.size) - 1
    variance = (USUAL_DF * USUAL_SD**2 + squares) / (USUAL_DF + df)
    return Spread(math.sqrt(variance), USUAL_DF + df)


def break_even(
    mode: Line, against: Line, ratio: tuple[float, float, float] | None, between: Spread
) -> BreakEven:
    """From which step on ``mode`` is ahead of ``against``.

    Args:
        mode: its line.
        against: the other one's.
        ratio: step time of ``mode`` over that of ``against`` with its 95 % interval, as (value,
            low, high); None where there is no interval, and then nothing is clear.
        between: how first calls differ between processes.
    """
    cost = _cost(mode, against, between)
    if ratio is None:
        return BreakEven(mode.mode, against.mode, "unclear", None, None, None)
    gain = _gain(mode, against, ratio)
    first = max(mode.steps_in_first, against.steps_in_first)
    crossing = cost.value / gain.value if gain.value else math.inf
    if gain.low > 0 and cost.value <= 0:
        high = _step(_upper(cost, gain), first) if cost.high > 0 else first
        return BreakEven(mode.mode, against.mode, "at once", first, first, high)
    if gain.low > 0:
        return _crossing(mode, against, "step", crossing, (cost, gain), first)
    if gain.high < 0 and cost.value >= 0:
        return BreakEven(mode.mode, against.mode, "never", None, None, None)
    if gain.high < 0:
        turned = (_negative(cost), _negative(gain))
        return _crossing(mode, against, "ahead until", crossing, turned, first)
    low = _step(cost.low / gain.high, first) if cost.low > 0 and gain.high > 0 else first
    step = _step(crossing, first) if cost.value > 0 and gain.value > 0 else None
    return BreakEven(mode.mode, against.mode, "unclear", step, low, None)


def _crossing(
    mode: Line,
    against: Line,
    status: Status,
    crossing: float,
    ranges: tuple[_Range, _Range],
    first: int,
) -> BreakEven:
    cost, gain = ranges
    low = _step(_lower(cost, gain), first) if cost.low > 0 else first
    high = _step(_upper(cost, gain), first)
    return BreakEven(mode.mode, against.mode, status, _step(crossing, first), low, high)


def _cost(mode: Line, against: Line, between: Spread) -> _Range:
    """A with its interval: the half-widths of both first calls in quadrature (MOVER)."""
    one, other = _first_call(mode, between), _first_call(against, between)
    value = mode.start_s - against.start_s
    return _Range(
        value,
        value - math.hypot(one.value - one.low, other.high - other.value),
        value + math.hypot(one.high - one.value, other.value - other.low),
    )


def _first_call(line: Line, between: Spread) -> _Range:
    half = stats.t_quantile(between.df) * between.sd * math.sqrt(1 + 1 / max(1, line.processes))
    return _Range(line.first_s, line.first_s * math.exp(-half), line.first_s * math.exp(half))


def _gain(mode: Line, against: Line, ratio: tuple[float, float, float]) -> _Range:
    """B with its interval: that of the ratio, and that of how long steps are."""
    value, low, high = ratio
    mean_s = math.sqrt(mode.step_s * against.step_s)
    share = max(_half_share(mode), _half_share(against))
    gain, least, most = (mean_s * (r**-0.5 - r**0.5) for r in (value, high, low))
    return _Range(
        gain,
        gain - math.hypot(gain - least, gain * share),
        gain + math.hypot(most - gain, gain * share),
    )


def _half_share(line: Line) -> float:
    """Half-width of the interval of the step time, as a share of it."""
    if line.step_low_s is None or line.step_high_s is None:
        return 0.0
    return (line.step_high_s - line.step_low_s) / (2 * line.step_s)


def _lower(cost: _Range, gain: _Range) -> float:
    """Lower bound of cost / gain (MOVER-R) where both are positive."""
    product = cost.value * gain.value
    inner = product**2 - cost.low * gain.high * (2 * cost.value - cost.low) * (
        2 * gain.value - gain.high
    )
    bottom = gain.high * (2 * gain.value - gain.high)
    if bottom <= 0:  # so wide an interval that the formula does not hold: the cautious bound
        return cost.low / gain.high
    return (product - math.sqrt(max(0.0, inner))) / bottom


def _upper(cost: _Range, gain: _Range) -> float:
    """Upper bound of cost / gain (MOVER-R) where both are positive."""
    product = cost.value * gain.value
    inner = product**2 - cost.high * gain.low * (2 * cost.value - cost.high) * (
        2 * gain.value - gain.low
    )
    return (product + math.sqrt(max(0.0, inner))) / (gain.low * (2 * gain.value - gain.low))


def _negative(one: _Range) -> _Range:
    return _Range(-one.value, -one.high, -one.low)


def _step(value: float, first: int) -> int:
    """The first whole step at or after ``value``; never within the first calls."""
    return max(first, math.ceil(value - 1e-9))
