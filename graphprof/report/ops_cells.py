"""The tables of ops and graphs, for the terminal and Markdown."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.work.layers import root
from graphprof.report.cells import Cells
from graphprof.report.document import ModeReport, Report
from graphprof.report.operations import OpEntry

_SHOWN = 5
_WORD = 24  # longest op type that is shown whole: more would push the numbers out of a terminal
_TITLES = {
    "constant folding": "  folded into constants",
    "common subexpression": "  merged with equal ones",
    "fused": "  fused",
    "bypassed": "  bypassed: did nothing",
    "dead code": "  dead: nothing read them",
    "rewritten": "  rewritten",
    "inlined": "  inlined: calls, loops, arguments",
}


def largest(report: Report) -> Cells | None:
    """The ops with most time, mode by mode."""
    shown = [(mode, one) for mode in report.modes for one in (mode.ops or ())[:_SHOWN]]
    if not shown:
        return None
    common = root(one.owner for _, one in shown if one.in_pass in ("forward", "backward"))
    return Cells(
        "Ops with most time in the mean traced step",
        ("Op", "Whose", "Time", "Share", "GFLOP/s"),
        tuple(_row(mode, one, common) for mode, one in shown),
    )


def _row(mode: ModeReport, one: OpEntry, common: str) -> tuple[str, ...]:
    kind = one.op_type if len(one.op_type) <= _WORD else f"{one.op_type[: _WORD - 1]}…"
    rate = None if one.flops_per_s is None else one.flops_per_s / 1e9
    return (
        f"{mode.mode} {kind}",
        f"{one.owner.removeprefix(common)} {one.in_pass}".strip(),
        units.seconds(one.wall_s),
        units.share(one.share),
        units.NOT_MEASURED if rate is None else units.significant(rate),
    )


def graphs(report: Report) -> Cells | None:
    """How large each mode's graph is, and what became of its nodes."""
    found = {mode.mode: mode.graph for mode in report.modes if mode.graph}
    if not found:
        return None
    sizes = list(found.values())
    rows: list[tuple[str, list[int | None]]] = [
        ("Nodes as built", [one.before for one in sizes]),
        *((title, [one.removed.get(why) for one in sizes]) for why, title in _TITLES.items()),
        ("Nodes after Grappler", [one.optimised for one in sizes]),
        ("Nodes that run", [one.ran for one in sizes]),
        ("XLA instructions", [one.instructions for one in sizes]),
        ("  of them fusions", [one.fusions for one in sizes]),
    ]
    known = [row for row in rows if any(value is not None for value in row[1])]
    return Cells(
        "Graphs, from the one that was built to the one that runs",
        ("", *found),
        tuple((title, *map(units.count, values)) for title, values in known),
    )
