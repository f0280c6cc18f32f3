"""The noise guard: how quiet the machine was, and which claims it can support.

Everything here is a function of recorded numbers: the canary (a fixed piece of work timed once a
round, from outside the workers), what other programs and other guests took, and the baseline
compared with itself. It cannot see what leaves no trace in them, such as a neighbour on the same
physical core who slows one mode's kernels and not the canary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from graphprof.analysis.timing import stats
from graphprof.analysis.timing.stats import Ratio
from graphprof.analysis.timing.steps import SessionSteps
from graphprof.session import MachineSample
from graphprof.units import share

# Thresholds of the warnings. On a quiet machine the canary's spread is 1 to 3 %; at 15 % unpaired
# times say little. A neighbour on a shared core slows the canary by up to a factor of two.
CANARY_SPREAD: Final = 0.15
CANARY_TREND: Final = 0.5
SLOW_FACTOR: Final = 1.5
SLOW_SHARE: Final = 0.10
OTHERS_SHARE: Final = 0.10
STEAL_SHARE: Final = 0.02
# From this share on, worker processes compete for their processors with other programs.
CROWDED: Final = 0.4
# A comparison that could not have seen a difference of this size has measured nothing.
BLIND: Final = 0.25


@dataclass(frozen=True)
class MachineNoise:
    """How quiet the machine was while a session was measured; None where it was not recorded.

    Attributes:
        samples: number of samples, one a round.
        canary_s: median seconds of the canary.
        canary_spread: its spread around the median, robust, as a fraction.
        canary_trend: its rank correlation with time, -1 to 1.
        slow_share: share of the rounds in which the canary took half as long again as when
            undisturbed (its 10th percentile).
        others_share: mean share of the processors that other programs used.
        steal_share: mean share that the hypervisor gave to other guests.
        warnings: what of it a reader must know, one sentence each, the worst first.
    """

    samples: int
    canary_s: float | None
    canary_spread: float | None
    canary_trend: float | None
    slow_share: float | None
    others_share: float | None
    steal_share: float | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Resolution:
    """What difference a machine lets one see.

    Attributes:
        spread: spread of a block's time around its median, robust, as a fraction.
        aa: one piece of work compared with itself; its distance from 1 is error.
        rounds: rounds that a budget of ``budget_s`` buys.
        budget_s: the budget in seconds of measuring.
        detectable_here: smallest relative difference seen four times out of five between modes in
            one set of processes.
        detectable: the same as a statement about the next run, in new processes.
    """

    spread: float | None
    aa: Ratio
    rounds: int
    budget_s: float
    detectable_here: float | None
    detectable: float | None


def machine_noise(
    samples: Sequence[MachineSample], environment: Mapping[str, Any] | None = None
) -> MachineNoise:
    """Judge the samples that a session recorded, and what its environment says of the machine.

    Args:
        samples: ``SessionInfo.machine``.
        environment: ``SessionInfo.environment``; missing entries are not judged.
    """
    canary = np.array([sample.canary_s for sample in samples], dtype=float)
    slow_share = None
    if canary.size >= 5:
        slow_share = float(np.mean(canary > SLOW_FACTOR * np.percentile(canary, 10)))
    noise = MachineNoise(
        samples=len(samples),
        canary_s=float(np.median(canary)) if canary.size else None,
        canary_spread=stats.robust_spread(canary),
        canary_trend=stats.trend(canary),
        slow_share=slow_share,
        others_share=_mean([sample.others_share for sample in samples]),
        steal_share=_mean([sample.steal_share for sample in samples]),
        warnings=(),
    )
    warnings = (*_warnings(noise), *_environment_warnings(environment or {}))
    return replace(noise, warnings=warnings)


def cannot_support(steps: SessionSteps, noise: MachineNoise | None = None) -> str | None:
    """The sentence for the headline when this session's own errors forbid its claims, else None.

    That is so when the baseline came out different from itself, when other programs used most of
    the machine, or when what is inconclusive could not have been anything else.
    """
    aa = steps.aa
    if aa is not None and aa.verdict in ("faster", "slower"):
        return (
            f"This machine did not hold still: {steps.baseline} differed by {share(abs(aa.value - 1))} "
            "from itself in other processes, and no smaller difference is claimed."
        )
    if noise is not None and (noise.others_share or 0.0) > CROWDED:
        return (
            f"Other programs used {share(noise.others_share)} of the processors. A process may then "
            "be slow for as long as it lives; trust no difference that a quieter run does not show."
        )
    open_ratios = [s.ratio for s in steps.modes if s.ratio and s.ratio.verdict == "inconclusive"]
    seen = [ratio.detectable for ratio in open_ratios if ratio.detectable is not None]
    if seen and min(seen) > BLIND:
        return (
            f"Where it is inconclusive, this session could only have seen differences of "
            f"{share(min(seen))} and more: give it more time with --budget, or a quieter machine."
        )
    return None


def resolution(
    first_s: ArrayLike, second_s: ArrayLike, seconds: float, budget_s: float = 60.0, waves: int = 5
) -> Resolution | None:
    """What difference could be seen in ``budget_s``, from one piece of work compared with itself.

    Args:
        first_s: seconds of the first block of each round, in the order of measuring.
        second_s: seconds of the second block, which did the same work.
        seconds: how long this took.
        budget_s: seconds of measuring to foretell, for one pair of modes.
        waves: waves of new processes that the budget is spread over.

    Returns:
        The resolution, or None when nothing was measured.
    """
    first, second = np.asarray(first_s, dtype=float), np.asarray(second_s, dtype=float)
    usable = (first > 0) & (second > 0)
    rounds = np.log(second[usable] / first[usable])
    aa = stats.ratio([rounds], same_mode=True)
    if aa is None or seconds <= 0:
        return None
    mean = stats.trimmed_mean(rounds)
    bought = max(1, round(rounds.size * budget_s / seconds))
    spread = stats.robust_spread(np.concatenate([first[usable], second[usable]]))
    if mean.se is None:
        return Resolution(spread, aa, bought, budget_s, None, None)
    # Rounds are many then, so that the normal quantiles hold: 1.96 + 0.84 standard errors.
    here = mean.se * math.sqrt(rounds.size / bought)
    between = math.hypot(here, stats.TAU_ACROSS_MODES / math.sqrt(waves))
    factor = stats.t_quantile(math.inf) + stats.POWER_QUANTILE
    return Resolution(
        spread, aa, bought, budget_s, math.expm1(factor * here), math.expm1(factor * between)
    )


def _warnings(noise: MachineNoise) -> Iterator[str]:
    if noise.slow_share is not None and noise.slow_share > SLOW_SHARE:
        yield (
            f"In {share(noise.slow_share)} of the rounds a fixed piece of work took half as long again "
            "as undisturbed: something else slowed this machine."
        )
    elif noise.canary_spread is not None and noise.canary_spread > CANARY_SPREAD:
        yield (
            f"A fixed piece of work took {share(noise.canary_spread)} more or less time from round to "
            "round: this machine is not quiet."
        )
    if noise.canary_trend is not None and abs(noise.canary_trend) > CANARY_TREND:
        course = "slower" if noise.canary_trend > 0 else "faster"
        yield f"The machine became {course} while it was measured."
    if noise.others_share is not None and noise.others_share > OTHERS_SHARE:
        yield f"Other programs used {share(noise.others_share)} of the processors; close them."
    if noise.steal_share is not None and noise.steal_share > STEAL_SHARE:
        yield f"The hypervisor gave {share(noise.steal_share)} of the processors to other guests."


def _environment_warnings(environment: Mapping[str, Any]) -> Iterator[str]:
    governor = environment.get("cpu_governor")
    if governor in ("powersave", "ondemand", "conservative", "schedutil"):
        yield f"The processor's frequency governor is {governor}: clock rates follow the load."
    quota, cores = environment.get("cpu_quota"), environment.get("cores_usable")
    if isinstance(quota, (int, float)) and isinstance(cores, int) and quota < cores:
        yield (
            f"A container limits this to {quota:g} of {cores} processors: TensorFlow starts "
            f"{cores} threads and is then stopped in turns."
        )


def _mean(shares: Sequence[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return float(np.mean(known)) if known else None
