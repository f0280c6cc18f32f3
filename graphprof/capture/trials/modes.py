"""Trying another mode: it is measured beside the one that the finding is about."""

from __future__ import annotations

from graphprof.capture.trials import beside
from graphprof.capture.trials.base import Request
from graphprof.trials import ModeTrial, Outcome


def run(request: Request) -> Outcome:
    """Measure the mode with and without the change, on the session's own workload."""
    trial = request.trial
    assert isinstance(trial, ModeTrial)
    return beside.run(request, trial.against, trial.mode)
