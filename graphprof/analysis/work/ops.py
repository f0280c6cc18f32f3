"""The op table of a mode: how often each op ran in the mean step, how long, and for whom."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from graphprof.analysis.work.attribution import PS, Attribution
from graphprof.analysis.work.owners import Op
from graphprof.trace import rules

# An XLA instruction whose end marker comes this much later than its event ran asynchronously:
# those of synchronous ones agree within 5 %.
_ASYNCHRONOUS = 1.05

DEVICE = "CPU"
"""Where the host plane's ops ran; ops of other devices are on planes of their own."""


@dataclass(frozen=True)
class OpRow:
    """One op of one owner in the mean step; seconds.

    Attributes:
        op_type: as ``Conv2D``; of an XLA instruction its name without the number.
        name: the node's or instruction's name; empty for eager ops, which have none.
        owner: path of the layer, or name of the loss, optimizer or metric; empty when unknown.
        in_pass: the pass.
        tag: where the label comes from: ``direct``, ``inner``, ``dataflow`` or ``none``.
        calls: how many times it runs in a step, counted in the first calls where there is a trace
            of them.
        wall_s: its part of the step's time: moments shared with other ops are shared equally. None
            where no call was recorded in the traced steps: TensorFlow stops recording a graph's
            cheap nodes, whose time is in the runtime's then.
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
        recorded: how many of its calls in a step the traced steps hold; times are of those.
        device: where it ran.
        inputs: what it reads, as ``float32[64,10]``; empty where that is not known.
        outputs: what it makes.
        flops: floating point operations in a step, None where they are not known.
        bytes: what it reads and writes in a step at least: its inputs and outputs once; None where
            shapes are not known.
    """

    op_type: str
    name: str
    owner: str
    in_pass: str
    tag: str
    calls: float
    wall_s: float | None
    share: float | None
    busy_s: float | None
    total_s: float | None
    self_s: float | None
    low_s: float | None
    high_s: float | None
    tf_type: str = ""
    implements: tuple[str, ...] = ()
    recorded: float | None = None
    device: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    flops: float | None = None
    bytes: float | None = None

    @property
    def asynchronous(self) -> bool:
        """Whether the time it took is known only as an interval."""
        if self.high_s is None or self.low_s is None:
            return False
        return self.high_s > _ASYNCHRONOUS * self.low_s

    @property
    def flops_per_s(self) -> float | None:
        """Floating point operations a second while it ran, as far as its calls were recorded."""
        return _rate(self.flops, self)

    @property
    def bytes_per_s(self) -> float | None:
        """Bytes a second that it moved at least while it ran."""
        return _rate(self.bytes, self)


def _rate(amount: float | None, row: OpRow) -> float | None:
    """Amount of a step by the time of those calls that were recorded."""
    if amount is None or not row.high_s or not row.calls:
        return None
    recorded = row.calls if row.recorded is None else min(row.recorded, row.calls)
    return amount * (recorded / row.calls) / row.high_s


def table(attribution: Attribution) -> tuple[OpRow, ...]:
    """Return the ops of a mode, those with most of the step's time first."""
    wall = attribution.wall_ps[:, [rules.OP, rules.PY_FUNCTION]].sum(axis=1)
    exact = dict(attribution.exact or {})
    rows = []
    for place in np.flatnonzero((attribution.calls > 0) | (wall > 0)).tolist():
        op = attribution.ops[place]
        calls = int(attribution.calls[place]) / attribution.steps
        rows.append(_row(attribution, place, exact.pop(op, calls), calls, int(wall[place])))
    rows += [
        _with_cost(attribution, op, _untimed(op, calls))
        for op, calls in exact.items()
        if op.op_type
    ]
    return tuple(
        sorted(rows, key=lambda row: (-(row.wall_s or 0.0), row.owner, row.op_type, row.name))
    )


def _row(attribution: Attribution, place: int, calls: float, recorded: float, wall: int) -> OpRow:
    mean = PS / attribution.steps
    op = attribution.ops[place]
    step = int(attribution.wall_ps.sum())
    # Where the end marker comes late, the event was a launch: its pieces in the thread pool
    # are the least that it took.
    total, span = int(attribution.total_ps[place]), int(attribution.span_ps[place])
    least = max(total, min(span, int(attribution.busy_ps[place])))
    found = replace(
        _untimed(op, calls),
        wall_s=wall * mean,
        share=wall / step if step else 0.0,
        busy_s=int(attribution.busy_ps[place]) * mean,
        total_s=total * mean,
        self_s=int(attribution.self_ps[place]) * mean,
        low_s=least * mean,
        high_s=max(span, least) * mean,
        recorded=recorded,
    )
    return _with_cost(attribution, op, found)


def _untimed(op: Op, calls: float) -> OpRow:
    """An op that the steps call and whose time is not measured."""
    return OpRow(
        op_type=op.op_type,
        name=op.name,
        owner=op.label.owner,
        in_pass=op.label.in_pass,
        tag=op.tag,
        calls=calls,
        wall_s=None,
        share=None,
        busy_s=None,
        total_s=None,
        self_s=None,
        low_s=None,
        high_s=None,
        tf_type=op.tf_type,
        implements=op.implements,
        recorded=0.0,
        device=DEVICE,
    )


def _with_cost(attribution: Attribution, op: Op, row: OpRow) -> OpRow:
    cost = None if attribution.costs is None else attribution.costs.of(op)
    if cost is None:
        return row
    # Of ops without a name the cost is that of all of them in a step; of nodes that of one run.
    runs = 1.0 if cost.of_step else row.calls
    return replace(
        row,
        inputs=cost.inputs,
        outputs=cost.outputs,
        flops=None if cost.flops is None else cost.flops * runs,
        bytes=None if cost.bytes is None else cost.bytes * runs,
    )
