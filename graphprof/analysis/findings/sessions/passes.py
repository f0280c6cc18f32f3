"""Passes of a step that take more than they are worth: metrics, the optimizer's update."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.findings.base import Link, Number, Rule
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import ModeEvidence, SessionEvidence
from graphprof.analysis.trials.whatif import gone, saving

_LEAST_METRICS = 0.1
_LEAST_UPDATE = 0.3
_LARGE = 100_000
_SPARSE_OPS = ("GatherV2", "ResourceGather", "gather")


def _pass_s(mode: ModeEvidence, in_pass: str) -> float:
    return sum(row.wall_s for row in mode.layers if row.in_pass == in_pass)


def _number(mode: ModeEvidence, what: str, seconds: float, find: str | None = None) -> Number:
    return Number(what, seconds, "s", "trace", Link("layers", mode.mode, find))


def find_metrics(evidence: SessionEvidence) -> list[Proposal]:
    """Ops of metrics take a good part of the step."""
    mode = evidence.usual
    if mode is None or mode.step is None or mode.eager:
        return []
    spent = _pass_s(mode, "metrics")
    share = spent / mode.step.traced_s
    if share < _LEAST_METRICS:
        return []
    owners = [row.owner for row in mode.layers if row.in_pass == "metrics" and row.owner]
    return [
        Proposal(
            cause="metric_overhead",
            mode=mode.mode,
            sentence=f"Metrics take {units.share(share)} of a step of {mode.mode}.",
            evidence=(
                _number(mode, "ops of metrics in a step", spent, owners[0] if owners else None),
            ),
            gain=gone(mode.step, spent),
            confidence=0.85,
            change="Compute the metrics in evaluate() and not in every training step: leave"
            " metrics=[...] out of compile(), or use cheaper ones.",
            refuted_by="Without the metrics the step takes as long.",
            details=tuple(dict.fromkeys(owners[:3])),
        )
    ]


def find_update(evidence: SessionEvidence) -> list[Proposal]:
    """The optimizer touches every row of a table of which a step used a few."""
    mode, size = evidence.usual, evidence.workload.get("parameters")
    if evidence.phase != "train" or mode is None or mode.step is None or mode.eager:
        return []
    if not isinstance(size, int) or size < _LARGE:
        return []
    spent = _pass_s(mode, "optimizer")
    share = spent / mode.step.traced_s
    gathers = [
        row
        for row in mode.ops
        if row.in_pass == "forward" and (row.tf_type or row.op_type) in _SPARSE_OPS
    ]
    if share < _LEAST_UPDATE or not gathers:
        return []
    tables = tuple(dict.fromkeys(row.owner.rsplit("/", 1)[-1] for row in gathers if row.owner))
    return [
        Proposal(
            cause="optimizer_dense_update",
            mode=mode.mode,
            sentence=(
                f"The optimizer's update takes {units.share(share)} of a step: it touches all of"
                f" {units.count(size)} numbers, though {tables[0] if tables else 'a table'} is read"
                " in a few rows."
            ),
            evidence=(
                _number(mode, "optimizer's ops in a step", spent),
                Number("parameters", size, "count", "workload", Link("environment")),
            ),
            gain=saving(mode.step, 0.3 * spent, 0.7 * spent, spent),
            confidence=0.7,
            change="An optimizer that updates only the rows used: SGD without momentum for that"
            " table, or a smaller table.",
            refuted_by="The gradient of the large variable is dense.",
            details=tables[:3],
        )
    ]


RULES = (
    Rule(
        causes=("metric_overhead",),
        proof="Ops of metrics take a tenth of a traced step or more.",
        refutation="Without the metrics the step takes as long.",
        find=find_metrics,
    ),
    Rule(
        causes=("optimizer_dense_update",),
        proof="The optimizer takes three tenths of a traced step or more, the model has a hundred thousand parameters or more, and the forward pass gathers rows of a table.",
        refutation="The gradient of the large variable is dense.",
        find=find_update,
    ),
)
