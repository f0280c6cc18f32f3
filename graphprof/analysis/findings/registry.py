"""All rules, and the ranking of what they find."""

from __future__ import annotations

from graphprof.analysis.findings import (
    base,
    batch_size,
    building,
    callbacks,
    dispatch,
    graph_loops,
    host,
    keras_calls,
    keras_epochs,
    keras_steps,
    kernels,
    metrics,
    numerics,
    optimizer,
    own_python,
    pipeline,
    py_functions,
    recreated,
    retracing,
    run_eagerly,
    short_run,
    shuffle,
    xla,
)  # isort: skip
from graphprof.analysis.findings.base import Draft, Finding, Rule
from graphprof.analysis.findings.evidence import Evidence

RULES: tuple[Rule[Evidence, Draft], ...] = (
    *retracing.RULES,
    *recreated.RULES,
    *building.RULES,
    *short_run.RULES,
    *xla.RULES,
    *run_eagerly.RULES,
    *dispatch.RULES,
    *graph_loops.RULES,
    *py_functions.RULES,
    *host.RULES,
    *own_python.RULES,
    *keras_calls.RULES,
    *keras_epochs.RULES,
    *keras_steps.RULES,
    *callbacks.RULES,
    *metrics.RULES,
    *batch_size.RULES,
    *shuffle.RULES,
    *pipeline.RULES,
    *numerics.RULES,
    *optimizer.RULES,
    *kernels.RULES,
)


def find(evidence: Evidence) -> tuple[Finding, ...]:
    """All findings, the largest expected gain first; notes on what bounds the program come last."""
    drafts = [draft for rule in RULES for draft in rule.find(evidence)]
    kept = [draft for draft in drafts if not _superseded(draft, drafts)]
    worth = [draft for draft in kept if draft.note or _value(evidence, draft) >= base.WORTH_SAYING]
    worth.sort(key=lambda draft: (draft.note, -draft.saved_s * (0.5 + 0.5 * draft.confidence)))
    findings = [_finding(evidence, draft) for draft in worth]
    if any(finding.severity != "minor" for finding in findings):
        findings = [one for one, draft in zip(findings, worth, strict=True) if not draft.note]
    return tuple(findings)


def _superseded(draft: Draft, drafts: list[Draft]) -> bool:
    return any(
        draft.cause in other.supersedes and other.saved_s >= 0.4 * draft.saved_s
        for other in drafts
        if other is not draft
    )


def _value(evidence: Evidence, draft: Draft) -> float:
    return base.gain(draft, evidence.work_s, evidence.repeating_s).value


def _finding(evidence: Evidence, draft: Draft) -> Finding:
    gain = base.gain(draft, evidence.work_s, evidence.repeating_s)
    return Finding(
        cause=draft.cause,
        severity="minor" if draft.note else base.severity(gain.value, draft.saved_s),
        sentence=draft.sentence,
        location=evidence.location(draft.line),
        evidence=draft.evidence,
        expected_gain=gain,
        confidence=draft.confidence,
        change=draft.change,
        refuted_by=draft.refuted_by,
        details=draft.details,
    )
