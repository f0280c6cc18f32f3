"""``graphprof verify``: make the changes that the findings advise, measure them, say what they did."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphprof.cli import changes
from graphprof.cli.profile import INTERRUPTED, SECONDS
from graphprof.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from graphprof.analysis.findings.base import Finding
    from graphprof.capture.controller.progress import Progress
    from graphprof.capture.controller.stop import Stop
    from graphprof.session import Session
    from graphprof.trials import SourceTrial, Tried

BUDGET_S = 60.0
MOST_ADVISED = 3


@click.command("verify", short_help="Try what the findings advise, and say whether it helped.")
@click.argument("path", metavar="SESSION", type=click.Path(path_type=Path))
@click.option(
    "--finding", "chosen", metavar="N|CAUSE", multiple=True, help="Only this one, as in the report."
)
@click.option(
    "--budget",
    type=SECONDS,
    default=BUDGET_S,
    metavar="TIME",
    help="Time for all trials together [60s].",
)
@click.option(
    "--with",
    "copy",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Try your own changed copy of the script.",
)
@click.option(
    "--patch",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Try your own patch of the script.",
)
@click.option(
    "--write-patch",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Only write the changes as patches (git apply, patch -p1).",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was tried as JSON, nothing else.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing while it works.")
def command(
    path: Path,
    chosen: tuple[str, ...],
    budget: float,
    copy: Path | None,
    patch: Path | None,
    folder: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Try what the findings of a session advise, and say whether it helped.

    Each change is measured beside the program (or model) as it is, in pairs of runs in random
    order, and what both compute is compared. The verdicts are kept in the session: every later
    report shows them. A program's files are never written to: the changed text is run in their
    place. The program itself runs in its own folder again, and writes there what it always writes.

    \b
    graphprof verify logs
    graphprof verify logs --finding 1 --budget 2m
    graphprof verify logs --finding retrace_shape --json
    graphprof verify logs --with train_fixed.py
    graphprof verify logs --write-patch patches

    Exit codes: 0 all were tried (a refuted change is no error), 2 usage, 130 interrupted (what was
    measured is kept).
    """
    from graphprof import session
    from graphprof.cli.report import newest

    done = session.load(newest(path))
    findings = pick(findings_of(done), chosen)
    if folder is not None:
        return _write(done, findings_of(done), folder)
    own = _own(done, copy, patch)
    if own is not None:
        findings = (changes.answering(findings[0] if chosen else None, own),)
    ended = run(done, findings, budget, quiet=quiet, console=_console(as_json, quiet))
    if as_json:
        click.echo(_json(ended.tried))
    return INTERRUPTED if ended.interrupted else 0


def _write(done: Session, findings: Sequence[Finding], folder: Path) -> int:
    written = changes.write_patches(done, findings, folder)
    for one in written:
        click.echo(str(one))
    if written:
        where = shlex.quote(str(done.info.options.get("cwd", "")))
        click.echo(
            f"Apply them there: cd {where} && git apply PATCH (or patch -p1 < PATCH)", err=True
        )
    else:
        click.echo("No finding has a change that can be made in the source.", err=True)
    return 0


def _own(done: Session, copy: Path | None, patch: Path | None) -> SourceTrial | None:
    if copy is not None and patch is not None:
        raise UsageError("--with and --patch contradict each other", "Give one of them")
    if copy is not None:
        return changes.with_copy(done, copy)
    return changes.with_patch(done, patch) if patch is not None else None


@dataclass(frozen=True)
class Ended:
    """What was tried, and whether the user ended it early."""

    tried: tuple[Tried, ...]
    interrupted: bool = False


def findings_of(done: Session) -> tuple[Finding, ...]:
    """The findings of a session, as its report numbers them."""
    from graphprof.report import answer

    return tuple(one for one in answer.build(done).findings if not isinstance(one, dict))


def pick(findings: Sequence[Finding], chosen: Sequence[str]) -> tuple[Finding, ...]:
    """The findings named by number, cause or key; all of them when none is named.

    Raises:
        UsageError: there is no such finding.
    """
    if not chosen:
        return tuple(findings)
    found: list[Finding] = []
    for name in chosen:
        fitting = [
            one
            for number, one in enumerate(findings, start=1)
            if name in (str(number), one.cause, one.key)
        ]
        if not fitting:
            there = ", ".join(f"{n} {one.cause}" for n, one in enumerate(findings, start=1))
            raise UsageError(
                f"There is no finding {name!r}", f"Name one of: {there or 'there are none'}"
            )
        found += [one for one in fitting if one not in found]
    return tuple(found)


