"""The answer in a sentence: which mode is fastest, and what the others cost against it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphprof import units
from graphprof.analysis.timing import stats
from graphprof.report.agreement import differs
from graphprof.report.document import ModeReport, RatioToBaseline

# The fastest modes that are named where only traces tell.
_TRACED = 8


def sentence(modes: Sequence[ModeReport], baseline: str | None) -> str:
    """The verdict on ``modes``: claims only what their intervals support."""
    measured = [mode for mode in modes if mode.step_time_s.median is not None]
    if not measured:
        return _traced(modes) or "No mode could be measured."
    if len(measured) == 1 or baseline is None:
        only = measured[0]
        return f"{only.mode} takes {units.seconds(only.step_time_s.median)} per step."
    claims = [_claim(mode) for mode in measured if mode.ratio and mode.mode != baseline]
    groups = {word: [text for found, text in claims if found == word] for word, _ in claims}
    parts = [", ".join(groups[word]) for word in ("faster", "slower") if word in groups]
    if "equivalent" in groups:
        parts.append(f"{' and '.join(groups['equivalent'])}: no difference worth naming")
    if "inconclusive" in groups:
        parts.append(f"{' and '.join(groups['inconclusive'])}: inconclusive")
    base = next((mode for mode in measured if mode.mode == baseline), None)
    if base is None or not parts:
        return "The baseline could not be measured, so there is nothing to compare with."
    return f"Against {baseline} ({units.seconds(base.step_time_s.median)} per step): {'; '.join(parts)}."


def in_question(modes: Sequence[ModeReport], baseline: str | None) -> str | None:
    """The mode whose difference to the baseline one wants to see first; None where there is none.

    Modes are compiled to be faster, so that one that loses to the baseline is the surprise: the slowest of
    them. Else it is the fastest. Where only traces tell, it is the one whose step differs most.
    """
    others = [mode for mode in modes if mode.mode != baseline and mode.trace]
    base = next((mode for mode in modes if mode.mode == baseline), None)
    judged = [(mode.ratio.value, mode) for mode in others if mode.ratio and mode.ratio.value]
    lost = [
        (value, mode) for value, mode in judged if mode.ratio and mode.ratio.verdict == "slower"
    ]
    if lost:
        return max(lost, key=lambda pair: pair[0])[1].mode
    if judged:
        return min(judged, key=lambda pair: pair[0])[1].mode
    traced = [mode for mode in others if mode.traced_step_s]
    if base is None or not base.traced_step_s or not traced:
        return None
    step_s = base.traced_step_s
    return max(traced, key=lambda mode: abs(math.log((mode.traced_step_s or step_s) / step_s))).mode


def _traced(modes: Sequence[ModeReport]) -> str | None:
    """What traces alone can say, as those of others; None without any."""
    traced = sorted((mode.traced_step_s, mode.mode) for mode in modes if mode.traced_step_s)
    if not traced:
        return None
    steps = [f"{mode} {units.seconds(seconds)}" for seconds, mode in traced[:_TRACED]]
    more = f" and {units.count(len(traced) - _TRACED)} more" if len(traced) > _TRACED else ""
    return f"No step was timed without the profiler; traced steps take: {', '.join(steps)}{more}."


def _claim(mode: ModeReport) -> tuple[str, str]:
    """The verdict's word, and what to print for it."""
    assert mode.ratio is not None
    doubt = " (results differ)" if differs(mode) else ""
    if mode.ratio.verdict in ("faster", "slower"):
        claim = f"{mode.mode} is {speed(mode.ratio)} {mode.ratio.verdict}{doubt}"
        return mode.ratio.verdict, claim
    return mode.ratio.verdict, f"{mode.mode}{doubt}"


def speed(ratio: RatioToBaseline) -> str:
    """How many times faster or slower, with the figures that the interval bears.

    ``"7.9x"`` of a ratio of 0.127; small differences as a percentage: ``"3.4 %"`` of 1.034.
    """
    if ratio.value is None:
        return units.NOT_MEASURED
    value, low, high = ratio.value, ratio.low, ratio.high
    if value < 1:
        value = 1 / value
        low, high = (1 / high if high else None, 1 / low if low else None)
    if value < 1.1:
        return units.share(value - 1)
    return units.ratio(value, max(2, stats.figures(value, low, high)))
