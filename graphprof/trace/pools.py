"""Work on intra-op thread pools: who asked for it.

A pool's thread does not name the pieces of kernels that it runs. What the tracer does record is
when a thread starts and stops running a piece (two instants on its line), and where the piece was
handed over (an instant on the other thread's line); both carry the same number. So each stretch of
unnamed work is led back to the event that asked for it, through pieces that asked for more pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphprof.trace.model import Int64, Plane
from graphprof.trace.nesting import Nesting

STATS: tuple[str, ...] = ("_c", "_p")
"""The stats that hold the numbers: consumed here, produced there."""

HANDED_OVER = "ThreadpoolListener::Record"
STARTED = "ThreadpoolListener::StartRegion"
STOPPED = "ThreadpoolListener::StopRegion"


@dataclass(frozen=True)
class Regions:
    """Stretches of pool work, ascending on each line, lines one after the other.

    Attributes:
        line: shape (m,), int64: index in ``Plane.lines``.
        start_ps: shape (m,), int64.
        end_ps: shape (m,), int64.
        asked_by: shape (m,), int64: index of the event that handed the work over, -1 when the
            trace does not say.
    """

    line: Int64
    start_ps: Int64
    end_ps: Int64
    asked_by: Int64

    def __len__(self) -> int:
        return len(self.line)


def regions(plane: Plane, nesting: Nesting, lines: Sequence[int]) -> Regions:
    """Return the pool work on the given lines (indices in ``Plane.lines``)."""
    ids = {name: index for index, name in enumerate(plane.names)}
    if STARTED not in ids or STOPPED not in ids:
        none = np.empty(0, np.int64)
        return Regions(none, none, none, none)
    begun, ended, line = [], [], []
    for number in lines:
        first, last = _pairs(plane, number, ids[STARTED], ids[STOPPED])
        begun.append(first)
        ended.append(last)
        line.append(np.full(len(first), number, np.int64))
    started = np.concatenate([np.empty(0, np.int64), *begun])
    stopped = np.concatenate([np.empty(0, np.int64), *ended])
    found = Regions(
        np.concatenate([np.empty(0, np.int64), *line]),
        plane.start_ps[started],
        plane.start_ps[stopped],
        np.full(len(started), -1, np.int64),
    )
    asked = _handed_over(plane, ids.get(HANDED_OVER, -1), started)
    return Regions(found.line, found.start_ps, found.end_ps, _askers(plane, nesting, found, asked))


def _pairs(plane: Plane, line: int, started: int, stopped: int) -> tuple[Int64, Int64]:
    """Return the events that open and close each stretch; nested ones are part of the outer."""
    events = plane.lines[line].events
    name = plane.name_id[events]
    instants = np.flatnonzero((name == started) | (name == stopped))
    sign = np.where(name[instants] == started, 1, -1)
    level = np.cumsum(sign)
    # A trace may begin inside a stretch: its stop has no start.
    level -= np.minimum(np.minimum.accumulate(level), 0) if len(level) else 0
    opens = instants[(sign > 0) & (level == 1)]
    closes = instants[(sign < 0) & (level == 0)]
    partner = np.searchsorted(closes, opens)
    # And end inside one.
    whole = partner < len(closes)
    return opens[whole] + events.start, closes[partner[whole]] + events.start


def _handed_over(plane: Plane, record: int, started: Int64) -> Int64:
    """Return the instant at which each stretch's work was handed over, -1 when not recorded."""
    taken, given = plane.stats.get("_c"), plane.stats.get("_p")
    nobody = np.full(len(started), -1, np.int64)
    if taken is None or given is None or not len(taken.owner) or not len(started):
        return nobody
    if taken.values.dtype != np.int64 or given.values.dtype != np.int64:
        return nobody
    mine = np.minimum(np.searchsorted(taken.owner, started), len(taken.owner) - 1)
    known = taken.owner[mine] == started
    records = np.flatnonzero(plane.name_id[given.owner] == record)
    if not len(records):
        return nobody
    order = records[np.argsort(given.values[records], kind="stable")]
    numbers = given.values[order]
    wanted = taken.values[mine]
    place = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    known &= numbers[place] == wanted
    return np.where(known, given.owner[order[place]], nobody)


def _askers(plane: Plane, nesting: Nesting, found: Regions, asked: Int64) -> Int64:
    """Return the event around each handing over, following stretches that asked for others."""
    given = asked >= 0
    asker = np.where(given, nesting.parent[np.maximum(asked, 0)], -1)
    above = np.full(len(found), -1, np.int64)
    loose = np.flatnonzero(given & (asker < 0))
    when = plane.start_ps[asked[loose]]
    for number in np.unique(found.line):
        line = plane.lines[number]
        here = (asked[loose] >= line.first) & (asked[loose] < line.last)
        own = np.flatnonzero(found.line == number)
        place = np.searchsorted(found.start_ps[own], when[here], side="right") - 1
        inside = (place >= 0) & (found.end_ps[own[place]] >= when[here])
        above[loose[here]] = np.where(inside, own[place], -1)
    # Each round doubles the reach, so that this ends soon; a damaged trace cannot make a circle
    # last longer than the number of rounds.
    for _ in range(64):
        open_ = np.flatnonzero((asker < 0) & (above >= 0))
        if not len(open_):
            break
        asker[open_], above[open_] = asker[above[open_]], above[above[open_]]
    return asker
