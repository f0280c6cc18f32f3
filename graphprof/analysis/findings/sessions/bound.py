"""What bounds a mode in which nothing is wrong: notes, never above minor."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.findings.base import Link, Number, Rule
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import ModeEvidence, SessionEvidence
from graphprof.trials import Interval

_KERNELS = 0.6
_AROUND = 0.4


def find(evidence: SessionEvidence) -> list[Proposal]:
    """Kernels, or what lies around them, bound the usual mode."""
    mode = evidence.usual
    if mode is None or mode.step is None:
        return []
    kernels = mode.step.share("op")
    around = mode.step.share("python", "function_call", "dispatch", "runtime")
    if kernels >= _KERNELS:
        return [_kernels(mode, kernels)]
    return [_dispatch(mode, around)] if around >= _AROUND else []


def _kernels(mode: ModeEvidence, share: float) -> Proposal:
    largest = mode.ops[:2]
    numbers = tuple(
        Number(_name(row.op_type, row.owner), row.share, "share", "trace",
               Link("layers", mode.mode, row.owner or None))
        for row in largest if row.share is not None
    )  # fmt: skip
    assert mode.step is not None
    return Proposal(
        cause="kernel_bound",
        mode=mode.mode,
        sentence=f"Kernels take {units.share(share)} of a step of {mode.mode}: how it is run can change little.",
        evidence=(mode.part("kernels", "op"), *numbers),
        gain=Interval(1.0, 1.0, 1.0),
        confidence=0.9,
        change="Less work: a smaller model, a coarser dtype where the device is quick at it.",
        refuted_by="Kernels run for less than 60 % of the step.",
        note=True,
    )


def _name(op_type: str, owner: str) -> str:
    name = op_type.removeprefix("_MklNative").removeprefix("_Mkl")
    return f"{name} of {owner.rsplit('/', 1)[-1]}" if owner else name


def _dispatch(mode: ModeEvidence, share: float) -> Proposal:
    assert mode.step is not None
    return Proposal(
        cause="dispatch_bound",
        mode=mode.mode,
        sentence=(
            f"Python, dispatch and the runtime between kernels take {units.share(share)} of a step"
            f" of {mode.mode}: its ops are too small for this machine."
        ),
        evidence=(
            mode.part("Python, call and dispatch", "python", "function_call", "dispatch"),
            mode.part("runtime between kernels", "runtime"),
        ),
        gain=Interval(1.0, 1.0, 1.0),
        confidence=0.9,
        change="Fewer, larger ops: larger batches, several steps in a call.",
        refuted_by="They take less than 40 % of the step.",
        note=True,
    )


RULES = (
    Rule(
        causes=("kernel_bound", "dispatch_bound"),
        proof="Kernels take 60 % of a traced step or more; or Python, dispatch and runtime take 40 % or more.",
        refutation="They take less.",
        find=find,
    ),
)
