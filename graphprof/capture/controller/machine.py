"""How busy the machine is, sampled once a round: a canary and the system's own accounts."""

from __future__ import annotations

import os
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import psutil

from graphprof.capture.controller.options import BLOCK_S
from graphprof.session import MachineSample

_LOOPS = 20_000
_SIZE = 96
_REPEATS = 4


def canary() -> float:
    """Seconds that a fixed piece of work takes: a loop of Python and a product of matrices.

    About two milliseconds. On a quiet machine it is always the same; where it swings or drifts,
    so does everything else that is timed.
    """
    matrix = np.ones((_SIZE, _SIZE), np.float32)
    start = time.perf_counter()
    total = 0
    for number in range(_LOOPS):
        total += number & 7
    for _ in range(_REPEATS):
        matrix = np.minimum(matrix @ matrix, 1.0)
    return time.perf_counter() - start


class Watch:
    """Samples the machine; shares are of the time since the sample before.

    Args:
        origin: zero of the session's monotonic clock, ``perf_counter`` seconds.
    """

    def __init__(self, origin: float) -> None:
        self._origin = origin
        self._cores = psutil.cpu_count() or 1
        self._before: tuple[float, float, float] | None = None
        self._before_own: dict[int, float] = {}

    def sample(self, round_number: int, workers: Sequence[int]) -> MachineSample:
        """Run the canary and read the accounts.

        Args:
            round_number: number of the round that begins.
            workers: process ids of the workers, whose own time is not others'.
        """
        at_s = time.perf_counter() - self._origin
        canary_s = canary()
        times = psutil.cpu_times()
        steal = getattr(times, "steal", None)
        busy = times.user + times.system + getattr(times, "nice", 0.0)
        own = {pid: _cpu_s(pid) for pid in (os.getpid(), *workers)}
        now = (time.perf_counter(), busy, steal or 0.0)
        others_share = steal_share = None
        if self._before is not None and now[0] - self._before[0] > 0.02:
            capacity = (now[0] - self._before[0]) * self._cores
            # A worker that is new since the last sample has all its time before it.
            ours = sum(
                seconds - self._before_own[pid]
                for pid, seconds in own.items()
                if pid in self._before_own
            )
            others_share = _share(now[1] - self._before[1] - ours, capacity)
            steal_share = None if steal is None else _share(now[2] - self._before[2], capacity)
        self._before, self._before_own = now, own
        return MachineSample(round_number, at_s, canary_s, others_share, steal_share)


def _share(seconds: float, capacity: float) -> float:
    """The system counts in ticks of 10 ms, so that short stretches may come out beyond 0 and 1."""
    return min(1.0, max(0.0, seconds / capacity))


def _cpu_s(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


@dataclass(frozen=True)
class Alike:
    """One piece of work timed under two names, as two modes would be.

    Attributes:
        first_s: seconds of the first name's block of each round, in order of measuring.
        second_s: seconds of the second name's block of the same round.
        seconds: how long it all took.
    """

    first_s: tuple[float, ...]
    second_s: tuple[float, ...]
    seconds: float


def time_alike(
    budget_s: float, seed: int = 0, heard: Callable[[float], None] | None = None
) -> Alike:
    """Time the canary under two names in rounds of random order, as ``profile`` times modes.

    Args:
        budget_s: seconds to spend.
        seed: of the order.
        heard: told the seconds that are left, once a round.
    """
    rng = random.Random(seed)
    canary()
    times: tuple[list[float], list[float]] = ([], [])
    began = time.perf_counter()
    while not times[0] or time.perf_counter() - began < budget_s:
        if heard is not None:
            heard(max(0.0, budget_s - (time.perf_counter() - began)))
        for name in rng.sample((0, 1), 2):
            times[name].append(_canary_block())
    return Alike(tuple(times[0]), tuple(times[1]), time.perf_counter() - began)


def _canary_block() -> float:
    """Median seconds of the canary over a block, the first run of it left out."""
    until = time.perf_counter() + BLOCK_S
    canary()
    seconds = [canary()]
    while time.perf_counter() < until:
        seconds.append(canary())
    return statistics.median(seconds)
