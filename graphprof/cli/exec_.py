"""``graphprof exec``: run an unmodified script and say why it is slow."""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from graphprof._version import __version__
from graphprof.cli import replaying
from graphprof.cli.profile import SECONDS
from graphprof.errors import GraphprofError, UsageError
from graphprof.session import PROGRAM_RUN, SessionInfo, folder_name, save, write_atomically

WINDOW_S = 0.5


@click.command(
    "exec",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    short_help="Run an unmodified script and say why it is slow.",
)
@click.option("--logdir", default="logs", show_default=True, help="Where the session is kept.")
@click.option("--json-file", type=click.Path(dir_okay=False), help="Write the report here as JSON.")
@click.option(
    "--window",
    default=WINDOW_S,
    show_default=True,
    type=click.FloatRange(min=0, max=60),
    help="Seconds of each trace window, opened after warm-up; 0 records none.",
)
@click.option(
    "--replay/--no-replay",
    default=None,
    help="Measure the program's model in the other modes when it has ended [when it fits].",
)
@click.option(
    "--budget",
    type=SECONDS,
    metavar="TIME",
    help="Longest time for that [as long as the program ran, 30s at least].",
)
@click.option(
    "--advise",
    is_flag=True,
    help="Try the changes that promise most when it has ended, within --budget [60s].",
)
@click.option("-m", "module", is_flag=True, help="TARGET is a module, as in `python -m`.")
@click.argument("target")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    logdir: str,
    json_file: str | None,
    window: float,
    replay: bool | None,
    budget: float | None,
    advise: bool,
    module: bool,
    target: str,
    arguments: tuple[str, ...],
) -> int:
    """Run TARGET with ARGUMENTS as Python would, watch it, and say what makes it slow.

    The program keeps its own output, exit code and arguments; the report goes to stderr (and to
    --json-file). What it ran (a model in fit, evaluate or predict, or a tf.function) is then
    measured in the other modes, where it can be recovered and the time is short.

    \b
    graphprof exec train.py --epochs 3
    graphprof exec --json-file report.json -m package.train
    graphprof exec --advise --budget 2m train.py
    """
    if not module and not Path(target).exists():
        raise UsageError(
            f"There is no script {target}", "Name a Python file, or use -m for a module"
        )
    session, folder = _session(Path(logdir), module, target, arguments)
    asked = replaying.Asked(replay, budget)
    code = _run(folder / PROGRAM_RUN, window, asked, module, target, arguments)
    session["replay"] = replaying.run(folder, Path(logdir), asked, code)
    if advise:
        _advise(session, folder, code, budget)
    _report(session, folder, code, json_file)
    return _exit_as(code)


def _session(
    logdir: Path, module: bool, target: str, arguments: tuple[str, ...]
) -> tuple[dict[str, Any], Path]:
    now = datetime.datetime.now().astimezone()
    name = f"{folder_name(Path(target).stem)}-{now:%Y%m%d-%H%M%S}"
    number = 1
    while (logdir / name).exists():
        number += 1
        name = f"{name.rsplit('_', 1)[0] if number > 2 else name}_{number}"
    folder = (logdir / name).absolute()
    session: dict[str, Any] = {
        "id": name,
        "path": str(folder),
        "created": now.isoformat(timespec="seconds"),
        "status": "running",
        "target": target,
        "arguments": list(arguments),
        "kind": "module" if module else "script",
    }
    _save(session, folder, "running", {})
    return session, folder


def _save(
    session: dict[str, Any],
    folder: Path,
    status: Any,
    environment: dict[str, Any],
    exit_code: int | None = None,
) -> None:
    info = SessionInfo(
        id=session["id"],
        created=session["created"],
        graphprof_version=__version__,
        status=status,
        phase="train",
        target=session["target"],
        modes=(PROGRAM_RUN,),
        baseline=None,
        workload={"program": session["target"], "arguments": session["arguments"]},
        environment=environment,
        options={
            "verb": "exec",
            "exit_code": exit_code,
            "kind": session["kind"],
            "cwd": os.getcwd(),
            "flags": _flags(),
            "replay": session.get("replay"),
        },
        notes=("A watched program, not a comparison of modes: see the exec folder.",),
    )
    save(folder / "session.json", info)


