"""What was tried, put with the findings that it was about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from graphprof import trials
from graphprof.analysis.findings.base import Finding


def merge(findings: Iterable[Finding], session: Path) -> tuple[Finding, ...]:
    """``findings`` with what their last trials showed, found by their keys.

    Args:
        findings: those of a session, in order.
        session: its folder.

    Raises:
        SessionError: the record of the trials is damaged.
    """
    tried = trials.latest(session)
    return tuple(
        replace(one, verified=tried[one.key]) if one.key in tried else one for one in findings
    )
