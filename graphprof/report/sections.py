"""The tables of a report beyond its first one, in order: shared by the terminal and by Markdown.

A section is a function from the report to the cells of a table, or None when there is nothing to show.
A new one is a function in the file of its topic and a line here. ``brief`` ones are always printed;
the others when they are asked for (``graphprof report --full``), and the dashboard has a view for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphprof.report import (
    cells,
    compile_cells,
    findings_text,
    memory_cells,
    ops_cells,
    parity_cells,
)
from graphprof.report.cells import Cells
from graphprof.report.document import Report


@dataclass(frozen=True)
class Section:
    """One table of the report.

    Attributes:
        name: a word, as in the report's JSON.
        table: makes its cells; None when there is nothing to show.
        brief: whether it is always printed.
        words: its cells hold words that may go over several lines, not numbers.
    """

    name: str
    table: Callable[[Report], Cells | None]
    brief: bool = False
    words: bool = False


SECTIONS: tuple[Section, ...] = (
    Section("breakdown", cells.breakdown, brief=True),
    Section("compile", compile_cells.price, brief=True),
    Section("built_again", compile_cells.again, brief=True, words=True),
    Section("ops", ops_cells.largest),
    Section("graphs", ops_cells.graphs),
    Section("parity", parity_cells.table),
    Section("memory", memory_cells.table),
    Section("what_if", findings_text.what_if),
)


def chosen(report: Report, *, full: bool) -> list[tuple[Section, Cells]]:
    """The sections to print with their cells: the brief ones, or with ``full`` all of them."""
    found = ((one, one.table(report)) for one in SECTIONS if one.brief or full)
    return [(one, content) for one, content in found if content is not None]