def _run(
    folder: Path,
    window: float,
    asked: replaying.Asked,
    module: bool,
    target: str,
    arguments: tuple[str, ...],
) -> int:
    """Run the program in a child with this process's streams; return its code as Popen gives it."""
    kind = "module" if module else "script"
    child = [sys.executable, *_flags(), "-m", "graphprof.capture.script"]
    replay = "no" if asked.wanted is False else "replay"
    command_line = [*child, str(folder), str(window), replay, kind, target, *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    with subprocess.Popen(command_line) as process, _passed_on(process):
        return process.wait()


@contextlib.contextmanager
def _passed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let the program decide what signals mean while it runs."""
    # Ctrl-C goes to the whole foreground group, so the program has it already.
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            pass_on = lambda sent, _frame: process.send_signal(sent)  # noqa: E731
            before[number] = signal.signal(number, pass_on)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _flags() -> list[str]:
    """The options that this Python was started with and that change how a program runs."""
    flags = sys.flags
    found = ["-" + "O" * flags.optimize] if flags.optimize else []
    given = {
        "-B": flags.dont_write_bytecode,
        "-E": flags.ignore_environment and not flags.isolated,
        "-s": flags.no_user_site and not flags.isolated,
        "-I": flags.isolated,
        "-P": getattr(flags, "safe_path", False) and not flags.isolated,
        "-u": _unbuffered(sys.orig_argv[1:]),
    }
    found += [option for option, is_given in given.items() if is_given]
    for name, value in sys._xoptions.items():
        found += ["-X", name if value is True else f"{name}={value}"]
    found += [part for option in sys.warnoptions for part in ("-W", option)]
    return found


def _advise(session: dict[str, Any], folder: Path, code: int, budget_s: float | None) -> None:
    """Try the first findings; the report that follows shows the verdicts."""
    from graphprof.cli import verify

    try:
        _save(session, folder, "complete", {}, code)
        verify.advise(folder, verify.BUDGET_S if budget_s is None else budget_s)
    except GraphprofError as error:
        # The program's exit code is its own: trials that fail must not change it.
        click.echo(f"graphprof: {error}", err=True)


def _unbuffered(options: list[str]) -> bool:
    """Whether ``-u`` is among the options of a Python's command line; nothing else tells."""
    waiting = iter(options)
    for option in waiting:
        if not option.startswith("-") or option.startswith(("--", "-m", "-c")):
            return False
        if option in ("-W", "-X"):
            next(waiting, None)
        elif not option.startswith(("-W", "-X")) and "u" in option:
            return True
    return False


def _report(session: dict[str, Any], folder: Path, code: int, json_file: str | None) -> None:
    from graphprof.cli.console import Output
    from graphprof.report import program, program_text

    session["status"] = "interrupted" if code == 130 or code < 0 else "complete"
    try:
        report = program.build(folder / PROGRAM_RUN, session, code)
        _save(session, folder, session["status"], report.environment, code)
        if json_file is not None:
            write_atomically(Path(json_file), program.to_json(report).encode())
        with contextlib.suppress(OSError):  # nobody reads it; the session has it all
            program_text.print_program(report, Output(stderr=True))
    except GraphprofError as error:
        # The program's exit code is its own: a report that fails must not change it.
        click.echo(f"graphprof: {error}", err=True)


def _exit_as(code: int) -> int:
    """End as the program ended; by the same signal when it was killed by one."""
    if code < 0:
        sys.stdout.flush()
        sys.stderr.flush()
        with contextlib.suppress(OSError, ValueError):  # no handler can be set for SIGKILL
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code
