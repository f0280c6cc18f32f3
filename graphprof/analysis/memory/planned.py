"""XLA's plan by layer: what the temporaries are that a compiled step needs at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphprof.analysis.attribution import PS
from graphprof.analysis.memory.allocators import Tensor
from graphprof.trace import buffers, hlo
from graphprof.trace.buffers import BufferPlan
from graphprof.trace.labels import Labels
from graphprof.trace.model import Int64, Plane
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
        modules: how many modules with a plan the trace holds.
    """

    module: str
    plan: BufferPlan
    alive: tuple[Tensor, ...]
    modules: int


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
    labels = hlo.label(instructions, Names(known or Labels()).label)
    alive = []
    for one in largest.alive:
        label = labels[one.instruction].label
        alive.append(Tensor(one.instruction, label.owner, label.in_pass, one.size, "", one.size))
    return Plan(name.rpartition("(")[0] or name, largest, tuple(alive), len(found))


def modules_in(host: Plane, start_ps: int, end_ps: int) -> set[str]:
    """Names of the modules of which an instruction ran within a time."""
    column = host.stats.get("hlo_module")
    if column is None:
        return set()
    start = host.start_ps[column.owner]
    inside = (start >= start_ps) & (start < end_ps)
    return {str(name) for name in set(column.values[inside].tolist())}


def on_clock(
    found: Plan, host: Plane, start_ps: int, end_ps: int
) -> tuple[npt.NDArray[np.float64], Int64]:
    """Return the plan's levels over one step, at the times when its instructions began.

    Args:
        found: the plan.
        host: the trace's host plane, read with ``STATS``.
        start_ps: when the step began.
        end_ps: when it ended.

    Returns:
        times_s: shape (k,), seconds from the trace's origin, ascending.
        levels: shape (k,), int64: bytes of temporaries from then on. Both are empty when no
            instruction of the module ran in the step.
    """
    ops, modules = host.stats.get("hlo_op"), host.stats.get("hlo_module")
    nothing = np.zeros(0), np.zeros(0, np.int64)
    if ops is None or modules is None:
        return nothing
    place = {name: at for at, name in enumerate(found.plan.schedule)}
    start = host.start_ps[ops.owner]
    inside = np.flatnonzero((start >= start_ps) & (start < end_ps))
    module_of = dict(zip(modules.owner.tolist(), modules.values, strict=True))
    first: dict[int, int] = {}
    for at in inside:
        event = int(ops.owner[at])
        where = place.get(str(ops.values[at]))
        if where is None or str(module_of.get(event, "")) != found.module:
            continue
        first[where] = min(first.get(where, int(start[at])), int(start[at]))
    if not first:
        return nothing
    places = np.array(sorted(first), np.int64)
    # Instructions may begin out of order; the plan goes by the schedule.
    times = np.maximum.accumulate([first[int(one)] for one in places])
    every = np.arange(len(found.plan.schedule))
    clock = np.interp(every, places, times)
    return clock * PS, found.plan.levels
