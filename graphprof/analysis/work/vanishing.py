"""Why ops of one mode have no counterpart in another, as far as the recorded graphs show it."""

from __future__ import annotations

from collections.abc import Callable

from graphprof.analysis.work.align import FUSED
from graphprof.analysis.work.graphs import Change, GraphChanges

# An eager program hands Python's numbers over as ops; a graph holds them as nodes that never run.
_CONSTANTS = frozenset({"EagerConst", "Const"})

_GONE = {
    "constant folding": "constant folding",
    "common subexpression": "common subexpression",
    "bypassed": "did nothing: bypassed",
    "inlined": "inlined",
    "dead code": "dead code",
}
_NEW = {
    "layout": "changes the layout",
    "cast": "casts",
    "loop": "runs the loop",
    "transfer": "hands values over",
    "folded constant": "holds a folded constant",
    "fused": "fusion",
    "rewritten": "made by an optimisation",
    "other": "made by an optimisation",
}

_Explain = Callable[[str, str, str], str]


def gone(graph: GraphChanges | None) -> _Explain | None:
    """What says why ops of another mode are not among those of the mode that runs ``graph``.

    The mode's trace has none of them: then the graph lost them, or never had them, or TensorFlow
    records no event when they run.
    """
    if graph is None or graph.before is None:
        return None
    removed = graph.removed()
    counts = {(one.owner, one.in_pass, one.op_type): one for one in graph.nodes}

    def explain(owner: str, in_pass: str, op_type: str) -> str:
        if op_type in _CONSTANTS:
            return "held by the graph as a constant"
        key = owner, in_pass, op_type
        count = counts.get(key)
        if count is None or not count.before:
            return "never built into the graph"
        if count.ran:
            return "runs, but is not recorded"
        if key in removed:
            return _of_change(removed[key])
        return "compiled away by XLA" if graph.compiled is not None else ""

    return explain


def new(graph: GraphChanges | None, other: GraphChanges | None) -> _Explain | None:
    """What says why ops of the mode that runs ``graph`` are not among those of another mode.

    Args:
        graph: of the mode whose ops they are; None when it has none.
        other: of the mode that lacks them; None when it has none.
    """
    lost = gone(other)
    if graph is None:
        return lost
    added = graph.added()
    built = {(one.owner, one.in_pass, one.op_type) for one in graph.nodes if one.before}

    def explain(owner: str, in_pass: str, op_type: str) -> str:
        if lost is not None and (said := lost(owner, in_pass, op_type)):
            return said
        key = owner, in_pass, op_type
        if key in added:
            return _NEW.get(added[key].why, "")
        if key in built:
            return "built only into graphs" if other is None else ""
        return "made by XLA" if graph.compiled is not None else ""

    return explain


def _of_change(change: Change) -> str:
    if change.why == "fused":
        return f"{FUSED}{change.into}"
    if change.why == "rewritten":
        return f"became {change.into}" if change.into else "rewritten"
    return _GONE.get(change.why, change.why)
