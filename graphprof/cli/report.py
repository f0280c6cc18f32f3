"""``graphprof report``: print a recorded session again."""

from __future__ import annotations

from pathlib import Path

import click

from graphprof import session
from graphprof.cli.console import Output
from graphprof.errors import SessionError
from graphprof.report import answer
from graphprof.report.document import Report
from graphprof.report.program import ProgramReport


@click.command("report")
@click.argument("path", metavar="SESSION", type=click.Path(path_type=Path))
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/report-schema.md).")
@click.option("--full", is_flag=True, help="Print every section, not only those of a first look.")
@click.option(
    "--json-file", type=click.Path(path_type=Path), help="Also write the JSON to this file."
)
def command(
    path: Path, as_markdown: bool, as_json: bool, full: bool, json_file: Path | None
) -> None:
    """Print a recorded session again.

    SESSION is a session's folder, or a log directory, of which the newest session is taken.

    \b
    graphprof report logs
    graphprof report logs --full
    graphprof report logs/20260101-120000-digits_cnn --markdown > comparison.md
    graphprof report logs --json | jq '.modes[].step_time_s'
    """
    report = answer.build(session.load(newest(path)))
    show(report, as_markdown=as_markdown, as_json=as_json, json_file=json_file, full=full)


def newest(path: Path) -> Path:
    """``path`` itself when it is a session, else the newest session below it.

    Raises:
        SessionError: there is none.
    """
    if not path.is_dir() or (path / session.SESSION_FILE).is_file():
        return path
    found = list(session.find(path))
    if not found:
        raise SessionError(
            f"No session in {path}", "Record one: graphprof profile TARGET --logdir " + str(path)
        )
    return max(found, key=lambda folder: (folder / session.SESSION_FILE).stat().st_mtime_ns)


def show(
    report: Report | ProgramReport,
    *,
    as_markdown: bool,
    as_json: bool,
    json_file: Path | None,
    full: bool = False,
) -> None:
    """Print ``report`` to stdout in one format, and write its JSON where asked.

    Raises:
        StorageError: the file cannot be written.
    """
    if as_json:
        click.echo(answer.to_json(report))
    elif as_markdown:
        click.echo(answer.to_markdown(report, full=full), nl=False)
    else:
        answer.show(report, Output(highlight=False), full=full)
    if json_file is not None:
        # Last: a file that cannot be written must not keep anybody from reading the report.
        session.write_atomically(json_file, answer.to_json(report).encode())
