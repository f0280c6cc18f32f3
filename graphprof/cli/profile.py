"""``graphprof profile``: measure a workload in several modes and print the comparison."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphprof.cli import repeating
from graphprof.errors import UsageError
from graphprof.session import PHASES, Phase, Session

if TYPE_CHECKING:
    from graphprof.capture.controller.options import Options
    from graphprof.capture.controller.progress import Progress
    from graphprof.capture.spec import WorkloadSpec

INTERRUPTED = 130
SOME_FAILED = 4

# Seconds of timed steps, and how often new processes are started: always, and at most.
QUICK = (10.0, 1, 1)
USUAL = (60.0, 2, 5)
THOROUGH = (150.0, 5, 10)


class Seconds(click.ParamType):  # type: ignore[type-arg]
    """A time as people type it: ``90``, ``90s``, ``1.5m``."""

    name = "TIME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Seconds of ``value``."""
        if isinstance(value, (int, float)):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)?", str(value).strip())
        if match is None or float(match[1]) == 0:
            self.fail(f"{value!r} is no time; write 90s or 1.5m", param, ctx)
        scale = {"ms": 1e-3, "s": 1, None: 1, "m": 60, "min": 60, "h": 3600}[match[2]]
        return float(match[1]) * scale


SECONDS = Seconds()


@click.command("profile")
@click.argument("target")
@click.option("--modes", metavar="MODE,…", help="Modes to compare (see: graphprof modes).")
@click.option(
    "--phase", type=click.Choice(PHASES), default="train", show_default=True, help="What is run."
)
@click.option("--baseline", metavar="MODE", help="What the others are compared with [the first].")
@click.option("--batch-size", type=click.IntRange(1), help="Examples in a batch.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Factory argument.")
@click.option("--data", metavar="NAME", help="Factory of the data, when TARGET makes only a model.")
@click.option("--precision", metavar="POLICY", help="Keras dtype policy, as mixed_bfloat16.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Of the model and the order.",
)
@click.option("--steps", type=click.IntRange(1), help="Steps to trace [20, fewer where slow].")
@click.option(
    "--budget", type=SECONDS, help="Time for timed steps, over all modes [60s].", metavar="TIME"
)
@click.option("--no-parity", is_flag=True, help="Do not compare what the modes compute.")
@click.option("--quick", is_flag=True, help="One process a mode and 10 s: a first look.")
@click.option("--thorough", is_flag=True, help="Five to ten processes a mode and 150 s.")
@click.option(
    "--timeout",
    type=SECONDS,
    default=600.0,
    metavar="TIME",
    help="Longest wait for a mode to load, compile or answer [600s].",
)
@click.option(
    "--logdir",
    type=click.Path(path_type=Path),
    default=Path("logs"),
    show_default=True,
    help="Where sessions are kept.",
)
@click.option(
    "--like",
    type=click.Path(path_type=Path),
    metavar="SESSION",
    is_eager=True,
    callback=repeating.take_over,
    help="Repeat a session: its choices are the defaults, TARGET included.",
)
@click.option("--name", help="End of the session's folder name [from TARGET].")
@click.option(
    "--advise",
    is_flag=True,
    help="Then try what the findings advise: as long again as --budget, 60s at least.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, nothing else.")
