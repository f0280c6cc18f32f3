"""Calls per step counted in two ways that share no code: in the trace, and by TensorFlow itself.

Eager: TensorFlow calls back on each op that Python runs. Graph: the nodes of the graph that was
executed, each of which runs once a step, those of loops once an iteration.
"""

import re
from collections import Counter
from dataclasses import dataclass

from graphprof.analysis.work import attribution, ops
from graphprof.session import graphprof_folder
from graphprof.trace import graphs

SILENT = {
    "_EagerConst": "Python's numbers become tensors without an op of the program",
    "IteratorGetNext": "taking a batch counts as input, not as an op",
    **dict.fromkeys(("_Arg", "_Retval", "Const", "NoOp"), "nothing is computed"),
    **dict.fromkeys(
        ("Enter", "Exit", "LoopCond", "Merge", "NextIteration", "Switch"), "control of a loop"
    ),
    **dict.fromkeys(
        (
            *("ExpandDims", "Identity", "Rank", "Reshape", "Shape", "ShapeN", "Size", "Squeeze"),
            *("EmptyTensorList", "TensorListReserve", "TensorListLength", "TensorListElementShape"),
            "LogicalAnd",
        ),
        "an inexpensive kernel by TensorFlow's own marking: no event from the first run on",
    ),
}
"""Op types of which the two counts may differ, and why."""

_LOOP = re.compile(r"(.*/while\w*/(?:body|cond))/")


@dataclass(frozen=True)
class Row:
    """One op type of one mode: calls in a step by the trace and by TensorFlow, and by which rule
    they may differ (empty: they must not)."""

    op_type: str
    traced: float
    told: float
    rule: str

    @property
    def explained(self):
        return self.traced == self.told or bool(self.rule)


def of_run(folder):
    """Compare the counts of a recorded eager or graph run, by op type."""
    table = ops.table(attribution.of_run(folder))
    found = graphs.load(graphprof_folder(folder.path) / graphs.GRAPHS_FILE)
    if found.eager is not None:
        told = Counter()
        for op in found.eager:
            told[op.op_type] += op.calls
        return _rows(_by_type(table), told)
    return _rows(_by_type(table), _told(found.ran, table))


def _by_type(table):
    traced = Counter()
    for row in table:
        if row.op_type:
            traced[row.op_type] += row.calls
    return traced


def _told(ran, table):
    """Nodes by type, those of a loop times its iterations (the most that any of its nodes ran)."""
    turns = Counter()
    for row in table:
        if loop := _LOOP.match(graphs.plain(row.name)):
            turns[loop[1]] = max(turns[loop[1]], round(row.calls))
    told = Counter()
    for place, name in enumerate(ran.names):
        loop = _LOOP.match(graphs.plain(name))
        told[ran.type_of(place)] += turns[loop[1]] if loop else 1
    return told


def _rows(traced, told):
    types = sorted(traced.keys() | told.keys())
    return [Row(one, traced[one], told[one], SILENT.get(one, "")) for one in types]
