"""The parent of a profile run: waves of worker processes, and what comes of them.

Imports no TensorFlow. The protocol is described in ``docs/measuring.md``.
"""

from __future__ import annotations

import math
import os
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from graphprof.capture import environment
from graphprof.capture.crew import Arm, Crew, Surroundings, worker_variables
from graphprof.capture.ledger import Ledger, open_session
from graphprof.capture.lockstep import first_calls, rounds, traces, warm_up
from graphprof.capture.machine import Watch
from graphprof.capture.options import Options, Unsettled
from graphprof.capture.progress import Progress, Silent
from graphprof.capture.spec import WorkloadSpec
from graphprof.capture.stop import Interrupted, Stop
from graphprof.errors import GraphprofError, StorageError, UsageError, WorkloadError
from graphprof.session import Failure, Session

__all__ = ["NothingMeasuredError", "Options", "UnsavedError", "Unsettled", "profile", "target_name"]

# A worker grows while it builds and compiles, beyond what it takes when its model is loaded.
_GROWTH = 1.5
_RESERVE_BYTES = 300 << 20
# However small the budget, a slow model may warm up for so long.
_WARM_UP_S = 2.0
# Loading TensorFlow keeps a core busy; more than a few at once only fight for the disk.
_START_AT_ONCE = min(4, os.cpu_count() or 1)


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
    except (UsageError, WorkloadError) as error:
        ledger.describe(error=Failure("failed", error.message, error.cure))
        ledger.close("failed")
        raise
    return _conclude(ledger, stop)


def _measure(around: Surroundings, baseline: str) -> None:
    """Run all waves; a Ctrl-C ends them early."""
    try:
        _Waves(around, baseline).run()
    except Interrupted:
        around.progress.problem(None, "interrupted: finishing with what is measured")


class _Waves:
    """All waves of a session.

    Attributes:
        baseline: the mode that is in every wave, and twice in it where memory allows; the first
            mode that still works takes its place when it is lost.
    """

    def __init__(self, around: Surroundings, baseline: str) -> None:
        self.baseline = baseline
        self._around = around
        self._hash_seeds = random.Random(around.options.seed + 1)
        self._number = 0
        self._spent_s = 0.0
        # How many workers memory has room for; the first one that is ready tells.
        self._room: int | None = None

    def run(self) -> None:
        """Run as many waves as were asked for, or as the budget and the modes that work allow."""
        for repetition in range(max(1, self._around.options.waves)):
            if not self._choose_baseline() or (repetition and self._enough()):
                return
            pending: list[tuple[str, Arm]] | None = None
            while (pending is None or pending) and self._choose_baseline():
                pending = self._wave(pending)
                self._around.ledger.save()

    def _wave(self, pending: list[tuple[str, Arm]] | None) -> list[tuple[str, Arm]]:
        """Run one wave with as many of ``pending`` as memory has room for; return the others."""
        around = self._around
        with Crew(around, self._number, self._new_hash_seed()) as crew:
            self._number += 1
            if self._room is None:
                self._scout(crew)
            if not self.baseline:
                return []
            pending = self._others() if pending is None else self._still(pending)
            size = max(1, (self._room or 2) - 1)
            waves = max(1, around.options.waves) * math.ceil(len(self._others()) / size)
            arms: list[tuple[str, Arm]] = pending[:size]
            if not crew.has(self.baseline):
                arms.append((self.baseline, "mode"))
            around.rng.shuffle(arms)
            crew.start(arms, at_once=_START_AT_ONCE)
            self._run(crew, around.options.budget_s / waves)
        return pending[size:]

    def _run(self, crew: Crew, budget_s: float) -> None:
        first_calls(crew)
        if not crew.has(self.baseline) and crew.members and self._choose_baseline(crew):
            # The one that was there twice is gone: another takes its place, and is doubled.
            first_calls(crew, crew.start([(self.baseline, "aa")]))
        warm_up(crew, max(_WARM_UP_S, budget_s / (2 * max(1, len(crew.members)))))
        began = time.perf_counter()
        try:
            later_s = max(0.0, self._around.options.budget_s - self._spent_s - budget_s)
            rounds(crew, budget_s, self.baseline, later_s)
        finally:
            self._spent_s += time.perf_counter() - began
        self._around.ledger.save()
        if self._around.options.trace:
            traces(crew)

    def _scout(self, crew: Crew) -> None:
        """Start the baseline alone: it saves the weights, and shows how much memory a worker takes."""
        while self._choose_baseline():
            if crew.start([(self.baseline, "mode")]):
                need = crew.rss_bytes * _GROWTH + _RESERVE_BYTES
                more = int(environment.available_memory_bytes() // need)
                self._room = max(2, 1 + more)
                if self._room <= len(self._others()):
                    self._around.ledger.note(
                        f"Memory has room for {self._room} processes at a time: the modes were "
                        "measured in groups, each beside the baseline"
                    )
                return

    def _others(self) -> list[tuple[str, Arm]]:
        """The workers beside the baseline's own, in random order, its second one last to be left out."""
        around = self._around
        modes = [m for m in around.ledger.info.modes if m not in around.lost and m != self.baseline]
        around.rng.shuffle(modes)
        return [(self.baseline, "aa"), *((mode, "mode") for mode in modes)]

    def _still(self, pending: list[tuple[str, Arm]]) -> list[tuple[str, Arm]]:
        """What is left of ``pending`` when the baseline may have changed in the meantime."""
        left: list[tuple[str, Arm]] = []
        for mode, arm in pending:
            if arm == "aa":
                left.append((self.baseline, "aa"))
            elif mode != self.baseline:
                left.append((mode, "mode"))
        return left

    def _new_hash_seed(self) -> int:
        seed = self._hash_seeds.randrange(2**32)
        environment_so_far = self._around.ledger.info.environment
        seeds = [*environment_so_far.get("hash_seeds", []), seed]
        self._around.ledger.describe(environment={**environment_so_far, "hash_seeds": seeds})
        return seed

    def _choose_baseline(self, crew: Crew | None = None) -> bool:
        """Keep the baseline, or take the first mode that works; False when none does."""
        around = self._around
        if self.baseline in around.lost:
            working = (
                mode
                for mode in around.ledger.info.modes
                if mode not in around.lost and (crew is None or crew.has(mode))
            )
            self.baseline = next(working, "")
        return bool(self.baseline)

    def _enough(self) -> bool:
        """Whether the budget allows no more processes."""
        if self._spent_s < self._around.options.budget_s:
            return False
        self._around.ledger.note(
            "The steps are slow for the budget: fewer processes were measured than planned; "
            "a larger --budget measures more"
        )
        return True


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
        "target_revision": environment.target_revision(spec.target),
        "worker_variables": worker_variables(),
    }


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
