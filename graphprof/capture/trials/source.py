"""Trying a change in the source of a watched program: it is run with and without, in pairs."""

from __future__ import annotations

from graphprof.capture.trials.base import Request
from graphprof.trials import Outcome


def run(request: Request) -> Outcome:  # noqa: ARG001
    """Measure with and without the change."""
    return Outcome(problem="Changes of this kind cannot be tried yet.")
