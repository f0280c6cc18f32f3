"""The ops and graphs of each mode, as the report holds them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from graphprof.analysis.work import graphs as graph_analysis
from graphprof.analysis.work import ops
from graphprof.analysis.work.attribution import Attribution
from graphprof.session import RunFolder

_MOST = 10


@dataclass(frozen=True)
class OpEntry:
    """One of the ops with most time in the mean traced step; see ``graphprof.analysis.work.ops.OpRow``."""

    op_type: str
    name: str
    owner: str
    in_pass: str
    calls: float
    recorded: float | None
    wall_s: float | None
    share: float | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    flops: float | None
    bytes: float | None
    flops_per_s: float | None


@dataclass(frozen=True)
class GraphSize:
    """How large a mode's graph is, and what its preparation took away; see ``docs/layers.md``.

    Attributes:
        before: nodes as built.
        optimised: nodes after Grappler, None where XLA takes over.
        ran: nodes that ran, None where XLA takes over.
        removed: why nodes are gone -> how many.
        instructions: XLA instructions that run, fusions counted as one; None without XLA.
        fusions: how many of them are fusions.
    """

    before: int
    optimised: int | None
    ran: int | None
    removed: dict[str, int]
    instructions: int | None
    fusions: int | None


def of_mode(attributed: Attribution | None) -> tuple[OpEntry, ...] | None:
    """The ops of a mode with most time; None when it was not traced."""
    if attributed is None:
        return None
    rows = (row for row in ops.table(attributed) if row.op_type)
    return tuple(_entry(row) for row, _ in zip(rows, range(_MOST), strict=False))


def _entry(row: ops.OpRow) -> OpEntry:
    return OpEntry(
        row.op_type,
        row.name,
        row.owner,
        row.in_pass,
        row.calls,
        row.recorded,
        row.wall_s,
        row.share,
        row.inputs,
        row.outputs,
        row.flops,
        row.bytes,
        row.flops_per_s,
    )


def graph_of(folder: RunFolder) -> GraphSize | None:
    """The size of a mode's graph; None where none was recorded.

    Raises:
        SessionError: what was recorded is damaged.
        TraceError: its trace cannot be read.
    """
    found = graph_analysis.of_run(folder)
    if found is None or found.before is None:
        return None
    removed: Counter[str] = Counter()
    for change in (change for stride in found.strides for change in stride.removed):
        removed[change.why] += change.count
    compiled = found.compiled
    return GraphSize(
        sum(found.before.values()),
        None if found.optimised is None else sum(found.optimised.values()),
        None if found.ran is None else sum(found.ran.values()),
        dict(sorted(removed.items())),
        None if compiled is None else sum(compiled.instructions.values()),
        None if compiled is None else compiled.fusions,
    )
