"""What the first call of a mode is made of, from the trace of a process's first calls.

The call's time is divided as every traced step is (``graphprof.analysis.work.breakdown``), and the kinds
are put together to the parts that people ask for. TensorFlow records nothing while it optimises a
graph (Grappler, placement, partitioning) and prepares its kernels: that is the own time of the
function's first launch, between the call and its first kernel, outside of building.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from graphprof.analysis.work import breakdown
from graphprof.errors import TraceError
from graphprof.trace import classify, marks, rules, xspace
from graphprof.trace.kinds import KIND_IDS
from graphprof.trace.model import Plane, Trace
from graphprof.trace.nesting import Nesting, nest

_PS = 1e-12
_GRAPH_BUILDING = "tf.function-graph_building"


@dataclass(frozen=True)
class PartName:
    """A part of the first call.

    Attributes:
        id: stable identifier.
        title: what people read.
        explanation: one sentence.
    """

    id: str
    title: str
    explanation: str


PARTS: Final[tuple[PartName, ...]] = (
    PartName("building", "Building", "Python code run into a graph, variables made on the way."),
    PartName(
        "optimising",
        "Optimising",
        "The graph optimised (Grappler), placed on devices, and its kernels prepared.",
    ),
    PartName("compiling", "Compiling", "XLA compiling the graph to machine code."),
    PartName("running", "First run", "Ops at work for the first time, and waiting for them."),
    PartName("rest", "Rest", "Python outside of building, dispatch, and the wait for the batch."),
)

_PART_OF = {"build": "building", "compile": "compiling"} | dict.fromkeys(
    ("op", "py_function", "runtime", "idle"), "running"
)


@dataclass(frozen=True)
class FirstCall:
    """The first call of one process, with the profiler on.

    Attributes:
        seconds: its length; the parts sum to it.
        parts: id of the part -> seconds, in the order of ``PARTS``.
    """

    seconds: float
    parts: dict[str, float]


def read(path: Path, steps_in_first: int) -> FirstCall:
    """Divide the first call of a trace file.

    Args:
        path: the trace of the first calls.
        steps_in_first: steps that the first call holds.

    Raises:
        TraceError: it cannot be read, or does not hold the first call.
    """
    return divide(xspace.read(path, stats=breakdown.STATS), steps_in_first)


def divide(trace: Trace, steps_in_first: int) -> FirstCall:
    """Divide the first call of a trace that was read with ``breakdown.STATS``.

    Raises:
        TraceError: it does not hold the first call.
    """
    host = trace.host
    nesting = None if host is None else nest(host)
    divided = breakdown.divide(trace, nesting)
    first = divided.step_nums < steps_in_first
    if host is None or nesting is None or not first.any():
        raise TraceError("The trace does not hold the first call", "Profile again")
    parts = dict.fromkeys((part.id for part in PARTS), 0.0)
    for kind, ps in zip(KIND_IDS, divided.parts_ps[first].sum(axis=0), strict=True):
        parts[_PART_OF.get(kind, "rest")] += int(ps) * _PS
    marked = [mark for mark in marks.find(trace) if mark.step_num < steps_in_first]
    optimising = min(parts["building"], _optimising_ps(host, nesting, marked) * _PS)
    parts["optimising"] = optimising
    parts["building"] -= optimising
    return FirstCall(int(divided.wall_ps[first].sum()) * _PS, parts)


def _optimising_ps(host: Plane, nesting: Nesting, steps: list[marks.StepMark]) -> int:
    """Own time of the first launches of functions, outside of building."""
    launch = np.array([_launches_function(name) for name in host.names], bool)
    build = classify.kinds(host, nesting) == rules.BUILD
    total = 0
    for event in np.flatnonzero(launch[host.name_id] & build):
        # It begins in one of them; in a call of several steps it may end in another.
        inside = any(
            step.start_ps <= host.start_ps[event] < step.end_ps
            and host.lines[step.line].first <= event < host.lines[step.line].last
            for step in steps
        )
        if inside and not _within_building(host, nesting, int(event)):
            total += int(nesting.self_ps[event])
    return total


def _launches_function(name: str) -> bool:
    called = rules.CALL_PREFIX.sub("", name, count=1)
    return called != name and rules.FUNCTION.fullmatch(called) is not None


def _within_building(host: Plane, nesting: Nesting, event: int) -> bool:
    above = int(nesting.parent[event])
    while above >= 0:
        if host.names[host.name_id[above]] == _GRAPH_BUILDING:
            return True
        above = int(nesting.parent[above])
    return False