@click.option("--json-file", type=click.Path(path_type=Path), help="Also write the JSON to a file.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing while it works.")
def command(
    target: str,
    modes: str | None,
    phase: Phase,
    settings: tuple[str, ...],
    quick: bool,
    thorough: bool,
    quiet: bool,
    as_json: bool,
    json_file: Path | None,
    **values: Any,
) -> int:
    """Profile a model in several modes and compare them.

    TARGET is file.py:factory, package.module:factory or a built-in model; the factory returns a
    Keras model, (model, data), a graphprof.Workload or a step function.

    \b
    graphprof profile digits_cnn
    graphprof profile models.py:build --modes eager,graph,xla,fit,fit-spe=8
    graphprof profile models.py:build --phase predict --batch-size 1 --set width=64
    graphprof profile models.py:build --quick --json | jq '.modes[].step_time_s'
    graphprof profile --like logs/20260101-120000-models-build
    graphprof profile digits_mlp --advise

    Exit codes: 0 fine, 2 usage, 3 no mode could be measured, 4 some modes failed, 5 the model or
    its data failed, 6 the log directory cannot be written, 130 interrupted (what was measured is
    kept and reported).
    """
    from graphprof.capture.modes import registry
    from graphprof.capture.spec import WorkloadSpec

    names = modes if modes is not None else registry.default_names(phase)
    asked = [mode.name for mode in registry.resolve_all(names, phase)]
    spec = WorkloadSpec(
        target=target,
        phase=phase,
        settings=_settings(settings),
        data=values["data"],
        batch_size=values["batch_size"],
        seed=values["seed"],
        precision=values["precision"],
    )
    baseline = values["baseline"]
    options = options_of(
        quick=quick,
        thorough=thorough,
        budget_s=values["budget"],
        trace_steps=values["steps"],
        parity=not values["no_parity"],
        timeout_s=values["timeout"],
        seed=values["seed"],
        baseline=None if baseline is None else registry.resolve(baseline, phase).name,
        name=values["name"],
        like=None if values["like"] is None else str(values["like"]),
    )
    return run(
        spec, asked, values["logdir"], options, quiet, as_json, json_file, advise=values["advise"]
    )


def options_of(
    *, quick: bool = False, thorough: bool = False, budget_s: float | None = None, **more: Any
) -> Options:
    """The measuring options for a thoroughness; an own ``budget_s`` wins over its."""
    from graphprof.analysis.timing import stopping
    from graphprof.capture.controller.options import Options

    if quick and thorough:
        raise UsageError("--quick and --thorough contradict each other", "Give one of them")
    usual_s, fewest, most = QUICK if quick else THOROUGH if thorough else USUAL
    return Options(
        budget_s=usual_s if budget_s is None else budget_s,
        waves=most,
        fewest_waves=fewest,
        unsettled=stopping.unsettled,
        imprecise=stopping.imprecise,
        **more,
    )


def run(
    spec: WorkloadSpec,
    modes: Sequence[str],
    logdir: Path,
    options: Options,
    quiet: bool = False,
    as_json: bool = False,
    json_file: Path | None = None,
    *,
    advise: bool = False,
) -> int:
    """Measure, with ``advise`` try what the findings say, print the report, return the exit code.

    Raises:
        GraphprofError: as ``schedule.profile``; what was measured before a full disk is printed.
    """
    from graphprof import session
    from graphprof.capture.controller import schedule
    from graphprof.capture.controller.progress import Silent
    from graphprof.cli.progress import Shown

    with contextlib.ExitStack() as stack:
        progress: Progress = Silent() if quiet else stack.enter_context(Shown())
        try:
            folder = schedule.profile(spec, modes, logdir, options, progress)
        except schedule.UnsavedError as error:
            stack.close()
            if any(found.measurement for found in error.session.runs):
                _show(error.session, as_json, None)
            raise
    done = session.load(folder)
    if done.info.status == "interrupted" and not any(_timed(run) for run in done.runs):
        click.echo(f"graphprof: interrupted before anything was measured ({folder}).", err=True)
        return INTERRUPTED
    interrupted = done.info.status == "interrupted"
    if advise and done.info.status == "complete":
        from graphprof.cli import verify

        budget_s = max(verify.BUDGET_S, options.budget_s)
        interrupted = verify.advise(folder, budget_s, quiet=quiet).interrupted
    _show(done, as_json, json_file)
    if not quiet:
        click.echo(f"Open it: graphprof view {shlex.quote(str(logdir))}", err=True)
    if interrupted:
        return INTERRUPTED
    return SOME_FAILED if any(run.run.status == "failed" for run in done.runs) else 0


def _timed(run: Any) -> bool:
    return run.measurement is not None and any(p.blocks for p in run.measurement.processes)


def _show(done: Session, as_json: bool, json_file: Path | None) -> None:
    from graphprof.cli import report
    from graphprof.report import derive

    built = derive.report(done)
    report.show(built, as_markdown=False, as_json=as_json, json_file=json_file)


def _settings(pairs: Sequence[str]) -> dict[str, str]:
    settings: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {pair!r} is no KEY=VALUE", "Write it as --set width=64")
        settings[key.strip()] = value
    return settings
