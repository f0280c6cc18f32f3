"""Sessions measured with fake workers (``tests/fake_worker.py``)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphprof import session
from graphprof.capture.controller import schedule
from graphprof.capture.controller.options import Options
from graphprof.capture.spec import WorkloadSpec
from graphprof.session import Block, Process, Session

COMMAND = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))


class Heard:
    """A progress that remembers, and may do something at a moment."""

    def __init__(self, at_round: Callable[[int], None] | None = None) -> None:
        self.lines: list[str] = []
        self.problems: list[str] = []
        self._at_round = at_round

    def doing(self, mode: str | None, what: str) -> None:
        self.lines.append(f"{mode}: {what}")

    def measuring(self, round_number: int, left_s: float) -> None:
        assert left_s >= 0
        if self._at_round is not None:
            self._at_round(round_number)

    def problem(self, mode: str | None, what: str) -> None:
        self.problems.append(f"{mode}: {what}")


def options(**changes: Any) -> Options:
    values: dict[str, Any] = {"budget_s": 0.2, "waves": 1, "timeout_s": 20.0, "command": COMMAND}
    return Options(**{**values, **changes})


def profile(logdir: Path, *modes: str, progress: Heard | None = None, **changes: Any) -> Session:
    folder = schedule.profile(
        WorkloadSpec("fake"), modes, logdir, options(**changes), progress or Heard()
    )
    return session.load(folder)


def processes(done: Session, mode: str, arm: str = "mode") -> list[Process]:
    found = done.run(mode)
    assert found is not None
    if found.measurement is None:
        return []
    return [process for process in found.measurement.processes if process.arm == arm]


def blocks(done: Session) -> list[tuple[str, str, Block]]:
    """(mode, arm, block) of all blocks, by round and position."""
    found = [
        (run.run.mode, process.arm, block)
        for run in done.runs
        if run.measurement is not None
        for process in run.measurement.processes
        for block in process.blocks
    ]
    return sorted(found, key=lambda item: (item[2].round, item[2].position))
