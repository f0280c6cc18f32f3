"""When enough was measured, and what to measure next: asked while a session runs.

The rules look at precision only, never at whether a difference has become significant: stopping
at the first significant result would find differences where there are none.

Within a wave of processes: it is precise enough when the 95 % interval of each mode's ratio in this
wave is no wider than ``TARGET`` either way (less matters for modes far from the baseline: 5 % of the
log-ratio). Another process of the same mode would differ by 2 % anyhow, so that more rounds in these
processes would tell little.

Between waves: a mode needs new processes as long as its wide interval, about the next run, reaches
further than ``TARGET`` and than a fifth of the log-ratio. 52 ms against
5 ms are clear after two waves, 5.2 ms against 5.0 ms are not.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Final

from graphprof.analysis.timing import stats
from graphprof.analysis.timing.steps import aa_log_ratios, log_ratios
from graphprof.session import Measurement

TARGET: Final = 0.03
TARGET_SHARE: Final = 0.05
WIDE_SHARE: Final = 0.2
# Fewer rounds cannot show what sticks together from round to round.
FEWEST_ROUNDS: Final = 30


def uncertainty(
    measurements: Mapping[str, Measurement], baseline: str, target: float = TARGET
) -> dict[str, float]:
    """How far each mode is from enough in the latest wave: half-width of its interval over target.

    The baseline itself stands for its A/A arm, when it has one. ``math.inf`` means that there are
    too few rounds to tell; a mode without any block in the latest wave is left out (it was lost).
    """
    base = measurements.get(baseline)
    if base is None:
        return {}
    wave = max((process.wave for process in base.processes), default=0)
    found: dict[str, float] = {}
    for mode, measurement in measurements.items():
        pairs = aa_log_ratios(base) if mode == baseline else log_ratios(measurement, base)
        arm = "aa" if mode == baseline else "mode"
        if any(p.wave == wave and p.arm == arm and p.blocks for p in measurement.processes):
            found[mode] = _uncertainty(pairs.get(wave), target)
    return found


def unsettled(
    measurements: Mapping[str, Measurement], baseline: str, target: float = TARGET
) -> list[str]:
    """Modes that need more rounds in the latest wave, the most uncertain first."""
    found = uncertainty(measurements, baseline, target)
    return sorted((mode for mode in found if found[mode] > 1), key=lambda mode: -found[mode])


def imprecise(measurements: Mapping[str, Measurement], baseline: str) -> list[str]:
    """Modes that need new processes, in the order of the measurements.

    All ratios are judged as those of two modes, which vary more from process to process than one
    mode under two names.
    """
    base = measurements.get(baseline)
    if base is None:
        return []
    others = ((mode, found) for mode, found in measurements.items() if mode != baseline)
    return [mode for mode, found in others if too_wide(log_ratios(found, base).values())]


def enough(measurements: Mapping[str, Measurement], baseline: str, target: float = TARGET) -> bool:
    """Whether the latest wave needs no more rounds (false before anything was measured)."""
    found = uncertainty(measurements, baseline, target)
    return bool(found) and all(value <= 1 for value in found.values())


def too_wide(waves: Collection[stats.Series]) -> bool:
    """Whether a mode's log-ratios by wave call for new processes."""
    ratio = stats.ratio(list(waves))
    if ratio is None:
        return False  # it was lost: more processes are no cure
    if ratio.low is None or ratio.high is None:
        return True
    half = math.log(ratio.high / ratio.low) / 2
    return half > max(TARGET, WIDE_SHARE * abs(math.log(ratio.value)))


def _uncertainty(rounds: stats.Series | None, target: float) -> float:
    if rounds is None or rounds.size < FEWEST_ROUNDS:
        return math.inf
    mean = stats.trimmed_mean(rounds)
    if mean.se is None:
        return math.inf
    half = stats.t_quantile(mean.df) * mean.se
    return half / max(target, TARGET_SHARE * abs(mean.value))
