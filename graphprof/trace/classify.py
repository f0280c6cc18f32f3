"""Event -> kind of time, by its name and by the events around it.

Names are matched once each (``graphprof.trace.rules``); everything else follows the nesting, level
by level from the roots, over all events of a level at once. What the surroundings settle:

* what an eager kernel is: the op, a wait for a function, ``next(iterator)`` or ``py_function``;
* whether a call of a ``tf.function`` built it (its own time and the optimising of its graph are
  then *build*);
* the names below XLA's executor (HLO instructions) and beside XLA's compiler (passes);
* what belongs to the input pipeline: its own threads, and the graphs that it runs on others.

A name that nothing settles takes the kind of the event around it and is marked unknown, so that it
shows wherever numbers are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from graphprof.trace import rules
from graphprof.trace.model import Int32, Int64, Plane
from graphprof.trace.nesting import Nesting, levels
from graphprof.trace.rules import Pool, Role

Int8 = npt.NDArray[np.int8]
Bool = npt.NDArray[np.bool_]

STATS: tuple[str, ...] = ("step_num", "derived", "tf_function_call", "id", "step_id")
"""The stats that classifying looks at; ask for them when reading."""


@dataclass(frozen=True)
class Classes:
    """What the events of a plane are; parallel to the plane's columns.

    Attributes:
        kind: shape (n,), int8: what the event's own time is: index in ``KINDS``, ``WAITING``,
            ``BACKGROUND`` or ``UNKNOWN``.
        label: shape (n,), int32: index in ``Plane.names`` of the name to show; for an eager
            kernel that of its call.
        unknown: shape (n,), bool: no rule knows the event's name.
        pool: what each line is for, parallel to ``Plane.lines``.
    """

    kind: Int8
    label: Int32
    unknown: Bool
    pool: tuple[Pool, ...]


def kinds(plane: Plane, nesting: Nesting) -> Int8:
    """Return the kind of each event's own time (see ``Classes.kind``)."""
    return classify(plane, nesting).kind


def classify(plane: Plane, nesting: Nesting) -> Classes:
    """Say what each event of a host plane is.

    The plane must have been read with the stats in ``STATS``; without them calls of functions with
    names of their own are unknown.
    """
    pools = _pools(plane)
    own = _own(plane, nesting, pools)
    seen = _descend(nesting, own)
    kind = np.where(own.kind >= 0, own.kind, seen.around)
    kernels = (own.role == Role.KERNEL) & ~_has_launch(nesting, own)
    called = np.maximum(seen.call, 0)
    kind[kernels] = np.where(seen.call >= 0, own.kernel[called], rules.OP)[kernels]
    kind[(own.role == Role.KERNEL) & ~kernels] = rules.WAITING
    # A function's first call: its graph is optimised and placed before it is launched.
    first = seen.building & (own.role == Role.CALL) & (own.kernel == rules.WAITING)
    kind[first] = rules.BUILD
    _settle_containers(kind, nesting, own)
    kind = np.where(seen.whole >= 0, seen.whole, kind)
    unknown = (own.kind < 0) & (seen.whole < 0) & (seen.around != rules.OP)
    label = np.where(
        (own.role == Role.KERNEL) & (seen.call >= 0), plane.name_id[called], plane.name_id
    )
    return Classes(kind.astype(np.int8), label.astype(np.int32), unknown, pools)


@dataclass
class _Own:
    """What an event is by itself, before looking at the events around it.

    Attributes:
        kind: what its own time is, ``UNKNOWN`` where only its surroundings can tell.
        whole: what everything in it is, or -1.
        role: what the surroundings settle.
        kernel: of an eager call: what the kernel below it is.
        building: a call of a tf.function that built it.
        holder: something stands inside that XLA's compiler is known by.
    """

    kind: Int8
    whole: Int8
    role: Int8
    kernel: Int8
    building: Bool
    holder: Bool


def _own(plane: Plane, nesting: Nesting, pools: tuple[Pool, ...]) -> _Own:
    by_name = [rules.rule(name) for name in plane.names]
    table = np.array(
        [
            (
                rules.UNKNOWN if rule is None else rule.kind,
                rule.kind if rule is not None and rule.whole else -1,
                Role.NONE if rule is None else rule.role,
                rules.kernel_of(name)
                if rule is not None and rule.role == Role.CALL
                else rules.UNKNOWN,
            )
            for name, rule in zip(plane.names, by_name, strict=True)
        ],
        np.int8,
    ).reshape(-1, 4)
    kind, whole, role, kernel = (column[plane.name_id] for column in table.T)
    nothing = np.zeros(len(plane), bool)
    own = _Own(kind, whole, role, kernel, nothing, nothing.copy())
    own.building = _mark_calls(plane, own)
    _mark_input(plane, nesting, pools, own)
    _mark_compiling(nesting, own)
    roots = nesting.parent < 0
    for line, pool in zip(plane.lines, pools, strict=True):
        here = slice(line.first, line.last)
        loose = roots[here] & (own.kind[here] < 0)
        if pool == Pool.INTRA_OP:
            own.kind[here][loose] = rules.OP
        elif pool == Pool.COMPILER:
            own.whole[here][roots[here]] = rules.COMPILE
    return own


def _pools(plane: Plane) -> tuple[Pool, ...]:
    """Return what each line is for; one with step marks is Python's, whatever it is called."""
    marked = plane.stats.get("step_num")
    owners = np.empty(0, np.int64) if marked is None else marked.owner
    return tuple(
        Pool.PYTHON
        if np.searchsorted(owners, line.first) < np.searchsorted(owners, line.last)
        else rules.pool(line.name)
        for line in plane.lines
    )


