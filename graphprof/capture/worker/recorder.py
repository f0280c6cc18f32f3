"""The one place that starts and stops TensorFlow's profiler, and the task that records a trace.

What is recorded is decided here: steps are marked in every mode (with ``_r=1``, which XProf looks
for; Keras's own callback leaves it out), a probe of one call tells how many events a step has, and
as many steps as the event budget allows are traced between two untraced blocks of the same process.

TensorFlow's profiler drops no event while it records, so that memory is the limit: 264 to 800 bytes
of it an event. A recording beyond 2 GB is written as an empty file while ``stop`` reports success
(protobuf's limit on a message), hence the budget, and hence the check after ``stop``.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphprof.capture import blame
from graphprof.capture.protocol import RecordTrace, Traced
from graphprof.capture.worker.pacing import Task, calls
from graphprof.errors import StorageError, TraceError
from graphprof.session import Failure, Phase, TraceRecord
from graphprof.trace import amend, xspace
from graphprof.units import count

if TYPE_CHECKING:
    from graphprof.capture.worker.labelling import Labelling

# An event takes 17 to 90 bytes on disk: a million of them stay below 100 MB.
EVENT_BUDGET = 1_000_000
FEWEST_CALLS = 3
# Untraced calls before and after the trace: as many as traced ones, but for no longer than this
# on either side, and no fewer than FEWEST_CALLS.
UNTRACED_S = 1.0

_FEWER = "Free some disk space, or trace fewer steps with --steps"


class Recorder:
    """TensorFlow's profiler; stops only what it has started.

    Args:
        profiler: ``tf.profiler.experimental``.
    """

    def __init__(self, profiler: Any) -> None:
        self._profiler = profiler
        self._folder: Path | None = None
        self._before: set[Path] = set()

    def start(self, folder: Path) -> None:
        """Start recording into ``folder``.

        Raises:
            TraceError: the profiler cannot start, as when somebody else records in this process.
        """
        before = _recordings(folder)
        try:
            self._profiler.start(str(folder))
        except Exception as error:
            if type(error).__name__ != "AlreadyExistsError":
                raise TraceError(
                    f"The profiler cannot start: {blame.summary(error)}", "Profile without a trace"
                ) from error
            raise TraceError(
                "Another profiler is already recording in the worker process",
                "Take it out of the model's file (a keras.callbacks.TensorBoard with "
                "profile_batch, a profiler server)",
            ) from error
        self._folder, self._before = folder, before

    def stop(self) -> Path:
        """Stop recording and return the ``*.xplane.pb`` that was written.

        Raises:
            TraceError: nothing was written, or an empty file.
        """
        if self._folder is None:
            raise TraceError("Nothing is being recorded", "Report this as a bug in graphprof")
        folder, self._folder = self._folder, None
        try:
            self._profiler.stop()
        except Exception as error:
            raise TraceError(
                f"The profiler could not save its trace in {folder}: {blame.summary(error)}", _FEWER
            ) from error
        new = sorted(_recordings(folder) - self._before)
        if not new:
            raise TraceError(f"The profiler wrote no trace into {folder}", _FEWER)
        if new[-1].stat().st_size == 0:
            for empty in new:
                shutil.rmtree(empty.parent, ignore_errors=True)
            raise TraceError(f"The profiler wrote an empty trace into {folder}", _FEWER)
        return new[-1]

    def abandon(self) -> None:
        """Stop recording, whatever becomes of what was recorded; safe to call from any thread."""
        with contextlib.suppress(TraceError):
            self.stop()

    def mark(
        self, phase: Phase, step_num: int, steps: int, wanted: int
    ) -> AbstractContextManager[object]:
        """A step mark that begins now and ends when the context does.

        Args:
            phase: its name.
            step_num: number of the first step in it.
            steps: how many steps one call holds; above 1 it is said in the stat ``steps``.
            wanted: how many of them were asked for; fewer in the last call of a recording, where
                it is said in the stat ``wanted``.
        """
        more = {"steps": steps} if steps > 1 else {}
        if wanted < steps:
            more["wanted"] = wanted
        # `_r=1` makes it a root event: XProf recognises steps by it.
        marked: AbstractContextManager[object] = self._profiler.Trace(
            phase, step_num=step_num, _r=1, **more
        )
        return marked


def tracer(
    phase: Phase, steps_per_call: int, recorder: Recorder, labelling: Labelling | None = None
) -> Callable[[RecordTrace], Task]:
    """What makes the pacer's trace task for one mode."""
    return lambda request: _trace_or_say_why(request, phase, steps_per_call, recorder, labelling)


