"""The report as Markdown, for issues, pull requests and notebooks."""

from __future__ import annotations

from graphprof.report import cells
from graphprof.report.document import Report


def render(report: Report) -> str:
    """``report`` as Markdown text."""
    parts = [
        f"# {_text(report.session.target)}, {report.phase}",
        f"**{_text(report.verdict)}**",
        _table(cells.comparison(report)),
    ]
    divided = cells.breakdown(report)
    if divided is not None:
        parts.append(_table(divided))
    remarks = [*cells.failures(report.modes), *report.warnings, *report.notes]
    if remarks:
        parts.append("\n".join(f"- {_text(remark)}" for remark in remarks))
    parts.append(f"Session `{report.session.id}`, {report.session.created}.")
    return "\n\n".join(parts) + "\n"


def _table(table: cells.Cells) -> str:
    rule = ("---", *("---:" for _ in table.header[1:]))
    rows = [table.header, rule, *table.rows]
    lines = ["| " + " | ".join(_text(cell) for cell in row) + " |" for row in rows]
    return f"## {table.title}\n\n" + "\n".join(lines)


def _text(text: str) -> str:
    """``text`` with what Markdown and HTML would interpret made plain."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
    return plain.replace("\n", " ").strip()