def advise(path: Path, budget_s: float, *, quiet: bool = False) -> Ended:
    """Try the findings of the session in ``path`` that promise most; verdicts go to stderr.

    It is what ``--advise`` does at the end of a run. Findings that change little, and those that
    cannot be tried, are passed over in silence: the report that follows shows them.
    """
    from graphprof import session
    from graphprof.cli.console import Output

    done = session.load(path)
    can = [one for one in findings_of(done) if one.trial is not None and one.severity != "minor"]
    if not can:
        return Ended(())
    # What the session has measured side by side already can wait for what it only estimates.
    can.sort(key=lambda one: one.expected_gain.measured)
    console = Output(stderr=True, highlight=False, quiet=quiet)
    names = ", ".join(one.cause for one in can[:MOST_ADVISED])
    console.print(f"Trying what is advised (Ctrl-C ends it): {names}", markup=False)
    return run(done, can[:MOST_ADVISED], budget_s, quiet=quiet, console=console)


def _console(as_json: bool, quiet: bool) -> Console:
    from graphprof.cli.console import Output

    return Output(stderr=as_json, highlight=False, quiet=as_json and quiet)


def run(
    done: Session,
    findings: Sequence[Finding],
    budget_s: float,
    *,
    console: Console,
    quiet: bool = False,
) -> Ended:
    """Try the ``findings`` that can be tried, keep the verdicts in the session, and print them."""
    import contextlib

    from graphprof.capture.controller.progress import Silent
    from graphprof.capture.controller.stop import Stop
    from graphprof.cli.progress import Shown

    can = [one for one in findings if one.trial is not None]
    for one in findings:
        if one.trial is None:
            console.print(f"{one.cause}: to be made by hand: {one.change}", markup=False)
    if not can:
        console.print("Nothing here can be tried.")
        return Ended(())
    stop = Stop()
    with contextlib.ExitStack() as stack:
        stack.enter_context(stop.on_interrupt())
        progress: Progress = Silent() if quiet else stack.enter_context(Shown())
        tried = _try_all(done, can, budget_s, progress, stop, console)
    return Ended(tuple(tried), interrupted=stop.requested)


def _try_all(
    done: Session,
    findings: Sequence[Finding],
    budget_s: float,
    progress: Progress,
    stop: Stop,
    console: Console,
) -> list[Tried]:
    """One after the other; what one leaves of its part of the budget is the others'."""
    from graphprof import trials
    from graphprof.analysis.trials import trying
    from graphprof.capture.trials import registry
    from graphprof.capture.trials.base import Request

    ends = time.monotonic() + budget_s
    tried: list[Tried] = []
    for place, finding in enumerate(findings):
        if stop.requested:
            break
        left = ends - time.monotonic()
        if left <= 0:
            names = ", ".join(one.cause for one in findings[place:])
            console.print(f"not tried, the budget is spent: {names}", markup=False)
            break
        assert finding.trial is not None
        gain = finding.expected_gain
        request = Request(
            session=done,
            trial=finding.trial,
            predicted=trials.Interval(gain.value, gain.low, gain.high),
            budget_s=left / (len(findings) - place),
            progress=progress,
            stop=stop,
        )
        progress.doing(None, f"trying {finding.cause}")
        outcome = registry.run(request)
        if outcome.interrupted:
            stop.requested = True
        one = trying.judge(finding, outcome)
        trials.add(done.path, one)
        tried.append(one)
        show(replace(finding, verified=one), console)
    return tried


def show(finding: Finding, console: Console) -> None:
    """Print the verdict on a finding."""
    tried = finding.verified
    assert tried is not None
    console.print(f"{tried.verdict}  {tried.cause}  {tried.sentence}", markup=False)


def _json(tried: Sequence[Tried]) -> str:
    from pydantic import TypeAdapter

    from graphprof.trials import Tried as Record

    listed: Any = TypeAdapter(tuple[Record, ...]).dump_python(tuple(tried), mode="json")
    return json.dumps({"tried": listed}, indent=2)