def _trace_or_say_why(
    request: RecordTrace,
    phase: Phase,
    steps_per_call: int,
    recorder: Recorder,
    labelling: Labelling | None,
) -> Task:
    """A trace that cannot be recorded does not cost the mode its timings: it is an answer too."""
    try:
        return (yield from _trace(request, phase, steps_per_call, recorder, labelling))
    except (TraceError, StorageError) as error:
        return Traced(None, error=Failure("failed", error.message, error.cure))


def _trace(
    request: RecordTrace,
    phase: Phase,
    steps_per_call: int,
    recorder: Recorder,
    labelling: Labelling | None,
) -> Task:
    folder = Path(request.folder)
    asked = math.ceil(request.steps / steps_per_call)
    lead = yield None  # the caches are cold after a pause
    beside = min(asked, math.ceil(UNTRACED_S / max(lead.seconds, 1e-6)))
    beside = max(FEWEST_CALLS, beside)
    before = yield from calls(beside)
    call_s = statistics.median(before)
    with tempfile.TemporaryDirectory(prefix="graphprof-") as scratch:
        recorder.start(Path(scratch))
        yield None if labelling is None else labelling.traced_call
        events = len(xspace.read(recorder.stop()))
    planned, notes = plan(request, asked, steps_per_call, call_s, events)

    yield None  # saving and reading the probe has cooled them again
    recorder.start(folder)
    traced: list[float] = []
    steps = min(request.steps, planned * steps_per_call)
    for first in range(0, steps, steps_per_call):
        wanted = min(steps_per_call, steps - first)
        mark = partial(recorder.mark, phase, first, steps_per_call, wanted)
        call = yield mark if labelling is None else partial(labelled, labelling.traced_call, mark)
        traced.append(call.seconds)
    xplane = recorder.stop()
    amend.amend(xplane)
    if labelling is not None:
        notes = (*notes, *labelling.save(folder))
    yield None
    after = yield from calls(beside)
    record = TraceRecord(
        xplane=xplane.relative_to(folder).as_posix(),
        steps_asked=request.steps,
        step_nums=tuple(range(steps)),
        step_seconds=each_step(traced, steps_per_call)[:steps],
        untraced_step_seconds=each_step(before + after, steps_per_call),
        profile_run=xplane.parent.name,
    )
    return Traced(record, notes)


@contextmanager
def labelled(
    labels: Callable[[], AbstractContextManager[object]],
    mark: Callable[[], AbstractContextManager[object]],
) -> Iterator[None]:
    """A step mark inside a context of ``Labelling``."""
    with labels(), mark():
        yield


def each_step(calls_s: list[float], steps_per_call: int) -> tuple[float, ...]:
    """Seconds of each step, where those of one call are taken as equally long."""
    return tuple(s / steps_per_call for s in calls_s for _ in range(steps_per_call))


def plan(
    request: RecordTrace, asked: int, steps_per_call: int, call_s: float, events_per_call: int
) -> tuple[int, tuple[str, ...]]:
    """How many calls to trace, and what a reader must know about it.

    Args:
        request: what was asked.
        asked: how many calls hold the steps asked.
        steps_per_call: steps in a call.
        call_s: seconds of an untraced call.
        events_per_call: events that the probe recorded.
    """
    notes = []
    planned = asked
    if request.at_most_s is not None:
        planned = min(planned, max(FEWEST_CALLS, int(request.at_most_s / max(call_s, 1e-6))))
        if planned < asked:
            notes.append(
                f"{planned * steps_per_call} steps were traced instead of {request.steps}: "
                f"more would take longer than {request.at_most_s:.0f} s; --steps asks for them"
            )
    affordable = max(1, EVENT_BUDGET // max(events_per_call, 1))
    if affordable < planned:
        planned = affordable
        notes = [_budget_note(planned * steps_per_call, request.steps, events_per_call)]
    return planned, tuple(notes)


def _budget_note(planned: int, asked: int, events_per_call: int) -> str:
    return (
        f"{planned} steps were traced instead of {asked}: a call records "
        f"{count(events_per_call)} events, and a trace is kept to {count(EVENT_BUDGET)}"
    )


def _recordings(folder: Path) -> set[Path]:
    return set(folder.glob("plugins/profile/*/*.xplane.pb"))
