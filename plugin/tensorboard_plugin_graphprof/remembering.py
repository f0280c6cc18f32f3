"""What the modes hold in memory, as the page draws it: the report's figures, and the curves behind them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graphprof.analysis.memory import footprint, resident
from graphprof.analysis.memory.allocators import Top
from graphprof.analysis.memory.footprint import Footprint
from graphprof.analysis.work import layers
from graphprof.errors import GraphprofError
from graphprof.report import memory
from graphprof.report.memory import ModeMemory
from graphprof.session import RunFolder, Session
from graphprof.trace.memory_file import ResidentProcess
from tensorboard_plugin_graphprof.cache import Cache, fingerprint


class Remembering:
    """Reads the memory of sessions, and remembers. Threads may ask at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: Cache[dict[str, Any]] = Cache(8)

    def memory(self, path: Path, session: Session) -> dict[str, Any]:
        """Memory of every mode; a mode of which it cannot be read says why."""
        with self._lock:
            return self._kept.get(path, fingerprint(path), lambda: _session(session))


def _session(session: Session) -> dict[str, Any]:
    read = [(folder.run.mode, *_read(folder)) for folder in session.runs]
    told = memory.compared([(mode, one) for mode, one, _ in read], session.info.baseline)
    owners = {row.owner for one in told.values() for row in one.alive if row.owner}
    return {
        "baseline": session.info.baseline,
        "root": layers.root(owners),
        "stages": [{"id": stage, "title": title} for stage, title in resident.STAGES],
        "modes": [
            {"mode": mode, "memory": asdict(told[mode]), **_drawn(found)} for mode, _, found in read
        ],
    }


def _read(folder: RunFolder) -> tuple[ModeMemory, Footprint | None]:
    try:
        found = footprint.of_run(folder)
    except GraphprofError as error:
        return ModeMemory(problem=str(error)), None
    return memory.of_footprint(found), found


def _drawn(found: Footprint | None) -> dict[str, Any]:
    """The curves of a mode."""
    if found is None:
        return {"step": None, "steps": [], "rss": {"traced": [], "processes": []}}
    steps = found.memory.steps if found.memory else ()
    record = found.record
    return {
        "step": None
        if found.step_s is None
        else {
            "step_num": found.memory.peak_step.step_num if found.memory else None,
            "seconds": found.step_s,
            "curve": found.curve,
            "planned": found.planned,
            "tops": [_top(one) for one in found.tops],
        },
        "steps": [
            {"step_num": one.step_num, "before": one.before, "peak": one.peak, "after": one.after}
            for one in steps
        ],
        "rss": {
            "traced": found.rss,
            "processes": [_process(one) for one in (record.processes if record else ())],
        },
    }


def _top(top: Top) -> dict[str, Any]:
    tensors: Iterable[dict[str, Any]] = (
        {"owner": one.owner, "in_pass": one.in_pass, "op": one.op, "bytes": one.size}
        for one in top.tensors
    )
    return {"s": top.at_s, "tensors": list(tensors)}


def _process(process: ResidentProcess) -> dict[str, Any]:
    return {
        "wave": process.wave,
        "arm": process.arm,
        "moments": [
            {"after": one.after, "calls": one.calls, "bytes": one.rss_bytes}
            for one in process.moments
        ],
    }
