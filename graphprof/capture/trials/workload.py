"""Trying another setting of the workload: both are measured side by side."""

from __future__ import annotations

from graphprof.capture.trials.base import Request
from graphprof.trials import Outcome


def run(request: Request) -> Outcome:  # noqa: ARG001
    """Measure with and without the change."""
    return Outcome(problem="Changes of this kind cannot be tried yet.")
