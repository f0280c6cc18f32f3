"""The steps of a trace.

A step is marked by an event that carries ``_r=1`` and its ``step_num`` (as XProf has it; the graph
executor's launches carry ``_r`` too, but no number). A call that holds several steps (Keras's
``steps_per_execution=N``) has one mark, with the number of its first step and ``steps=N``.

When fewer of its steps were asked for, as in the last call of a recording, ``wanted`` says how many
count.

Such a call is split where its iterations begin (``graphprof.trace.iterations``): the first step
begins with the call and the last one ends with it, so that the steps tile the call. Where the trace
does not tell, the limits are estimates, and the steps say ``exact=False``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphprof.trace import iterations
from graphprof.trace.iterations import Iterations
from graphprof.trace.model import Int64, Plane, Trace

STATS: tuple[str, ...] = ("_r", "step_num", "steps", "wanted", "derived", *iterations.STATS)
"""The stats that marks are found by; ask for them when reading."""


@dataclass(frozen=True)
class StepMark:
    """One step, or one call that holds several.

    Attributes:
        step_num: its number; of a call: that of its first step.
        steps: how many steps it holds: 1 from ``find``.
        line: index in ``Plane.lines`` of the thread that made it.
        start_ps: when it begins, picoseconds from the trace's origin.
        end_ps: when it ends.
        name: ``train``, ``evaluate`` or ``predict`` in graphprof's own traces.
        call_steps: how many steps the call holds that it is part of.
        wanted: of a call: how many of its steps were asked for; the others are none of the trace's.
        exact: whether its limits were recorded; False where they are an estimate.
    """

    step_num: int
    steps: int
    line: int
    start_ps: int
    end_ps: int
    name: str = "train"
    call_steps: int = 1
    exact: bool = True
    wanted: int = 1


def find(trace: Trace) -> tuple[StepMark, ...]:
    """Return the steps of a trace, in order of time; calls that hold several are split."""
    host = trace.host
    if host is None:
        return ()
    loops = Iterations(host)
    steps: list[StepMark] = []
    for call in calls(trace):
        # Calls may have been numbered one by one, as they were made, or by their first step.
        follows = steps[-1].step_num + 1 if steps and call.steps > 1 else call.step_num
        split = _split(call, loops, max(call.step_num, follows))
        steps.extend(itertools.islice(split, call.wanted))
    return tuple(steps)


def calls(trace: Trace) -> tuple[StepMark, ...]:
    """Return the marks as recorded, in order of time: one a call, however many steps it holds.

    A mark inside another one is not a step of its own and left out.
    """
    host = trace.host
    if host is None or "step_num" not in host.stats:
        return ()
    root, steps, derived, wanted = (
        _column(host, name) for name in ("_r", "steps", "derived", "wanted")
    )
    found = host.stats["step_num"]
    chosen = ((root[found.owner] == 1) | (steps[found.owner] > 1)) & (derived[found.owner] == 0)
    events = found.owner[chosen]
    numbers = np.asarray(found.values)[chosen]
    firsts = np.array([line.first for line in host.lines], np.int64)
    lines = np.searchsorted(firsts, events, side="right") - 1
    marks: list[StepMark] = []
    order = np.lexsort((host.start_ps[events], lines))
    for event, number, line in zip(events[order], numbers[order], lines[order], strict=True):
        # Empty lines share their first index with the line that follows.
        held = int(max(1, steps[event]))
        mark = _mark(host, int(event), int(number), int(line), held, int(wanted[event]) or held)
        if marks and marks[-1].line == mark.line and mark.start_ps < marks[-1].end_ps:
            continue
        marks.append(mark)
    return tuple(sorted(marks, key=lambda mark: mark.start_ps))


def notices(marks: Sequence[StepMark]) -> tuple[str, ...]:
    """Say what is odd about the steps found, one sentence each: numbers twice, or missing."""
    numbers = np.array([mark.step_num for mark in marks], np.int64)
    there, times = np.unique(numbers, return_counts=True)
    said = [f"Step {number} is marked more than once" for number in there[times > 1]]
    for before in np.flatnonzero(np.diff(there) > 1):
        first, last = there[before] + 1, there[before + 1] - 1
        said.append(
            f"Step {first} is missing" if first == last else f"Steps {first} to {last} are missing"
        )
    guessed = sum(not mark.exact for mark in marks)
    if guessed:
        said.append(
            f"{guessed} steps were not recorded one by one: where they begin within their calls is "
            "an estimate"
        )
    return tuple(said)


def _mark(host: Plane, event: int, number: int, line: int, steps: int, wanted: int) -> StepMark:
    start = int(host.start_ps[event])
    return StepMark(
        step_num=number,
        steps=steps,
        line=line,
        start_ps=start,
        end_ps=start + int(host.duration_ps[event]),
        name=host.names[host.name_id[event]],
        call_steps=steps,
        wanted=wanted,
    )


def _column(plane: Plane, stat: str) -> Int64:
    """Return a stat of small whole numbers for every event, 0 where it has none."""
    values = np.zeros(len(plane), np.int64)
    column = plane.stats.get(stat)
    if column is not None and column.values.dtype == np.int64:
        values[column.owner] = column.values
    return values


def _split(call: StepMark, loops: Iterations, number: int) -> Iterator[StepMark]:
    if call.steps == 1:
        yield call
        return
    begins = loops.begins(call.start_ps, call.end_ps, call.steps)
    limits = (*begins.start_ps, call.end_ps)
    for k, (start, end) in enumerate(itertools.pairwise(limits)):
        yield StepMark(
            number + k, 1, call.line, start, end, call.name, call.call_steps, begins.exact
        )
