"""``graphprof doctor``: what is installed, what it sees, and how quiet this machine is."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from graphprof import units
from graphprof.cli.console import Output
from graphprof.cli.profile import SECONDS

if TYPE_CHECKING:
    from graphprof.analysis.timing.noise import Resolution

SCHEMA = "graphprof.doctor/1"
_TENSORFLOW_TIMEOUT_S = 180
# What the PROFILE and GRAPHPROF tabs are called among TensorBoard's plugins.
_TABS = ("profile", "graphprof")


@dataclasses.dataclass(frozen=True)
class Health:
    """What the doctor found.

    Attributes:
        environment: what ``profile`` would record, flat name -> value.
        tabs: TensorBoard plugin name -> whether TensorBoard will find it.
        noise: what the machine lets one see, or None when it was not measured.
        problems: sentences, each with what to do.
    """

    environment: dict[str, Any]
    tabs: dict[str, bool]
    noise: Resolution | None
    problems: tuple[str, ...]


@click.command("doctor")
@click.option(
    "--seconds",
    type=SECONDS,
    default=8.0,
    metavar="TIME",
    help="How long to measure the noise [8s]; --no-noise leaves it out.",
)
@click.option("--no-noise", is_flag=True, help="Do not measure the noise.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, nothing else, on stdout.")
def command(seconds: float, no_noise: bool, as_json: bool) -> int:
    """Check this machine: versions, devices, TensorBoard's tabs, noise.

    Times a fixed piece of work against itself, as profile times modes, and says what difference
    between two modes could be seen in a minute.

    \b
    graphprof doctor
    graphprof doctor --seconds 30s --json | jq .noise

    Exit codes: 0 all is well, 3 something is missing that profiling or viewing needs.
    """
    health = examine(None if no_noise else seconds)
    if as_json:
        values = {"schema": SCHEMA, **dataclasses.asdict(health)}
        click.echo(json.dumps(values, indent=2))
    else:
        _print(health, Output(highlight=False))
    return 3 if health.problems else 0


def examine(noise_s: float | None) -> Health:
    """Look at everything; measures noise for ``noise_s`` seconds, not at all when None."""
    from graphprof.analysis.timing import noise
    from graphprof.capture import environment
    from graphprof.capture.controller import machine

    values = environment.collect("parent")
    # Noise first: the process that asks TensorFlow would be noise itself.
    resolution = None
    if noise_s is not None:
        Output(stderr=True).print(f"measuring noise for {noise_s:.0f} s")
        alike = machine.time_alike(noise_s)
        resolution = noise.resolution(alike.first_s, alike.second_s, alike.seconds)
    found, problem = _of_tensorflow()
    installed = importlib.metadata.entry_points(group="tensorboard_plugins")
    tabs = {tab: any(entry.name == tab for entry in installed) for tab in _TABS}
    problems = [] if problem is None else [problem]
    problems += [_missing_tab(tab) for tab, there in tabs.items() if not there]
    return Health({**values, **found}, tabs, resolution, tuple(problems))


def _of_tensorflow() -> tuple[dict[str, Any], str | None]:
    """What a process with TensorFlow sees, or why there is none; not imported in this one."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "graphprof.capture.environment"],
            capture_output=True,
            text=True,
            timeout=_TENSORFLOW_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return (
            {},
            f"TensorFlow did not load within {_TENSORFLOW_TIMEOUT_S} s: see what holds it up.",
        )
    if done.returncode != 0:
        last = next(iter(done.stderr.strip().splitlines()[-1:]), "no message")
        return {}, f"TensorFlow cannot be loaded ({last}): pip install --upgrade tensorflow keras."
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found, None


def _missing_tab(tab: str) -> str:
    package = "tensorboard-plugin-profile" if tab == "profile" else "graphprof"
    return f"TensorBoard will not show its tab {tab.upper()}: pip install {package}."


def _print(health: Health, console: Console) -> None:
    from graphprof.capture import environment

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for entry in environment.ENTRIES:
        if entry.name in health.environment:
            table.add_row(entry.description, _text(health.environment[entry.name], entry.unit))
    for tab, there in health.tabs.items():
        table.add_row(f"TensorBoard's tab {tab.upper()}", "found" if there else "missing")
    console.print(table)
    for sentence in noise_sentences(health.noise):
        console.print(f"\n{sentence}", soft_wrap=True)
    for problem in health.problems:
        console.print(f"\n! {problem}", style="bold", soft_wrap=True, markup=False)


def _text(value: Any, unit: str) -> str:
    if value is None:
        return units.NOT_MEASURED
    if unit == "bytes":
        return units.size(value)
    if unit == "Hz":
        return f"{units.significant(value / 1e9)} GHz"
    if unit == "s":
        return units.seconds(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return units.significant(value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or units.NOT_MEASURED
    if isinstance(value, dict):
        return ", ".join(f"{key}={each}" for key, each in value.items()) or "none set"
    return str(value)


def noise_sentences(noise: Resolution | None) -> list[str]:
    """Say what the machine lets one see."""
    if noise is None:
        return []
    sentences = []
    if noise.spread is not None:
        sentences.append(
            f"Noise: the same work varies by ±{units.share(noise.spread)} from block to block."
        )
    if noise.detectable is None or noise.detectable_here is None:
        sentences.append("Too few rounds to say what difference could be seen: use --seconds 30s.")
    else:
        budget = f"{noise.budget_s:.0f} s"
        sentences.append(
            f"In {budget} of measuring, two modes that differ by {units.share(noise.detectable)} are "
            "told apart four times out of five as a statement about the next run, and by "
            f"{units.share(noise.detectable_here)} within one run."
        )
    if noise.aa.low is not None and noise.aa.high is not None:
        sentences.append(
            f"The same work under two names: {units.ratio(noise.aa.value)} "
            f"[{units.ratio(noise.aa.low)}, {units.ratio(noise.aa.high)}]; 1 is the truth."
        )
    return sentences
