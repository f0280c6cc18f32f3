"""Where the steps of a trace are that graphprof did not record.

In order of trust:

* *marked*: events with ``step_num`` and ``_r=1``, as XProf wants them; nothing needs to be done.
* *numbered*: events with ``step_num`` alone. Keras's TensorBoard callback (Keras 3) leaves
  ``_r`` out, which is why XProf finds no steps in its traces.
* *named*: each event of a name that the user gives.
* *repeated*: what Python's thread calls again and again, where that leaves no choice: compiled functions,
  and ``next(iterator)``, all of them equally often and in turn. A step goes from one beginning to the
  next, so that what Python does in between is part of it; the last one has no end and is left out.
* *whole*: none of these. The whole recording counts as one step.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from graphprof.errors import TraceError, UsageError
from graphprof.trace import marks, rules
from graphprof.trace.model import Int64, Plane, Trace
from graphprof.trace.nesting import Nesting, nest
from graphprof.units import count

Origin = Literal["marked", "numbered", "named", "repeated", "whole"]

STATS: tuple[str, ...] = (*marks.STATS, "hlo_op")

FEWEST = 3
"""Something that is called less often than this is no loop."""

_FUNCTION = re.compile(r"EagerLocalExecute: __(?:inference|forward)_(.+?)_\d+")
_NEXT = re.compile(r"EagerLocalExecute: \w*Iterator\w*GetNext\w*")
_BUILDING = "tf.function-graph_building"
_NEAR = 5

# What the reader calls events whose names are missing from the file.
_NAMELESS = "unknown event "


@dataclass(frozen=True)
class Steps:
    """The steps of a trace, and how they were found.

    Attributes:
        origin: how (see above).
        sentence: the same for people; empty where steps were marked as they should be.
        line: index in ``Plane.lines`` of the thread that makes them.
        name: of numbered steps the name of the event.
        held: of numbered steps how many each of them holds (``steps_per_execution``).
        spans: shape (n, 2), int64: start and end of each (or of the call that holds several),
            picoseconds from the trace's origin.
    """

    origin: Origin
    sentence: str
    line: int
    name: str
    held: int
    spans: Int64

    @property
    def exact(self) -> bool:
        """Whether the recording itself says what a step is."""
        return self.origin in ("marked", "numbered", "named")


def find(trace: Trace, step_event: str | None = None) -> Steps:
    """Find the steps of a trace that was read with ``STATS``.

    Args:
        trace: the trace.
        step_event: name of an event that is a step each time; None looks for marks and repetition.

    Raises:
        TraceError: it holds no events of the host.
        UsageError: no event has the name.
    """
    host = trace.host
    if host is None or not len(host):
        raise TraceError(
            "It holds no events of the host (/host:CPU), where steps are made",
            "Record it with tf.profiler in the program that runs the steps",
        )
    if all(name.startswith(_NAMELESS) for name in host.names):
        raise TraceError(
            "It was cut off before the names of its events, without which they tell nothing",
            "Record it again; if the disk was full, free some space first",
        )
    nesting = nest(host)
    if step_event is not None:
        return _named(host, nesting, step_event)
    marked = marks.calls(trace)
    if marked:
        spans = np.array([(mark.start_ps, mark.end_ps) for mark in marked], np.int64)
        return Steps("marked", "", marked[0].line, marked[0].name, 1, spans)
    return _numbered(host) or _repeated(host, nesting) or _whole(host)


def _numbered(host: Plane) -> Steps | None:
    column = host.stats.get("step_num")
    if column is None or column.values.dtype != np.int64:
        return None
    lines = _lines(host, column.owner)
    events = Counter(zip(lines.tolist(), host.name_id[column.owner].tolist(), strict=True))
    if not events:
        return None
    (line, name_id), times = events.most_common(1)[0]
    mine = (lines == line) & (host.name_id[column.owner] == name_id)
    name = host.names[name_id]
    held = _held(np.asarray(column.values)[mine])
    together = "" if held == 1 else f", {held} steps each"
    sentence = (
        f"Its steps are the {count(times)} events {name!r}{together}; they carry a step number but not the "
        "mark that XProf looks for, which was added"
    )
    return Steps("numbered", sentence, line, name, held, _spans(host, column.owner[mine]))


def _spans(host: Plane, events: Int64) -> Int64:
    return np.stack((host.start_ps[events], host.end_ps[events]), axis=1)


def _held(numbers: Int64) -> int:
    """How many steps each event holds: Keras numbers the batches, not the calls."""
    apart = np.unique(np.diff(np.sort(numbers)))
    return int(apart[0]) if len(apart) == 1 and apart[0] > 1 else 1


def _named(host: Plane, nesting: Nesting, wanted: str) -> Steps:
    def called(name: str) -> str:
        function = _FUNCTION.fullmatch(name)
        return function[1] if function else name

    exact = [name == wanted for name in host.names]
    chosen = exact if any(exact) else [called(name) == wanted for name in host.names]
    events = _outermost(np.flatnonzero(np.array(chosen, bool)[host.name_id]), nesting, chosen, host)
    if not len(events):
        known = {called(name) for name in host.names}
        near = difflib.get_close_matches(wanted, known, _NEAR, 0.4)
        raise UsageError(
            f"No event is called {wanted!r}",
            f"Name one of: {', '.join(near)}" if near else "Look for its name in the Timeline",
        )
    lines = _lines(host, events)
    line = Counter(lines.tolist()).most_common(1)[0][0]
    events = events[lines == line]
    sentence = (
        f"Its steps are the {count(len(events))} events {wanted!r}, as asked; what passes between "
        "them belongs to no step"
    )
    return Steps("named", sentence, line, wanted, 1, _spans(host, events))


def _repeated(host: Plane, nesting: Nesting) -> Steps | None:
    line = _python(host)
    if line is None:
        return None
    starts, names = _loop(host, nesting, line)
    if len(starts) < FEWEST:
        return None
    begins = host.start_ps[_apart(starts, nesting)]
    spans = np.stack((begins[:-1], begins[1:]), axis=1)
    sentence = (
        f"Its steps are not marked; they were derived from what repeats: each begins with a call of "
        f"{names}, and ends where the next begins (the last call has no such end and is left out)"
    )
    return Steps("repeated", sentence, line, "", 1, spans)


def _whole(host: Plane) -> Steps:
    line = _python(host)
    if line is None:
        line = max(range(len(host.lines)), key=lambda place: len(host.lines[place]))
    own = host.lines[line].events
    span = [[int(host.start_ps[own].min()), int(host.end_ps[own].max())]]
    sentence = (
        "It marks no steps, and nothing in it repeats in a way that leaves no choice: the whole recording "
        "counts as one step (name the event that is a step with --step-event)"
    )
    return Steps("whole", sentence, line, "", 1, np.array(span, np.int64))


def _python(host: Plane) -> int | None:
    """The line of Python's busiest thread, or None."""
    own = [
        place
        for place, line in enumerate(host.lines)
        if len(line) and rules.pool(line.name) == rules.Pool.PYTHON
    ]
    return max(own, key=lambda place: len(host.lines[place])) if own else None


