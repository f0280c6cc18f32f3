"""The report's tables as plain cells, shared by every text output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphprof import units
from graphprof.analysis.work import difference
from graphprof.report.agreement import differs
from graphprof.report.document import ModeReport, Part, Report, StepTime
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
    against = f"Times {report.baseline}" if report.baseline else "Ratio"
    rows = [
        (
            mode.mode,
            _step_time(mode.step_time_s),
            _ratio(mode),
            _verdict(mode),
            units.seconds(mode.first_step_s),
        )
        for mode in report.modes
    ]
    return Cells(
        "Step time without profiler: median [95 % interval]",
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
    rows.append(("Traced step", *(_milliseconds(mode.traced_step_s) for mode in modes)))
    rows.append(("Tracing cost", *(_overhead(mode) for mode in modes)))
    rows.append(("Steps traced", *(_steps(mode) for mode in modes)))
    return Cells(
        "Where a traced step goes: ms per step, share",
        ("Part", *(mode.mode for mode in modes)),
        tuple(rows),
    )


def reasons(report: Report) -> list[str]:
    """One sentence a mode: what its step has more or less of than the baseline's."""
    return [
        f"{mode.mode} against {report.baseline}, {difference.signed(mode.reason.gap_s)} a traced step: "
        + ", ".join(
            f"{cause.title} {difference.signed(cause.gap_s)}" for cause in mode.reason.causes
        )
        for mode in report.modes
        if mode.reason and mode.reason.causes
    ]


def failures(modes: Sequence[ModeReport]) -> list[str]:
    """One sentence a mode that has no complete result."""
    return [
        f"{mode.mode}: {mode.error.message}. {mode.error.cure}." for mode in modes if mode.error
    ]


def undecided(modes: Sequence[ModeReport]) -> list[str]:
    """What would settle the inconclusive ratios, in one sentence."""
    needed = [
        f"{mode.mode} {units.count(mode.ratio.blocks_needed)}"
        for mode in modes
        if mode.ratio and mode.ratio.verdict == "inconclusive" and mode.ratio.blocks_needed
    ]
    return [f"About so many more blocks would be conclusive: {', '.join(needed)}."] * bool(needed)


def _step_time(time: StepTime) -> str:
    """``6.12 ms [6.0, 6.3]``: one unit, as many figures as the interval bears."""
    if time.median is None:
        return units.NOT_MEASURED
    if time.low is None or time.high is None:
        return units.seconds(time.median)
    digits = time.figures or 2
    text = units.seconds(time.median, digits)
    scale = units.scale_of(text)
    low, high = (units.significant(end / scale, digits) for end in (time.low, time.high))
    return f"{text} [{low}, {high}]"


def _ratio(mode: ModeReport) -> str:
    ratio = mode.ratio
    if ratio is None or ratio.value is None:
        return units.NOT_MEASURED
    if ratio.verdict == "baseline":
        return "1"
    if ratio.low is None or ratio.high is None:
        return units.significant(ratio.value, 2)
    digits = ratio.figures or 2
    value, low, high = (
        units.significant(number, digits) for number in (ratio.value, ratio.low, ratio.high)
    )
    return f"{value} [{low}, {high}]"


def _verdict(mode: ModeReport) -> str:
    return f"{_speed_verdict(mode)} ≠" if differs(mode) else _speed_verdict(mode)


def _speed_verdict(mode: ModeReport) -> str:
    if mode.error is not None:
        return mode.error.kind
    if mode.ratio is None:
        return units.NOT_MEASURED
    if mode.ratio.verdict in ("faster", "slower"):
        return f"{speed(mode.ratio)} {mode.ratio.verdict}"
    if mode.ratio.verdict == "equivalent":
        return "no difference"
    return mode.ratio.verdict


def _part(part: Part | None) -> str:
    if part is None:
        return units.NOT_MEASURED
    return f"{_milliseconds(part.seconds)} {part.share:>4.0%}"


def _milliseconds(seconds: float | None) -> str:
    return units.NOT_MEASURED if seconds is None else f"{seconds * 1e3:.2f}"


def _overhead(mode: ModeReport) -> str:
    value = mode.tracing_overhead.value if mode.tracing_overhead else None
    return units.NOT_MEASURED if value is None else f"{100 * (value - 1):+.0f} %"


def _steps(mode: ModeReport) -> str:
    shown = units.count(mode.steps.shown)
    return shown if mode.steps.asked == mode.steps.shown else f"{shown} of {mode.steps.asked}"
