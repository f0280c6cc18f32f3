"""What a session advises: its findings with what was tried, and what the parts of a step cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphprof.analysis.building.compiling import ModePrice
from graphprof.analysis.findings import verified
from graphprof.analysis.findings.base import Finding
from graphprof.analysis.findings.sessions import evidence as session_evidence
from graphprof.analysis.findings.sessions import registry
from graphprof.analysis.timing import steps
from graphprof.analysis.trials import whatif
from graphprof.analysis.trials.whatif import WhatIf
from graphprof.analysis.work.breakdown import Breakdown
from graphprof.errors import SessionError
from graphprof.report.document import Agreement
from graphprof.report.reasons import Attributed
from graphprof.session import Session


@dataclass(frozen=True)
class Advice:
    """What there is to say.

    Attributes:
        findings: most important first.
        what_if: mode -> estimates from its trace, the largest first.
        problems: what could not be read, one sentence each.
    """

    findings: tuple[Finding, ...]
    what_if: Mapping[str, tuple[WhatIf, ...]]
    problems: tuple[str, ...] = ()


def of_session(
    session: Session,
    summary: steps.SessionSteps,
    divided: Mapping[str, Breakdown],
    attributed: Attributed,
    agreements: Mapping[str, Agreement],
    prices: Mapping[str, ModePrice],
) -> Advice:
    """Judge a session.

    Args:
        session: the session.
        summary: its step times.
        divided: mode -> its divided trace, of those that have one.
        attributed: gives the attributed trace of a run, or None.
        agreements: mode -> whether it computed what the baseline did.
        prices: mode -> what compiling costs it.
    """
    parity = {mode: found.verdict for mode, found in agreements.items()}
    evidence = session_evidence.of_session(session, summary, divided, attributed, parity, prices)
    estimates = {
        mode: whatif.of_mode(mode, one.step, one.layers)
        for mode, one in evidence.modes.items()
        if one.step is not None
    }
    findings = registry.find(evidence)
    try:
        return Advice(verified.merge(findings, session.path), estimates)
    except SessionError as error:
        return Advice(findings, estimates, (str(error),))
