"""Functions or Keras loops were told to run op by op."""

from __future__ import annotations

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.dispatch import dispatch_share, op_cost_s
from graphprof.analysis.findings.evidence import Evidence, step_spans
from graphprof.analysis.programs.recording import Line, to_line


def find(evidence: Evidence) -> list[Draft]:
    """A draft when a Keras loop or tf.function ran eagerly by a switch."""
    ops, seconds = 0, 0.0
    by_call = evidence.spans("call_eagerly")
    for span in by_call:
        count, _ = span.all_ops()
        ops, seconds = ops + count, seconds + span.total_s
    calls = evidence.recording.many("keras_calls")
    if any(call.get("run_eagerly") for call in calls):
        for call in evidence.keras:
            # compile(run_eagerly=True) belongs to a model; a step without a built function ran so.
            for step in step_spans(call) or [call]:
                if not any(span.kind == "run" for span in step.walk()):
                    count, _ = step.all_ops("call_eagerly")
                    ops, seconds = ops + count, seconds + step.total_s
    if not ops:
        return []
    lost = min(seconds, ops * op_cost_s(evidence)) * dispatch_share(evidence)
    return [_draft(evidence, ops, seconds, 0.9 * lost, bool(by_call))]


def _draft(evidence: Evidence, ops: int, seconds: float, saved_s: float, functions: bool) -> Draft:
    switch = "tf.config.run_functions_eagerly(True)" if functions else "run_eagerly=True"
    return Draft(
        cause="run_eagerly_left_on",
        sentence=f"Steps run op by op because {switch} is set: {ops} ops dispatched from Python",
        line=_line(evidence, functions),
        evidence=(
            Number("ops dispatched one by one in steps", ops, "count"),
            Number("time in those steps", seconds, "s"),
            Number(
                "share of dispatch in an op's time",
                dispatch_share(evidence),
                "share",
                "watch" if evidence.traced is None else "trace",
            ),
        ),
        saved_s=saved_s,
        surely_s=0.5 * saved_s,
        at_most_s=min(1.2 * saved_s, seconds),
        confidence=0.95,
        change=f"Remove {switch}",
        refuted_by="The steps take as long without the switch: the time is in the kernels.",
        supersedes=(
            "dispatch_bound_eager_loop",
            "eager_optimizer_update",
            "host_conversion_per_step",
            "host_sync_per_step",
            "metric_overhead",
            "fit_per_step_overhead",
            "batch_too_small",
        ),
    )


def _line(evidence: Evidence, functions: bool) -> Line | None:
    if functions:
        for setting in evidence.recording.many("settings"):
            if setting.get("what") == "run_functions_eagerly":
                return to_line(setting.get("site"))
        spans = evidence.spans("call_eagerly")
        return spans[0].line if spans else None
    for record in evidence.recording.many("compiles"):
        if record.get("run_eagerly"):
            return to_line(record.get("site"))
    for call in evidence.recording.many("keras_calls"):
        if call.get("run_eagerly"):
            return to_line(call.get("site"))
    return None


RULES = (
    Rule(
        causes=("run_eagerly_left_on",),
        proof="The resolved mode says so, steps executed no built function, and their ops times "
        "the dispatch share of an op's cost is the loss.",
        refutation="The kernels take the time, so that a graph would not be faster.",
        find=find,
    ),
)
