"""A dtype that this device is slow at."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.findings.base import Link, Number, Rule
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import ModeEvidence, SessionEvidence
from graphprof.analysis.trials.whatif import saving
from graphprof.analysis.work.ops import OpRow
from graphprof.trials import WorkloadTrial

LEAST_SHARE = 0.2
# dtype -> cause, and the share of its kernels' time that float32 spares: at least, likely, at most.
# Half the bytes and twice the lanes for float64; float16 has no arithmetic of its own on most CPUs and
# is converted back and forth.
_SLOW = {
    "float64": ("float64_compute", (0.1, 0.4, 0.55)),
    "float16": ("float16_on_cpu", (0.0, 0.5, 0.95)),
}


def find(evidence: SessionEvidence) -> list[Proposal]:
    """Kernels run in float64, or in float16 on a CPU."""
    mode = evidence.usual
    if mode is None or mode.step is None:
        return []
    policy = str(mode.resolved.get("precision") or evidence.workload.get("precision") or "")
    found = []
    for dtype, (cause, spared) in _SLOW.items():
        if dtype == "float16" and not evidence.on_cpu:
            continue
        kernels = _kernels_s(mode, dtype, policy)
        if kernels < LEAST_SHARE * mode.step.traced_s:
            continue
        by_policy = dtype in policy
        share = kernels / mode.step.traced_s
        number = Number(f"kernels in {dtype}", kernels, "s", "trace", Link("layers", mode.mode))
        found.append(
            Proposal(
                cause=cause,
                mode=mode.mode,
                sentence=(
                    f"Kernels that compute in {dtype} take {units.share(share)} of a step of"
                    f" {mode.mode}: this processor is quicker in float32."
                ),
                evidence=(number,),
                gain=saving(mode.step, *(part * kernels for part in spared)),
                confidence=0.8,
                change='keras.config.set_dtype_policy("float32") before the model is built'
                if by_policy
                else f'dtype="float32" in place of {dtype} for layers and data',
                refuted_by="In float32 the step takes as long.",
                # Layers that were given a dtype of their own keep it, whatever the policy says.
                trial=WorkloadTrial(mode.mode, {"precision": "float32"}) if by_policy else None,
            )
        )
    return found


def _kernels_s(mode: ModeEvidence, dtype: str, policy: str) -> float:
    """Seconds of ops whose inputs have the dtype; by the policy where inputs are not known."""
    known = [row for row in mode.ops if row.inputs]
    if known:
        return sum(row.wall_s or 0.0 for row in known if _computes_in(row, dtype))
    return mode.step.seconds("op") if mode.step and dtype in policy else 0.0


def _computes_in(row: OpRow, dtype: str) -> bool:
    """Whether an input that is more than a single number has the dtype, as in ``float64[?,512]``."""
    return any(one.startswith(f"{dtype}[") and one != f"{dtype}[]" for one in row.inputs)


RULES = (
    Rule(
        causes=("float64_compute", "float16_on_cpu"),
        proof="Ops whose inputs have that dtype (or, where inputs are not known, all kernels of a mode that resolved to it) take a fifth of a traced step or more.",
        refutation="In float32 the step takes as long.",
        find=find,
    ),
)
