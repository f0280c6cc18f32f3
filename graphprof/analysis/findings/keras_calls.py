"""``predict``, ``fit`` or ``evaluate`` is called in a loop on little data."""

from __future__ import annotations

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence, ends_s, step_gaps, step_spans
from graphprof.analysis.programs.recording import Span

FEWEST_CALLS = 5
_DIRECT_S = 1.5e-3
"""What a direct call of a small model, or train_on_batch, costs: seconds."""
_LEAST_DIRECT_S = 0.5e-3
"""What it costs at least."""


def outside_steps_s(evidence: Evidence, call: Span) -> float:
    """What the calls at one line took outside their steps, callbacks and buildings apart, and what
    the first step of each took more than the later ones.
    """
    steps = step_spans(call)
    built = sum(
        evidence.price_s(one)
        for one in evidence.outer_buildings
        if one.called_from == call.line and one.under in ("step", "first_step", "call", "keras")
    )
    callbacks = sum(span.total_s for span in call.walk() if span.kind == "callback")
    later = sum(span.total_s for span in steps if span.kind == "step")
    later_count = sum(span.count for span in steps if span.kind == "step")
    usual = later / later_count if later_count else 0.0
    firsts = sum(span.count for span in steps if span.kind == "first_step")
    runs = _kernels_s(evidence, call)
    in_steps = later + max(firsts * usual, min(runs, firsts * 10.0))
    epochs = sum(gap.total_s for gap in call.children if gap.kind == "gap" and gap.name == "epoch")
    between = sum(gap.total_s - ends_s(gap, call.count) for gap in step_gaps(call))
    return max(0.0, call.total_s - in_steps - built - callbacks - epochs - between)


def _kernels_s(evidence: Evidence, call: Span) -> float:
    """Usual length of the executions in the first steps."""
    total = 0.0
    for step in step_spans(call):
        if step.kind == "first_step":
            for run in step.walk():
                known = evidence.runs.get(run.name) if run.kind == "run" else None
                if known is not None and known.usual_s is not None:
                    total += run.count * known.usual_s
    return total


def find(evidence: Evidence) -> list[Draft]:
    """One draft for the calls of predict, one for those of fit and evaluate."""
    drafts = []
    groups = {
        "predict_per_call_overhead": ("predict", "predict_on_batch"),
        "fit_per_call_overhead": ("fit", "evaluate", "train_on_batch", "test_on_batch"),
    }
    for cause, methods in groups.items():
        calls = [span for span in evidence.keras if span.name in methods]
        count = sum(span.count for span in calls)
        if count < FEWEST_CALLS:
            continue
        lost = sum(outside_steps_s(evidence, span) for span in calls) - count * _DIRECT_S
        steps = sum(span.count for call in calls for span in step_spans(call))
        if lost <= 0 or steps > 20 * count:
            continue
        built = sum(span.seconds_of("build", "profiler") for span in calls)
        most = sum(span.total_s for span in calls) - built - steps * _LEAST_DIRECT_S
        drafts.append(_draft(evidence, cause, calls, count, steps, lost, most))
    return drafts


def _draft(
    evidence: Evidence,
    cause: str,
    calls: list[Span],
    count: int,
    steps: int,
    lost: float,
    most: float,
) -> Draft:
    worst = max(calls, key=lambda span: span.total_s)
    direct = (
        "Call the model itself, model(x, training=False), for small inputs; predict() once for all"
        if worst.name.startswith("predict")
        else "train_on_batch (or one fit over all the data) instead of fit in a loop"
    )
    return Draft(
        cause=cause,
        sentence=(
            f"{worst.name}() is called {count} times for {steps / count:.3g} steps each: setting up "
            f"a call costs {lost / count * 1e3:.0f} ms, more than its steps"
        ),
        line=worst.line,
        evidence=(
            Number("calls", count, "count"),
            Number("steps in all of them", steps, "count"),
            Number("time outside their steps", lost, "s"),
            Number("share of the main work", evidence.share(lost), "share"),
        ),
        saved_s=0.95 * lost,
        surely_s=0.5 * lost,
        # A direct call has no pipeline either: what the steps waited for is gone with it.
        at_most_s=max(1.1 * lost, most),
        confidence=0.9,
        change=direct,
        refuted_by="The time per call is the same for a direct call.",
        supersedes=(
            "compile_dominates_short_run",
            "dispatch_bound_eager_loop",
            "fit_per_step_overhead",
            "batch_too_small",
            "iterator_recreated_per_step",
            "host_conversion_per_step",
        ),
    )


RULES = (
    Rule(
        causes=("predict_per_call_overhead", "fit_per_call_overhead"),
        proof="Five or more calls at a line with few steps each; the time of the calls less that "
        "of their steps, callbacks and buildings.",
        refutation="The steps take most of the calls' time.",
        find=find,
    ),
)
