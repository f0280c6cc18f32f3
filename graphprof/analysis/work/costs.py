"""What ops compute and move, by the shapes of what they read and make.

Graph nodes: floating point operations by TensorFlow's registered statistics for the node as it was
built; a fused op does those of all nodes that were fused into it. Ops of an eager step: the same, noted
when they ran. XLA instructions: from the shapes in the module (``graphprof.trace.hlo_cost``). Bytes are inputs
and outputs, each once: the least that must be moved when nothing is in a cache.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graphprof.analysis.work import graphs as changes
from graphprof.analysis.work.owners import Op
from graphprof.trace import hlo_cost
from graphprof.trace.graphs import EagerOp, Graphs, Nodes, plain, size
from graphprof.trace.labels import Labels
from graphprof.trace.opnames import Names, base_type

# Of ops that are alike in all but shapes so many different shapes are shown.
_MOST_SHAPES = 1


@dataclass(frozen=True)
class Cost:
    """What an op computes and moves.

    Attributes:
        inputs: what it reads, as ``float32[64,10]``; empty where that is not known, or not one.
        outputs: what it makes.
        flops: floating point operations, None when not known.
        bytes: bytes that it reads and writes at least, None when not known.
        of_step: whether this is the sum over its calls in a step, not of one call.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    flops: float | None = None
    bytes: float | None = None
    of_step: bool = False


class Costs:
    """Looks up what the ops of a run cost.

    Args:
        found: the run's graphs.
        known: what the run's op names mean.
        modules: XLA modules of its trace, by name.

    Attributes:
        built: the graph as built, None where there is none.
        names: what the names of its nodes mean.
    """

    def __init__(self, found: Graphs, known: Labels, modules: Mapping[str, bytes]) -> None:
        self.built = found.before
        self.names = Names(known)
        self._nodes = _of_nodes(found)
        self._eager = _of_eager(found.eager or ())
        self._modules = modules
        self._instructions: dict[str, Cost] | None = None

    def of(self, op: Op) -> Cost | None:
        """The cost of an op, None when nothing is known of it."""
        if not op.name:
            return self._eager.get((op.label.owner, op.label.in_pass, base_type(op.op_type)))
        if op.name in self._compiled():
            return self._compiled()[op.name]
        return self._nodes.get(plain(op.name))

    def _compiled(self) -> dict[str, Cost]:
        if self._instructions is None:
            self._instructions = {}
            for data in self._modules.values():
                for name, one in hlo_cost.of_module(data).items():
                    self._instructions[name] = Cost(one.inputs, one.outputs, one.flops, one.bytes)
        return self._instructions


@dataclass
class _Total:
    """Ops that are alike, summed."""

    calls: int = 0
    flops: float | None = 0.0
    bytes: float | None = 0.0
    shapes: set[tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=set)


def _of_eager(ops: Iterable[EagerOp]) -> dict[tuple[str, str, str], Cost]:
    """Sum the ops of a step by owner, pass and type: a trace tells no more of them apart."""
    totals: defaultdict[tuple[str, str, str], _Total] = defaultdict(_Total)
    for op in ops:
        total = totals[op.owner, op.in_pass, base_type(op.op_type)]
        total.calls += op.calls
        moved = _moved((*op.inputs, *op.outputs))
        total.flops = _plus(total.flops, op.flops, op.calls)
        total.bytes = _plus(total.bytes, moved, op.calls)
        total.shapes.add((op.inputs, op.outputs))
    return {key: _summed(total) for key, total in totals.items()}


def _summed(total: _Total) -> Cost:
    one = total.shapes if len(total.shapes) <= _MOST_SHAPES else {((), ())}
    inputs, outputs = next(iter(one))
    return Cost(inputs, outputs, total.flops, total.bytes, of_step=True)


def _plus(total: float | None, one: float | None, calls: int) -> float | None:
    return None if total is None or one is None else total + one * calls


def _moved(tensors: Iterable[str]) -> int | None:
    """Bytes of tensors; handles to variables move nothing by themselves."""
    total = 0
    for tensor in tensors:
        if tensor.startswith("resource"):
            continue
        bytes_ = size(tensor)
        if bytes_ is None:
            return None
        total += bytes_
    return total


def _of_nodes(found: Graphs) -> dict[str, Cost]:
    """The cost of each node that ran, by its name without inlining's numbers."""
    before, ran = found.before, found.ran
    if before is None or not before.names:
        return {}
    flops_of = before.flops or (None,) * len(before.names)
    if ran is None or not ran.names:
        return {
            plain(name): _cost(before, node, before, node, flops_of[node])
            for node, name in enumerate(before.names)
        }
    at = {plain(name): node for node, name in enumerate(before.names)}
    hosted = _hosted(found)
    costs = {}
    for node, name in enumerate(ran.names):
        was = at.get(plain(name))
        parts = [] if was is None else [was]
        parts = sorted({*parts, *hosted.get(node, ())})
        known = [flops_of[part] for part in parts]
        flops = sum(one or 0 for one in known) if any(one is not None for one in known) else None
        costs[plain(name)] = _cost(before, was, ran, node, flops, at)
    return costs


def _hosted(found: Graphs) -> dict[int, set[int]]:
    """Node that ran (index) -> nodes as built (indices) that were fused into it."""
    before, optimised, ran = found.before, found.optimised, found.ran
    assert before is not None
    assert ran is not None
    hosted: defaultdict[int, set[int]] = defaultdict(set)
    if optimised is None or not optimised.names:
        return hosted
    built = {plain(name): node for node, name in enumerate(before.names)}
    running = {plain(name): node for node, name in enumerate(ran.names)}
    into: defaultdict[int, set[int]] = defaultdict(set)
    for node, fate in changes.fates(before, optimised).items():
        if fate.host >= 0:
            into[fate.host].add(node)
    second = {node: fate.host for node, fate in changes.fates(optimised, ran).items()}
    for node, name in enumerate(optimised.names):
        own = {built[plain(name)]} if plain(name) in built else set()
        host = second.get(node, -1)
        host = running.get(plain(name), -1) if host < 0 else host
        if host >= 0:
            hosted[host] |= own | into[node]
    return hosted


def _cost(
    before: Nodes,
    was: int | None,
    ran: Nodes,
    node: int,
    flops: int | None,
    at: Mapping[str, int] | None = None,
) -> Cost:
    made = () if was is None else tuple(before.tensors[one] for one in before.outputs[was])
    inputs: list[str] = []
    for producer, number in ran.inputs[node]:
        place = producer if at is None else at.get(plain(ran.names[producer]))
        outputs = _outputs(before, place) or _outputs(ran, producer)
        if not outputs or was is None:
            return Cost((), made, flops, None)
        # Further outputs are the workspaces of oneDNN's kernels, which are no tensors of the graph.
        inputs += outputs[number : number + 1]
    return Cost(tuple(inputs), made, flops, _moved((*inputs, *made)))


def _outputs(nodes: Nodes, node: int | None) -> tuple[str, ...]:
    if node is None or not nodes.outputs:
        return ()
    return tuple(nodes.tensors[one] for one in nodes.outputs[node])
