"""The session on disk: the seam between capturing and reading.

Layout, inside a log directory (see ``docs/session-format.md``)::

    <session>/session.json                             what was run, where, how; the environment
    <session>/<mode>/plugins/graphprof/run.json        one mode: how it resolved, or why it could not
    <session>/<mode>/plugins/graphprof/measurement.json   its timed steps, with no profiler attached
    <session>/<mode>/plugins/graphprof/early.xplane.pb  the trace of its first calls
    <session>/<mode>/plugins/graphprof/building.json   the graphs that its processes have built
    <session>/<mode>/plugins/graphprof/worker.log      what its workers printed
    <session>/<mode>/plugins/profile/<time>/<host>.xplane.pb   its trace, where XProf looks

``capture`` writes these, everything else reads them. Raw recordings are stored, everything else is
derived. Each file is replaced as a whole, so a session that was cut off is readable up to the cut.

Format history
    1  first format.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from graphprof.errors import SessionError, StorageError

FORMAT_VERSION = 1

SESSION_FILE = "session.json"
RUN_FILE = "run.json"
MEASUREMENT_FILE = "measurement.json"
WORKER_LOG = "worker.log"
EARLY_TRACE = "early.xplane.pb"
PROGRAM_RUN = "exec"
"""The run folder of a session that holds a watched program and not a mode."""

Phase = Literal["train", "evaluate", "predict"]
PHASES: tuple[Phase, ...] = ("train", "evaluate", "predict")

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""A duration that was measured; a file that says otherwise is damaged."""


@dataclass(frozen=True)
class Failure:
    """Why a mode has no (or no complete) result.

    Attributes:
        kind: ``unavailable`` (it cannot run here), ``failed`` (it raised), ``crashed`` (its process
            died), ``timeout``, ``memory``, ``interrupted``.
        message: one sentence: what happened.
        cure: one sentence: what to do.
    """

    kind: Literal["unavailable", "failed", "crashed", "timeout", "memory", "interrupted"]
    message: str
    cure: str


@dataclass(frozen=True)
class TraceRecord:
    """What the recorder knows about a mode's trace, to hold the trace against.

    Attributes:
        xplane: path of the ``*.xplane.pb`` relative to the run folder, ``/`` as separator.
        steps_asked: how many steps were to be recorded.
        step_nums: the numbers of the steps that were marked, in order.
        step_seconds: the recorder's own clock for each marked step (perf_counter), seconds.
        untraced_step_seconds: steps timed in the same process around the trace with the profiler
            off, seconds: the base for the tracing overhead.
        profile_run: the folder name under ``plugins/profile``.
    """

    xplane: str
    steps_asked: int
    step_nums: tuple[int, ...]
    step_seconds: tuple[float, ...]
    untraced_step_seconds: tuple[float, ...] = ()
    profile_run: str = ""


@dataclass(frozen=True)
class Run:
    """One mode of a session: how it resolved, or why it could not run.

    Attributes:
        mode: the mode's name as asked, as ``fit-spe=8``.
        title: what people read.
        status: ``running`` while it is measured (or when it was cut off), then ``complete`` or
            ``failed`` (``error`` says why; what was measured before is kept).
        resolved: what really ran, as flat name -> value: ``jit_compile``, ``run_eagerly``,
            ``steps_per_execution``, ``precision``, ...
        error: why it failed, or None.
        trace: its trace, or None when it was not traced.
        notes: sentences that a reader must know, such as a default that was chosen.
        early: the trace of the first calls of one of its processes, step 0 being the first call
            (which builds and compiles), or None when there is none.
    """

    mode: str
    title: str
    status: Literal["running", "complete", "failed"]
    resolved: dict[str, Any] = field(default_factory=dict)
    error: Failure | None = None
    trace: TraceRecord | None = None
    notes: tuple[str, ...] = ()
    early: TraceRecord | None = None
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class Block:
    """Consecutive timed calls of one mode in one process.

    Attributes:
        round: number of the round over all modes, from 0; the blocks of one round are compared.
        position: place of this block in its round's random order, from 0.
        started_s: start on the session's monotonic clock, seconds.
        calls_s: seconds of each call, the first included; a call holds ``steps_per_call`` steps.
        built: indices of the calls in which a graph was built anew.
    """

    round: int
    position: int
    started_s: float
    calls_s: tuple[Seconds, ...]
    built: tuple[Annotated[int, Field(ge=0)], ...] = ()


