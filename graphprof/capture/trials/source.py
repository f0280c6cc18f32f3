"""Trying a change in the source of a watched program: it is run with and without, in pairs.

Each run is a fresh process with the arguments, folder and options of the watched run. The patched
text is served in the child in place of the file's (``graphprof.capture.sources``); nothing of the
user's is written to, but the program itself writes what it always writes, where it always does.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphprof.analysis.trials import output, patching, trying
from graphprof.capture.trials.base import Request
from graphprof.errors import GraphprofError
from graphprof.session import Session
from graphprof.trials import Outcome, SourceTrial

USUAL_PAIRS = 3
MOST_PAIRS = 8
PRECISE = 0.10
"""Relative half-width of the interval that is precise enough when it does not hold 1."""
_STOP_WAIT_S = 10.0
_POLL_S = 0.05
_CHILD = "graphprof.capture.trials.child"


@dataclass(frozen=True)
class Program:
    """How the watched program was started.

    Attributes:
        kind: ``script`` or ``module``.
        target: the script or module, as it was named.
        arguments: its own arguments.
        cwd: the folder it ran in.
        flags: Python's options.
        exit_code: how it ended under the watch, or None when that is not known.
    """

    kind: str
    target: str
    arguments: tuple[str, ...]
    cwd: str
    flags: tuple[str, ...]
    exit_code: int | None

    def command(self, clock: Path, texts: Path) -> list[str]:
        """The command line of one run."""
        child = [sys.executable, *self.flags, "-m", _CHILD, str(clock), str(texts)]
        return [*child, self.kind, self.target, *self.arguments]


@dataclass(frozen=True)
class Ran:
    """One run: ``work_s`` is None when it was killed or its clock is lost."""

    code: int
    work_s: float | None
    printed: str
    complained: str


class _Interrupted(Exception):  # noqa: N818 the user's wish, not an error
    """The user asked to finish while a run was going on."""


def program_of(session: Session) -> Program | None:
    """How to run the program of a session again, or None when the session does not say."""
    options: dict[str, Any] = session.info.options
    cwd = options.get("cwd")
    if not isinstance(cwd, str) or not os.path.isdir(cwd):
        return None
    code = options.get("exit_code")
    return Program(
        kind=str(options.get("kind", "script")),
        target=session.info.target,
        arguments=tuple(map(str, session.info.workload.get("arguments") or ())),
        cwd=cwd,
        flags=tuple(map(str, options.get("flags") or ())),
        exit_code=code if isinstance(code, int) else None,
    )


def run(request: Request) -> Outcome:
    """Run the program in pairs, with and without the change, until it is clear or time is up."""
    assert isinstance(request.trial, SourceTrial)
    program = program_of(request.session)
    if program is None:
        return Outcome(problem="The folder that the program ran in is not known, or gone.")
    try:
        text = patching.patched(request.trial)
    except GraphprofError as error:
        return Outcome(problem=f"{error}")
    with tempfile.TemporaryDirectory(prefix="graphprof-") as scratch:
        return _Pairs(request, program, Path(scratch), {request.trial.file: text}).run()


class _Pairs:
    """The runs of one trial."""

    def __init__(
        self, request: Request, program: Program, scratch: Path, texts: dict[str, str]
    ) -> None:
        self.request = request
        self.program = program
        self.scratch = scratch
        self.texts = {"before": {}, "after": texts}
        self.runs: dict[str, list[Ran]] = {"before": [], "after": []}
        # Which of a pair runs first is drawn: what the first leaves (warm caches, a hot processor)
        # must not favour one side. Seeded, so that a trial can be made again.
        self.order = random.Random(0)
        self.began_s = time.monotonic()

    def run(self) -> Outcome:
        """Pairs until precise, out of time, failed or interrupted."""
        try:
            while True:
                sides = ["before", "after"]
                self.order.shuffle(sides)
                for side in sides:
                    self.request.progress.doing(None, self._doing(side))
                    self.runs[side].append(self._one(side))
                    problem = self._problem()
                    if problem is not None:
                        return self._outcome(problem=problem)
                if self._ends_otherwise() or self._enough():
                    return self._outcome()
        except _Interrupted:
            return self._outcome(interrupted=True)

    def _doing(self, side: str) -> str:
        number = len(self.runs[side]) + 1
        return f"run {number} {'with' if side == 'after' else 'without'} the change"

    def _enough(self) -> bool:
        pairs = len(self.runs["after"])
        if self.request.stop.requested:
            return True
        spent = time.monotonic() - self.began_s
        # A second pair is made where one more fits at all: one pair knows nothing of its doubt.
        if spent + spent / pairs > self.request.budget_s and pairs >= _fewest(self.request, spent):
            return True
        gain = trying.gain_of_pairs(*self._times())
        if gain is None or (pairs < USUAL_PAIRS and not (gain.low > 1.2 or gain.high < 1)):
            return False
        clear = gain.low > 1 or gain.high < 1
        return pairs >= MOST_PAIRS or (clear and gain.high / gain.low < (1 + PRECISE) ** 2)

    def _times(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        before, after = (
            tuple(ran.work_s for ran in self.runs[side] if ran.work_s is not None)
            for side in ("before", "after")
        )
        return before, after

    def _problem(self) -> str | None:
        """What makes more runs useless."""
        for side, runs in self.runs.items():
            for ran in runs[-1:]:
                expected = self.program.exit_code
                if side == "before" and expected is not None and ran.code != expected:
                    return (
                        f"Run again without a change, the program ended with {ran.code}, and with "
                        f"{expected} when it was watched: it needs input or files that it no "
                        f"longer has.{_last_line(ran)}"
                    )
                if ran.work_s is None:
                    return f"A run was killed (exit code {ran.code}).{_last_line(ran)}"
        return None

    def _ends_otherwise(self) -> bool:
        """Whether the change breaks the program: more pairs would show the same."""
        return self.runs["after"][-1].code != self.runs["before"][-1].code

    def _outcome(self, problem: str | None = None, interrupted: bool = False) -> Outcome:
        before_s, after_s = self._times()
        parity, why = self._parity()
        remarks = [why] if before_s and after_s else []
        broken = bool(before_s and after_s) and self._ends_otherwise()
        pairs = min(len(before_s), len(after_s))
        if pairs == 1 and problem is None and not broken:
            remarks.append("One pair of runs is all that fitted the budget.")
        gain = None if broken else trying.gain_of_pairs(before_s, after_s)
        return Outcome(
            before_s=before_s,
            after_s=after_s,
            measured=gain,
            parity=parity,
            problem=problem,
            remarks=tuple(remarks),
            interrupted=interrupted,
        )

    def _parity(self) -> tuple[output.Parity, str]:
        before, after = self.runs["before"], self.runs["after"]
        codes = {ran.code for ran in before}
        for ran in after:
            if before and ran.code not in codes:
                how = (
                    f"With the change the program ends with {ran.code} instead of {before[0].code}."
                )
                return "failed", how + _last_line(ran)
        parity, why = output.same([ran.printed for ran in before], [ran.printed for ran in after])
        assert isinstance(self.request.trial, SourceTrial)
        alters = self.request.trial.alters
        if alters and parity != "passed":
            return "unknown", f"The change also alters: {alters}. {why}"
        return parity, why

    def _one(self, side: str) -> Ran:
        """One run, its streams kept in files; Ctrl-C ends it and the trial."""
        texts, clock = self.scratch / f"{side}.json", self.scratch / "clock.json"
        texts.write_text(json.dumps(self.texts[side]))
        clock.unlink(missing_ok=True)
        out, err = self.scratch / "stdout", self.scratch / "stderr"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                self.program.command(clock, texts),
                cwd=self.program.cwd,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C is for us to hear
            )
            try:
                self._wait(process)
            finally:
                _end(process)
        return Ran(process.returncode, _work_s(clock), _text(out), _text(err))

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            if self.request.stop.requested:
                raise _Interrupted
            time.sleep(_POLL_S)


def _fewest(request: Request, first_pair_s: float) -> int:
    """Pairs made whatever the budget says: two, but one where that would be far beyond it."""
    return 1 if first_pair_s > request.budget_s else trying.FEWEST_PAIRS


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the run and what it started, asking first."""
    if not hasattr(os, "killpg"):  # Windows
        process.kill()
        process.wait()
        return
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            return
        try:
            os.killpg(process.pid, number)
            process.wait(timeout=_STOP_WAIT_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _work_s(clock: Path) -> float | None:
    try:
        return float(json.loads(clock.read_text())["work_s"])
    except (OSError, ValueError, KeyError):
        return None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _last_line(ran: Ran) -> str:
    lines = [line.strip() for line in ran.complained.splitlines() if line.strip()]
    return f" It said last: {lines[-1][:200]}" if lines and ran.code else ""
