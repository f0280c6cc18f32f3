"""Measure the machine's noise floor: one piece of work against itself. Needs no TensorFlow.

The work is the canary of ``machine``, in blocks of about 50 ms in random order, so that what is
judged is judged as modes are. ``analysis.noise.resolution`` says what it means.
"""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

from graphprof.analysis.timing import stats
from graphprof.capture.controller.machine import canary

_BLOCK_S = 0.05
_FEWEST_ROUNDS = 10


@dataclass(frozen=True)
class NoiseFloor:
    """What was measured.

    Attributes:
        first_s, second_s: median seconds of the work in the two blocks of each round.
        seconds: how long it all took.
        involuntary_switches: how often the system took the processor away.
    """

    first_s: tuple[float, ...]
    second_s: tuple[float, ...]
    seconds: float
    involuntary_switches: int


def measure(
    seconds: float = 10.0,
    seed: int = 0,
    work: Callable[[], float] = canary,
    clock: Callable[[], float] = time.perf_counter,
) -> NoiseFloor:
    """Run two equal blocks a round, in random order, for ``seconds`` (at least ten rounds).

    Args:
        seconds: how long.
        seed: of the random order.
        work: does a fixed piece of work and returns its seconds.
        clock: seconds that pass.
    """
    rng = random.Random(seed)
    switches = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
    began = clock()
    calls = max(3, round(_BLOCK_S / max(min(work() for _ in range(5)), 1e-6)))
    times: tuple[list[float], list[float]] = ([], [])
    while clock() - began < seconds or len(times[0]) < _FEWEST_ROUNDS:
        for side in rng.sample((0, 1), 2):
            median = stats.block_median([work() for _ in range(calls)])
            times[side].append(median if median is not None else 0.0)
    return NoiseFloor(
        tuple(times[0]),
        tuple(times[1]),
        clock() - began,
        resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw - switches,
    )