@dataclass(frozen=True)
class Process:
    """What one worker process measured of one mode.

    Attributes:
        wave: number of the wave of processes, from 0.
        arm: ``mode`` for the mode itself, ``aa`` for a second process of the baseline mode
            (compared with the first one it must show no difference).
        pid: its process id.
        startup_s: seconds from launching it to its model being ready, imports included.
        first_call_s: seconds of the first call (building, compiling and running one call), or None.
        warmup_s: seconds of each later call that was left out as warm-up.
        blocks: its timed blocks, in the order of measuring.
        peak_rss_bytes: largest resident set, or None where the system does not say.
        losses: loss (or the mean output) of the first calls, to compare between modes.
        first_call_traced: whether the profiler was on in the first call, and in the calls after it
            that ``Run.early`` holds.
    """

    wave: int
    arm: Literal["mode", "aa"]
    pid: int
    startup_s: Seconds | None
    first_call_s: Seconds | None
    warmup_s: tuple[Seconds, ...] = ()
    blocks: tuple[Block, ...] = ()
    peak_rss_bytes: int | None = None
    losses: tuple[float, ...] = ()
    first_call_traced: bool = False


@dataclass(frozen=True)
class Measurement:
    """The timed steps of one mode, over all its processes, with no profiler attached.

    Attributes:
        steps_per_call: training steps in one timed call (``steps_per_execution``), else 1.
        processes: one entry a worker process.
    """

    # A loss may be NaN or infinite, which JSON has no number for: written as a string.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_inf_nan="strings")

    steps_per_call: Annotated[int, Field(ge=1)]
    processes: tuple[Process, ...] = ()
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class MachineSample:
    """What the machine was like as a round began, seen from outside the workers.

    Attributes:
        round: number of the round (see ``Block.round``).
        at_s: when, on the session's monotonic clock, seconds.
        canary_s: seconds that a fixed piece of work took; on a quiet machine always the same.
        others_share: share of the machine's processor time that other programs used since the
            sample before, or None where the system does not say.
        steal_share: share that the hypervisor gave to other guests, or None.
    """

    round: int
    at_s: float
    canary_s: float
    others_share: float | None = None
    steal_share: float | None = None


@dataclass(frozen=True)
class SessionInfo:
    """``session.json``.

    Attributes:
        id: folder name of the session.
        created: ISO 8601 time with zone.
        graphprof_version: version that wrote it.
        status: ``running`` (or cut off), ``complete``, ``interrupted``.
        phase: what is run.
        target: what the user asked for, as ``models.py:build`` or ``digits_cnn``.
        modes: names of the modes asked for, in order of display.
        baseline: the mode that the others are compared with.
        workload: flat name -> value: model, parameters, batch size, loss, optimizer, data, seed, ...
        environment: flat name -> value: versions, CPU, threads, flags, load, ...
        options: the measuring options as resolved: budget, steps, waves, seed, ...
        notes: sentences that a reader must know (data synthesised, defaults chosen).
        error: why the session as a whole has no result, or None.
        machine: one sample a round of how busy the machine was.
    """

    id: str
    created: str
    graphprof_version: str
    status: Literal["running", "complete", "interrupted", "failed"]
    phase: Phase
    target: str
    modes: tuple[str, ...]
    baseline: str | None
    workload: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: Failure | None = None
    machine: tuple[MachineSample, ...] = ()
    format_version: int = FORMAT_VERSION


@dataclass(frozen=True)
class RunFolder:
    """One mode's folder of a session, read lazily."""

    path: Path
    run: Run
    measurement: Measurement | None

    @property
    def xplane(self) -> Path | None:
        """Path of the trace file, or None when there is none."""
        return None if self.run.trace is None else self.path / self.run.trace.xplane

    @property
    def early_xplane(self) -> Path | None:
        """Path of the trace of the first calls, or None when there is none."""
        return None if self.run.early is None else self.path / self.run.early.xplane


@dataclass(frozen=True)
class Session:
    """A session as it lies on disk.

    Attributes:
        path: its folder.
        info: ``session.json``.
        runs: its modes in order of display; a mode that cannot be read is left out.
        problems: what could not be read, one sentence each.
    """

    path: Path
    info: SessionInfo
    runs: tuple[RunFolder, ...]
    problems: tuple[str, ...] = ()

    def run(self, mode: str) -> RunFolder | None:
        """The run of ``mode``, or None."""
        return next((folder for folder in self.runs if folder.run.mode == mode), None)


Record = TypeVar("Record", SessionInfo, Run, Measurement)

_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    record: TypeAdapter(record) for record in (SessionInfo, Run, Measurement)
}


def graphprof_folder(run_path: Path) -> Path:
    """Where graphprof keeps its own files of a run (TensorBoard's plugin asset convention)."""
    return run_path / "plugins" / "graphprof"


