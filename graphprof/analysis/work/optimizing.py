"""The optimizer's time by the layer whose variables it updates.

A graph says it: the layer of a variable is the one whose forward pass reads its handle, and what flows
into the assignment of a variable, and of the slots that are read for it (momentum, velocity), is its
update. What flows into the updates of several layers (the step's number, the learning rate) is shared. Of
an update that does several layers' at once (stacked, or fused by XLA) it cannot be told either. In eager
mode the trace does not tell one update from the next.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from graphprof.analysis.work import ops
from graphprof.analysis.work.attribution import Attribution
from graphprof.analysis.work.ops import OpRow
from graphprof.trace.graphs import Nodes, plain
from graphprof.trace.labels import Label
from graphprof.trace.opnames import Names

SHARED = ""
"""Owner of what the updates of several layers have in common."""


@dataclass(frozen=True)
class Update:
    """The optimizer's work for one layer in the mean step.

    Attributes:
        owner: path of the layer; empty for what several have in common.
        wall_s: its part of the step's time, of those ops that were recorded; None where none was.
        calls: how many ops.
        recorded: how many of them the traced steps hold.
    """

    owner: str
    wall_s: float | None
    calls: float
    recorded: float


def of(attribution: Attribution) -> tuple[Update, ...] | None:
    """Divide a mode's optimizer among the layers; None where it cannot be told."""
    costs = attribution.costs
    if costs is None:
        return None
    return of_rows(ops.table(attribution), costs.built, costs.names)


def of_rows(rows: Iterable[OpRow], built: Nodes | None, names: Names) -> tuple[Update, ...] | None:
    """Divide the optimizer's ops among the layers; None where it cannot be told.

    Args:
        rows: ops of a mode.
        built: its graph as built.
        names: what the nodes' names mean.
    """
    if built is None or not built.names:
        return None
    owners = _owners(built, names)
    found: defaultdict[str, list[OpRow]] = defaultdict(list)
    for row in rows:
        if row.in_pass == "optimizer":
            parts = [part.rpartition(":")[0] for part in row.implements] or [row.name]
            whose = {owners.get(plain(_bare(part)), SHARED) for part in parts} - {SHARED}
            found[whose.pop() if len(whose) == 1 else SHARED].append(row)
    updates = (_update(owner, mine) for owner, mine in found.items())
    return tuple(sorted(updates, key=lambda one: (-(one.wall_s or 0.0), one.owner)))


def _bare(name: str) -> str:
    return name.removeprefix("StatefulPartitionedCall/")


def _update(owner: str, rows: list[OpRow]) -> Update:
    times = [row.wall_s for row in rows if row.wall_s is not None]
    calls = sum(row.calls for row in rows)
    recorded = sum(row.calls if row.recorded is None else row.recorded for row in rows)
    return Update(owner, sum(times) if times else None, calls, recorded)


def _owners(built: Nodes, names: Names) -> dict[str, str]:
    """Name of each node of the optimizer (without inlining's numbers) -> layer, of those that are told."""
    labels = [names.label(name) for name in built.names]
    mine = {place for place, label in enumerate(labels) if label.in_pass == "optimizer"}
    handle = [_handle(built, place) for place in range(len(built.names))]
    layer_of = _layers_of_handles(built, handle, labels)
    assigns = [place for place in mine if built.type_of(place).startswith("Assign")]
    whose: defaultdict[int, set[str]] = defaultdict(set)
    settled: set[int] = set()
    # A slot is known once the update that reads it is: as many turns as slots hang on each other.
    while True:
        ready = [one for one in assigns if one not in settled and handle[one] in layer_of]
        if not ready:
            break
        for assign in ready:
            settled.add(assign)
            owner = layer_of[handle[assign]]
            for place in _flows_into(built, assign, mine):
                whose[place].add(owner)
                reads = handle[place]
                if built.type_of(place) == "ReadVariableOp" and reads not in layer_of:
                    layer_of[reads] = owner
    shared_handles = _read_for_several(built, handle, whose)
    return {
        plain(_bare(built.names[place])): next(iter(owners))
        for place, owners in whose.items()
        if len(owners) == 1 and handle[place] not in shared_handles
    }


def _read_for_several(built: Nodes, handle: list[int], whose: dict[int, set[str]]) -> set[int]:
    """Handles that are read for the updates of several layers: the learning rate, the step's number."""
    readers: defaultdict[int, set[str]] = defaultdict(set)
    for place, owners in whose.items():
        if built.type_of(place) == "ReadVariableOp":
            readers[handle[place]] |= owners
    return {one for one, owners in readers.items() if len(owners) > 1}


def _handle(built: Nodes, place: int) -> int:
    """The argument from which a node's first input comes, through calls and identities; -1 for none."""
    inputs = built.inputs[place]
    return inputs[0][0] if inputs else -1


def _layers_of_handles(built: Nodes, handle: list[int], labels: list[Label]) -> dict[int, str]:
    readers: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for place, label in enumerate(labels):
        if label.in_pass == "forward" and built.type_of(place) == "ReadVariableOp":
            readers[handle[place]][label.owner] += 1
    return {one: counted.most_common(1)[0][0] for one, counted in readers.items()}


def _flows_into(built: Nodes, assign: int, mine: set[int]) -> set[int]:
    """The optimizer's nodes that a node depends on, itself included."""
    seen, waiting = {assign}, [assign]
    while waiting:
        for place, _ in built.inputs[waiting.pop()]:
            if place in mine and place not in seen:
                seen.add(place)
                waiting.append(place)
    return seen
