"""From recordings to a session: one run a recording, and in words what it cannot tell."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from graphprof import session as disk
from graphprof._version import __version__
from graphprof.errors import GraphprofError, StorageError, TraceError, UsageError
from graphprof.importing import contents, layers, marking, naming, sources, steps
from graphprof.importing.contents import Guess
from graphprof.importing.sources import Refused, Source
from graphprof.importing.steps import Steps
from graphprof.session import Phase, Run, SessionInfo, TraceRecord
from graphprof.trace import labels, marks, xspace
from graphprof.trace.model import Trace
from graphprof.units import count

UNKNOWN_HERE: tuple[str, ...] = (
    "Imported: no step was timed without the profiler, so there are no ratios and no verdicts, and what "  # noqa: ISC004
    "tracing itself cost is unknown. Times are those of traced steps.",
    "Nothing says that these traces are of the same model, data and machine, nor that results agree.",
)
"""What no imported session can tell."""

_NO_LAYERS = "Which layer its ops belong to is not recorded in an eager trace"
_GUESSED_LAYERS = (
    "Its layers are guessed from the names of its ops, and the numbers in those counted anew, so that the "
    "same model has the same layers in every trace"
)


@dataclass(frozen=True)
class Wish:
    """What the user says of the traces, rather than let it be guessed.

    Attributes:
        name: end of the session's folder name.
        modes: resolved path of a file -> name of its mode.
        alone: whether there is one trace only, so that what does not fit it fits none.
        phase: what was run, or None to guess.
        baseline: the mode that others are compared with, or None for the first in order.
        step_event: name of the event that is a step, or None.
    """

    name: str = "import"
    modes: Mapping[Path, str] | None = None
    alone: bool = False
    phase: Phase | None = None
    baseline: str | None = None
    step_event: str | None = None


@dataclass(frozen=True)
class Imported:
    """What became of the traces.

    Attributes:
        folder: the new session.
        refused: what could not be imported.
    """

    folder: Path
    refused: tuple[Refused, ...]


@dataclass(frozen=True)
class _Opened:
    """A recording that can be imported."""

    source: Source
    trace: Trace
    steps: Steps
    guess: Guess
    mode: str = ""
    named: bool = False


_STATS = (*steps.STATS, *layers.STATS)


def run(arguments: Sequence[str], logdir: Path, wish: Wish | None = None) -> Imported:
    """Make a session of the traces that ``arguments`` name.

    Raises:
        TraceError: none of them can be imported.
        UsageError: a wish cannot be granted: a name twice, an unknown baseline or event.
        StorageError: the log directory cannot be written.
    """
    wish = wish or Wish()
    found, refused = sources.find(arguments)
    wish = replace(wish, alone=len(found) == 1)
    names = naming.given(found, wish.modes or {})
    now = datetime.datetime.now().astimezone()
    folder = _new_folder(logdir, f"{now:%Y%m%d-%H%M%S}-{disk.folder_name(wish.name)}")
    try:
        info = _fill(folder, found, refused, names, wish)
        disk.save(
            folder / disk.SESSION_FILE, replace(info, created=now.isoformat(timespec="seconds"))
        )
    except BaseException:
        # A session without session.json is nobody's: nothing of it may stay behind.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Imported(folder, tuple(refused))


def _fill(
    folder: Path, found: list[Source], refused: list[Refused], names: dict[Source, str], wish: Wish
) -> SessionInfo:
    """Write the runs of a session, and return its description."""
    # Modes are named when all are known, so that traces are read twice rather than kept.
    guessed: dict[Source, Guess] = {}
    for source in found:
        bad = sources.look(source.path) or _unreadable(source, guessed, wish)
        if bad is not None:
            refused.append(bad)
    good = [source for source in found if source in guessed]
    if not good:
        _raise(refused)
    modes = naming.modes(good, guessed, names)
    phase = wish.phase or naming.phase([guessed[source].phase for source in good])
    ordered = sorted(good, key=lambda source: naming.place(guessed[source], source in names))
    notes: dict[str, list[str]] = {}
    for source in ordered:
        mode = modes[source]
        found_here = _write_run(folder, source, mode, phase, guessed[source], source in names, wish)
        for note in found_here:
            notes.setdefault(note, []).append(mode)
    baseline = wish.baseline or modes[ordered[0]]
    if baseline not in modes.values():
        raise UsageError(
            f"There is no mode {baseline!r}", f"Name one of: {', '.join(modes.values())}"
        )
    return SessionInfo(
        id=folder.name,
        created="",
        graphprof_version=__version__,
        status="complete",
        phase=phase,
        target=wish.name,
        modes=tuple(modes[source] for source in ordered),
        baseline=baseline,
        options={"imported": True, "step_event": wish.step_event},
        notes=(
            *UNKNOWN_HERE,
            *([] if wish.phase else naming.phase_notes([guessed[one].phase for one in good])),
            *(f"{naming.some(of)}: {note}." for note, of in notes.items()),
            *(f"Not imported: {bad.message}." for bad in refused),
        ),
    )


def _unreadable(source: Source, guessed: dict[Source, Guess], wish: Wish) -> Refused | None:
    """Look into a trace: note what it seems to be of, or say why it cannot be read."""
    try:
        trace = xspace.read(source.path, _STATS)
        found = steps.find(trace, wish.step_event)
        assert trace.host is not None  # or no steps would have been found
        if trace.dropped and found.origin != "marked":
            marking.parse(source.path)  # that it will be possible later
        modules = xspace.hlo_modules(source.path)
        guessed[source] = contents.guess(trace.host, modules, found.spans)
    except GraphprofError as error:
        # Of several traces some may not have the event that was named.
        if isinstance(error, UsageError) and wish.alone:
            raise
        where = str(source.path)
        said = error.message if where in error.message else f"{where}: {error.message}"
        return Refused(where, said, error.cure)
    return None


def _write_run(
    folder: Path, source: Source, mode: str, phase: Phase, guess: Guess, named: bool, wish: Wish
) -> list[str]:
    """Write a run, and return what to know of it."""
    trace = xspace.read(source.path, _STATS)
    found = steps.find(trace, wish.step_event)
    time = source.profile_run or "imported"
    relative = f"plugins/profile/{time}/{disk.folder_name(source.host)}{sources.ENDING}"
    marking.store(source.path, folder / mode / relative, trace, found, phase)
    numbers = _numbers(trace, found, folder / mode / relative)
    record = TraceRecord(relative, len(numbers), numbers, (), (), time)
    run = Run(
        mode=mode,
        title=source.name,
        status="complete",
        resolved={
            "imported_from": str(source.path),
            "host": source.host,
            "steps": found.origin,
            "mode": "as named" if named else f"guessed: {guess.why}",
        },
        trace=record,
    )
    own = disk.graphprof_folder(folder / mode)
    disk.save(own / disk.RUN_FILE, run)
    if trace.host is not None and guess.has_op_names:
        known = layers.guess(trace.host, xspace.hlo_modules(source.path))
        disk.write_atomically(own / labels.LABELS_FILE, labels.to_json(known))
    # A copy that was given marks is sound: only here it is known what the original had lost.
    lost = () if found.origin == "marked" else trace.dropped
    return [*_notes(source, found, guess, named), *(loss.rstrip(".") for loss in lost)]


def _numbers(trace: Trace, found: Steps, stored: Path) -> tuple[int, ...]:
    """The steps' numbers, as readers of the stored copy find them."""
    if found.origin != "marked":
        trace = xspace.read(stored, steps.STATS)
    return tuple(step.step_num for step in marks.find(trace))


def _notes(source: Source, found: Steps, guess: Guess, named: bool) -> list[str]:
    said = [] if named else [f"Its mode is a guess: {guess.why}"]
    if found.sentence:
        said.append(found.sentence)
    if source.other_hosts:
        others = ", ".join(source.other_hosts)
        said.append(f"Of several hosts, {source.host} is used; left out: {others}")
    said.append(_GUESSED_LAYERS if guess.has_op_names else _NO_LAYERS)
    return said


def _raise(refused: Sequence[Refused]) -> None:
    first = refused[0] if refused else Refused("", "No trace is named", "Name a *.xplane.pb")
    more = f" (and {count(len(refused) - 1)} more files)" if len(refused) > 1 else ""
    raise TraceError(f"{first.message}{more}", first.cure)


def _new_folder(logdir: Path, name: str) -> Path:
    """Make a session's folder, with a number where the name is taken."""
    number = 1
    while True:
        folder = logdir / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            if not logdir.is_dir():
                raise StorageError(
                    f"{logdir} is no folder", "Name another one with --logdir"
                ) from None
            number += 1
        except OSError as error:
            raise StorageError(
                f"Cannot write {folder}: {error.strerror or error}",
                "Name another folder with --logdir",
            ) from error
        else:
            return folder
