"""Whose an allocation is: by the name of the op that took it, else by the scope around it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from graphprof.trace.labels import SCOPE_PASSES, UNLABELLED, Label, Labels
from graphprof.trace.marks import StepMark
from graphprof.trace.model import Plane
from graphprof.trace.opnames import Names

_SCOPE = re.compile(rf"({'|'.join(SCOPE_PASSES)}): (.*)", re.DOTALL)


class AllocationOwners:
    """Knows whose the allocations of a trace are.

    Args:
        host: its host plane.
        steps: its steps.
        known: what op names mean in this run.
    """

    def __init__(self, host: Plane, steps: Sequence[StepMark], known: Labels) -> None:
        self._names = Names(known)
        # Scopes stand on the lines that make the steps; ops that run elsewhere belong to the scope
        # that waits for them.
        scopes: list[tuple[int, int, Label]] = []
        labels = [_scope_label(name) for name in host.names]
        is_scope = np.array([label is not None for label in labels], bool)
        for line in sorted({step.line for step in steps}):
            own = host.lines[line]
            for event in own.first + np.flatnonzero(is_scope[host.name_id[own.events]]):
                label = labels[host.name_id[event]]
                if label is not None:
                    scopes.append((int(host.start_ps[event]), int(host.end_ps[event]), label))
        scopes.sort(key=lambda scope: (scope[0], -scope[1]))
        self._scopes = scopes
        self._starts = [start for start, _, _ in scopes]
        self._parents = _enclosing(scopes)

    def label(self, op: str, at_ps: int) -> Label:
        """Whose an allocation by ``op`` at a time is."""
        label = self._names.label(op) if "/" in op else UNLABELLED
        return label if label.owner else self._around(at_ps)

    def _around(self, at_ps: int) -> Label:
        place = bisect_right(self._starts, at_ps) - 1
        while place >= 0 and self._scopes[place][1] <= at_ps:
            place = self._parents[place]
        return self._scopes[place][2] if place >= 0 else UNLABELLED


def _scope_label(name: str) -> Label | None:
    found = _SCOPE.fullmatch(name)
    return Label(found[2], SCOPE_PASSES[found[1]]) if found else None


def _enclosing(scopes: Sequence[tuple[int, int, Label]]) -> list[int]:
    """For each of the (sorted) scopes the place of the one around it, -1 for none."""
    parents: list[int] = []
    open_ones: list[int] = []
    for place, (start, _, _) in enumerate(scopes):
        while open_ones and scopes[open_ones[-1]][1] <= start:
            open_ones.pop()
        parents.append(open_ones[-1] if open_ones else -1)
        open_ones.append(place)
    return parents
