"""The trace of the first calls of a process: what building and compiling cost, call by call.

Nothing is known of a workload before its first call, so that no probe can tell how many events it
records. Time bounds them instead: an eager call records some 100,000 events a second, a built one
more, but much of a first call is building and compiling, which record few. A recording that takes
too long is cut off, and costs nothing but itself.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from graphprof.capture.protocol import Called, FirstCall
from graphprof.capture.worker.pacing import Task, first_call
from graphprof.capture.worker.recorder import Recorder, each_step, labelled
from graphprof.capture.worker.usage import rss_bytes
from graphprof.errors import StorageError, TraceError
from graphprof.session import EARLY_TRACE, Phase, TraceRecord, graphprof_folder, write_atomically
from graphprof.trace import amend

if TYPE_CHECKING:
    from graphprof.capture.worker.labelling import Labelling

# Seconds after which a recording is cut off: of modes that run op by op, and of those that build.
OP_BY_OP_S = 15.0
BUILDING_S = 180.0
# No further call is traced after one (but the first) that took so long.
LONG_CALL_S = 2.0


def first_caller(
    phase: Phase, steps_per_call: int, recorder: Recorder, labelling: Labelling
) -> Callable[[FirstCall], Task]:
    """What makes the pacer's task for the first call of one mode."""

    def task(request: FirstCall) -> Task:
        if request.folder is None:
            return first_call(labelling.first_call)
        return _traced(request, Path(request.folder), phase, steps_per_call, recorder, labelling)

    return task


def _traced(
    request: FirstCall,
    folder: Path,
    phase: Phase,
    steps_per_call: int,
    recorder: Recorder,
    labelling: Labelling,
) -> Task:
    with tempfile.TemporaryDirectory(prefix="graphprof-") as scratch:
        try:
            recording = _Recording(recorder, Path(scratch), _limit_s(labelling))
        except TraceError as error:
            call = yield labelling.first_call
            return Called(call.seconds, rss_bytes(), notes=(_note(error.message),))
        seconds: list[float] = []
        # What finds the layers of op-by-op modes costs time: the first call goes without it.
        labels = labelling.first_call
        while len(seconds) < request.calls and not _enough(seconds, recording):
            mark = partial(
                recorder.mark, phase, len(seconds) * steps_per_call, steps_per_call, steps_per_call
            )
            call = yield partial(labelled, labels, mark)
            seconds.append(call.seconds)
            labels = labelling.traced_call
        record: TraceRecord | None = None
        notes: tuple[str, ...] = ()
        try:
            _keep(recording.stop(), folder)
            record = _record(request, seconds, steps_per_call)
        except (TraceError, StorageError) as error:
            notes = (_note(error.message),)
    return Called(seconds[0], rss_bytes(), tuple(seconds[1:]), True, record, notes)


def _limit_s(labelling: Labelling) -> float:
    return OP_BY_OP_S if labelling.op_by_op else BUILDING_S


def _enough(seconds: list[float], recording: _Recording) -> bool:
    return recording.cut_off or max(seconds[1:], default=0.0) > LONG_CALL_S


def _note(problem: str) -> str:
    return f"The first calls were not traced: {problem}"


def _keep(xplane: Path, folder: Path) -> None:
    amend.amend(xplane)
    try:
        data = xplane.read_bytes()
    except OSError as error:
        raise TraceError(f"Cannot read {xplane}: {error.strerror}", "Free some space") from error
    write_atomically(graphprof_folder(folder) / EARLY_TRACE, data)


def _record(request: FirstCall, seconds: list[float], steps_per_call: int) -> TraceRecord:
    return TraceRecord(
        xplane=graphprof_folder(Path()).joinpath(EARLY_TRACE).as_posix(),
        steps_asked=request.calls * steps_per_call,
        step_nums=tuple(range(len(seconds) * steps_per_call)),
        step_seconds=each_step(seconds, steps_per_call),
    )


class _Recording:
    """A recording that ends by itself when it takes too long.

    Attributes:
        cut_off: whether it has.

    Raises:
        TraceError: the profiler cannot start.
    """

    def __init__(self, recorder: Recorder, folder: Path, limit_s: float) -> None:
        self.cut_off = False
        self._recorder = recorder
        self._limit_s = limit_s
        self._stopping = threading.Lock()
        recorder.start(folder)
        self._timer = threading.Timer(limit_s, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> Path:
        """End it; returns the file.

        Raises:
            TraceError: it was cut off, or nothing was written.
        """
        self._timer.cancel()
        with self._stopping:
            if self.cut_off:
                raise TraceError(
                    f"they took longer than {self._limit_s:.0f} s", "Make them shorter"
                )
            return self._recorder.stop()

    def _cut(self) -> None:
        with self._stopping:
            self.cut_off = True
            self._recorder.abandon()
