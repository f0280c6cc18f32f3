"""The statistics of graphprof: from block times to intervals and verdicts.

The design and the reasons are in ``docs/statistics.md``. In short: the unit is the *round*, in which
each mode runs one block. Two modes are compared by the log-ratio of their block medians in the same
round, so that what slows the machine slows both and cancels. Rounds are averaged by a 20 % trimmed
mean within a wave of processes, then over waves. Two intervals follow: the *narrow* one is
about these processes in this session, the *wide* one about the next run, in new processes.

Everything here and in ``estimators`` (which this module hands on) takes plain numbers and arrays,
draws no random numbers, and knows no session. No other module has statistics of its own.

Sources: Kalibera & Jones 2013 (levels of repetition, effect size with interval); DerSimonian &
Laird 1986 and Paule & Mandel 1982 (weighting what varies by itself and in its error); Zou & Donner
2008 (adding intervals); Yuen 1974 and more in ``estimators``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from graphprof.analysis.timing.estimators import (
    Mean,
    Series,
    batched_median,
    figures,
    robust_spread,
    rounded,
    t_quantile,
    total,
    trend,
    trimmed_mean,
)

__all__ = [
    "Estimate",
    "Mean",
    "Ratio",
    "Series",
    "Verdict",
    "Wide",
    "between_waves",
    "block_median",
    "drift",
    "excess_variance",
    "figures",
    "needed",
    "over_processes",
    "over_waves",
    "ratio",
    "ratio_of_series",
    "robust_spread",
    "rounded",
    "steady_calls",
    "t_quantile",
    "total",
    "trend",
    "trimmed_mean",
    "typical",
    "usual_spreads",
    "verdict",
    "weights",
    "widen",
]

Verdict = Literal["faster", "slower", "equivalent", "inconclusive"]

# Standard deviation of a log-ratio between waves of new processes, measured in lockstep on shared
# virtual machines: sqrt(2) x 2 % when both processes run the same mode, 4 % between modes. It
# stands in for the session's own value, which fewer than three waves cannot show; with three or
# more it is worth ``PRIOR_DF`` degrees of freedom against their own.
TAU_SAME_MODE = 0.028
TAU_ACROSS_MODES = 0.04
PRIOR_DF = 6
WAVES_TO_ESTIMATE = 3
# Chance makes two waves differ so much, in variances, once in a hundred times.
CONTRADICTION = 6.63
# Standard deviation of a round's log-ratio on a shared machine (measured: 0.19 to 0.24).
USUAL_ROUND_SD = 0.2
# Standard deviation of the step time between processes of one mode (the same measurements).
PROCESS_SD = 0.02

# What three rounds agree on by chance is never claimed, however narrow their interval.
FEWEST_ROUNDS = 4
# Correlation of neighbouring steps of one process (measured: 0.2 to 0.8).
STEP_CORRELATION = 0.6

# Advice to start more waves than this is no advice.
MOST_WAVES = 50
# A difference below 2 % is not worth a name even when it is real; within 5 % is "equivalent".
SMALLEST_CLAIM = math.log(1.02)
EQUIVALENCE = math.log(1.05)
# A difference is seen with 80 % power when it stands 0.84 standard errors beyond the half-width of
# the 95 % interval: 2.8 standard errors in all when they rest on many rounds.
POWER_QUANTILE = 0.84


@dataclass(frozen=True)
class Wide:
    """A log-ratio with what new processes add to its doubt.

    Attributes:
        value: the log-ratio.
        se: standard error.
        half: half-width of its 95 % interval.
    """

    value: float
    se: float
    half: float

    def interval(self) -> tuple[float, float]:
        """The two-sided 95 % interval."""
        return self.value - self.half, self.value + self.half


@dataclass(frozen=True)
class Estimate:
    """A positive quantity with a 95 % interval (None when too little was measured for one)."""

    median: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Ratio:
    """Step time of a mode divided by that of the baseline: 1.5 takes 1.5 times as long.

    Attributes:
        value: the ratio.
        low, high: wide 95 % interval, about the next run in new processes; None when unknown.
        narrow_low, narrow_high: narrow 95 % interval, about these processes in this session.
        verdict: of the wide interval; see ``verdict``.
        detectable: smallest relative difference that this comparison sees four times out of five,
            as a fraction (0.06 is 6 %), or None.
        needed_blocks: about how many more blocks of each mode would settle an ``inconclusive``
            verdict, if the ratio stays where it is; None for other verdicts and when unknown.
        needed_waves: how many more waves of new processes these blocks must be spread over
            (0: the same processes will do); None as above.
        rounds: rounds compared, over all waves.
        waves: waves compared.
    """

    value: float
    low: float | None
    high: float | None
    narrow_low: float | None
    narrow_high: float | None
    verdict: Verdict
    detectable: float | None
    needed_blocks: int | None
    needed_waves: int | None
    rounds: int
    waves: int


def steady_calls(calls_s: Sequence[float]) -> Sequence[float]:
    """The calls of a block that count: all but the first, which finds the caches of another mode.

    A block of one call (a slow model, where that matters little) keeps it.
    """
    return calls_s[1:] if len(calls_s) > 1 else calls_s


def block_median(calls_s: Sequence[float]) -> float | None:
    """Median seconds of the steady calls of a block, or None when there is no positive one."""
    kept = np.asarray(steady_calls(calls_s), dtype=float)
    kept = kept[np.isfinite(kept) & (kept > 0)]
    return float(np.median(kept)) if kept.size else None


def usual_spreads(means: Sequence[Mean], prior: float) -> Series:
    """Standard deviation of each wave's true value around that of all waves, as foreseen.

    It is ``prior``, and more in a wave that was noisier than the machines the prior is from: on a
    crowded machine part of the noise sticks to a process for as long as it lives (the core that it
    was placed on), which its rounds cannot tell from the process itself.
    """
    noise = [math.sqrt(mean.n) * (mean.se or 0.0) for mean in means]
    return prior * np.maximum(1.0, np.array(noise) / USUAL_ROUND_SD)


def between_waves(means: Sequence[Mean], prior: float) -> tuple[Series, float]:
    """Variances of the waves' true values, and their degrees of freedom.

    One wave shows nothing of it, and two next to nothing, so that they are as foreseen and taken
    as known, unless two waves contradict each other: then what they show counts in its place.
    With more, the variance that the waves show beyond their own errors is averaged with what was
    foreseen.
    """
    foreseen = usual_spreads(means, prior) ** 2
    if len(means) == 1:
        return foreseen, math.inf
    freedom = len(means) - 1
    own = _variances(means)
    shown = excess_variance([mean.value for mean in means], own)
    if len(means) < WAVES_TO_ESTIMATE:
        difference = means[0].value - means[1].value
        contradiction = difference**2 > CONTRADICTION * (sum(own) + float(foreseen.sum()))
        return (np.maximum(foreseen, shown) if contradiction else foreseen), math.inf
    return (PRIOR_DF * foreseen + freedom * shown) / (PRIOR_DF + freedom), PRIOR_DF + freedom


def excess_variance(
    values: Sequence[float], variances: Sequence[float], mean: float | None = None
) -> float:
    """Variance of what was measured, beyond the errors of measuring (Paule & Mandel 1982).

    Args:
        values: what was measured.
        variances: squared standard errors of the values; they may differ by orders of magnitude.
        mean: the true mean where it is known; None takes the weighted mean of the values.
    """
    # Sessions of one wave do not come here, and need not wait for the import.
    from scipy import optimize

    x, own = np.asarray(values, dtype=float), np.asarray(variances, dtype=float)
    freedom = x.size if mean is not None else x.size - 1

    def surplus(extra: float) -> float:
        precision = 1 / (own + extra)
        centre = mean if mean is not None else float((precision * x).sum() / precision.sum())
        return float((precision * (x - centre) ** 2).sum()) - freedom

    smallest = 1e-12
    if surplus(smallest) <= 0:
        return 0.0
    # At this much all terms together are below the freedom.
    largest = 2 * x.size * float(np.ptp(x) + np.abs(x).max()) ** 2 + smallest
    return float(optimize.brentq(surplus, smallest, largest))


def weights(means: Sequence[Mean]) -> Series:
    """Weights of waves, which sum to 1: the inverse of their variances, as in a meta-analysis.

    A wave's variance is what differs between processes and its own error, so that precise waves
    count alike and one that was disturbed or cut off counts less. Its own error is taken no smaller
    than that of as many rounds that vary by ``USUAL_ROUND_SD``: a few rounds that agree by chance
    gain nothing.
    """
    floors = [USUAL_ROUND_SD**2 / mean.n for mean in means]
    own = np.maximum(_variances(means), floors)
    raw = 1 / (usual_spreads(means, TAU_ACROSS_MODES) ** 2 + own)
    return np.asarray(raw / raw.sum())


def _variances(means: Sequence[Mean]) -> list[float]:
    """Squared errors of waves; a wave of one round takes that of a round of the least certain."""
    one_round = max((mean.n * mean.se**2 for mean in means if mean.se is not None), default=0.0)
    return [one_round / mean.n if mean.se is None else mean.se**2 for mean in means]


def over_waves(means: Sequence[Mean]) -> Mean:
    """Weighted mean over waves with its narrow error: of these processes, in this session."""
    shares = weights(means)
    value = float(shares @ [mean.value for mean in means])
    rounds = sum(mean.n for mean in means)
    known = [mean.df for mean in means if mean.se is not None]
    if not known:
        return Mean(value, None, 0, rounds)
    parts = [
        (float(share) ** 2 * variance, min(known) if mean.se is None else mean.df)
        for share, variance, mean in zip(shares, _variances(means), means, strict=True)
    ]
    variance, df = total(parts)
    return Mean(value, math.sqrt(variance), df, rounds)


def widen(narrow: Mean, variance: float, df: float) -> Wide | None:
    """Add what new processes will add; None when ``narrow`` has no error.

    The half-widths of the two parts are added in quadrature (MOVER, Zou & Donner 2008) and not
    their variances under one t-quantile: three rounds that happen to agree would otherwise borrow
    the many degrees of freedom of the other part.
    """
    if narrow.se is None:
        return None
    half = math.hypot(t_quantile(narrow.df) * narrow.se, t_quantile(df) * math.sqrt(variance))
    return Wide(narrow.value, math.sqrt(narrow.se**2 + variance), half)


def verdict(wide: Wide | None, aa_effect: float | None = None) -> Verdict:
    """What the wide interval of a log-ratio allows to say.

    ``faster`` or ``slower``: it excludes 0, and the log-ratio is larger than 2 % and than
    ``aa_effect``, the log-ratio that the baseline showed against itself. ``equivalent``: it lies
    within 5 %. Else, and without an interval, ``inconclusive``.
    """
    if wide is None:
        return "inconclusive"
    effect = abs(wide.value)
    if effect > max(SMALLEST_CLAIM, abs(aa_effect or 0.0)) and effect > wide.half:
        return "slower" if wide.value > 0 else "faster"
    return "equivalent" if effect + wide.half <= EQUIVALENCE else "inconclusive"


def needed(narrow: Mean, wide: Wide, rounds: int, waves: int) -> tuple[int, int] | None:
    """How many more (rounds, waves) would settle the verdict if the log-ratio stays as it is.

    The standard error must fall so far that the interval excludes 0 or lies within 5 %, whichever
    takes less. Rounds in the same processes only narrow the narrow part. The fewest waves are
    given whose rounds number no more than four times those of the waves so far.
    None when no sensible number would do (the value sits just at a border).
    """
    effect = abs(wide.value)
    goal = max(EQUIVALENCE - effect, effect if effect > SMALLEST_CLAIM else 0.0)
    # Two standard errors: the t-quantile of the many degrees of freedom that more rounds bring.
    target = (goal / 2) ** 2
    if narrow.se is None:
        return None
    process = waves * (wide.se**2 - narrow.se**2)
    for enough in range(waves, MOST_WAVES):
        left = target - process / enough
        if left <= 0:
            continue
        all_rounds = rounds * narrow.se**2 / left
        if all_rounds / enough <= 4 * rounds / waves:
            more = enough - waves
            # A wave has some rounds even where the processes are all the doubt.
            fewest = max(1, FEWEST_ROUNDS - rounds, FEWEST_ROUNDS * more)
            return max(fewest, math.ceil(all_rounds) - rounds), more
    return None


def ratio(
    waves: Sequence[ArrayLike], *, same_mode: bool = False, aa_effect: float | None = None
) -> Ratio | None:
    """Compare a mode with the baseline.

    Args:
        waves: for each wave of processes, the log-ratios of block medians (mode over baseline) of
            its rounds, in the order of measuring.
        same_mode: both sides run the same mode (an A/A comparison), which varies less.
        aa_effect: log-ratio of the session's A/A comparison, or None when there was none.

    Returns:
        The ratio, or None when no round was measured.
    """
    series = [np.asarray(wave, dtype=float) for wave in waves]
    means = [trimmed_mean(wave) for wave in series if wave.size]
    if not means:
        return None
    rounds = sum(wave.size for wave in series)
    prior = TAU_SAME_MODE if same_mode else TAU_ACROSS_MODES
    narrow = over_waves(means)
    variances, df = between_waves(means, prior)
    wide = widen(narrow, float(weights(means) ** 2 @ variances), df)
    said = verdict(wide, aa_effect) if rounds >= FEWEST_ROUNDS else "inconclusive"
    more = needed(narrow, wide, rounds, len(means)) if wide and said == "inconclusive" else None
    low, high = _exp(wide.interval() if wide else None)
    narrow_low, narrow_high = _exp(narrow.interval())
    return Ratio(
        value=math.exp(narrow.value),
        low=low,
        high=high,
        narrow_low=narrow_low,
        narrow_high=narrow_high,
        verdict=said,
        detectable=_expm1(wide.half + POWER_QUANTILE * wide.se) if wide else None,
        needed_blocks=more[0] if more else None,
        needed_waves=more[1] if more else None,
        rounds=rounds,
        waves=len(means),
    )


def typical(processes: Sequence[ArrayLike]) -> Estimate | None:
    """Typical step time while the session ran, with an interval that respects blocks and processes.

    Args:
        processes: for each process its block medians in seconds, in the order of measuring.

    The estimate is the mean (of logs) over processes of each one's median. The error within a
    process comes from medians of ten batches of neighbouring blocks; what differs between
    processes of one mode (2 %) is added. How busy the machine will be tomorrow is not in it.
    """
    series = [np.log(np.asarray(blocks, dtype=float)) for blocks in processes]
    means = [batched_median(blocks) for blocks in series if blocks.size]
    if not means:
        return None
    narrow = over_waves(means)
    wide = widen(narrow, PROCESS_SD**2 * float((weights(means) ** 2).sum()), math.inf)
    low, high = _exp(wide.interval() if wide else None)
    return Estimate(math.exp(narrow.value), low, high)


def ratio_of_series(numerator: ArrayLike, denominator: ArrayLike) -> Estimate | None:
    """Ratio of typical step times of one process, from steps that were not paired.

    Neighbouring steps are taken to be correlated as steps are. None when either side is empty, no
    interval when either has fewer than two.
    """
    means = []
    for series in (numerator, denominator):
        steps = np.asarray(series, dtype=float)
        steps = steps[np.isfinite(steps) & (steps > 0)]
        if steps.size == 0:
            return None
        means.append(trimmed_mean(np.log(steps), STEP_CORRELATION))
    difference = means[0].value - means[1].value
    known = [(mean.se**2, mean.df) for mean in means if mean.se is not None]
    if len(known) < 2:
        return Estimate(math.exp(difference), None, None)
    variance, df = total(known)
    low, high = _exp(Mean(difference, math.sqrt(variance), df).interval())
    return Estimate(math.exp(difference), low, high)


def over_processes(values: ArrayLike) -> Estimate | None:
    """Median over processes of something each does once, such as its first call.

    The interval is Student's t on the logs; fewer than three processes give none.
    """
    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x) & (x > 0)]
    if x.size == 0:
        return None
    median = float(np.median(x))
    if x.size < WAVES_TO_ESTIMATE:
        return Estimate(median, None, None)
    logs = np.log(x)
    half = t_quantile(x.size - 1) * float(logs.std(ddof=1)) / math.sqrt(x.size)
    # Around the median, and never so skewed that the interval would miss it.
    return Estimate(median, median * math.exp(-half), median * math.exp(half))


def drift(waves: Sequence[ArrayLike]) -> Mean | None:
    """Second half of the rounds minus first half, as a log-ratio with its error, over all waves.

    It is what is left of a warm-up that was too short, or a machine that treats two modes
    differently as time goes on. None when no wave has ten rounds.
    """
    changes = []
    for wave in waves:
        values = np.asarray(wave, dtype=float)
        if values.size >= 10:
            early, late = (trimmed_mean(half) for half in np.array_split(values, 2))
            variance, df = total([((m.se or 0.0) ** 2, m.df) for m in (early, late)])
            changes.append(Mean(late.value - early.value, math.sqrt(variance), df, values.size))
    return over_waves(changes) if changes else None


def _exp(interval: tuple[float, float] | None) -> tuple[float | None, float | None]:
    """An interval of logs as one of ratios; a bound beyond any float is not a number to show."""
    if interval is None or max(abs(bound) for bound in interval) > 50:
        return None, None
    return math.exp(interval[0]), math.exp(interval[1])


def _expm1(value: float) -> float | None:
    return math.expm1(value) if value < 50 else None
