"""The parent of a profile run: waves of worker processes, and what comes of them.

Imports no TensorFlow. The protocol is described in ``docs/measuring.md``.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from graphprof import session as disk
from graphprof.analysis.timing import repeat
from graphprof.capture import environment
from graphprof.capture.controller import revision
from graphprof.capture.controller.crew import Surroundings, worker_variables
from graphprof.capture.controller.ledger import Ledger, open_session
from graphprof.capture.controller.machine import Watch
from graphprof.capture.controller.options import Options, Unsettled
from graphprof.capture.controller.progress import Progress, Silent
from graphprof.capture.controller.stop import Interrupted, Stop
from graphprof.capture.controller.waves import Waves
from graphprof.capture.spec import WorkloadSpec
from graphprof.errors import GraphprofError, SessionError, StorageError, UsageError, WorkloadError
from graphprof.session import Failure, Session

__all__ = ["NothingMeasuredError", "Options", "UnsavedError", "Unsettled", "profile", "target_name"]


class UnsavedError(StorageError):
    """What was measured could not be written.

    Attributes:
        session: what was measured, in memory.
    """

    def __init__(self, error: StorageError, session: Session) -> None:
        super().__init__(error.message, error.cure)
        self.session = session


class NothingMeasuredError(GraphprofError):
    """No mode could be measured, each for a reason of its own.

    Attributes:
        folder: the session's folder; its runs say why.
    """

    def __init__(self, message: str, cure: str, folder: Path) -> None:
        super().__init__(message, cure)
        self.folder = folder


def profile(
    spec: WorkloadSpec,
    modes: Sequence[str],
    logdir: str | os.PathLike[str],
    options: Options | None = None,
    progress: Progress | None = None,
) -> Path:
    """Profile a workload in several modes, each in processes of its own.

    A mode that fails costs only itself. Ctrl-C finishes early and keeps what is measured (the
    session's status says so); a second Ctrl-C raises KeyboardInterrupt.

    Args:
        spec: the workload.
        modes: names of modes that exist, in order of display.
        logdir: where sessions are kept.
        options: how to measure.
        progress: hears what is happening.

    Returns:
        The session's folder.

    Raises:
        UsageError: no mode, a mode twice, or a baseline that is not among them; a built-in
            workload that does not exist.
        WorkloadError: the workload cannot be loaded.
        NothingMeasuredError: no mode could be measured.
        StorageError: the log directory cannot be written; as ``UnsavedError`` once something was
            measured.
    """
    options = options or Options()
    baseline = _checked_baseline(modes, options)
    ledger = open_session(
        Path(logdir),
        options.name or target_name(spec.target),
        {
            "phase": spec.phase,
            "target": spec.target,
            "modes": tuple(modes),
            "baseline": baseline,
            "environment": _environment(spec),
            "options": {**options.record(), "baseline": baseline, "workload": spec.to_json()},
        },
    )
    stop = Stop()
    try:
        with stop.on_interrupt(), tempfile.TemporaryDirectory(prefix="graphprof-") as scratch:
            around = Surroundings(
                spec=spec,
                options=options,
                ledger=ledger,
                progress=progress or Silent(),
                stop=stop,
                watch=Watch(ledger.origin),
                weights=Path(scratch) / "weights.npz",
                rng=random.Random(options.seed),
            )
            _measure(around, baseline)
    except StorageError as error:
        _keep_what_fits(ledger)
        raise UnsavedError(error, ledger.session()) from error
    except KeyboardInterrupt:
        ledger.close("interrupted")
        raise
    except UsageError:
        # Nothing was run: a mistyped name leaves no session behind.
        shutil.rmtree(ledger.folder, ignore_errors=True)
        raise
    except WorkloadError as error:
        ledger.describe(error=Failure("failed", error.message, error.cure))
        ledger.close("failed")
        raise
    if options.like is not None:
        _compare_with(ledger, options.like)
    return _conclude(ledger, stop)


def _measure(around: Surroundings, baseline: str) -> None:
    """Run all waves; a Ctrl-C ends them early."""
    try:
        Waves(around, baseline).run()
    except Interrupted:
        around.progress.problem(None, "interrupted: finishing with what is measured")
        around.residents.save(around.ledger.folder)


def _checked_baseline(modes: Sequence[str], options: Options) -> str:
    if not modes:
        raise UsageError("No mode to profile", "Name some with --modes, as eager,graph")
    twice = next((mode for mode in modes if list(modes).count(mode) > 1), None)
    if twice is not None:
        raise UsageError(f"Mode {twice!r} is asked for twice", "Name each mode once")
    baseline = options.baseline or modes[0]
    if baseline not in modes:
        raise UsageError(
            f"The baseline {baseline!r} is not among the modes: {', '.join(modes)}",
            "Name one of them with --baseline",
        )
    return baseline


def _environment(spec: WorkloadSpec) -> dict[str, object]:
    return {
        **environment.collect("parent"),
        "target_revision": revision.of_target(spec.target),
        "worker_variables": worker_variables(),
    }


def _compare_with(ledger: Ledger, like: str) -> None:
    """Note what is not as it was in the session that this one repeats."""
    try:
        ledger.note(*repeat.remarks(disk.load(like), ledger.session()))
    except SessionError as error:
        ledger.note(f"What this session repeats cannot be read any more: {error.message}")


def _keep_what_fits(ledger: Ledger) -> None:
    try:
        ledger.close("interrupted")
    except StorageError:
        # The error that brought us here is raised with what was measured; the disk has what it
        # took before.
        return


def _conclude(ledger: Ledger, stop: Stop) -> Path:
    """Settle the session when all waves are over.

    Raises:
        NothingMeasuredError: that is so.
        UnsavedError: the last records could not be written.
    """
    measured = [mode for mode in ledger.info.modes if ledger.measured(mode)]
    asked = ledger.info.baseline
    nothing = None if measured or stop.requested else _nothing_measured(ledger)
    if nothing is not None:
        ledger.describe(error=Failure("failed", nothing.message, nothing.cure))
    elif measured and asked not in measured:
        ledger.describe(baseline=measured[0])
        ledger.note(f"{asked} could not be measured: the modes are compared with {measured[0]}")
    try:
        ledger.close("interrupted" if stop.requested else "failed" if nothing else "complete")
    except StorageError as error:
        raise UnsavedError(error, ledger.session()) from error
    if nothing is not None:
        raise nothing
    return ledger.folder


def _nothing_measured(ledger: Ledger) -> NothingMeasuredError:
    failures = {mode: ledger.run(mode).error for mode in ledger.info.modes}
    known = {mode: failure for mode, failure in failures.items() if failure is not None}
    reasons = dict.fromkeys(failure.message for failure in known.values())
    if len(reasons) == 1:
        message = f"No mode could be measured: {next(iter(reasons))}"
    else:
        each = "; ".join(f"{mode}: {failure.message}" for mode, failure in known.items())
        message = f"No mode could be measured. {each}"
    cures = dict.fromkeys(failure.cure for failure in known.values())
    error = NothingMeasuredError(message, next(iter(cures), "Report this as a bug"), ledger.folder)
    if known and all(failure.kind == "failed" for failure in known.values()):
        error.exit_code = WorkloadError.exit_code
    return error


def target_name(target: str) -> str:
    """What a session is called after its target: ``models.py:build`` -> ``models-build``."""
    place, colon, factory = target.rpartition(":")
    return f"{Path(place).stem}-{factory}" if colon else target
