"""The session's own copy of a trace, with its steps marked so that every reader finds them.

A trace whose steps are marked is linked, or copied where that cannot be done. Otherwise the copy
is given marks (``_r=1`` and ``step_num``), which graphprof and XProf find steps by, and what else XProf
needs to see them (``graphprof.trace.amend``); the original is left alone.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from graphprof.errors import StorageError, TraceError
from graphprof.importing.steps import Steps
from graphprof.session import Phase, write_atomically
from graphprof.trace import amend, proto, wire
from graphprof.trace.amend import Names
from graphprof.trace.model import Trace
from graphprof.trace.wire import Source

# Where a space holds its planes, and a plane its lines.
_PLANES, _LINES = 1, 3

_NEEDED = ("_r", "step_num", "steps", "imported")


def store(source: Path, target: Path, trace: Trace, steps: Steps, phase: Phase) -> None:
    """Put a copy of a trace, with its steps marked, into a session.

    Raises:
        StorageError: it cannot be written.
    """
    if steps.origin == "marked":
        _link(source, target)
        return
    space = parse(source)
    host = trace.host
    assert host is not None  # or it would have no steps
    plane = next(plane for plane in space.planes if plane.name == host.name.encode())
    names = Names(plane)
    stats = {name: names.stat(name) for name in _NEEDED}
    line = plane.lines[steps.line]
    if steps.origin == "numbered":
        _number(line, names.event(steps.name), steps.held, stats)
    else:
        _add(line, names.event(phase), steps, stats, _base_ns(trace, line))
    write_atomically(target, space.SerializeToString())
    amend.amend(target)


def parse(path: Path) -> Any:
    """Return a trace as a message; of one that is cut off what is complete.

    Raises:
        TraceError: it is damaged in its middle.
    """
    try:
        return proto.XSpace.FromString(path.read_bytes())
    except DecodeError:
        with path.open("rb") as file:
            data = _complete_part(Source(file))
    try:
        return proto.XSpace.FromString(data)
    except DecodeError as error:
        raise TraceError(
            f"{path} is damaged in its middle, so that its steps cannot be marked",
            "Record it again; if the disk was full, free some space first",
        ) from error


def _complete_part(source: Source) -> bytes:
    return _complete_fields(source, 0, source.size, (_PLANES, _LINES))


def _complete_fields(source: Source, start: int, end: int, levels: tuple[int, ...]) -> bytes:
    """The fields of a message that was cut off, and of the last one what is complete in it."""
    at = start
    while at < end:
        try:
            part = wire.field(source, at, end)
        except wire.Damaged:
            break
        if part.missing:
            if not levels or (part.number, part.wire) != (levels[0], wire.LENGTH):
                break
            inner = _complete_fields(source, part.start, part.end, levels[1:])
            tag = wire.encoded(part.number << 3 | wire.LENGTH)
            return source.read(start, at) + tag + wire.encoded(len(inner)) + inner
        at = part.end
    return source.read(start, at)


def _link(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source.resolve(), target)
        except OSError:  # another file system, or one without links
            shutil.copyfile(source, target)
    except OSError as error:
        raise StorageError(
            f"Cannot write {target}: {error.strerror or error}",
            "Free some space or name another folder with --logdir",
        ) from error


def _number(line: Any, name: int, held: int, stats: dict[str, int]) -> None:
    """Add what the events of numbered steps lack."""
    for event in line.events:
        own = {stat.metadata_id for stat in event.stats}
        if event.metadata_id != name or stats["step_num"] not in own:
            continue
        if stats["_r"] not in own:
            event.stats.add(metadata_id=stats["_r"], int64_value=1)
        if held > 1:
            event.stats.add(metadata_id=stats["steps"], int64_value=held)


def _add(line: Any, name: int, steps: Steps, stats: dict[str, int], base_ns: int) -> None:
    """Add an event around each step."""
    shift_ps = (line.timestamp_ns - base_ns) * 1000
    for number, (start, end) in enumerate(steps.spans.tolist()):
        event = line.events.add(
            metadata_id=name, offset_ps=start - shift_ps, duration_ps=end - start
        )
        for stat, value in (("_r", 1), ("step_num", number)):
            event.stats.add(metadata_id=stats[stat], int64_value=value)
        event.stats.add(metadata_id=stats["imported"], str_value=steps.origin.encode())
    # A mark is around what begins and ends with it.
    line.events.sort(
        key=lambda event: (event.offset_ps, -event.duration_ps, not _is_mark(event, stats))
    )


def _is_mark(event: Any, stats: dict[str, int]) -> bool:
    return any(stat.metadata_id == stats["imported"] for stat in event.stats)


def _base_ns(trace: Trace, line: Any) -> int:
    """The time on the line's own clock that the trace's origin stands for."""
    starts = [plane.plane_stats.get("profile_start_time") for plane in trace.planes]
    start = next((value for value in starts if isinstance(value, int)), 0)
    # Lines count from the profile's start or from the epoch (see ``graphprof.trace.xspace``).
    return trace.origin_ns - start if line.timestamp_ns < start else trace.origin_ns
