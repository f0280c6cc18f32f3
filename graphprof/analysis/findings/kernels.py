"""The time is in the kernels: modes cannot help much."""

from __future__ import annotations

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence

_BUSY = 0.6


def find(evidence: Evidence) -> list[Draft]:
    """A note, never above minor, on what bounds a healthy program."""
    traced = evidence.traced
    if traced is None or not traced.seconds:
        return []
    busy = traced.share(min(traced.seconds, traced.op_s + traced.eager_kernel_s))
    if busy < _BUSY:
        return []
    slowest = traced.ops[0] if traced.ops else None
    place = evidence.place(slowest) if slowest is not None else None
    most = f"; the slowest is {slowest.type.lstrip('_')}" if slowest is not None else ""
    return [
        Draft(
            cause="kernel_bound",
            sentence=f"Kernels run {100 * busy:.0f} % of the time{most}: another mode gains little",
            line=place.line if place is not None else None,
            evidence=(Number("kernels in the windows", busy, "share", "trace"),),
            saved_s=0.0,
            surely_s=0.0,
            at_most_s=(1 - busy) * evidence.work_s,
            confidence=0.8,
            change="Less work: a smaller model, another algorithm, a faster device",
            refuted_by="Another mode runs the same step in clearly less time.",
            note=True,
        )
    ]


RULES = (
    Rule(
        causes=("kernel_bound",),
        proof="A kernel runs in 60 % of the windows or more.",
        refutation="The kernels run for less than that.",
        find=find,
    ),
)
