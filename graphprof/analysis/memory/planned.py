"""XLA's plan by layer: what the temporaries are that a compiled step needs at once."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from graphprof.analysis.memory.allocators import Tensor, Top
from graphprof.analysis.work.attribution import PS
from graphprof.trace import buffers, hlo
from graphprof.trace.buffers import Buffer, BufferPlan
from graphprof.trace.labels import UNLABELLED, Label, Labels
from graphprof.trace.model import Plane
from graphprof.trace.opnames import Names

STATS: tuple[str, ...] = ("hlo_op", "hlo_module")
"""The stats that say when which instruction ran; ask for them when reading."""


@dataclass(frozen=True)
class Plan:
    """The plan of the module that takes most.

    Attributes:
        module: its name.
        plan: as XLA made it.
        alive: the temporaries that are needed at the peak, by whom, the largest first.
        modules: how many modules with a plan ran.
        labels: instruction -> whose it is.
    """

    module: str
    plan: BufferPlan
    alive: tuple[Tensor, ...]
    modules: int
    labels: Mapping[str, Label] = field(repr=False)


def plan(modules: Mapping[str, bytes], known: Labels | None, ran: set[str] | None) -> Plan | None:
    """Return the largest plan of the modules in a trace; None when there is none.

    Args:
        modules: serialised, by the names that the trace gives them (``xspace.hlo_modules``).
        known: what op names mean in this run.
        ran: names of the modules that ran in the steps (a trace also holds what ran before it);
            None takes all.

    Raises:
        TraceError: one is damaged.
    """
    found: list[tuple[int, str, BufferPlan]] = []
    for name, data in modules.items():
        # The trace appends a number to a module's name: `jit_step(42)`.
        bare = name.rpartition("(")[0] or name
        if ran is not None and bare not in ran:
            continue
        parsed = buffers.parse(data)
        if parsed is not None:
            found.append((parsed.temporary, name, parsed))
    if not found:
        return None
    _, name, largest = max(found, key=lambda one: one[:2])
    instructions = hlo.parse(modules[name])
    named = hlo.label(instructions, Names(known or Labels()).label)
    labels = {instruction: one.label for instruction, one in named.items()}
    alive = tuple(_tensor(one, labels) for one in largest.alive)
    return Plan(name.rpartition("(")[0] or name, largest, alive, len(found), labels)


def _tensor(buffer: Buffer, labels: Mapping[str, Label]) -> Tensor:
    label = labels.get(buffer.instruction, UNLABELLED)
    return Tensor(buffer.instruction, label.owner, label.in_pass, buffer.size, "", buffer.size)


def tops(found: Plan, clock: npt.NDArray[np.float64], moments: int, largest: int) -> list[Top]:
    """The largest temporaries at moments of a step.

    Args:
        found: the plan.
        clock: when each instruction of the schedule began, from ``on_clock``.
        moments: about how many moments to tell.
        largest: how many temporaries at each.
    """
    told = []
    every = max(1, -(-len(clock) // moments))
    for place in range(0, len(clock), every):
        alive = (one for one in found.plan.buffers if one.first <= place <= one.last)
        most = heapq.nlargest(largest, alive, key=lambda one: one.size)
        told.append(Top(float(clock[place]), tuple(_tensor(one, found.labels) for one in most)))
    return told


def modules_in(host: Plane, start_ps: int, end_ps: int) -> set[str]:
    """Names of the modules of which an instruction ran within a time."""
    column = host.stats.get("hlo_module")
    if column is None:
        return set()
    start = host.start_ps[column.owner]
    inside = (start >= start_ps) & (start < end_ps)
    return {str(name) for name in set(column.values[inside].tolist())}


def on_clock(found: Plan, host: Plane, start_ps: int, end_ps: int) -> npt.NDArray[np.float64]:
    """Return when each instruction of the schedule began in one step.

    Those that the trace does not show (they are too cheap) lie between their neighbours.

    Args:
        found: the plan.
        host: the trace's host plane, read with ``STATS``.
        start_ps: when the step began.
        end_ps: when it ended.

    Returns:
        Shape (len(schedule),), seconds from the trace's origin, ascending; empty when no instruction
        of the module ran in the step.
    """
    ops, modules = host.stats.get("hlo_op"), host.stats.get("hlo_module")
    if ops is None or modules is None:
        return np.zeros(0)
    place = {name: at for at, name in enumerate(found.plan.schedule)}
    start = host.start_ps[ops.owner]
    inside = np.flatnonzero((start >= start_ps) & (start < end_ps))
    module_of = dict(zip(modules.owner.tolist(), modules.values, strict=True))
    first: dict[int, int] = {}
    for at in inside:
        where = place.get(str(ops.values[at]))
        if where is None or str(module_of.get(int(ops.owner[at]), "")) != found.module:
            continue
        first[where] = min(first.get(where, int(start[at])), int(start[at]))
    if not first:
        return np.zeros(0)
    places = np.array(sorted(first), np.int64)
    # Instructions may begin out of order; the plan goes by the schedule.
    times = np.maximum.accumulate([first[int(one)] for one in places])
    every = np.arange(len(found.plan.schedule))
    return np.interp(every, places, times) * PS
