"""The report in a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from graphprof import units
from graphprof.report import agreement, cells, findings_text, memory_cells, sections
from graphprof.report.document import ModeReport, Report
from graphprof.trace.kinds import KINDS

# One colour a kind, of the terminal's own palette, so that light and dark themes both work.
_COLOURS = {
    "python": "blue",
    "function_call": "bright_blue",
    "dispatch": "magenta",
    "build": "bright_red",
    "compile": "red",
    "op": "green",
    "py_function": "bright_magenta",
    "runtime": "bright_green",
    "input": "yellow",
    "idle": "bright_black",
}
_VERDICT_STYLES = {"faster": "green", "slower": "red"}


def render(report: Report, console: Console, *, full: bool = False) -> None:
    """Print ``report``: the verdict first, then the tables, then what to know and where to look.

    Args:
        report: what to print.
        console: where to.
        full: also print the sections that are left out of a first look.
    """
    _print_head(report, console)
    console.print(table(cells.comparison(report), _verdict_styles(report)))
    _print_bars(report, console)
    for section, content in sections.chosen(report, full=full):
        console.print(table(content, words=section.words))
        console.print()
    for block in findings_text.listed(report.findings, full=full) if _judged(report) else ():
        console.print(block)
    console.print()
    remarks = (*cells.undecided(report.modes), *agreement.remarks(report))
    signed = Table.grid(padding=(0, 1))
    for sign, style, sentences in (
        ("≠", "red", agreement.differences(report)),
        ("→", "", cells.reasons(report)),
        ("→", "", memory_cells.sentences(report, full=full)),
        ("✗", "red", cells.failures(report.modes)),
        ("!", "yellow", report.warnings),
        ("·", "dim", (*remarks, *report.notes)),
    ):
        for sentence in sentences:
            signed.add_row(Text(sign, style), Text(sentence, style))
    console.print(signed)
    console.print(Text(f"\nSession  {report.session.path}", style="dim"), soft_wrap=True)


def _judged(report: Report) -> bool:
    """Whether there was anything that findings can rest on."""
    return bool(report.findings) or any(mode.breakdown for mode in report.modes)


def _print_head(report: Report, console: Console) -> None:
    facts = [report.session.target, report.phase]
    batch_size = report.workload.get("batch_size")
    if batch_size is not None:
        facts.append(f"batch {batch_size}")
    console.print()
    console.print(Text(" · ".join(str(fact) for fact in facts), style="dim"))
    console.print(Text(report.verdict, style="bold"))
    console.print()


def table(
    content: cells.Cells, styles: Mapping[int, str] | None = None, *, words: bool = False
) -> Table:
    """A table for the terminal.

    Args:
        content: what it shows.
        styles: colours of whole rows by their index.
        words: the cells hold words that may go over several lines, not numbers, which are never
            cut.
    """
    view = Table(
        title=content.title,
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for number, name in enumerate(content.header):
        if number == 0 or words:
            view.add_column(
                escape(name), no_wrap=not words, overflow="fold" if words else "ellipsis"
            )
            continue
        width = max(len(name), *(len(row[number]) for row in content.rows), 0)
        view.add_column(escape(name), justify="right", no_wrap=True, min_width=width)
    for index, row in enumerate(content.rows):
        view.add_row(*(escape(cell) for cell in row), style=(styles or {}).get(index))
    return view


def _verdict_styles(report: Report) -> dict[int, str]:
    return {
        index: "red" if agreement.differs(mode) else _VERDICT_STYLES[mode.ratio.verdict]
        for index, mode in enumerate(report.modes)
        if mode.ratio and mode.ratio.verdict in _VERDICT_STYLES
    }


def _print_bars(report: Report, console: Console) -> None:
    """One bar a mode, all on one scale, divided by kind."""
    modes = [mode for mode in report.modes if mode.breakdown and mode.traced_step_s]
    if not modes:
        return
    console.print()
    name_width = max(len(mode.mode) for mode in modes)
    longest = max(mode.traced_step_s or 0.0 for mode in modes)
    width = max(10, min(console.width, 110) - name_width - 14)
    for mode in modes:
        bar = _bar(mode, width / longest)
        console.print(
            Text(f"{mode.mode:<{name_width}} ") + bar + f" {units.seconds(mode.traced_step_s)}"
        )
    used = {part.kind for mode in modes for part in mode.breakdown or () if part.seconds > 0}
    legend = [
        Text.assemble(("■ ", _COLOURS[kind.id]), kind.title) for kind in KINDS if kind.id in used
    ]
    console.print(Padding(Columns(legend, padding=(0, 2)), (0, 0, 0, name_width + 1)))
    console.print()


def _bar(mode: ModeReport, cells_per_second: float) -> Text:
    """The parts as coloured blocks; each ends where the running sum ends, so that rounding never
    makes one bar longer than its step.
    """
    bar = Text()
    until = 0.0
    drawn = 0
    for part in mode.breakdown or ():
        until += part.seconds
        end = round(until * cells_per_second)
        bar.append("█" * (end - drawn), style=_COLOURS[part.kind])
        drawn = end
    return bar
