"""The tables of what compiling costs, for the terminal and Markdown."""

from __future__ import annotations

from graphprof import units
from graphprof.report.cells import Cells
from graphprof.report.compiling import (
    TITLES,
    BuiltAgain,
    CallPart,
    CodeLine,
    Compiling,
    against,
    break_even_words,
)
from graphprof.report.document import ModeReport, Report

_SHOWN = ("building", "optimising", "compiling", "running")


def price(report: Report) -> Cells | None:
    """One row a mode: its first step in parts, and the step from which that has paid."""
    modes = [mode for mode in report.modes if mode.compile and mode.compile.first_call_s]
    if len(modes) < 1 or not any(mode.compile and mode.compile.parts for mode in modes):
        return None
    titles = [TITLES[part] for part in _SHOWN]
    traced = any(mode.compile and mode.compile.first_call_traced for mode in modes)
    return Cells(
        f"The price of compiling: the first step{' (profiler on)' if traced else ''} and its parts",
        ("Mode", "First step", *titles, "Pays from step"),
        tuple(_row(mode, report.baseline) for mode in modes),
    )


def again(report: Report) -> Cells | None:
    """One row for each function and cause that was built or compiled after the first call."""
    rows = [
        (mode.mode, _function(one), one.words, str(one.count), _cost(one))
        for mode in report.modes
        if mode.compile
        for one in mode.compile.again[:5]
    ]
    if not rows:
        return None
    return Cells(
        "Built or compiled again after the first step",
        ("Mode", "Function", "Why", "Times", "Cost"),
        tuple(rows),
    )


def _row(mode: ModeReport, baseline: str | None) -> tuple[str, ...]:
    compiled = mode.compile
    assert compiled is not None
    parts = {part.part: part for part in compiled.parts or ()}
    return (
        mode.mode,
        units.seconds(mode.first_step_s),
        *(_part(parts.get(name)) for name in _SHOWN),
        _pays(compiled, mode.mode, baseline),
    )


def _part(part: CallPart | None) -> str:
    if part is None:
        return units.NOT_MEASURED
    return units.seconds(part.seconds, 2) if part.seconds else "none"


def _pays(compiled: Compiling, mode: str, baseline: str | None) -> str:
    if mode == baseline:
        return "baseline"
    found = against(compiled, baseline)
    return units.NOT_MEASURED if found is None else break_even_words(found)


def _function(one: BuiltAgain) -> str:
    place = one.defined_at or one.called_from
    name = one.function or "XLA"
    return name if place is None else f"{name} ({_place(place)})"


def _place(line: CodeLine) -> str:
    return f"{line.file.replace(chr(92), '/').rpartition('/')[2]}:{line.line}"


def _cost(one: BuiltAgain) -> str:
    return units.seconds(one.extra_s if one.extra_s is not None else one.building_s)
