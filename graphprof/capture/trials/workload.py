"""Trying another setting of the workload: both are measured side by side."""

from __future__ import annotations

import dataclasses

from graphprof.capture import variants
from graphprof.capture.trials import beside
from graphprof.capture.trials.base import Request
from graphprof.errors import UsageError
from graphprof.trials import Outcome, WorkloadTrial


def run(request: Request) -> Outcome:
    """Measure the mode on the session's workload, and on the one with some settings changed."""
    trial = request.trial
    assert isinstance(trial, WorkloadTrial)
    try:
        changed = variants.name(trial.mode, trial.changes)
        scale = _examples(request, trial)
    except UsageError as error:
        return Outcome(problem=f"{error.message}.")
    outcome = beside.run(request, trial.mode, changed, scale=scale)
    return dataclasses.replace(outcome, remarks=(*outcome.remarks, *_remarks(trial)))


def _examples(request: Request, trial: WorkloadTrial) -> float:
    """Examples in a batch with the change over those without, where examples are compared."""
    if trial.per == "step":
        return 1.0
    size = request.session.info.workload.get("batch_size")
    if not isinstance(size, int) or size < 1:
        raise UsageError(
            "The session does not say how many examples a batch holds", "Profile it again"
        )
    return int(trial.changes["batch_size"]) / size


def _remarks(trial: WorkloadTrial) -> tuple[str, ...]:
    found = []
    if trial.per == "example":
        found.append(
            "Times are per example; other batches train otherwise, so results were not compared."
        )
    if "input.cache" in trial.changes:
        found.append(
            f"Measured with {trial.changes['input.cache']} batches kept in memory: what a pipeline"
            " gives that no step waits for."
        )
    if "input.parallel" in trial.changes:
        found.append(
            "Measured with the maps of the pipeline run in parallel by tf.data; it leaves those that"
            " keep state as they are."
        )
    return tuple(found)
