"""All rules about profile sessions, and the ranking of what they propose."""

from __future__ import annotations

import math

from graphprof.analysis.findings.base import WORTH_SAYING, Finding, Rule
from graphprof.analysis.findings.sessions import (
    batch_size,
    bound,
    faster_mode,
    in_graph,
    inputs,
    keras_loop,
    numerics,
    passes,
    rebuilt,
    short_run,
    some_layers,
)
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import SessionEvidence

SESSION_RULES: tuple[Rule[SessionEvidence, Proposal], ...] = (
    *rebuilt.RULES,
    *faster_mode.RULES,
    *some_layers.RULES,
    *short_run.RULES,
    *inputs.RULES,
    *keras_loop.RULES,
    *batch_size.RULES,
    *in_graph.RULES,
    *numerics.RULES,
    *passes.RULES,
    *bound.RULES,
)


def find(evidence: SessionEvidence) -> tuple[Finding, ...]:
    """All findings, the largest expected gain first; notes on what bounds a mode come last."""
    proposals = [one for rule in SESSION_RULES for one in rule.find(evidence)]
    kept = [one for one in proposals if not _superseded(one, proposals)]
    worth = [one for one in kept if one.note or one.gain.value >= WORTH_SAYING]
    worth.sort(key=lambda one: (one.note, -_weight(one)))
    return tuple(one.finding() for one in worth)


def _superseded(proposal: Proposal, proposals: list[Proposal]) -> bool:
    return any(
        proposal.cause in other.supersedes and other.mode == proposal.mode
        for other in proposals
        if other is not proposal
    )


def _weight(proposal: Proposal) -> float:
    """The gain in octaves, what is uncertain for less."""
    return math.log(proposal.gain.value) * (0.5 + 0.5 * proposal.confidence)
