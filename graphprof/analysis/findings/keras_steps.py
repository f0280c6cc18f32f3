"""Keras's own work per step dominates a small step."""

from __future__ import annotations

from graphprof.analysis.findings.base import Draft, Number, Rule
from graphprof.analysis.findings.evidence import Evidence, step_gaps, step_spans

FEWEST_STEPS = 100
_DOMINATES = 0.3
_LAUNCH_S = 1e-3
"""More than this to launch one built function is no launch but a machine busy with other work."""


def step_costs(evidence: Evidence) -> tuple[int, float, float, float]:
    """Steps of Keras's loops; seconds of gaps between them, of Python around the built function,
    and in the built function (callbacks, waits for input and buildings left out).
    """
    steps, gaps, around, runs = 0, 0.0, 0.0, 0.0
    for call in evidence.keras:
        for gap in step_gaps(call):
            gaps += gap.total_s - gap.seconds_of("callback", "profiler")
        for step in step_spans(call):
            steps += step.count
            inner = step.seconds_of("run")
            runs += inner
            around += step.total_s - inner - step.seconds_of("build", "profiler")
    return steps, gaps, around, runs


def find(evidence: Evidence) -> list[Draft]:
    """A draft when the loop costs more than what it runs."""
    if evidence.eagerly:
        return []
    calls = [
        call
        for call in evidence.recording.many("keras_calls")
        if call["method"] in ("fit", "evaluate") and call.get("steps", 0) >= FEWEST_STEPS
    ]
    if not calls:
        return []
    steps, gaps, around, runs = step_costs(evidence)
    executions = max((int(call.get("steps_per_execution") or 1) for call in calls), default=1)
    if executions >= 8 or steps < FEWEST_STEPS:
        return []
    launch = min(_launch_s(evidence, runs), steps * _LAUNCH_S)
    if gaps + around + launch < _DOMINATES * (gaps + around + runs):
        return []
    lost = (gaps + around + launch) * (1 - 1 / 16)
    return [
        Draft(
            cause="fit_per_step_overhead",
            sentence=(
                f"Keras spends {(gaps + around + launch) / steps * 1e3:.1f} ms around each of "
                f"{steps} steps, whose own work takes {max(0.0, runs - launch) / steps * 1e3:.1f} ms"
            ),
            line=max(evidence.keras, key=lambda span: span.total_s).line,
            evidence=(
                Number("steps", steps, "count"),
                Number("gaps between steps", gaps, "s"),
                Number("Python around the built function", around, "s"),
                Number("launching it without kernels", launch, "s", "trace"),
                Number("share of the main work", evidence.share(lost), "share"),
            ),
            saved_s=0.85 * lost,
            # A loop in the graph has to launch its steps as well, and to wait for their data.
            surely_s=0.4 * (gaps + around) * (1 - 1 / 16),
            at_most_s=max(lost, gaps + around + runs * (1 - _working(evidence))),
            confidence=0.8,
            change="compile(..., steps_per_execution=32)",
            refuted_by="The time per step stays the same with steps_per_execution=32.",
        )
    ]


def _working(evidence: Evidence) -> float:
    """The part of the executions in which a kernel ran or input was awaited; all where unknown."""
    traced = evidence.traced
    if traced is None or traced.run_s <= 0:
        return 1.0
    return min(1.0, (traced.op_s + traced.input_wait_s + traced.py_step_s) / traced.run_s)


def _launch_s(evidence: Evidence, runs: float) -> float:
    """The part of the executions in which neither a kernel ran nor input was awaited."""
    traced = evidence.traced
    if traced is None or traced.run_s <= 0:
        return 0.0
    idle = traced.run_s - traced.op_s - traced.executor_s - traced.input_wait_s - traced.py_step_s
    return runs * min(0.6, max(0.0, idle / traced.run_s))


RULES = (
    Rule(
        causes=("fit_per_step_overhead",),
        proof="A hundred steps or more of fit, and the time between and around their executions "
        "(callbacks, input and buildings apart).",
        refutation="steps_per_execution is set already, or kernels take the step.",
        find=find,
    ),
)
