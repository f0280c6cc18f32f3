"""Python runs inside the graph of the step."""

from __future__ import annotations

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import to_line


def find(evidence: Evidence) -> list[Draft]:
    """One draft for all py_functions of steps."""
    used = [
        one
        for one in evidence.recording.many("producers")
        if not one["for_data"] and not one["generator"] and one["count"] >= 3
    ]
    total = sum(one["total_s"] for one in used)
    if not used:
        return []
    worst = max(used, key=lambda one: one["total_s"])
    calls = sum(one["count"] for one in used)
    # Each call also waits for the interpreter lock and converts its tensors.
    cost = total + 0.25e-3 * calls
    return [
        Draft(
            cause="py_function_in_graph",
            sentence=(
                f"The graph calls back into Python: `{worst['name']}` ran {calls} times inside "
                "steps"
            ),
            line=to_line(worst.get("site")) or to_line(worst.get("defined_at")),
            evidence=(
                Number("calls of Python from graphs", calls, "count"),
                Number("time in them", total, "s"),
                Number("share of the main work", evidence.share(total), "share"),
            ),
            saved_s=0.95 * cost,
            surely_s=0.7 * total,
            at_most_s=1.1 * cost,
            confidence=0.95,
            change=f"Write `{worst['name']}` with TensorFlow ops, or call it once an epoch outside",
            refuted_by="The step takes as long without the call.",
            supersedes=("metric_overhead", "fit_per_step_overhead", "batch_too_small"),
        )
    ]


RULES = (
    Rule(
        causes=("py_function_in_graph",),
        proof="Calls of tf.py_function or numpy_function made by a step's graph (not by an input "
        "pipeline), timed one by one.",
        refutation="Their time is less than 3 % of the main work.",
        find=find,
    ),
)
