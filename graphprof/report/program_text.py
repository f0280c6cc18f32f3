"""The report of a watched program as text for the terminal."""

from __future__ import annotations

import signal

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from graphprof import units
from graphprof.analysis.findings.base import Finding, Number
from graphprof.report import markdown
from graphprof.report.program import ProgramReport

_STYLE = {"major": "bold red", "moderate": "yellow", "minor": "dim"}
_MOST_PARTS = 6


def print_program(report: ProgramReport, console: Console) -> None:
    """Print ``report``."""
    console.print(render(report), highlight=False)


def render(report: ProgramReport) -> RenderableType:
    """``report`` as something that rich can print."""
    blocks: list[RenderableType] = [_head(report), _parts(report)]
    loud = [finding for finding in report.findings if finding.severity != "minor"]
    if report.program.work_s is not None:
        if not loud:
            blocks.append(Text("Healthy: nothing found that is worth changing.", style="green"))
        blocks += [_finding(number, one) for number, one in enumerate(report.findings, start=1)]
    for sentence in (*report.program.not_seen, *report.program.notes):
        blocks.append(Text(f"not seen: {sentence}", style="dim"))
    return Group(*blocks)


def _head(report: ProgramReport) -> Text:
    program = report.program
    text = Text("graphprof: ", style="bold")
    text.append(f"{program.target}", style="bold")
    end = _end(program.exit_code)
    text.append(f" {end} after {units.seconds(program.wall_s)}")
    text.append(f" (imports {units.seconds(program.imports_s)}, ")
    text.append(f"main work {units.seconds(program.work_s)})")
    if program.seen:
        text.append("\nseen: " + "; ".join(program.seen), style="dim")
    return text


def _end(code: int | None) -> str:
    if code is None:
        return "was cut off"
    if code >= 0:
        return f"ended with {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:  # a signal of another system, or one without a name
        return f"was ended by signal {-code}"


def _parts(report: ProgramReport) -> Text:
    shares = report.program.division[:_MOST_PARTS]
    parts = ", ".join(f"{units.share(part.share)} {part.part}" for part in shares)
    return Text(f"time: {parts or 'unknown'}", style="dim")


def _finding(number: int, finding: Finding) -> RenderableType:
    style = _STYLE[finding.severity]
    head = Text(f"{number}. {finding.severity}", style=style)
    head.append(f"  {finding.cause}", style="bold")
    head.append(f"  {finding.sentence}")
    lines: list[RenderableType] = [head]
    if finding.location is not None:
        where = f"{finding.location.file}:{finding.location.line}"
        lines.append(_indented(f"at      {where}   {finding.location.code}"))
    if finding.expected_gain.high > 1:
        lines.append(_indented(f"gain    {_gain(finding)}"))
    lines.append(_indented(f"change  {finding.change}"))
    numbers = ", ".join(_number(one) for one in finding.evidence)
    lines.append(_indented(f"because {numbers}", "dim"))
    lines += [_indented(f"        {detail}", "dim") for detail in finding.details[:4]]
    return Group(*lines)


def _gain(finding: Finding) -> str:
    gain = finding.expected_gain
    spread = f"{units.ratio(gain.low)} to {units.ratio(gain.high)}"
    part = "" if gain.of == "work" else ", once built"
    return f"about {units.ratio(gain.value)} faster ({spread}){part}"


def _indented(text: str, style: str = "") -> RenderableType:
    return Padding(Text(text, style=style), (0, 0, 0, 3))


def _number(number: Number) -> str:
    show = {
        "s": lambda: units.seconds(number.value),
        "share": lambda: units.share(number.value),
        "count": lambda: units.count(round(number.value)),
        "bytes": lambda: units.size(number.value),
        "ratio": lambda: units.ratio(number.value),
    }
    return f"{number.what} {show[number.unit]()}"


def to_markdown(report: ProgramReport) -> str:
    """The report as Markdown text."""
    escape = markdown.escape
    parts = [f"# {escape(report.program.target)}", f"**{escape(report.verdict)}**"]
    for number, finding in enumerate(report.findings, start=1):
        lines = [f"{number}. **{finding.severity}** `{finding.cause}` {escape(finding.sentence)}"]
        if finding.location is not None:
            where = f"{finding.location.file}:{finding.location.line}"
            lines.append(f"   - at {escape(where)}: `{finding.location.code}`")
        if finding.expected_gain.high > 1:
            lines.append(f"   - gain: {_gain(finding)}")
        lines.append(f"   - change: {escape(finding.change)}")
        lines.append(f"   - because {escape(', '.join(map(_number, finding.evidence)))}")
        parts.append("\n".join(lines))
    remarks = [f"- {escape(remark)}" for remark in (*report.warnings, *report.notes)]
    return "\n\n".join([*parts, *(["\n".join(remarks)] if remarks else [])]) + "\n"
