"""Metrics take the time of the step."""

from __future__ import annotations

from collections import Counter

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import Line, to_line

_OWN = ("metric:Mean",)


def find(evidence: Evidence) -> list[Draft]:
    """Metrics inside graphs (by the trace) and outside of them (by the watch)."""
    outside = [
        span
        for span in evidence.recording.tree.walk()
        if span.kind == "metric" and span.name not in ("Mean", "CompileMetrics")
    ]
    built = {id(inner) for span in evidence.spans("build") for inner in span.walk()}
    eager_s = sum(
        span.own_s + span.seconds_of("metric") for span in outside if id(span) not in built
    )
    names: Counter[str] = Counter()
    inside = 0.0
    traced = evidence.traced
    if traced is not None:
        for op in traced.ops:
            place = evidence.place(op)
            if place is not None and place.owner.startswith("metric:") and place.owner not in _OWN:
                inside += op.total_s
                names[place.owner.split(":", 1)[1]] += 1
        total = sum(op.total_s for op in traced.ops)
        # Ops overlap on several threads: their share of op time is taken of the union.
        inside = inside / total * traced.op_s if total else 0.0
        inside += traced.executor_s * _share_of_ops(evidence)
    lost = evidence.of_steady(inside) + eager_s
    if not lost:
        return []
    name = names.most_common(1)[0][0] if names else (outside[0].name if outside else "metric")
    return [
        Draft(
            cause="metric_overhead",
            sentence=f"Metrics ({name}) take {100 * evidence.share(lost):.0f} % of the work",
            line=_line(evidence),
            evidence=(
                Number(
                    "metrics inside graphs, of the windows",
                    0.0 if traced is None else traced.share(inside),
                    "share",
                    "trace",
                ),
                Number("metrics outside graphs", eager_s, "s"),
                Number("time in metrics, whole program", lost, "s"),
            ),
            saved_s=0.9 * lost,
            surely_s=0.5 * lost,
            at_most_s=lost,
            confidence=0.8,
            change="Compute the metric in evaluate() only (weighted_metrics of fit left out), or "
            "on fewer thresholds or classes",
            refuted_by="The step takes as long without the metric.",
            supersedes=("fit_per_step_overhead",),
        )
    ]


def _share_of_ops(evidence: Evidence) -> float:
    """Metric ops as a share of all ops of the graphs that were built."""
    metric = every = 0
    for building in evidence.recording.buildings:
        if not building.for_data:
            for place in building.places:
                every += place.count
                if place.owner.startswith("metric:") and place.owner not in _OWN:
                    metric += place.count
    return metric / every if every else 0.0


def _line(evidence: Evidence) -> Line | None:
    for record in evidence.recording.many("compiles"):
        if record.get("metrics"):
            return to_line(record.get("site"))
    spans = [span.line for span in evidence.spans("metric") if span.line is not None]
    return spans[0] if spans else None


RULES = (
    Rule(
        causes=("metric_overhead",),
        proof="Kernels of ops that a metric made while the graph was built, as a share of the "
        "windows' kernels; and the time of metric updates outside graphs.",
        refutation="They are less than 3 % of the main work.",
        find=find,
    ),
)