def _mark_calls(plane: Plane, own: _Own) -> Bool:
    """Recognise step marks and calls of tf.functions by their stats: their names are the user's."""
    building = np.zeros(len(plane), bool)
    for stat in ("step_num", "derived"):
        marks = plane.stats.get(stat)
        if marks is not None:
            own.kind[marks.owner] = rules.PYTHON
            own.whole[marks.owner] = -1
    calls = plane.stats.get("tf_function_call")
    if calls is not None:
        # "traced-..." is TensorFlow's word for a call that built the function.
        built = np.array([str(value).startswith("traced") for value in calls.values], bool)
        own.kind[calls.owner] = np.where(built, rules.BUILD, rules.FUNCTION_CALL)
        own.whole[calls.owner] = -1
        building[calls.owner] = built
    return building


def _mark_input(plane: Plane, nesting: Nesting, pools: tuple[Pool, ...], own: _Own) -> None:
    """Tell the input pipeline's work from the step's, where both run graphs.

    Each run of a graph has a step id. The runs of captured functions (the functions given to
    ``map``, ``from_generator``, ...) are the pipeline's, on any thread. On a thread of the pipeline
    everything is the pipeline's, but for what the step itself runs there: the wait for its batch,
    and the graphs that it launched.
    """
    run_id = _ids(plane)
    captured = np.unique(run_id[(own.role == Role.CAPTURED) & (run_id != 0)])
    launched = np.unique(run_id[(own.role == Role.LAUNCH) & (run_id != 0)])
    executor = own.role == Role.EXECUTOR
    theirs = executor & np.isin(run_id, captured)
    own.whole[theirs] = rules.BACKGROUND
    steps_own = (executor & np.isin(run_id, launched)) | (own.whole == rules.INPUT)
    waits = np.array([name.endswith("::DoCompute") for name in plane.names], bool)
    for line, pool in zip(plane.lines, pools, strict=True):
        if pool != Pool.INPUT:
            continue
        here = slice(line.first, line.last)
        mine = steps_own[here] & ((own.role[here] == Role.EXECUTOR) | waits[plane.name_id[here]])
        others = (nesting.parent[here] < 0) & ~mine
        own.whole[here][others] = rules.BACKGROUND


def _ids(plane: Plane) -> Int64:
    """Return the step id of each event that has one, else 0."""
    ids = np.zeros(len(plane), np.int64)
    for stat in ("id", "step_id"):
        column = plane.stats.get(stat)
        if column is not None and column.values.dtype == np.int64:
            ids[column.owner] = cast("Int64", column.values)
    return ids


def _mark_compiling(nesting: Nesting, own: _Own) -> None:
    """Find what stands beside XLA's compiler: passes by any name, in an event that holds them."""
    seeds = (own.whole == rules.COMPILE) & (nesting.parent >= 0)
    holders = np.unique(nesting.parent[seeds])
    # A mark or a call of a function may hold anything; only a launch of XLA compiles directly.
    holders = holders[np.isin(own.kind[holders], (rules.RUNTIME, rules.OP, rules.DISPATCH))]
    own.holder[holders] = True
    inside = nesting.parent >= 0
    beside = inside & own.holder[nesting.parent] & (own.kind < 0)
    own.kind[beside] = rules.COMPILE
    own.whole[beside] = rules.COMPILE


@dataclass
class _Seen:
    """What is around an event.

    Attributes:
        whole: what everything here is, or -1: the outermost word holds.
        call: index of the innermost eager call around it, or -1.
        around: kind of the innermost known event around it (itself included).
        building: inside a call that built its tf.function.
    """

    whole: Int8
    call: Int64
    around: Int8
    building: Bool


def _descend(nesting: Nesting, own: _Own) -> _Seen:
    size = len(own.kind)
    seen = _Seen(
        own.whole.copy(),
        np.where(own.role == Role.CALL, np.arange(size), -1),
        own.kind.copy(),
        own.building.copy(),
    )
    for here in levels(nesting):
        up = nesting.parent[here]
        call = np.where(seen.call[here] >= 0, seen.call[here], seen.call[up])
        seen.call[here] = call
        around = np.where(own.role[up] == Role.THUNKS, rules.OP, seen.around[up])
        seen.around[here] = np.where(own.kind[here] >= 0, own.kind[here], around)
        seen.building[here] |= seen.building[up]
        whole = np.where(seen.whole[up] >= 0, seen.whole[up], own.whole[here])
        # A Python function called as an op: what it calls in turn is part of it.
        python = (own.role[here] == Role.KERNEL) & (call >= 0)
        python &= own.kernel[np.maximum(call, 0)] == rules.PY_FUNCTION
        seen.whole[here] = np.where((whole < 0) & python, rules.PY_FUNCTION, whole)
    return seen


def _has_launch(nesting: Nesting, own: _Own) -> Bool:
    """Which events hand a function to other threads, directly below them."""
    launches = np.zeros(len(own.kind), bool)
    below = nesting.parent[own.role == Role.LAUNCH]
    launches[below[below >= 0]] = True
    return launches


def _settle_containers(kind: npt.NDArray[np.int8], nesting: Nesting, own: _Own) -> None:
    """Give the own time of what merely holds others to those that it is about."""
    # The rest of a launch that compiled is lowering and linking, before the passes and after.
    kind[own.holder] = rules.COMPILE
    # A loop or call of XLA holds an executor of its own: its body's instructions show apart.
    above = nesting.parent[own.role == Role.THUNKS]
    above = above[above >= 0]
    kind[above[own.kind[above] < 0]] = rules.RUNTIME
