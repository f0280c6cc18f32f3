"""A dtype that this device is slow at."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.findings.sessions.base import Proposal, SessionRule
from graphprof.analysis.findings.sessions.evidence import SessionEvidence
from graphprof.analysis.whatif import saving
from graphprof.trials import WorkloadTrial

_HALF = ("float16", "mixed_float16")
# Share of the kernels' time that float32 spares: half the bytes and twice the lanes at best for
# float64; float16 has no arithmetic of its own on most CPUs and is converted back and forth.
_SPARED = {
    "float64": (0.1, 0.4, 0.55),
    "float16": (0.0, 0.5, 0.95),
    "mixed_float16": (0.0, 0.5, 0.95),
}


def find(evidence: SessionEvidence) -> list[Proposal]:
    """Kernels run in float64, or in float16 on a CPU."""
    mode = evidence.usual
    if mode is None or mode.step is None:
        return []
    precision = str(mode.resolved.get("precision") or evidence.workload.get("precision") or "")
    if precision not in _SPARED or (precision in _HALF and not evidence.on_cpu):
        return []
    kernels = mode.step.seconds("op")
    if kernels < 0.2 * mode.step.traced_s:
        return []
    least, likely, most = (part * kernels for part in _SPARED[precision])
    return [
        Proposal(
            cause="float64_compute" if precision == "float64" else "float16_on_cpu",
            mode=mode.mode,
            sentence=(
                f"The model computes in {precision}, which this processor is slower at than at"
                f" float32; kernels take {units.share(mode.step.share('op'))} of a step."
            ),
            evidence=(mode.part("kernels", "op"),),
            gain=saving(mode.step, least, likely, most),
            confidence=0.8,
            change='keras.config.set_dtype_policy("float32") before the model is built',
            refuted_by="In float32 the step takes as long.",
            trial=WorkloadTrial(mode.mode, {"precision": "float32"}),
        )
    ]


RULES = (
    SessionRule(
        causes=("float64_compute", "float16_on_cpu"),
        proof="The mode resolved to that precision, and kernels take a fifth of a traced step or more.",
        refutation="In float32 the step takes as long.",
        find=find,
    ),
)
