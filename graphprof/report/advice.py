"""What a session advises: its findings with what was tried, and what the parts of a step cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphprof.analysis.findings import verified
from graphprof.analysis.findings.base import Finding
from graphprof.analysis.findings.sessions import registry
from graphprof.analysis.findings.sessions.evidence import SessionEvidence
from graphprof.analysis.trials import whatif
from graphprof.analysis.trials.whatif import WhatIf
from graphprof.errors import SessionError
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


def of_session(session: Session, evidence: SessionEvidence) -> Advice:
    """Judge a session.

    Args:
        session: the session; what was tried in it is read from its folder.
        evidence: what was measured of it.
    """
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
