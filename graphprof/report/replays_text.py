"""The replay of a watched program, as lines for the terminal and for Markdown."""

from __future__ import annotations

from graphprof import units
from graphprof.report.document import ModeReport
from graphprof.report.replays import Replay


def lines(replay: Replay | None) -> list[str]:
    """What is told of it; nothing where none was asked for."""
    if replay is None:
        return []
    if replay.why_not is not None:
        what = f"{replay.what} was" if replay.what else "The program was"
        return [f"{what} not measured in other modes: {replay.why_not}. {replay.cure}."]
    told = [f"{replay.what} in other modes: {replay.verdict}"]
    told += [f"  {_mode(mode)}" for mode in replay.modes]
    told += [f"  {note}" for note in replay.notes]
    return [*told, f"  Its session: {replay.session}"]


def _mode(mode: ModeReport) -> str:
    if mode.error is not None:
        return f"{mode.mode:<8} {mode.error.message}"
    ratio = ""
    if mode.ratio is not None and mode.ratio.verdict != "baseline":
        ratio = f"  {units.ratio(mode.ratio.value)} {mode.ratio.verdict}"
    return f"{mode.mode:<8} {units.seconds(mode.step_time_s.median)} a step{ratio}"
