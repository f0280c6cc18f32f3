"""The op table of a mode: how often each op ran in the mean step, how long, and for whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphprof.analysis.attribution import PS, Attribution
from graphprof.trace import rules

# An XLA instruction whose end marker comes this much later than its event ran asynchronously:
# those of synchronous ones agree within 5 %.
_ASYNCHRONOUS = 1.05


@dataclass(frozen=True)
class OpRow:
    """One op of one owner in the mean step; seconds.

    Attributes:
        op_type: as ``Conv2D``; of an XLA instruction its name without the number.
        name: the node's or instruction's name; empty for eager ops, which have none.
        owner: path of the layer, or name of the loss, optimizer or metric; empty when unknown.
        in_pass: the pass.
        tag: where the label comes from: ``direct``, ``inner``, ``dataflow`` or ``none``.
        calls: how many times it runs in a step.
        wall_s: its part of the step's time: moments shared with other ops are shared equally.
        share: the same as a share of the step, 0 to 1.
        busy_s: its time summed over threads, pieces in thread pools included.
        total_s: length of its events.
        self_s: the same without other events inside.
        low_s: the least that it took, seconds summed over its calls.
        high_s: the most: the same unless the op ran asynchronously, so that waiting and other work
            lie between its event and the marker of its end.
        tf_type: the TensorFlow op type that it stands for, without the library's version of it;
            empty for an XLA instruction without metadata.
        implements: the TensorFlow ops that an XLA instruction does the work of, ``name:OpType``.
    """

    op_type: str
    name: str
    owner: str
    in_pass: str
    tag: str
    calls: float
    wall_s: float
    share: float
    busy_s: float
    total_s: float
    self_s: float
    low_s: float
    high_s: float
    tf_type: str = ""
    implements: tuple[str, ...] = ()

    @property
    def asynchronous(self) -> bool:
        """Whether the time it took is known only as an interval."""
        return self.high_s > _ASYNCHRONOUS * self.low_s


def table(attribution: Attribution) -> tuple[OpRow, ...]:
    """Return the ops of a mode, those with most of the step's time first."""
    mean = PS / attribution.steps
    wall = attribution.wall_ps[:, [rules.OP, rules.PY_FUNCTION]].sum(axis=1)
    step = int(attribution.wall_ps.sum())
    rows = []
    for place in np.flatnonzero((attribution.calls > 0) | (wall > 0)):
        op = attribution.ops[place]
        # Where the end marker comes late, the event was a launch: its pieces in the thread pool
        # are the least that it took.
        total, span = int(attribution.total_ps[place]), int(attribution.span_ps[place])
        least = max(total, min(span, int(attribution.busy_ps[place])))
        rows.append(
            OpRow(
                op_type=op.op_type,
                name=op.name,
                owner=op.label.owner,
                in_pass=op.label.in_pass,
                tag=op.tag,
                calls=int(attribution.calls[place]) / attribution.steps,
                wall_s=int(wall[place]) * mean,
                share=int(wall[place]) / step if step else 0.0,
                busy_s=int(attribution.busy_ps[place]) * mean,
                total_s=total * mean,
                self_s=int(attribution.self_ps[place]) * mean,
                low_s=least * mean,
                high_s=max(span, least) * mean,
                tf_type=op.tf_type,
                implements=op.implements,
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.wall_s, row.owner, row.op_type, row.name)))
