"""Steps for every reader: what XProf needs to see the steps of a trace.

XProf counts steps by root events (``_r=1``) that carry a ``step_num``, and two things keep it from
finding them:

* A call that holds N steps is one root. ``amend`` writes the steps that ``graphprof.trace.marks``
  derives into a line of their own, each with an event inside (a root that holds nothing is no step
  to XProf), and takes ``_r`` off the calls, which keep their name, number and ``steps``.
* Where a graph has a loop (an LSTM, Keras's ``steps_per_execution``), XProf takes each iteration of
  the loop for a step and then finds "No step marker observed". It recognises iterations by the stat
  ``iter_num``; ``amend`` renames that stat.

Nothing is lost: the calls and every other event stay as recorded. ``graphprof.trace.marks`` reads
an amended trace as it reads the original: it derives the steps anew.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

from graphprof.errors import StorageError
from graphprof.trace import marks, proto, xspace
from graphprof.trace.model import Trace

LINE = "graphprof steps"
"""The line of the derived steps."""

ITERATION = "iter_num"
RENAMED = "loop_iteration"


def amend(path: str | os.PathLike[str]) -> int:
    """Make XProf see the steps of a trace; the file is replaced as a whole, if it must change.

    Returns:
        how many steps were given a mark of their own.

    Raises:
        TraceError: the file cannot be read.
        StorageError: it cannot be written.
    """
    trace = xspace.read(path, stats=(*marks.STATS, ITERATION))
    host = trace.host
    if host is None or any(line.name == LINE for line in host.lines):
        return 0
    steps = [mark for mark in marks.find(trace) if mark.call_steps > 1]
    iterations = host.stats.get(ITERATION)
    loops = iterations is not None and bool((iterations.values != 0).any())
    if not steps and not loops:
        return 0
    space = proto.XSpace.FromString(Path(path).read_bytes())
    plane = next(plane for plane in space.planes if plane.name == host.name.encode())
    if steps:
        _add_line(Names(plane), steps, trace)
    for entry in plane.stat_metadata if loops else ():
        if entry.value.name == ITERATION.encode():
            entry.value.name = RENAMED.encode()
    _replace(Path(path), space.SerializeToString())
    return len(steps)


class Names:
    """A plane's tables of names, with what is missing added."""

    def __init__(self, plane: Any) -> None:
        self.plane = plane
        self._stats = {entry.value.name: entry.key for entry in plane.stat_metadata}
        self._events = {entry.value.name: entry.key for entry in plane.event_metadata}

    def stat(self, name: str) -> int:
        """The number of a stat's name."""
        return self._key(name.encode(), self._stats, self.plane.stat_metadata)

    def event(self, name: str) -> int:
        """The number of an event's name."""
        return self._key(name.encode(), self._events, self.plane.event_metadata)

    @staticmethod
    def _key(name: bytes, known: dict[bytes, int], table: Any) -> int:
        if name not in known:
            key = max(known.values(), default=0) + 1
            entry = table.add(key=key)
            entry.value.id, entry.value.name = key, name
            known[name] = key
        return known[name]


def _add_line(names: Names, steps: list[marks.StepMark], trace: Trace) -> None:
    """Add the steps, on the clock of the line that made the calls."""
    plane = names.plane
    lines = plane.lines
    line = lines.add(name=LINE.encode(), id=max(line.id for line in lines) + 1)
    line.timestamp_ns = lines[steps[0].line].timestamp_ns
    ids = {name: names.stat(name) for name in ("_r", "step_num", "steps", "derived")}
    origin = {
        index: _take_roots(lines[index], ids) - first
        for index, first in _first_calls(trace).items()
    }
    for step in steps:
        begins = step.start_ps + origin[step.line]
        begins += (lines[step.line].timestamp_ns - line.timestamp_ns) * 1000
        length = step.end_ps - step.start_ps
        event = line.events.add(
            metadata_id=names.event(step.name), offset_ps=begins, duration_ps=length
        )
        for stat, value in (("_r", 1), ("step_num", step.step_num), ("derived", 1)):
            event.stats.add(metadata_id=ids[stat], int64_value=value)
        if not step.exact:
            event.stats.add(metadata_id=names.stat("exact"), int64_value=0)
        body = line.events.add(
            metadata_id=names.event("step"), offset_ps=begins, duration_ps=length
        )
        body.stats.add(metadata_id=ids["derived"], int64_value=1)


def _first_calls(trace: Trace) -> dict[int, int]:
    """Return when the first call of each line begins, picoseconds on the trace's clock."""
    first: dict[int, int] = {}
    for call in marks.calls(trace):
        first.setdefault(call.line, call.start_ps)
    return first


def _take_roots(line: Any, ids: dict[str, int]) -> int:
    """Take ``_r`` off the calls of several steps; return when the first call begins by the line."""
    begins = []
    for event in line.events:
        stats = {stat.metadata_id: stat for stat in event.stats}
        if ids["step_num"] not in stats or ids["_r"] not in stats:
            continue
        begins.append(event.offset_ps)
        if ids["steps"] in stats:
            event.stats.remove(stats[ids["_r"]])
    return int(min(begins))


def _replace(path: Path, data: bytes) -> None:
    """Replace the file in one step, with the rights it had."""
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, path.stat().st_mode)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        raise StorageError(
            f"Cannot write {path}: {error.strerror or error}",
            "Free some space, or check the permissions of its folder",
        ) from error
