"""A step of fixed costs, which a larger batch would share."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.findings.base import Link, Number, Rule
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import ModeEvidence, SessionEvidence
from graphprof.analysis.trials.whatif import PART_DOUBT, Step
from graphprof.trials import Interval, WorkloadTrial

FACTOR = 4
FEWEST_TIMES = 2
LEAST_FIXED = 0.5
LEAST_GAIN = 1.3
SHORT_OP_S = 20e-6
"""An op this short may be no longer with more rows: it is mostly its own start."""

FEW_ROWS = 32
"""So many rows a kernel may take as one: it waits for the weights."""

_WEIGHTS = 0.5
_FIXED = ("python", "function_call", "dispatch", "idle")


def find(evidence: SessionEvidence) -> list[Proposal]:
    """Python, dispatch and runtime take most of the usual mode's step."""
    mode, size = evidence.usual, evidence.workload.get("batch_size")
    if mode is None or mode.step is None or mode.eager or not isinstance(size, int):
        return []
    # A batch must not be larger than the data.
    factor = min(FACTOR, evidence.steps_per_epoch or FACTOR)
    fixed = mode.step.share(*_FIXED, "runtime")
    gain = per_example(mode, factor, size)
    if factor < FEWEST_TIMES or fixed < LEAST_FIXED or gain is None or gain.value < LEAST_GAIN:
        return []
    return [
        Proposal(
            cause="batch_too_small",
            mode=mode.mode,
            sentence=(
                f"{units.share(fixed)} of a step of {mode.mode} does not depend on the batch of"
                f" {size}: a larger one costs little more."
            ),
            evidence=(
                Number("batch size", size, "count", "workload", Link("environment")),
                mode.part("Python, call and dispatch", "python", "function_call", "dispatch"),
                mode.part("runtime between kernels", "runtime"),
                mode.part("kernels", "op"),
            ),
            gain=gain,
            confidence=0.75,
            change=f"batch_size={factor * size} (and a learning rate that fits it)",
            refuted_by="The step takes longer in proportion to the batch.",
            details=("The gain is per example: fewer, larger steps are not the same training.",),
            trial=WorkloadTrial(mode.mode, {"batch_size": factor * size}, per="example"),
            of="example",
        )
    ]


def per_example(mode: ModeEvidence, factor: int, size: int) -> Interval | None:
    """Time of an example now over that in a batch ``factor`` times as large, from the trace.

    With V the part of the step T that grows with the batch, it is ``factor T / (T + (factor - 1) V)``.
    V is likely the kernels, the optimizer's apart (it works on the weights), and the input; at most
    the runtime's part as well (where kernels are too short to be recorded it stands for them); at
    least half of the kernels of some length (reading the weights takes as long for more rows), and
    nothing where even the larger batch has no more than ``FEW_ROWS``.
    """
    step = mode.step
    if step is None or not step.traced_s:
        return None
    update = sum(row.op_s for row in mode.layers if row.in_pass == "optimizer")
    work = max(0.0, step.seconds("op", "input", "py_function") - update)
    lengthy = sum(
        row.wall_s or 0.0
        for row in mode.ops
        if row.in_pass != "optimizer" and (row.total_s or 0.0) > SHORT_OP_S * max(row.calls, 1.0)
    )
    least = 0.0 if factor * size <= FEW_ROWS else _WEIGHTS * min(work, lengthy)
    most = min((1 + PART_DOUBT) * (work + step.seconds("runtime")), step.traced_s)
    low, value, high = sorted(_scaled(step, grows, factor) for grows in (most, work, least))
    return Interval(value, low, high)


def _scaled(step: Step, grows_s: float, factor: int) -> float:
    return factor * step.traced_s / (step.traced_s + (factor - 1) * grows_s)


RULES = (
    Rule(
        causes=("batch_too_small",),
        proof="Half of a traced step or more is Python, function call, dispatch and runtime, which do not grow with the batch.",
        refutation="The step takes longer in proportion to the batch.",
        find=find,
    ),
)
