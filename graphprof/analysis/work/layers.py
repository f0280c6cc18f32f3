"""The layer table of a mode: what each layer costs in the mean step, pass by pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from graphprof.analysis.work.attribution import PS, Attribution
from graphprof.trace import rules
from graphprof.trace.kinds import KIND_IDS
from graphprof.trace.labels import PASSES, TAGS, Label

_OPS = [rules.OP, rules.PY_FUNCTION]


@dataclass(frozen=True)
class LayerRow:
    """One owner in one pass of the mean step; seconds.

    Attributes:
        owner: path of the layer, or name of the loss, optimizer or metric; empty for time that is
            nobody's: visible, and part of every sum.
        in_pass: the pass.
        wall_s: its part of the step's time; all rows sum to the step.
        share: the same as a share of the step, 0 to 1.
        op_s: its part of op execution alone; all rows sum to the kinds ``op`` and ``py_function``.
        busy_s: time of its ops and kernels, summed over threads.
        kinds: id of a kind -> its part, of those that are not zero; they sum to ``wall_s``.
    """

    owner: str
    in_pass: str
    wall_s: float
    share: float
    op_s: float
    busy_s: float
    kinds: dict[str, float]


@dataclass(frozen=True)
class Layers:
    """The layers of a mode.

    Attributes:
        step_s: the mean traced step.
        op_s: op execution in it.
        rows: owner by pass, the largest first.
        labelled: share of op execution that has an owner, 0 to 1; None when no op ran.
        tags: share of op execution by where its label comes from: ``direct``, ``inner``,
            ``dataflow``, ``none``.
    """

    step_s: float
    op_s: float
    rows: tuple[LayerRow, ...]
    labelled: float | None
    tags: dict[str, float]


def table(attribution: Attribution) -> Layers:
    """Return the layers of a mode."""
    mean = PS / attribution.steps
    places: defaultdict[Label, list[int]] = defaultdict(list)
    tagged = dict.fromkeys(TAGS, 0)
    op_ps = attribution.wall_ps[:, _OPS].sum(axis=1)
    for place, op in enumerate(attribution.ops):
        places[op.label].append(place)
        tagged[op.tag] += int(op_ps[place])
    step, op_total = int(attribution.wall_ps.sum()), int(op_ps.sum())
    rows = []
    for label, here in places.items():
        wall = attribution.wall_ps[here].sum(axis=0)
        busy = int(attribution.busy_ps[here].sum())
        if not wall.any() and not busy:
            continue
        rows.append(
            LayerRow(
                owner=label.owner,
                in_pass=label.in_pass,
                wall_s=int(wall.sum()) * mean,
                share=int(wall.sum()) / step if step else 0.0,
                op_s=int(wall[_OPS].sum()) * mean,
                busy_s=busy * mean,
                kinds={KIND_IDS[kind]: int(wall[kind]) * mean for kind in np.flatnonzero(wall)},
            )
        )
    rows.sort(key=lambda row: (-row.wall_s, row.owner, PASSES.index(row.in_pass)))
    return Layers(
        step_s=step * mean,
        op_s=op_total * mean,
        rows=tuple(rows),
        labelled=1 - tagged["none"] / op_total if op_total else None,
        tags={tag: time / op_total for tag, time in tagged.items()} if op_total else {},
    )


def root(owners: Iterable[str]) -> str:
    """Return the model's own name with a slash when all layers are in one model, else ``""``."""
    first = {owner.partition("/")[0] for owner in owners if "/" in owner}
    return f"{first.pop()}/" if len(first) == 1 else ""
