"""A mode's trace for the timeline: its outline, its events in a window, one event, one op's uses.

Times are picoseconds from the trace's start; the browser lines the modes up at their steps' starts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphprof.trace import lod, marks, tables
from graphprof.trace.kinds import KIND_IDS
from graphprof.trace.marks import StepMark
from graphprof.trace.model import Int64, Plane, Trace
from graphprof.trace.nesting import Nesting
from tensorboard_plugin_graphprof import words

# A reader looks for a few names at a time.
_SEARCHES = 8

# A tooltip names this many of the events around one.
_PARENTS = 12


@dataclass(frozen=True)
class Opened:
    """A trace that is ready to be drawn.

    Attributes:
        plane: the host's events.
        nesting: how they nest.
        kinds: shape (n,), int8: the kind of each event's own time, as ``classify.kinds`` gives it.
        levels: its levels of detail.
        steps: its marked steps.
        problems: what the recording lost or the reader dropped, one sentence each.
        searches: the events of the names that were asked for last.
    """

    plane: Plane
    nesting: Nesting
    kinds: npt.NDArray[np.int8]
    levels: lod.Levels
    steps: tuple[StepMark, ...]
    problems: tuple[str, ...]
    searches: dict[str, Int64] = field(default_factory=dict)


def read(path: Path) -> Opened:
    """Open a trace.

    Raises:
        TraceError: it cannot be read, or holds no host events.
    """
    loaded = tables.load(path, marks.STATS)
    trace = loaded.trace
    return Opened(
        loaded.levels.plane,
        loaded.nesting,
        loaded.kinds,
        loaded.levels,
        marks.find(trace),
        _problems(trace),
    )


def outline(mode: str, opened: Opened) -> dict[str, Any]:
    """Everything about a trace but its events: names, threads, steps."""
    plane, steps = opened.plane, opened.steps
    labels = [words.label(name) for name in plane.names]
    return {
        "mode": mode,
        "events": len(plane),
        "start_ps": int(plane.start_ps.min()),
        "end_ps": int(plane.end_ps.max()),
        "names": list(plane.names),
        "ops": [label.op for label in labels],
        "scopes": [label.scope for label in labels],
        "lines": _lines(opened),
        "steps": {
            "num": [step.step_num for step in steps],
            "exact": [step.exact for step in steps],
            "start_ps": [step.start_ps for step in steps],
            "end_ps": [step.end_ps for step in steps],
        },
        "typical": _typical(steps),
        "problems": list(opened.problems),
    }


def window(opened: Opened, start_ps: int, end_ps: int, width: int) -> bytes:
    """The events between two moments, merged where they are narrower than a pixel."""
    return lod.query(opened.levels, start_ps, end_ps, width)


def event(opened: Opened, index: int) -> dict[str, Any]:
    """One event, exactly as recorded, with what it stands in."""
    found = lod.describe(opened.plane, opened.nesting, opened.kinds, index)
    return {
        "event": index,
        "name": found.name,
        "start_ps": found.start_ps,
        "duration_ps": found.duration_ps,
        "self_ps": found.self_ps,
        "depth": found.depth,
        "line": found.line_name,
        "kind": KIND_IDS[found.kind] if 0 <= found.kind < len(KIND_IDS) else None,
        "parents": _parents(opened, index),
    }


def named(opened: Opened, name: str) -> Int64:
    """The events that ``name`` stands for (see ``words.matches``).

    An event inside another one of the same name is part of it and left out.
    """
    return _search(opened, name)


def uses(
    opened: Opened, events: Int64, start_ps: int, end_ps: int, width: int
) -> tuple[dict[str, Any], Int64]:
    """Those of some events that are within a window, and where.

    Marks that would fall on the same pixel of their row are sent as one.
    """
    start, end = opened.plane.start_ps[events], opened.plane.end_ps[events]
    before, after = start[start < start_ps], start[start >= end_ps]
    inside = (start < end_ps) & (end >= start_ps)
    events, start, end = events[inside], start[inside], end[inside]
    found = {
        "count": len(events),
        "total_ps": int((end - start).sum()),
        "previous_ps": int(before.max()) if len(before) else None,
        "next_ps": int(after.min()) if len(after) else None,
        **_marks(lod.row_of(opened.levels, events), start, end, (end_ps - start_ps) / width),
    }
    return found, events


def _marks(rows: Int64, start: Int64, end: Int64, pixel_ps: float) -> dict[str, list[int]]:
    """Where the events are, one mark for those that begin on the same pixel of a row."""
    pixel = np.floor(start / pixel_ps).astype(np.int64)
    order = np.lexsort((start, rows))
    rows, pixel, start, end = rows[order], pixel[order], start[order], end[order]
    if not len(order):
        return {"row": [], "start_ps": [], "span_ps": []}
    first = np.flatnonzero(np.r_[True, (rows[1:] != rows[:-1]) | (pixel[1:] != pixel[:-1])])
    latest = np.maximum.reduceat(end, first)
    return {
        "row": rows[first].tolist(),
        "start_ps": start[first].tolist(),
        "span_ps": (latest - start[first]).tolist(),
    }


def _search(opened: Opened, name: str) -> Int64:
    """Indices of the events that ``name`` stands for, those inside another one left out."""
    found = opened.searches.get(name)
    if found is None:
        meant = np.array([words.matches(text, name) for text in opened.plane.names], np.bool_)
        found = _outermost(meant[opened.plane.name_id], opened.nesting.parent)
        while len(opened.searches) >= _SEARCHES:
            opened.searches.pop(next(iter(opened.searches)), None)
        opened.searches[name] = found
    return found


def _outermost(meant: npt.NDArray[np.bool_], parent: Int64) -> Int64:
    events = np.flatnonzero(meant)
    above = parent[events]
    while (above >= 0).any():
        free = (above < 0) | ~meant[above]
        events, above = events[free], above[free]
        above = np.where(above >= 0, parent[above], -1)
    return events


def _lines(opened: Opened) -> list[dict[str, Any]]:
    """The threads, with the rows that each takes: one a level of nesting."""
    rows = lod.rows(opened.levels)
    lines = []
    for number, line in enumerate(opened.plane.lines):
        own = [index for index, row in enumerate(rows) if row.line == number]
        if own:
            lines.append(
                {"name": line.name, "first_row": own[0], "rows": len(own), "events": len(line)}
            )
    return lines


def _typical(steps: tuple[StepMark, ...]) -> int | None:
    """The step that is closest to the mean one, as an index."""
    if not steps:
        return None
    wall = np.array([step.end_ps - step.start_ps for step in steps], np.float64)
    return int(np.abs(wall - wall.mean()).argmin())


def _parents(opened: Opened, index: int) -> list[str]:
    """Names of the events around an event, the innermost first."""
    names: list[str] = []
    above = int(opened.nesting.parent[index])
    while above >= 0 and len(names) < _PARENTS:
        names.append(opened.plane.names[opened.plane.name_id[above]])
        above = int(opened.nesting.parent[above])
    return names


def _problems(trace: Trace) -> tuple[str, ...]:
    return (*trace.errors, *trace.warnings, *trace.dropped)
