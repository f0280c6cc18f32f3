"""Resident sets of the workers, read from outside.

A worker that reads its own stops its steps to do so: a thread in it would fight the step for Python's
lock, and show in its trace. The parent has nothing to do while a worker works, and reading
``/proc/<pid>/statm`` takes it microseconds. Samples carry the wall clock, which is the trace's.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

import psutil

from graphprof.capture import protocol
from graphprof.session import graphprof_folder, write_atomically
from graphprof.trace.memory_file import (
    MEMORY_FILE,
    MemoryRecord,
    Moment,
    ResidentCurve,
    ResidentProcess,
    Told,
    to_json,
)

PERIOD_S = 1e-3


class Who(NamedTuple):
    """A worker process."""

    mode: str
    wave: int
    arm: Literal["mode", "aa"]
    pid: int


@dataclass
class _Book:
    moments: list[Moment] = field(default_factory=list)
    calls: int = 0


class Residents:
    """The resident sets of a session's workers.

    Args:
        reader: opens a way to read the resident set of a process, in bytes or None.
    """

    def __init__(
        self,
        reader: Callable[[int], contextlib.AbstractContextManager[Callable[[], int | None]]]
        | None = None,
    ) -> None:
        self._reader = reading if reader is None else reader
        self._books: defaultdict[Who, _Book] = defaultdict(_Book)
        self._curves: dict[str, ResidentCurve] = {}
        self._told: dict[str, Told] = {}

    def note(self, who: Who, after: str, *, calls: int = 0, rss_bytes: int | None = None) -> None:
        """Note a worker's resident set now.

        Args:
            who: which worker.
            after: what it has just done.
            calls: how many calls of its mode that were.
            rss_bytes: the resident set where the worker itself has told it (then its time is unknown).
        """
        book = self._books[who]
        book.calls += calls
        at_ns = None
        if rss_bytes is None:
            at_ns = time.time_ns()
            with self._reader(who.pid) as read:
                rss_bytes = read()
        if rss_bytes is not None:
            book.moments.append(Moment(after, at_ns, rss_bytes, book.calls))

    def during(
        self, who: Who, request: protocol.Request
    ) -> contextlib.AbstractContextManager[None]:
        """A context for a request: samples while a trace is recorded."""
        traced = isinstance(request, protocol.RecordTrace)
        return self.sampling(who) if traced else contextlib.nullcontext()

    def answered(self, who: Who, request: protocol.Request, reply: protocol.Reply) -> None:
        """Note what a worker takes after it has answered, and what it told."""
        self.note(who, request.kind, calls=_calls(reply))
        if isinstance(reply, protocol.Traced):
            self.tell(who.mode, reply.told)

    @contextmanager
    def sampling(self, who: Who) -> Iterator[None]:
        """Sample a worker's resident set while the context is open."""
        with self._reader(who.pid) as read:
            sampler = _Sampler(read)
            try:
                yield
            finally:
                curve = sampler.stop()
        if curve is not None:
            self._curves[who.mode] = curve

    def tell(self, mode: str, told: Told | None) -> None:
        """Keep what a worker told after its trace."""
        if told is not None:
            self._told[mode] = told

    def save(self, session: Path) -> None:
        """Write ``memory.json`` of every mode that something is known of.

        Raises:
            StorageError: the disk is full or the folder cannot be written.
        """
        records = dict.fromkeys((who.mode for who in self._books), MemoryRecord())
        for who, book in self._books.items():
            process = ResidentProcess(who.wave, who.arm, who.pid, tuple(book.moments))
            record = records[who.mode]
            records[who.mode] = replace(record, processes=(*record.processes, process))
        for mode, record in records.items():
            record = replace(record, curve=self._curves.get(mode), told=self._told.get(mode))
            write_atomically(graphprof_folder(session / mode) / MEMORY_FILE, to_json(record))


def _calls(reply: protocol.Reply) -> int:
    """How many calls of its mode a worker made for a reply, as far as it says."""
    match reply:
        case protocol.Called():
            return 1 + len(reply.later_s)
        case protocol.Kept() | protocol.Warmed() | protocol.Timed():
            return len(reply.seconds)
    return 0


class _Sampler:
    """A thread that reads until it is told to stop."""

    def __init__(self, read: Callable[[], int | None]) -> None:
        self._read = read
        self._times: list[int] = []
        self._levels: list[int] = []
        self._looks = 0
        self._last: tuple[int, int] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="resident", daemon=True)
        self._thread.start()

    def stop(self) -> ResidentCurve | None:
        self._stop.set()
        self._thread.join()
        if self._last is None:
            return None
        if self._times[-1] != self._last[0]:
            self._times.append(self._last[0])
            self._levels.append(self._last[1])
        period_ns = round(PERIOD_S * 1e9)
        return ResidentCurve(period_ns, self._looks, tuple(self._times), tuple(self._levels))

    def _run(self) -> None:
        while not self._stop.is_set():
            rss = self._read()
            if rss is None:
                return
            self._last = (time.time_ns(), rss)
            self._looks += 1
            if not self._levels or self._levels[-1] != rss:
                self._times.append(self._last[0])
                self._levels.append(rss)
            self._stop.wait(PERIOD_S)


@contextmanager
def reading(pid: int) -> Iterator[Callable[[], int | None]]:
    """A way to read a process's resident set in bytes; None when the system does not say."""
    try:
        file = os.open(f"/proc/{pid}/statm", os.O_RDONLY)
    except OSError:  # not Linux, or gone
        yield lambda: _by_psutil(pid)
        return
    page = os.sysconf("SC_PAGE_SIZE")

    def read() -> int | None:
        try:
            # proc(5): sizes in pages; the second is the resident set.
            return int(os.pread(file, 128, 0).split()[1]) * page or None
        except (OSError, IndexError):  # it has ended
            return None

    try:
        yield read
    finally:
        os.close(file)


def _by_psutil(pid: int) -> int | None:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None