def load(path: str | os.PathLike[str]) -> Session:
    """Read a session.

    Args:
        path: the session's folder, or its ``session.json``.

    Raises:
        SessionError: it is missing, damaged, from a newer version, or no session at all.
    """
    folder = Path(path)
    if folder.name == SESSION_FILE:
        folder = folder.parent
    if not (folder / SESSION_FILE).is_file():
        inside = sorted(found.name for found in find(folder)) if folder.is_dir() else []
        raise SessionError(
            f"{folder} is not a graphprof session: it has no {SESSION_FILE}",
            f"Name one of the sessions in it: {', '.join(inside[-5:])}"
            if inside
            else "Name the folder that `graphprof profile` printed, or profile something first",
        )
    info = _read(folder / SESSION_FILE, SessionInfo)
    runs: list[RunFolder] = []
    problems: list[str] = []
    for mode in info.modes:
        run_path = folder / mode
        try:
            _check_inside(folder, run_path)
            if not (graphprof_folder(run_path) / RUN_FILE).is_file():
                if mode != PROGRAM_RUN:
                    problems.append(f"Mode {mode} is missing: {run_path} holds no {RUN_FILE}.")
                continue
            run = _read(graphprof_folder(run_path) / RUN_FILE, Run)
            if run.trace is not None and not _lies_inside(folder, run_path / run.trace.xplane):
                problems.append(f"The trace of {mode} lies outside its session and is left out.")
                run = replace(run, trace=None)
            if run.early is not None and not _lies_inside(folder, run_path / run.early.xplane):
                problems.append(
                    f"The trace of the first calls of {mode} lies outside its session and is left out."
                )
                run = replace(run, early=None)
            measurement_file = graphprof_folder(run_path) / MEASUREMENT_FILE
            measurement = (
                _read(measurement_file, Measurement) if measurement_file.is_file() else None
            )
            runs.append(RunFolder(run_path, run, measurement))
        except SessionError as error:
            problems.append(str(error))
        except (OSError, ValueError) as error:  # a name that no folder can have
            why = getattr(error, "strerror", None) or error
            problems.append(f"Mode {mode[:80]!r} cannot be read: {why}.")
    return Session(folder, info, tuple(runs), tuple(problems))


def load_info(path: str | os.PathLike[str]) -> SessionInfo:
    """Read only the ``session.json`` of a session's folder, as for a list of many.

    Raises:
        SessionError: it is missing, damaged or from a newer version.
    """
    return _read(Path(path) / SESSION_FILE, SessionInfo)


def find(logdir: str | os.PathLike[str], depth: int = 6) -> Iterator[Path]:
    """Folders below ``logdir`` (itself included) that hold a session, oldest name first.

    Links that lead out of the log directory are not followed, and unreadable folders are passed
    over: a viewer must not fail on what is not its own.
    """
    root = Path(logdir)
    if (root / SESSION_FILE).is_file():
        yield root
        return
    if depth == 0:
        return
    try:
        with os.scandir(root) as entries:
            folders = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name in folders:
        if name != "plugins":
            yield from find(root / name, depth - 1)


def save(path: Path, record: SessionInfo | Run | Measurement) -> None:
    """Write ``record`` to ``path`` as a whole: readers see the old file or the new one.

    Raises:
        StorageError: the folder cannot be written or the disk is full.
    """
    data = _ADAPTERS[type(record)].dump_json(record, indent=1)
    write_atomically(path, data)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` in one step.

    Raises:
        StorageError: the folder cannot be written or the disk is full.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes the file private; a log directory is shared like any other file of the user.
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise StorageError(
            f"Cannot write {path}: {error.strerror or error}",
            "Free some space or name another folder with --logdir",
        ) from error


def folder_name(text: str) -> str:
    """``text`` made safe as one folder name on every system: no separators, no dots in front."""
    safe = re.sub(r"[^\w.=+-]+", "_", text).strip("._")
    return safe[:80] or "session"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _check_inside(folder: Path, run_path: Path) -> None:
    """A mode name comes from a file that anyone may have written: it must stay in the session."""
    if run_path.resolve().parent != folder.resolve():
        raise SessionError(
            f"Mode {run_path.name!r} of {folder.name} points outside its session",
            "Do not trust this session; record it again",
        )


def _lies_inside(folder: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError):
        return False


def _read(path: Path, record: type[Record]) -> Record:
    try:
        data = path.read_bytes()
        version = json.loads(data).get("format_version")
    except OSError as error:
        raise SessionError(
            f"Cannot read {path}: {error.strerror or error}", "Check its permissions"
        ) from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise SessionError(
            f"{path} is damaged: not a JSON object", "Record the session again"
        ) from error
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise SessionError(
            f"{path} was written in format {version}, this version of graphprof reads up to {FORMAT_VERSION}",
            "Update it: pip install --upgrade graphprof",
        )
    try:
        result: Record = _ADAPTERS[record].validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SessionError(
            f"{path} is damaged: {where or 'the file'}: {first['msg']}", "Record the session again"
        ) from error
    return result
