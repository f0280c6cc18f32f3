"""Two modes of a session compared: the view model behind ``graphprof compare``, and its tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from graphprof import units
from graphprof.analysis.timing import steps as step_analysis
from graphprof.analysis.work import align, attribution, difference, graphs, layers, ops, vanishing
from graphprof.analysis.work.align import Alignment
from graphprof.analysis.work.attribution import Attribution
from graphprof.analysis.work.difference import By, Difference, Part
from graphprof.errors import SessionError, TraceError, UsageError
from graphprof.report import agreement
from graphprof.report.cells import Cells
from graphprof.session import RunFolder, Session

SCHEMA = "graphprof.compare/1"

# Below this share of the larger step a part is summed into "everything else" in texts.
_WORTH_A_ROW = 0.005
_MOST_ROWS = 25
_LABELLED = 0.95
# Traced and untraced ratio may differ by this factor before it is worth a warning.
_UNLIKE = 1.25
_MATCHES = 20


@dataclass(frozen=True)
class Comparison:
    """Two modes compared.

    Attributes:
        schema: ``SCHEMA``.
        session: folder name of the session.
        sentence: the answer in a sentence.
        ratio: the mode's step time over the baseline's without profiler (medians); None where one
            of them was not measured.
        labelled: mode -> share of its op execution whose layer is known.
        difference: the gap of the traced steps, divided.
        alignment: which ops of the baseline do their work as which ops of the mode; only by ``op``,
            and where layers are known of both.
        warnings: what to know before believing a number, one sentence each.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_inf_nan="null")

    schema: str
    session: str
    sentence: str
    ratio: float | None
    labelled: dict[str, float | None]
    difference: Difference
    alignment: Alignment | None
    warnings: tuple[str, ...] = ()


_ADAPTER = TypeAdapter(Comparison)


def to_json(comparison: Comparison, indent: int | None = 2) -> str:
    """Return the comparison as JSON text."""
    return _ADAPTER.dump_json(comparison, indent=indent).decode()


def build(
    session: Session,
    baseline: str,
    mode: str,
    by: By,
    of_run: Callable[[RunFolder], Attribution | None] = attribution.of_run,
) -> Comparison:
    """Compare two modes of a session.

    Args:
        session: the session.
        baseline: name of the mode that is compared with.
        mode: name of the other mode.
        by: what to divide the gap by.
        of_run: says whose the time of a run's steps is; a server remembers it.

    Raises:
        UsageError: the session has no such mode, or both are the same.
        SessionError: one of them was not traced.
        TraceError: a trace cannot be read.
    """
    if baseline == mode:
        raise UsageError("The two modes are the same", "Name two different modes of the session")
    one, other = (_traced(session, name, of_run) for name in (baseline, mode))
    layerless = [name for name, side in ((baseline, one), (mode, other)) if not side.knows_layers]
    tables = {name: layers.table(found) for name, found in ((baseline, one), (mode, other))}
    if layerless and by == "op":
        one, other = one.without_layers(), other.without_layers()
    divided = difference.between((baseline, one), (mode, other), by)
    ratio = _ratio(session, baseline, mode)
    labelled = {name: table.labelled for name, table in tables.items()}
    # Ops are matched within their layers.
    matched = (
        aligned(session, (baseline, one), (mode, other)) if by == "op" and not layerless else None
    )
    return Comparison(
        schema=SCHEMA,
        session=session.info.id,
        sentence=divided.sentence(ratio),
        ratio=ratio,
        labelled=labelled,
        difference=divided,
        alignment=matched,
        warnings=(
            *_other_work(session, baseline, mode),
            *_layerless(layerless, by),
            *_warnings(divided, ratio, labelled),
        ),
    )


def aligned(
    session: Session, baseline: tuple[str, Attribution], mode: tuple[str, Attribution]
) -> Alignment:
    """What does the work of one mode's ops in another, with what the recorded graphs say of the rest.

    Args:
        session: holds both modes.
        baseline: name of a mode, and whose the time of its steps is.
        mode: the same of the other one.
    """
    ours, theirs = (
        None if folder is None else graphs.of_run(folder)
        for folder in (session.run(baseline[0]), session.run(mode[0]))
    )
    return align.align(
        ops.table(baseline[1]),
        ops.table(mode[1]),
        vanished=vanishing.new(ours, theirs),
        appeared=vanishing.new(theirs, ours),
    )


def _traced(
    session: Session, mode: str, of_run: Callable[[RunFolder], Attribution | None]
) -> Attribution:
    folder: RunFolder | None = session.run(mode)
    if folder is None:
        modes = ", ".join(run.run.mode for run in session.runs)
        raise UsageError(
            f"Session {session.info.id} has no mode {mode!r}", f"Name two of its modes: {modes}"
        )
    try:
        found = of_run(folder)
    except TraceError as error:
        raise TraceError(f"Mode {mode}: {error.message}", error.cure) from error
    if found is None:
        raise SessionError(
            f"Mode {mode} of session {session.info.id} has no trace",
            "Profile it again; a mode that failed says why in `graphprof report`",
        )
    return found


