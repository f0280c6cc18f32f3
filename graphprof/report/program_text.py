"""The report of a watched program as text for the terminal."""

from __future__ import annotations

import signal

from rich.console import Console, Group, RenderableType
from rich.text import Text

from graphprof import units
from graphprof.report import findings_text, replays_text
from graphprof.report.escaping import for_markdown
from graphprof.report.program import ProgramReport

_MOST_PARTS = 6


def print_program(report: ProgramReport, console: Console) -> None:
    """Print ``report``."""
    console.print(render(report), highlight=False)


def render(report: ProgramReport) -> RenderableType:
    """``report`` as something that rich can print."""
    blocks: list[RenderableType] = [_head(report), _parts(report)]
    if report.program.work_s is not None:
        blocks += findings_text.listed(report.findings)
    blocks += [Text(line) for line in replays_text.lines(report.program.replay)]
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


def to_markdown(report: ProgramReport) -> str:
    """The report as Markdown text."""
    escape = for_markdown
    parts = [f"# {escape(report.program.target)}", f"**{escape(report.verdict)}**"]
    parts += findings_text.to_markdown(report.findings)
    replayed = replays_text.lines(report.program.replay)
    parts += ["\n".join(f"- {escape(line.strip())}" for line in replayed)] if replayed else []
    remarks = [f"- {escape(remark)}" for remark in (*report.warnings, *report.notes)]
    return "\n\n".join([*parts, *(["\n".join(remarks)] if remarks else [])]) + "\n"
