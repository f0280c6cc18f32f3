"""``graphprof import``: make a session of traces that others have taken."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from graphprof.errors import UsageError
from graphprof.session import PHASES, Phase

SOME_FAILED = 4


@click.command("import")
@click.argument("traces", metavar="TRACE...", nargs=-1)
@click.option(
    "--logdir",
    type=click.Path(path_type=Path),
    default=Path("logs"),
    show_default=True,
    help="Where sessions are kept.",
)
@click.option(
    "--name", default="import", show_default=True, help="End of the session's folder name."
)
@click.option(
    "--mode",
    "modes",
    metavar="NAME=FILE",
    multiple=True,
    help="A trace and the name of its mode; otherwise the mode is guessed.",
)
@click.option("--phase", type=click.Choice(PHASES), help="What was run [guessed].")
@click.option("--baseline", metavar="MODE", help="What the others are compared with.")
@click.option(
    "--step-event", metavar="NAME", help="The event that is a step, where none are marked."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, nothing else.")
def command(
    traces: tuple[str, ...],
    logdir: Path,
    name: str,
    modes: tuple[str, ...],
    phase: Phase | None,
    baseline: str | None,
    step_event: str | None,
    as_json: bool,
) -> int:
    """Make a session of traces that others have taken: tf.profiler, a Keras callback, XProf.

    TRACE is a *.xplane.pb, a pattern, or a log directory of which every recording is taken. Each
    becomes a mode, so that breakdown, layers, ops, memory, difference and timeline work as far as its
    data go; the report says what it cannot know.

    \b
    graphprof import logs/train/plugins/profile/*/*.xplane.pb
    graphprof import old_logs --logdir logs --name before
    graphprof import --mode before=a.xplane.pb --mode after=b.xplane.pb
    graphprof import run.xplane.pb --step-event train_step

    Exit codes: 0 fine, 2 usage, 4 some traces could not be imported, 6 the log directory cannot be
    written, 7 none of them could.
    """
    from graphprof import session
    from graphprof.cli import report
    from graphprof.importing import session as importing
    from graphprof.report import derive

    named = dict(_named(pair) for pair in modes)
    if not traces and not named:
        raise UsageError("No trace is named", "graphprof import FILE, or a log directory")
    arguments = (*(file for _, file in named.values()), *traces)
    wish = importing.Wish(
        name=name,
        modes={path: mode for path, (mode, _) in named.items()},
        phase=phase,
        baseline=baseline,
        step_event=step_event,
    )
    done = importing.run(arguments, logdir, wish)
    report.show(
        derive.report(session.load(done.folder)), as_markdown=False, as_json=as_json, json_file=None
    )
    for bad in done.refused:
        click.echo(f"graphprof: not imported: {bad.message}. {bad.cure}.", err=True)
    if not as_json:
        click.echo(f"Open it: graphprof view {shlex.quote(str(logdir))}", err=True)
    return SOME_FAILED if done.refused else 0


def _named(pair: str) -> tuple[Path, tuple[str, str]]:
    mode, equals, file = pair.partition("=")
    # A mode's own name may hold one: fit-spe=8=run.xplane.pb.
    while equals and not Path(file).exists() and "=" in file:
        more, _, file = file.partition("=")
        mode = f"{mode}={more}"
    if not equals or not mode or not file:
        raise UsageError(f"--mode {pair!r} is no NAME=FILE", "Write --mode eager=run.xplane.pb")
    return Path(file).resolve(), (mode, file)
