"""``graphprof modes``: the modes in each phase, and what can run here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.table import Table

from graphprof.cli.console import Output
from graphprof.session import PHASES, Phase

# TensorFlow is imported by a child process: it takes seconds, and here only one question is asked.
_PROBE_TIMEOUT_S = 180


@dataclass(frozen=True)
class Entry:
    """One mode in the list.

    Attributes:
        mode: as it is typed.
        phases: where it exists.
        title: what people read.
        summary: one sentence.
        runs_here: whether this machine can run it with a suitable model; None when not probed.
        reason: why not, one sentence, or None.
    """

    mode: str
    phases: tuple[Phase, ...]
    title: str
    summary: str
    runs_here: bool | None
    reason: str | None


@click.command()
@click.option(
    "--phase", type=click.Choice(PHASES), help="Only the modes of this phase (default: all)."
)
@click.option("--no-probe", is_flag=True, help="Do not start TensorFlow to see what runs here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, on stdout.")
def command(phase: Phase | None, no_probe: bool, as_json: bool) -> None:
    """List the modes, what can run here and why not, and the built-in models.

    \b
    graphprof modes
    graphprof modes --phase predict --json

    Exit code 0; a mode that cannot run here is part of the answer.
    """
    from graphprof.capture.modes import registry
    from graphprof.capture.workloads import builtin

    known = registry.load()
    reasons, trouble = ({}, None) if no_probe else probe()
    entries = [
        Entry(
            mode=f"{mode.name}={mode.parameter}" if mode.parameter else mode.name,
            phases=mode.phases,
            title=mode.title,
            summary=mode.summary,
            runs_here=None if no_probe else trouble is None and reasons.get(mode.name) is None,
            reason=trouble or reasons.get(mode.name),
        )
        for mode in (known.modes if phase is None else known.of_phase(phase))
    ]
    builtins = [(entry.name, entry.summary) for entry in builtin.BUILTINS]
    builtins.append((f"{builtin.APPLICATIONS}NAME", builtin.APPLICATIONS_SUMMARY))
    if as_json:
        document: dict[str, Any] = {
            "schema": "graphprof.modes/1",
            "modes": [asdict(entry) for entry in entries],
            "builtins": [{"name": name, "summary": text} for name, text in builtins],
            "problems": list(known.problems),
        }
        click.echo(json.dumps(document, indent=2))
        return
    _print(entries, builtins, trouble)
    for problem in known.problems:
        click.echo(problem, err=True)


def probe() -> tuple[dict[str, str | None], str | None]:
    """Ask a child process with TensorFlow what can run here.

    Returns:
        mode name -> why it cannot run (None when it can), and why nothing can (None when not so).
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", "graphprof.capture.modes.probe"],
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {}, f"TensorFlow did not start within {_PROBE_TIMEOUT_S} seconds."
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {}, f"TensorFlow does not start here: {last.rstrip('.')}."
    reasons: dict[str, str | None] = json.loads(lines[-1])
    return reasons, None


def _print(
    entries: Sequence[Entry], builtins: Sequence[tuple[str, str]], trouble: str | None
) -> None:
    """Print both tables; ``trouble`` is why no mode can run at all."""
    console = Output()
    table = Table(title="Modes", title_justify="left", box=None, pad_edge=False)
    for heading in ("mode", "phase", "here", "what it is"):
        table.add_column(heading, no_wrap=heading == "mode")
    for entry in entries:
        phases = "all" if entry.phases == PHASES else ", ".join(entry.phases)
        here = {None: "not probed", True: "yes", False: "no"}[entry.runs_here]
        own_reason = entry.reason is not None and entry.reason != trouble
        what = f"{entry.summary} {entry.reason}" if own_reason else entry.summary
        table.add_row(entry.mode, phases, here, what)
    console.print(table)
    if trouble is not None:
        console.print(f"\n{trouble}", markup=False)
    models = Table(title="\nBuilt-in models", title_justify="left", box=None, pad_edge=False)
    models.add_column("target", no_wrap=True)
    models.add_column("what it is")
    for name, text in builtins:
        models.add_row(name, text)
    console.print(models)
