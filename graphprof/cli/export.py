"""``graphprof export``: the tables of a session for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click

from graphprof import session
from graphprof.analysis.work.difference import BYS, By
from graphprof.cli.report import newest
from graphprof.errors import UsageError
from graphprof.report import export

SOME_FAILED = 4


@click.command("export")
@click.argument("path", metavar="SESSION", type=click.Path(path_type=Path))
@click.option(
    "--what",
    type=click.Choice(tuple(export.TABLES)),
    default="steps",
    show_default=True,
    help="Which table.",
)
@click.option(
    "--by",
    type=click.Choice(BYS),
    default="layer",
    show_default=True,
    help="What differences are divided by.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("csv", "parquet")),
    default="csv",
    show_default=True,
    help="Parquet needs pyarrow.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File [stdout]."
)
def command(path: Path, what: str, by: str, form: str, output: Path | None) -> int:
    """Write a table of a session for other programs: every row, in SI units, nothing rounded.

    SESSION is a session's folder, or a log directory, of which the newest session is taken. What
    was not measured is an empty cell. The columns are described in docs/export.md.

    \b
    steps       every timed call of every process, without the profiler
    breakdown   every traced step, divided into kinds of time that sum to it
    layers      the mean traced step of each mode by layer and pass
    ops         the mean traced step of each mode by op
    difference  the gap of each mode to the baseline, in parts that sum to it
    memory      what each mode's step holds at its peak, by layer and pass
    resident    the resident set of every process, stage by stage

    \b
    graphprof export logs > steps.csv
    graphprof export logs --what ops -o ops.csv
    graphprof export logs --what difference --by op --format parquet -o gap.parquet

    Exit codes: 0 fine, 2 usage, 4 a mode's trace could not be read and is missing, 6 the file cannot be
    written, 8 there is no session, or nothing to export.
    """
    if form == "parquet" and output is None:
        raise UsageError("Parquet is no text for a terminal", "Name a file: -o FILE")
    made = export.table(session.load(newest(path)), what, cast("By", by))
    if form == "parquet":
        session.write_atomically(cast("Path", output), export.to_parquet(made))
    elif output is not None:
        session.write_atomically(output, export.to_csv(made).encode())
    else:
        click.echo(export.to_csv(made), nl=False)
    for problem in made.problems:
        click.echo(f"graphprof: not in the table: {problem}", err=True)
    return SOME_FAILED if made.problems else 0
