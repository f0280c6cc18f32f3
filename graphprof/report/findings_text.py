"""Findings as text, in a terminal and as Markdown, of sessions and of watched programs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from graphprof import units
from graphprof.analysis.findings.base import Finding, Number
from graphprof.analysis.trials.whatif import WhatIf
from graphprof.report.cells import Cells
from graphprof.report.document import Report
from graphprof.report.escaping import for_markdown

HEALTHY = "Healthy: nothing found that is worth changing."
_STYLE = {"major": "bold red", "moderate": "yellow", "minor": "dim"}
_MARKS = {
    "confirmed": ("✓ confirmed", "green"),
    "refuted": ("✗ refuted", "red"),
    "inconclusive": ("? inconclusive", "yellow"),
}
_OF = {
    "work": "",
    "steady": ", once built",
    "step": " a step",
    "example": " per example",
    "epoch": " in a run of one epoch",
}
_MOST_DETAILS = 4


def listed(findings: Sequence[Finding], *, full: bool = True) -> list[RenderableType]:
    """The findings for the terminal, numbered; a healthy session or program says so first.

    Args:
        findings: most important first.
        full: with the numbers behind each.
    """
    blocks: list[RenderableType] = []
    if all(finding.severity == "minor" for finding in findings):
        blocks.append(Text(HEALTHY, style="green"))
    blocks += [_finding(number, one, full) for number, one in enumerate(findings, start=1)]
    return blocks


def _finding(number: int, finding: Finding, full: bool) -> RenderableType:
    head = Text(f"{number}. {finding.severity}", style=_STYLE[finding.severity])
    head.append(f"  {finding.cause}", style="bold")
    head.append(f"  {finding.sentence}", style="not bold")
    lines: list[RenderableType] = [head]
    if finding.location is not None:
        where = f"{finding.location.file}:{finding.location.line}"
        lines.append(_indented(f"at      {where}   {finding.location.code}"))
    if finding.expected_gain.high > 1:
        lines.append(_indented(f"gain    {gain(finding)}"))
    lines.append(_indented(f"change  {finding.change}"))
    if finding.verified is not None:
        mark, style = _MARKS[finding.verified.verdict]
        lines.append(_indented(f"{mark}: {finding.verified.sentence}", style))
    if full:
        numbers = ", ".join(number_text(one) for one in finding.evidence)
        lines.append(_indented(f"because {numbers}", "dim"))
        lines += [_indented(f"        {one}", "dim") for one in finding.details[:_MOST_DETAILS]]
    return Group(*lines)


def gain(finding: Finding) -> str:
    """What is to be expected, with its interval and what it is a ratio of."""
    found = finding.expected_gain
    spread = f"{units.ratio(found.low)} to {units.ratio(found.high)}"
    known = ", as measured here" if found.measured else ""
    about = "" if found.measured else "about "
    return f"{about}{units.ratio(found.value)} faster{_OF[found.of]} ({spread}){known}"


def _indented(text: str, style: str = "") -> RenderableType:
    return Padding(Text(text, style=style), (0, 0, 0, 3))


def number_text(number: Number) -> str:
    """``waiting for batches 3.2 s``."""
    show = {
        "s": lambda: units.seconds(number.value),
        "share": lambda: units.share(number.value),
        "count": lambda: units.count(round(number.value)),
        "bytes": lambda: units.size(number.value),
        "ratio": lambda: units.ratio(number.value),
    }
    return f"{number.what} {show[number.unit]()}"


def to_markdown(findings: Sequence[Finding]) -> list[str]:
    """The findings as Markdown, one block each."""
    return [_markdown(number, one) for number, one in enumerate(findings, start=1)]


def _markdown(number: int, finding: Finding) -> str:
    escape = for_markdown
    lines = [f"{number}. **{finding.severity}** `{finding.cause}` {escape(finding.sentence)}"]
    if finding.location is not None:
        where = f"{finding.location.file}:{finding.location.line}"
        lines.append(f"   - at {escape(where)}: `{finding.location.code}`")
    if finding.expected_gain.high > 1:
        lines.append(f"   - gain: {gain(finding)}")
    lines.append(f"   - change: {escape(finding.change)}")
    if finding.verified is not None:
        tried = finding.verified
        lines.append(f"   - **{tried.verdict}**: {escape(tried.sentence)}")
    lines.append(f"   - because {escape(', '.join(map(number_text, finding.evidence)))}")
    return "\n".join(lines)


def what_if(report: Report) -> Cells | None:
    """What a step would gain without one of its parts, by mode; None when nothing was traced."""
    modes = [mode for mode in report.modes if mode.what_if]
    if not modes:
        return None
    by = {mode.mode: {one.title: one for one in mode.what_if} for mode in modes}
    titles = dict.fromkeys(title for mode in modes for title in by[mode.mode])
    ranked = sorted(titles, key=lambda title: _rank(by, title))
    rows = [(title, *(_estimate(by[mode.mode].get(title)) for mode in modes)) for title in ranked]
    return Cells(
        "What if: so many times faster a step would be, at most [interval]",
        ("Without", *(mode.mode for mode in modes)),
        tuple(rows),
    )


def _rank(by: dict[str, dict[str, WhatIf]], title: str) -> tuple[bool, float]:
    there = [found[title] for found in by.values() if title in found]
    return there[0].of == "layer", -max(one.gain.value for one in there)


def _estimate(one: WhatIf | None) -> str:
    if one is None:
        return units.NOT_MEASURED
    low, high = (units.significant(end, 3) for end in (one.gain.low, one.gain.high))
    return f"{units.significant(one.gain.value, 3)} [{low}, {high}]"
