"""Trying another mode: it is measured beside the one that the finding is about."""

from __future__ import annotations

from graphprof.capture.trials.base import Request
from graphprof.trials import Outcome


def run(request: Request) -> Outcome:  # noqa: ARG001
    """Measure with and without the change."""
    return Outcome(problem="Changes of this kind cannot be tried yet.")
