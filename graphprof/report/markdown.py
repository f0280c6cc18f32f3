"""The report as Markdown, for issues, pull requests and notebooks."""

from __future__ import annotations

from graphprof.report import agreement, cells, findings_text, memory_cells, sections
from graphprof.report.document import Report
from graphprof.report.escaping import for_markdown


def render(report: Report, *, full: bool = False) -> str:
    """``report`` as Markdown text; ``full`` with the sections left out of a first look."""
    parts = [
        f"# {for_markdown(report.session.target)}, {report.phase}",
        f"**{for_markdown(report.verdict)}**",
        table(cells.comparison(report)),
    ]
    parts += [table(content) for _, content in sections.chosen(report, full=full)]
    parts += ["## Findings", *findings_text.to_markdown(report.findings)] if report.findings else []
    remarks = [
        *agreement.differences(report),
        *cells.reasons(report),
        *memory_cells.sentences(report, full=full),
        *cells.failures(report.modes),
        *report.warnings,
        *cells.undecided(report.modes),
        *agreement.remarks(report),
        *report.notes,
    ]
    if remarks:
        parts.append("\n".join(f"- {for_markdown(remark)}" for remark in remarks))
    parts.append(f"Session `{report.session.id}`, {report.session.created}.")
    return "\n\n".join(parts) + "\n"


def table(content: cells.Cells) -> str:
    """A table with its title as Markdown."""
    rule = ("---", *("---:" for _ in content.header[1:]))
    rows = [content.header, rule, *content.rows]
    lines = ["| " + " | ".join(for_markdown(cell) for cell in row) + " |" for row in rows]
    return f"## {content.title}\n\n" + "\n".join(lines)
