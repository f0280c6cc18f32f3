"""From the times of a trial to a verdict.

Times of one trial are paired: the runs of a pair follow each other, so that what slows the machine
slows both. The gain is the mean of the pairs' log-ratios, its interval Student's t over the pairs, whose
spread is pooled with what pairs of equal programs usually differ by: one, two or three pairs alone know
too little of their own spread.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from graphprof import units
from graphprof.analysis.findings.base import Finding
from graphprof.analysis.timing.estimators import t_quantile
from graphprof.trials import Interval, Outcome, Tried

Verdict = Literal["confirmed", "refuted", "inconclusive"]

FEWEST_PAIRS = 2
PAIR_SD = 0.12
"""Spread of the log-ratio of two runs of one program in a row, on machines that others use too."""
PRIOR_DF = 2
"""How many pairs that is worth: few, so that a noisier machine soon shows in the interval."""


def gain_of_pairs(before_s: Sequence[float], after_s: Sequence[float]) -> Interval | None:
    """Time before over time after with its 95 % interval, from pairs of runs.

    Args:
        before_s: seconds without the change, one a pair.
        after_s: seconds with it, in the same order; a pair without its partner is left out.

    Returns:
        None without a pair. One pair rests on the usual spread alone, and its interval is wide.
    """
    pairs = [(b, a) for b, a in zip(before_s, after_s, strict=False) if b > 0 and a > 0]
    if not pairs:
        return None
    logs = np.log([before / after for before, after in pairs])
    own = len(pairs) - 1
    squares = float(((logs - logs.mean()) ** 2).sum()) + PRIOR_DF * PAIR_SD**2
    df = own + PRIOR_DF
    half = t_quantile(df) * math.sqrt(squares / df / len(pairs))
    mean = float(logs.mean())
    return Interval(math.exp(mean), math.exp(mean - half), math.exp(mean + half))


def verdict(outcome: Outcome) -> Verdict:
    """``confirmed`` only where the whole interval lies above 1 and both compute the same."""
    if outcome.parity == "failed":
        return "refuted"
    gain = outcome.measured
    if gain is None:
        return "inconclusive"
    if gain.low > 1:
        return "confirmed"
    return "refuted" if gain.high < _NO_HELP else "inconclusive"


_NO_HELP = 1.02
"""A change whose gain is surely below 2 % does not help."""


def judge(finding: Finding, outcome: Outcome) -> Tried:
    """What trying ``finding``'s change showed.

    Raises:
        ValueError: the finding has no trial.
    """
    if finding.trial is None:
        raise ValueError(f"{finding.cause} has no trial")
    gain = finding.expected_gain
    said = verdict(outcome)
    return Tried(
        finding=finding.key,
        cause=finding.cause,
        trial=finding.trial,
        verdict=said,
        sentence=_sentence(said, outcome),
        predicted=Interval(gain.value, gain.low, gain.high) if gain.high > 1 else None,
        measured=outcome.measured,
        parity=outcome.parity,
        before_s=outcome.before_s,
        after_s=outcome.after_s,
        at=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        session=outcome.session,
        problem=outcome.problem,
    )


def _sentence(said: Verdict, outcome: Outcome) -> str:
    return " ".join([_headline(said, outcome), *outcome.remarks])


def _headline(said: Verdict, outcome: Outcome) -> str:
    if outcome.problem is not None:
        return outcome.problem
    gain = outcome.measured
    if outcome.parity == "failed" and gain is None:
        return "The results differ."
    if gain is None:
        return "Too little was measured to say whether it helps."
    spread = f"{units.ratio(gain.low)} to {units.ratio(gain.high)}"
    shown = f"{units.ratio(gain.value)} ({spread})"
    if outcome.parity == "failed":
        return f"The results differ; the time before over the time after is {shown}."
    if said == "confirmed":
        return f"{how_much(gain.value)} ({spread})."
    if said == "refuted":
        return f"It does not help: {shown}."
    return f"Not certain: {shown}."


def how_much(gain: float) -> str:
    """``+35 % faster`` for a gain of 1.35; from twice on ``3.1x as fast``."""
    return f"{100 * (gain - 1):+.0f} % faster" if gain < 2 else f"{units.ratio(gain)} as fast"
