"""``graphprof compare``: where the difference between two modes comes from."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import click
from rich.console import Console
from rich.text import Text

from graphprof import session
from graphprof.analysis.work.difference import BYS, By
from graphprof.cli.console import Output
from graphprof.cli.report import newest
from graphprof.report import comparison, markdown, text
from graphprof.report.escaping import for_markdown


@click.command("compare")
@click.argument("path", metavar="SESSION", type=click.Path(path_type=Path))
@click.argument("baseline", metavar="MODE")
@click.argument("mode", metavar="MODE")
@click.option(
    "--by", type=click.Choice(BYS), default="layer", show_default=True, help="What to divide by."
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/report-schema.md).")
def command(
    path: Path, baseline: str, mode: str, by: str, as_markdown: bool, as_json: bool
) -> None:
    """Say where the difference between two modes of a session comes from.

    The gap between the mean traced steps of the first MODE and the second is divided into parts that
    sum to it: kinds of time, layers and passes, or ops (with what took whose place). SESSION is a
    session's folder, or a log directory, of which the newest session is taken.

    \b
    graphprof compare logs graph xla
    graphprof compare logs eager graph --by op
    graphprof compare logs graph xla --by layer --json | jq '.difference.parts[0]'
    """
    found = comparison.build(session.load(newest(path)), baseline, mode, cast("By", by))
    if as_json:
        click.echo(comparison.to_json(found))
    elif as_markdown:
        click.echo(_markdown(found), nl=False)
    else:
        _print(found, Output(highlight=False))


def _markdown(found: comparison.Comparison) -> str:
    tables = [table for table in (comparison.parts(found), comparison.matches(found)) if table]
    sentences = [
        f"**{for_markdown(found.sentence)}**",
        *(markdown.table(table) for table in tables),
        *(for_markdown(line) for line in (comparison.mapped(found), *found.warnings) if line),
    ]
    return "\n\n".join(sentences) + "\n"


def _print(found: comparison.Comparison, console: Console) -> None:
    console.print(Text(f"\n{found.sentence}\n", style="bold"))
    console.print(text.table(comparison.parts(found)))
    matches = comparison.matches(found)
    if matches is not None:
        console.print(text.table(matches, words=True))
    mapped = comparison.mapped(found)
    if mapped is not None:
        console.print(Text(f"  · {mapped}", style="dim"))
    for warning in found.warnings:
        console.print(Text(f"  ! {warning}", style="yellow"))
