"""``graphprof exec --replay``: the watched program's work, measured in the other modes."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from graphprof.analysis.programs import recording as recordings
from graphprof.analysis.programs import replay
from graphprof.analysis.programs.recording import Recording
from graphprof.errors import GraphprofError
from graphprof.session import PROGRAM_RUN, graphprof_folder

SHORTEST_S = 30.0
"""A replay by default takes as long as the program itself did, and at least so long."""
FOLDER = "replay"
_PROCESSES = 5  # four modes and the baseline once more
_AT_ONCE = 2
_CALLS = 40  # of each mode: first, compared, warm-up, traced
_LATE_S = 60.0  # what a busy machine may take beyond the limit before the replay is cut


@dataclass(frozen=True)
class Asked:
    """What the user asked for.

    Attributes:
        wanted: ``--replay`` (True), ``--no-replay`` (False), or None: when it fits.
        budget_s: longest time for it, or None: as long as the program, ``SHORTEST_S`` at least.
    """

    wanted: bool | None
    budget_s: float | None

    def limit_s(self, recording: Recording) -> float:
        """Longest time that a replay may be expected to take."""
        if self.budget_s is not None:
            return self.budget_s
        return max(SHORTEST_S, recording.ended_s)


def run(folder: Path, logdir: Path, asked: Asked, code: int) -> dict[str, Any] | None:
    """Replay what the session in ``folder`` recovered; say on stderr what happens.

    Args:
        folder: the session of the watched program.
        logdir: where the comparison's session is kept.
        asked: what the user asked for.
        code: how the program ended.

    Returns:
        ``{"session": folder name}``, or ``{"why_not", "cure"}``; None when none was asked for.
    """
    if asked.wanted is False:
        return None
    if code != 0:
        return _none("it did not end well", "Let it run to its end") if asked.wanted else None
    path = graphprof_folder(folder / PROGRAM_RUN)
    try:
        recording = recordings.read(path / recordings.WATCH_FILE)
    except GraphprofError as error:
        return _none(error.message, error.cure)
    about = recording.raw.get("replay")
    if about is None:
        return None
    if "why_not" in about:
        return _none(about["why_not"], about["cure"])
    estimate, limit = estimate_s(recording), asked.limit_s(recording)
    if asked.wanted is None and estimate > limit:
        return _none(
            f"it would take about {estimate:.0f} s, longer than the {limit:.0f} s allowed",
            "Give --replay, or more time with --budget",
        )
    limit = max(limit, estimate) if asked.wanted else limit
    click.echo(
        f"graphprof: measuring {_what(about)} in other modes, about {estimate:.0f} s "
        "(Ctrl-C ends it early, --no-replay leaves it out).",
        err=True,
    )
    return _measure(path / FOLDER, about, folder.name, logdir, limit)


def estimate_s(recording: Recording) -> float:
    """About how long a replay takes, from what the watch saw.

    Each process imports TensorFlow, builds (the slowest of them compiles) and runs some tens of
    calls; two processes start at once.
    """
    about = recording.raw.get("replay") or {}
    building = sum(one.seconds for one in recording.buildings if one.inside is None)
    first = min(building, 0.5 * recording.work_s)
    step = replay.watched(recording)
    step_s = step.step_s if step else float(about.get("seconds", 1.0)) / 10
    start = recording.imports_s + 1.0 + first
    return _PROCESSES * start / _AT_ONCE + 4 * _CALLS * step_s + 3.0


def _measure(
    saved: Path, about: dict[str, Any], name: str, logdir: Path, limit_s: float
) -> dict[str, Any]:
    from graphprof.capture.controller import schedule
    from graphprof.capture.modes import registry
    from graphprof.capture.spec import WorkloadSpec
    from graphprof.cli.profile import options_of

    phase = about["phase"]
    names = "eager,graph,xla" if about["method"] == "function" else registry.default_names(phase)
    modes = [mode.name for mode in registry.resolve_all(names, phase)]
    spec = WorkloadSpec(target=f"replay:{saved}", phase=phase)
    options = options_of(
        quick=True, budget_s=min(10.0, max(3.0, limit_s / 6)), name=f"{name}-{FOLDER}"
    )
    try:
        with _cut_after(limit_s + _LATE_S):
            return {"session": schedule.profile(spec, modes, logdir, options).name}
    except GraphprofError as error:
        return _none(error.message, error.cure)
    except KeyboardInterrupt:
        return _none("it was interrupted", "Run it again")


@contextlib.contextmanager
def _cut_after(seconds: float) -> Iterator[None]:
    """Ask, after so long, to finish with what is measured, as Ctrl-C would."""
    timer = threading.Timer(seconds, lambda: signal.raise_signal(signal.SIGINT))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _what(about: dict[str, Any]) -> str:
    site = about.get("site")
    where = f" of line {site[1]}" if site else ""
    if about["method"] == "function":
        return f"{about['name']}(){where}"
    return f"{about['name']}.{about['method']}(){where}"


def _none(why: str, cure: str) -> dict[str, Any]:
    return {"why_not": why, "cure": cure}
