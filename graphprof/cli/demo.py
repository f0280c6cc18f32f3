"""``graphprof demo``: a built-in model on real data, end to end."""

from __future__ import annotations

from pathlib import Path

import click

TARGET = "digits_cnn"
MODES = ("eager", "graph", "xla", "fit")


@click.command("demo")
@click.option(
    "--logdir",
    type=click.Path(path_type=Path),
    default=Path("logs"),
    show_default=True,
    help="Where sessions are kept.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, nothing else.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing while it works.")
def command(logdir: Path, as_json: bool, quiet: bool) -> int:
    """Profile a built-in model on real data, end to end.

    A small convolutional net on images of handwritten digits, trained eagerly, as a graph, under
    XLA and in Keras fit; takes a minute or two. The same as

    \b
    graphprof profile digits_cnn --modes eager,graph,xla,fit --quick

    \b
    graphprof demo --logdir /tmp/logs && graphprof view /tmp/logs
    """
    from graphprof.capture.spec import WorkloadSpec
    from graphprof.cli import profile

    options = profile.options_of(quick=True)
    return profile.run(WorkloadSpec(TARGET), MODES, logdir, options, quiet, as_json)
