"""The report of any session: a comparison of modes, or a watched program."""

from __future__ import annotations

from rich.console import Console

from graphprof.report import derive, document, markdown, program, program_text, text
from graphprof.report.document import Report
from graphprof.report.program import ProgramReport
from graphprof.session import Session


def build(session: Session) -> Report | ProgramReport:
    """Derive the report of a session."""
    return program.of_session(session) if program.is_program(session) else derive.report(session)


def to_json(report: Report | ProgramReport, indent: int | None = 2) -> str:
    """The report as JSON text (``docs/report-schema.md``)."""
    if isinstance(report, Report):
        return document.to_json(report, indent)
    return program.to_json(report, indent)


def to_markdown(report: Report | ProgramReport, *, full: bool = False) -> str:
    """The report as Markdown text; ``full`` with the sections left out of a first look."""
    if isinstance(report, Report):
        return markdown.render(report, full=full)
    return program_text.to_markdown(report)


def show(report: Report | ProgramReport, console: Console, *, full: bool = False) -> None:
    """Print the report; ``full`` with the sections left out of a first look."""
    if isinstance(report, Report):
        text.render(report, console, full=full)
    else:
        program_text.print_program(report, console)
