"""The report's tables as plain cells, shared by every text output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphprof import units
from graphprof.analysis import stats
from graphprof.report.document import ModeReport, Part, Report
from graphprof.report.verdict import speed
from graphprof.trace.kinds import KINDS


@dataclass(frozen=True)
class Cells:
    """A table: a title, the header and rows of text; the first column is the row's name."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def comparison(report: Report) -> Cells:
    """Per mode: step time, ratio to the baseline and first step."""
    against = f"Against {report.baseline}" if report.baseline else "Ratio"
    rows = [
        (
            mode.mode,
            interval(
                mode.step_time_s.median, mode.step_time_s.low, mode.step_time_s.high, units.seconds
            ),
            _ratio(mode),
            _verdict(mode),
            units.seconds(mode.first_step_s),
        )
        for mode in report.modes
    ]
    return Cells(
        "Step time, untraced (median [95 % interval])",
        ("Mode", "Step time", against, "Verdict", "First step"),
        tuple(rows),
    )


def breakdown(report: Report) -> Cells | None:
    """Kinds of time by mode, of the mean traced step; None when nothing was traced."""
    modes = [mode for mode in report.modes if mode.breakdown]
    if not modes:
        return None
    parts = {mode.mode: {part.kind: part for part in mode.breakdown or ()} for mode in modes}
    rows = [
        (kind.title, *(_part(parts[mode.mode].get(kind.id)) for mode in modes))
        for kind in KINDS
        if any(kind.id in parts[mode.mode] and parts[mode.mode][kind.id].seconds for mode in modes)
    ]
    rows.append(("Traced step", *(units.seconds(mode.traced_step_s) for mode in modes)))
    rows.append(("Tracing cost", *(_overhead(mode) for mode in modes)))
    rows.append(("Steps traced", *(_steps(mode) for mode in modes)))
    return Cells(
        "Where a step goes (mean traced step)",
        ("Part", *(mode.mode for mode in modes)),
        tuple(rows),
    )


def failures(modes: Sequence[ModeReport]) -> list[str]:
    """One sentence a mode that has no complete result."""
    return [
        f"{mode.mode}: {mode.error.message}. {mode.error.cure}." for mode in modes if mode.error
    ]


def interval(
    value: float | None,
    low: float | None,
    high: float | None,
    text: units.Formatter,
) -> str:
    """``value [low, high]`` with as many figures as the interval supports."""
    if value is None:
        return units.NOT_MEASURED
    if low is None or high is None:
        return text(value)
    digits = stats.figures(value, low, high)
    return f"{text(value, digits)} [{text(low, digits)}, {text(high, digits)}]"


def _ratio(mode: ModeReport) -> str:
    if mode.ratio is None:
        return units.NOT_MEASURED
    if mode.ratio.verdict == "baseline":
        return "1"
    return interval(mode.ratio.value, mode.ratio.low, mode.ratio.high, units.ratio)


def _verdict(mode: ModeReport) -> str:
    if mode.error is not None:
        return mode.error.kind
    if mode.ratio is None:
        return units.NOT_MEASURED
    value = mode.ratio.value
    if mode.ratio.verdict == "faster" and value:
        return f"{speed(1 / value)} faster"
    if mode.ratio.verdict == "slower" and value:
        return f"{speed(value)} slower"
    if mode.ratio.verdict == "equivalent":
        return "no difference worth naming"
    if mode.ratio.verdict == "inconclusive" and mode.ratio.blocks_needed:
        return f"inconclusive (about {mode.ratio.blocks_needed} more blocks)"
    return mode.ratio.verdict


def _part(part: Part | None) -> str:
    if part is None:
        return units.NOT_MEASURED
    return f"{units.seconds(part.seconds)} {units.share(part.share):>7}"


def _overhead(mode: ModeReport) -> str:
    value = mode.tracing_overhead.value if mode.tracing_overhead else None
    return units.NOT_MEASURED if value is None else f"{100 * (value - 1):+.0f} %"


def _steps(mode: ModeReport) -> str:
    shown = units.count(mode.steps.shown)
    return shown if mode.steps.asked == mode.steps.shown else f"{shown} of {mode.steps.asked}"