def _ratio(session: Session, baseline: str, mode: str) -> float | None:
    summary = step_analysis.summarise(session)
    medians = []
    for name in (mode, baseline):
        steps = summary.mode(name)
        medians.append(steps.step_time.median if steps and steps.step_time else None)
    if medians[0] is None or not medians[1]:
        return None
    return medians[0] / medians[1]


def _layerless(modes: list[str], by: By) -> list[str]:
    if by != "op":
        return []
    return [
        f"No layer is known of any op of {mode}: ops are compared by their types alone"
        for mode in modes
    ]


def _other_work(session: Session, baseline: str, mode: str) -> list[str]:
    found = agreement.of_session(session, baseline).get(mode)
    if found is None or found.verdict != "failed":
        return []
    return [f"Results of {mode} differ (≠) from {baseline}: {agreement.how_far(found)}"]


def _warnings(
    divided: Difference, ratio: float | None, labelled: dict[str, float | None]
) -> list[str]:
    said = [
        f"{mode}: the layer is known of only {units.share(share)} of op execution"
        for mode, share in labelled.items()
        if share is not None and share < _LABELLED and not (share == 0 and divided.by == "op")
    ]
    traced = divided.ratio
    if ratio and traced and not 1 / _UNLIKE < traced / ratio < _UNLIKE:
        said.append(
            f"The traced steps differ by {units.ratio(traced)}, those without profiler by "
            f"{units.ratio(ratio)}: tracing, or other programs, slowed one mode more"
        )
    return said


def parts(comparison: Comparison) -> Cells:
    """Return the parts of the gap as a table that sums to it; small ones are summed."""
    found = comparison.difference
    large = max(found.baseline_s, found.mode_s)
    shown = [part for part in found.parts if abs(part.gap_s) >= _WORTH_A_ROW * large][:_MOST_ROWS]
    rest = found.parts[len(shown) :]
    rows = [_row(difference.title(part, found.root), [part]) for part in shown]
    if rest:
        rows.append(_row(f"everything else ({units.count(len(rest))})", rest))
    rows.append(_row("Traced step", found.parts))
    header = (
        {"kind": "Part", "layer": "Layer and pass", "op": "Op"}[found.by],
        found.baseline,
        found.mode,
        "Difference",
        "Busy",
    )
    return Cells(
        f"From {found.baseline} to {found.mode}, by {found.by} (mean traced step)",
        header,
        tuple(rows),
    )


def _row(name: str, of: tuple[Part, ...] | list[Part]) -> tuple[str, ...]:
    def total(values: list[float]) -> float:
        return math.fsum(values)

    busy = total([part.mode_busy_s for part in of]) - total([part.baseline_busy_s for part in of])
    return (
        name,
        units.seconds(total([part.baseline_s for part in of])),
        units.seconds(total([part.mode_s for part in of])),
        difference.signed(total([part.gap_s for part in of])),
        difference.signed(busy) if busy else units.NOT_MEASURED,
    )


def matches(comparison: Comparison) -> Cells | None:
    """Return what took whose place, largest first; None when ops were not aligned."""
    if comparison.alignment is None:
        return None
    found = comparison.difference
    rows = tuple(
        (
            f"{match.owner.removeprefix(found.root)} {match.in_pass}",
            match.how,
            _ops(match.left),
            _ops(match.right),
        )
        for match in comparison.alignment.matches[:_MATCHES]
    )
    return Cells(
        f"What does the work of {found.baseline}'s ops in {found.mode} (largest first)",
        ("Layer and pass", "How", found.baseline, found.mode),
        rows,
    )


def _ops(sides: tuple[align.Side, ...]) -> str:
    shown = [_side(side) for side in sides]
    return (
        ", ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "") or "none"
    )


def _side(side: align.Side) -> str:
    calls = f" x{round(side.calls)}" if side.calls > 1 else ""
    return f"{side.op_type}{calls}{f' ({side.why})' if side.why else ''}"


def mapped(comparison: Comparison) -> str | None:
    """Say how much of the ops was aligned; None when they were not."""
    found = comparison.alignment
    if found is None:
        return None
    divided = comparison.difference
    return (
        f"{units.share(found.left_mapped)} of {divided.baseline}'s ops have a counterpart in "
        f"{divided.mode}, {units.share(found.left_vanished)} are gone, "
        f"{units.share(found.left_explained)} for a reason that the graphs show; "
        f"{units.share(found.right_mapped)} of {divided.mode}'s have one."
    )
