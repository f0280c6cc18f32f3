"""Two sides of a change measured in one new session, in the same rounds, below the session's folder.

The new session lies in ``<session>/trials/<its id>``: its own records can be looked at like any
other's (``graphprof report``). It records no traces and no second baseline: all time goes into the
comparison.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from graphprof import session as sessions
from graphprof.analysis.results import parity
from graphprof.analysis.timing import stats, steps, stopping
from graphprof.capture.controller import schedule
from graphprof.capture.controller.options import Options
from graphprof.capture.spec import WorkloadSpec
from graphprof.capture.trials.base import Request
from graphprof.errors import GraphprofError
from graphprof.session import Session
from graphprof.trials import Interval, Outcome

Parity = Literal["passed", "failed", "unknown"]

FOLDER = "trials"
START_S = 15.0
"""About what it takes to start both sides and to build and compile them once, seconds."""
LEAST_MEASURED_S = 3.0
MOST_MEASURED_S = 30.0
WAVES = 3
FEWEST_WAVES = 2


def run(request: Request, against: str, changed: str, *, scale: float = 1.0) -> Outcome:
    """Measure ``changed`` beside ``against`` on the session's workload.

    Args:
        request: what is tried.
        against: mode (or variant) as it is.
        changed: mode (or variant) with the change.
        scale: what the ratio of step times is multiplied with, as the ratio of the batch sizes when
            examples are compared; then the results cannot be.

    Returns:
        The outcome; what went wrong is its ``problem``.
    """
    recorded = request.session.info.options.get("workload")
    if not isinstance(recorded, dict):
        return Outcome(problem="The session does not say how to load its workload.")
    spec = WorkloadSpec.from_json(recorded)
    options = _options(request, against, changed)
    try:
        folder = schedule.profile(
            spec, (against, changed), request.session.path / FOLDER, options, request.progress
        )
    except schedule.NothingMeasuredError as error:
        return Outcome(problem=f"{error.message}.", session=_relative(error.folder, request))
    except GraphprofError as error:
        return Outcome(problem=f"{error.message}. {error.cure}.")
    return _outcome(sessions.load(folder), request, against, changed, scale)


def _options(request: Request, against: str, changed: str) -> Options:
    rounds_s = (request.budget_s - START_S) * 0.5
    recorded = request.session.info.options
    return Options(
        budget_s=min(max(rounds_s, LEAST_MEASURED_S), MOST_MEASURED_S),
        # Fresh processes differ by some percent: a second pair is worth more than longer rounds.
        waves=WAVES if request.budget_s >= 2 * START_S else 1,
        fewest_waves=FEWEST_WAVES,
        trace=False,
        reference=False,
        aa=False,
        seed=int(recorded.get("seed") or 0) + 1,
        timeout_s=float(recorded.get("timeout_s") or 600.0),
        baseline=against,
        name=changed,
        unsettled=stopping.unsettled,
        imprecise=stopping.imprecise,
    )


def _outcome(done: Session, request: Request, against: str, changed: str, scale: float) -> Outcome:
    before, after = done.run(against), done.run(changed)
    lost = next((run.run.error for run in (before, after) if run and run.run.error), None)
    interrupted = done.info.status == "interrupted"
    where = _relative(done.path, request)
    if before is None or after is None or not (before.measurement and after.measurement):
        why = f"{lost.message}." if lost else "One side could not be measured."
        return Outcome(problem=why, session=where, interrupted=interrupted)
    series = steps.log_ratios(before.measurement, after.measurement)
    ratio = stats.ratio(list(series.values()))
    measured = None
    if ratio is not None and ratio.low is not None and ratio.high is not None:
        measured = Interval(scale * ratio.value, scale * ratio.low, scale * ratio.high)
    same: Parity = "unknown"
    if scale == 1.0:
        same = _parity(done, against, changed)
    return Outcome(
        before_s=_times(done, against),
        after_s=_times(done, changed),
        measured=measured,
        parity=same,
        session=where,
        problem=f"{lost.message}." if lost and measured is None else None,
        remarks=_remarks(request.session, done),
        interrupted=interrupted,
    )


def _remarks(session: Session, done: Session) -> tuple[str, ...]:
    was, now = (one.info.environment.get("target_revision") for one in (session, done))
    if was == now:
        return ()
    return (f"The model's file is not as it was profiled: revision {now}, then {was}.",)


def _parity(done: Session, against: str, changed: str) -> Parity:
    compared = parity.of_session(done, against)
    modes = () if compared is None else compared.modes
    return next((mode.verdict for mode in modes if mode.mode == changed), "unknown")


def _times(done: Session, mode: str) -> tuple[float, ...]:
    """Median step of each timed block, seconds, in the order of measuring."""
    folder = done.run(mode)
    if folder is None or folder.measurement is None:
        return ()
    blocks = [
        (process.wave, block.round, stats.block_median(block.calls_s))
        for process in folder.measurement.processes
        if process.arm == "mode"
        for block in process.blocks
    ]
    per_call = folder.measurement.steps_per_call
    return tuple(median / per_call for _, _, median in sorted(blocks) if median is not None)


def _relative(folder: Path, request: Request) -> str:
    return folder.relative_to(request.session.path).as_posix()
