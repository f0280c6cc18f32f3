"""Whose each event of a mode's trace is, for lighting up in every mode what belongs together.

Names do not say it: an eager op has none, a fused kernel has that of one of the ops it took in, an XLA
instruction one of its own. What belongs together is looked up by its layer and pass (see
``graphprof.analysis.work.owners``), and an op's counterparts by how the modes' ops were matched (``graphprof.analysis.work.align``).

Two forms of query beside those of ``words``, with ``%7C`` for a bar inside a part::

    layer:PATH|PASS              the ops of a layer (of those below it, too) in a pass; every pass without one
    work:MODE|PATH|PASS|TYPE     ops of a type in MODE, and in other modes what does their work
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import numpy as np

from graphprof.analysis.work import owners
from graphprof.analysis.work.align import Alignment
from graphprof.analysis.work.owners import Op
from graphprof.session import RunFolder, graphprof_folder
from graphprof.trace import classify, labels, rules, tables, xspace
from graphprof.trace.model import Int64

STATS: tuple[str, ...] = (*classify.STATS, *owners.STATS)

# A table names this many of the ops that are meant.
_NAMED = 6

_WORK = (rules.OP, rules.PY_FUNCTION)


@dataclass(frozen=True)
class Layer:
    """The ops of a layer, in one pass or (empty) in all."""

    owner: str
    in_pass: str


@dataclass(frozen=True)
class Work:
    """The ops of one type, layer and pass of a mode, and in other modes what does their work."""

    mode: str
    owner: str
    in_pass: str
    op_type: str


@dataclass(frozen=True)
class Whose:
    """Whose the events of a trace are.

    Attributes:
        ops: the ops of the trace.
        of: shape (n,), int64: index in ``ops`` for each event of the plane.
        events: the events that are ops themselves, and in no other op, in the plane's order.
        found: the events of what was asked for before.
    """

    ops: tuple[Op, ...]
    of: Int64
    events: Int64
    found: dict[tuple[object, ...], Int64] = field(default_factory=dict)

    def event(self, index: int) -> dict[str, Any]:
        """The op that an event is, or is part of."""
        op = self.ops[self.of[index]]
        return {
            "owner": op.label.owner,
            "in_pass": op.label.in_pass,
            "op_type": op.op_type,
            "tag": op.tag if op.label.owner else "none",
        }

    def of_layer(self, asked: Layer) -> Int64:
        """The events of a layer's ops."""
        below = f"{asked.owner}/"
        return self._events(
            (asked.owner, asked.in_pass),
            (
                place
                for place, op in enumerate(self.ops)
                if (op.label.owner == asked.owner or op.label.owner.startswith(below))
                and asked.in_pass in ("", op.label.in_pass)
            ),
        )

    def of_types(self, asked: Work, types: frozenset[str]) -> Int64:
        """The events of ops of some types in a layer and pass."""
        return self._events(
            (asked.owner, asked.in_pass, types),
            (
                place
                for place, op in enumerate(self.ops)
                if op.label == (asked.owner, asked.in_pass) and op.op_type in types
            ),
        )

    def types(self, events: Int64) -> list[str]:
        """The op types among events, those of most events first."""
        rows, times = np.unique(self.of[events], return_counts=True)
        seen: dict[str, int] = {}
        for row, count in zip(rows.tolist(), times.tolist(), strict=True):
            seen[self.ops[row].op_type] = seen.get(self.ops[row].op_type, 0) + count
        return sorted(seen, key=lambda name: (-seen[name], name))[:_NAMED]

    def _events(self, key: tuple[object, ...], rows: Iterable[int]) -> Int64:
        if key not in self.found:
            meant = np.zeros(len(self.ops), bool)
            meant[list(rows)] = True
            if len(self.found) > _KEPT:
                self.found.clear()
            self.found[key] = self.events[meant[self.of[self.events]]]
        return self.found[key]


_KEPT = 64


def read(folder: RunFolder) -> Whose:
    """Say whose the events of a run's trace are.

    Raises:
        TraceError: its trace cannot be read.
        SessionError: its labels are damaged.
    """
    assert folder.xplane is not None  # or nobody would ask
    known = labels.load(graphprof_folder(folder.path) / labels.LABELS_FILE)
    loaded = tables.load(folder.xplane, STATS)
    plane, nesting = loaded.levels.plane, loaded.nesting
    classes = classify.classify(plane, nesting)
    found = owners.find(plane, nesting, classes, known, xspace.hlo_modules(folder.xplane))
    is_op = found.roots & np.isin(classes.kind, _WORK)
    events = np.flatnonzero(is_op)
    return Whose(found.ops, found.of, events[~_inside(is_op, nesting.parent, events)])


def _inside(is_op: Any, parent: Int64, events: Int64) -> Any:
    """Whether each event stands in another op."""
    inside = np.zeros(len(events), bool)
    above = parent[events]
    while (above >= 0).any():
        inside |= (above >= 0) & is_op[above]
        above = np.where(above >= 0, parent[above], -1)
    return inside


def parse(query: str) -> Layer | Work | None:
    """Read a query; None where it is one of names."""
    word, _, rest = query.partition(":")
    parts = [unquote(part) for part in rest.split("|")]
    if word == "layer" and len(parts) in (1, 2) and parts[0]:
        return Layer(parts[0], parts[1] if len(parts) == 2 else "")
    if word == "work" and len(parts) == 4:
        return Work(*parts)
    return None


def counterparts(found: Alignment | None, asked: Work) -> tuple[str | None, frozenset[str]]:
    """How the work of ops is done in another mode, and by which op types.

    Returns:
        how the match is (``same``, ``fused``, ..., ``vanished``), None where it is not known.
    """
    if found is None:
        return None, frozenset()
    mine = [
        match
        for match in found.matches
        if (match.owner, match.in_pass) == (asked.owner, asked.in_pass)
        and any(side.op_type == asked.op_type for side in match.left)
    ]
    types = frozenset(side.op_type for match in mine for side in match.right)
    # The largest comes first; one that vanished beside one that did not is no answer.
    hows = [match.how for match in mine if match.right or not types]
    return (hows[0] if hows else None), types
