"""Kind of trial -> how it is run."""

from __future__ import annotations

from graphprof.capture.trials import modes, source, workload
from graphprof.capture.trials.base import Request, Run
from graphprof.trials import Outcome

RUNS: dict[str, Run] = {
    "mode": modes.run,
    "workload": workload.run,
    "source": source.run,
}


def run(request: Request) -> Outcome:
    """Make the change of ``request.trial``, measured beside the program as it is.

    Raises:
        GraphprofError: nothing could be run at all; what fails inside a trial is its ``problem``.
    """
    return RUNS[request.trial.kind](request)
