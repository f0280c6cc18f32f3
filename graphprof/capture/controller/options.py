"""How a session is measured: what the user may choose, and the constants of the protocol."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphprof.capture.controller.child import WORKER
from graphprof.session import Measurement

# Warm-up ends by about the twentieth call, or 0.2 s for steps below a millisecond.
WARMUP_CALLS = 20
WARMUP_S = 0.5
# Blocks of about 50 ms: shorter ones find cold caches, longer ones drift apart.
BLOCK_S = 0.05
SHORT_CALL_S = 0.01
FEWEST_SHORT_CALLS = 5
MOST_CALLS = 5_000
# A wave has at least so many rounds, however slow the model is.
FEWEST_ROUNDS = 3
DEFAULT_TRACE_STEPS = 20
# By default a trace stops growing where it would take longer than this without the profiler.
TRACE_S = 10.0
# The trace of the first calls holds so many calls, fewer where fewer are compared.
EARLY_CALLS = 3
# Parity: so many steps of each mode are compared, more where a call holds several, within limits.
PARITY_STEPS = 3
MOST_PARITY_STEPS = 16
# Layers and gradients take about another first call: left out where that took longer.
EXAMINED_FIRST_CALL_S = 30.0
# The float64 reference may load for so long, and compute for so long.
REFERENCE_S = 60.0

# What has been measured so far, and the baseline, to the modes that need more.
Unsettled = Callable[[Mapping[str, Measurement], str], Collection[str]]


@dataclass(frozen=True)
class Options:
    """The measuring options of a session.

    Attributes:
        budget_s: seconds of timed rounds, over all modes and waves.
        waves: how many times new worker processes are started, at most; each time measures for
            its part of the budget.
        fewest_waves: how many times they are started for all modes; then only for the baseline and
            the modes that ``imprecise`` names.
        trace_steps: steps to trace; None traces ``DEFAULT_TRACE_STEPS``, fewer where they are slow.
        trace: whether to trace at all.
        parity: whether to compare what the modes compute.
        reference: whether to compare with a float64 run as well, where results are compared.
        aa: whether to measure the baseline against a second process of itself.
        timeout_s: longest wait for one answer of a worker.
        seed: of the random order of starts and rounds, and of the workers' hash seeds.
        baseline: the mode that the others are compared with; None takes the first.
        name: end of the session folder's name; None makes it from the target.
        like: folder of the session that this one repeats; what is not as in that one is noted.
        unsettled: told what has been measured so far, says which modes need more rounds in this
            wave; when none do, the wave ends before its budget does. None spends the budget.
        imprecise: told what has been measured so far, says which modes need new processes; when
            none do, the session ends before its budget does. None starts all modes each time.
        command: how a worker is started; the descriptor of its connection is appended.
    """

    budget_s: float = 60.0
    waves: int = 5
    fewest_waves: int = 2
    trace_steps: int | None = None
    trace: bool = True
    parity: bool = True
    reference: bool = True
    aa: bool = True
    timeout_s: float = 600.0
    seed: int = 0
    baseline: str | None = None
    name: str | None = None
    like: str | None = None
    unsettled: Unsettled | None = field(default=None, compare=False)
    imprecise: Unsettled | None = field(default=None, compare=False)
    command: tuple[str, ...] = WORKER

    def record(self) -> dict[str, Any]:
        """What ``session.json`` keeps of them."""
        left_out = ("unsettled", "imprecise", "command")
        return {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name not in left_out
        }


def parity_steps(steps_per_call: Iterable[int]) -> int:
    """After how many steps the modes are compared: as many whole calls in each of them.

    Args:
        steps_per_call: of each mode; one that does not fit within ``MOST_PARITY_STEPS`` is passed
            over, and cannot be compared.
    """
    common = 1
    for steps in sorted(set(steps_per_call)):
        if math.lcm(common, steps) <= MOST_PARITY_STEPS:
            common = math.lcm(common, steps)
    return common * math.ceil(PARITY_STEPS / common)


def block_calls(call_s: float) -> int:
    """How many calls make a block, for calls of ``call_s`` seconds."""
    fitting = math.ceil(BLOCK_S / max(call_s, 1e-9))
    fewest = FEWEST_SHORT_CALLS if call_s < SHORT_CALL_S else 1
    return min(MOST_CALLS, max(fewest, fitting))
