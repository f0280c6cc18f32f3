"""The replay in a watched program's report: its work measured in the other modes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphprof import units
from graphprof.analysis.programs import replay as replays
from graphprof.analysis.programs.recording import Recording
from graphprof.analysis.programs.replay import LIKE, Fidelity
from graphprof.errors import SessionError
from graphprof.report import derive
from graphprof.report.document import ModeReport, Report
from graphprof.session import load


@dataclass(frozen=True)
class Replay:
    """What came of it.

    Attributes:
        what: the call that was replayed, as ``Net.fit() of line 24``, or None where none was found.
        why_not: why there is no comparison, or None.
        cure: what could be done about that, or None.
        session: folder name of the comparison's session, beside the program's own, or None.
        verdict: the comparison's answer in a sentence, or None.
        baseline: the mode that its ratios refer to, or None.
        modes: as in the report of that session (``docs/report-schema.md``).
        fidelity: the replayed step held against the program's own, or None where its steps were too
            few, or held many at once.
        notes: what a reader must know of it.
    """

    what: str | None
    why_not: str | None
    cure: str | None
    session: str | None
    verdict: str | None
    baseline: str | None
    modes: tuple[ModeReport, ...]
    fidelity: Fidelity | None
    notes: tuple[str, ...]


def build(session: dict[str, Any], recording: Recording) -> Replay | None:
    """The replay of a program's session.

    Args:
        session: id, path and ``replay`` (what ``graphprof exec`` wrote to ``session.json``).
        recording: of the program.
    """
    done: dict[str, Any] | None = session.get("replay")
    if done is None:
        return None
    about: dict[str, Any] = recording.raw.get("replay") or {}
    name = done.get("session")
    if name is None:
        return _without(about, str(done["why_not"]), str(done["cure"]))
    try:
        report = derive.report(load(Path(session["path"]).parent / name))
    except SessionError as error:
        return _without(about, error.message, error.cure)
    fidelity = _fidelity(recording, report)
    return Replay(
        what=_what(about),
        why_not=None,
        cure=None,
        session=name,
        verdict=report.verdict,
        baseline=report.baseline,
        modes=report.modes,
        fidelity=fidelity,
        notes=(*_likeness(fidelity), *(about.get("notes") or ())),
    )


def _without(about: dict[str, Any], why: str, cure: str) -> Replay:
    return Replay(_what(about), why, cure, None, None, None, (), None, ())


def _what(about: dict[str, Any]) -> str | None:
    if "name" not in about:
        return None
    name = about["name"] if about["method"] == "function" else f"{about['name']}.{about['method']}"
    site = about.get("site")
    return f"{name}()" + (f" of line {site[1]}" if site else "")


def _fidelity(recording: Recording, report: Report) -> Fidelity | None:
    seen = replays.watched(recording)
    if seen is None:
        return None
    mode = next((one for one in report.modes if one.mode == seen.mode), None)
    if mode is None or mode.step_time_s is None or mode.step_time_s.median is None:
        return None
    replayed = mode.step_time_s.median
    return Fidelity(seen.mode, seen.step_s, replayed, replayed / seen.step_s)


def _likeness(fidelity: Fidelity | None) -> tuple[str, ...]:
    if fidelity is None:
        return ("Too few of the program's own steps were seen to hold the replay against.",)
    steps = (
        f"the program's own step took {units.seconds(fidelity.watched_s)}, the replayed one "
        f"{units.seconds(fidelity.replayed_s)} ({fidelity.mode})"
    )
    if fidelity.alike:
        return (f"The replay is like the program: {steps}.",)
    off = f"{units.ratio(fidelity.ratio)}, more than {units.ratio(LIKE)} off"
    left_out = "What it leaves out (the input pipeline, callbacks, other threads) matters there."
    return (f"The replay is not like the program ({off}): {steps}. {left_out}",)