def _loop(host: Plane, nesting: Nesting, line: int) -> tuple[Int64, str]:
    """Return the events that begin each turn of a loop, and what is called in it; none if unclear."""
    nothing = np.empty(0, np.int64), ""
    calls = _calls(host, nesting, line, _function)
    wanted = _calls(host, nesting, line, _next)
    often = {name: own for name, own in {**calls, **wanted}.items() if len(own) >= FEWEST}
    functions = {name: own for name, own in often.items() if name in calls}
    # A loop over data that is run op by op has its next(iterator) alone.
    turns = _in_turn(often) or _in_turn(functions)
    if turns is None or (calls and not functions):
        return nothing
    return turns


def _in_turn(calls: dict[str, Int64]) -> tuple[Int64, str] | None:
    """Return the first of each turn where all are called equally often, one after the other."""
    if not calls:
        return None
    order = sorted(calls, key=lambda name: int(calls[name][0]))
    most = max(len(own) for own in calls.values())
    if any(len(own) < most - 1 for own in calls.values()):
        return None
    sequence = sorted((int(event), name) for name, own in calls.items() for event in own)
    if any(name != order[place % len(order)] for place, (_, name) in enumerate(sequence)):
        return None
    return calls[order[0]], " and ".join(order)


def _calls(
    host: Plane, nesting: Nesting, line: int, wanted: Callable[[str], str | None]
) -> dict[str, Int64]:
    """Return the outermost calls on a line by what is called; not those of a graph being built."""
    called = [wanted(name) for name in host.names]
    around = [
        name is not None or text == _BUILDING for name, text in zip(called, host.names, strict=True)
    ]
    own = host.lines[line].events
    known = np.array([name is not None for name in called], bool)
    events = np.arange(own.start, own.stop)[known[host.name_id[own]]]
    found: dict[str, list[int]] = {}
    for event in _outermost(events, nesting, around, host).tolist():
        found.setdefault(called[host.name_id[event]] or "", []).append(event)
    return {name: np.array(own, np.int64) for name, own in found.items()}


def _function(name: str) -> str | None:
    found = _FUNCTION.fullmatch(name)
    return found[1] if found else None


def _next(name: str) -> str | None:
    return "next(iterator)" if _NEXT.fullmatch(name) else None


def _outermost(events: Int64, nesting: Nesting, meant: Sequence[bool], host: Plane) -> Int64:
    """Leave out events inside another one that is meant."""
    is_meant = np.array(meant, bool)
    above = nesting.parent[events]
    while (above >= 0).any():
        free = (above < 0) | ~is_meant[host.name_id[above]]
        events, above = events[free], above[free]
        above = np.where(above >= 0, nesting.parent[above], -1)
    return events


def _apart(events: Int64, nesting: Nesting) -> Int64:
    """Return the outermost events around each of these that no other of them shares."""
    chains = []
    for event in events.tolist():
        chain = [event]
        while (up := int(nesting.parent[chain[-1]])) >= 0:
            chain.append(up)
        chains.append(chain[::-1])
    for depth in range(min(map(len, chains))):
        level = [chain[depth] for chain in chains]
        if len(set(level)) == len(level):
            return np.array(level, np.int64)
    return events


def _lines(host: Plane, events: Int64) -> Int64:
    """Return the line of each event. Empty lines share their first index with the line that follows."""
    firsts = np.array([line.first for line in host.lines], np.int64)
    found: Int64 = np.searchsorted(firsts, events, side="right") - 1
    return found
