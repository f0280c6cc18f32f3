"""Reading ``*.xplane.pb`` files."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from graphprof.errors import TraceError
from graphprof.trace import proto
from graphprof.trace.model import Line, Plane, StatColumn, Trace

_RECORD_AGAIN = "Record it again; if the disk was full, free some space first"


def read(path: str | os.PathLike[str], stats: Collection[str] | None = ()) -> Trace:
    """Read a trace.

    Args:
        path: the ``*.xplane.pb`` file.
        stats: names of the event stats to decode; None decodes all of them.

    Raises:
        TraceError: the file is missing, empty or holds no plane at all. Lesser damage is reported
            in ``Trace.dropped``.
    """
    space = _parse(path)
    lines = [line for plane in space.planes for line in plane.lines if line.events]
    origin_ns = min((line.timestamp_ns for line in lines), default=0)
    planes = tuple(_plane(plane, origin_ns, stats) for plane in space.planes)
    return Trace(
        planes=planes,
        origin_ns=origin_ns + _profile_start_ns(planes, origin_ns),
        errors=tuple(_text(error) for error in space.errors),
        warnings=tuple(_text(warning) for warning in space.warnings),
    )


def hlo_modules(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """Return the HLO protos of the XLA modules in a trace, serialised, by module name."""
    modules: dict[str, bytes] = {}
    for plane in _parse(path).planes:
        if plane.name != b"/host:metadata":
            continue
        hlo = {
            entry.key
            for entry in plane.stat_metadata
            if entry.value.name.lower().replace(b" ", b"_") == b"hlo_proto"
        }
        for entry in plane.event_metadata:
            for stat in entry.value.stats:
                if stat.metadata_id in hlo:
                    modules[_text(entry.value.name)] = stat.bytes_value
    return modules


def _parse(path: str | os.PathLike[str]) -> Any:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise TraceError(f"Cannot read {path}: {error.strerror or error}", _RECORD_AGAIN) from error
    try:
        space = proto.XSpace.FromString(data)
    except DecodeError as error:
        raise TraceError(f"{path} is damaged: not an XSpace", _RECORD_AGAIN) from error
    if not space.planes:
        raise TraceError(f"{path} holds no plane", _RECORD_AGAIN)
    return space


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _profile_start_ns(planes: tuple[Plane, ...], origin_ns: int) -> int:
    """Since TensorFlow 2.9 line times count from the start of the profile, which stands apart."""
    for plane in planes:
        start = plane.plane_stats.get("profile_start_time")
        if isinstance(start, int) and origin_ns < start:
            return start
    return 0


def _value(stat: Any, names: dict[int, str]) -> int | float | str | bytes | None:
    which = stat.WhichOneof("value")
    if which is None:
        return None
    value: int | float | bytes = getattr(stat, which)
    if which == "str_value":
        return _text(stat.str_value)
    if which == "ref_value":
        return names.get(stat.ref_value, "")
    if which == "uint64_value" and stat.uint64_value >= 1 << 63:
        return stat.uint64_value - (1 << 64)  # type: ignore[no-any-return]
    return value


def _plane(plane: Any, origin_ns: int, wanted: Collection[str] | None) -> Plane:
    stat_names = {entry.key: _text(entry.value.name) for entry in plane.stat_metadata}
    event_names = {entry.key: _text(entry.value.name) for entry in plane.event_metadata}
    ids: dict[str, int] = {}
    lines: list[Line] = []
    name_id: list[int] = []
    start: list[int] = []
    duration: list[int] = []
    stats: dict[str, tuple[list[int], list[Any]]] = {}
    for line in plane.lines:
        first = len(start)
        shift = (line.timestamp_ns - origin_ns) * 1000
        for event in sorted(line.events, key=lambda event: (event.offset_ps, -event.duration_ps)):
            for stat in event.stats:
                name = stat_names.get(stat.metadata_id, "")
                value = _value(stat, stat_names)
                if value is not None and (wanted is None or name in wanted):
                    owners, values = stats.setdefault(name, ([], []))
                    owners.append(len(start))
                    values.append(value)
            event_name = event_names.get(event.metadata_id, f"unknown event {event.metadata_id}")
            name_id.append(ids.setdefault(event_name, len(ids)))
            start.append(shift + event.offset_ps)
            duration.append(event.duration_ps)
        lines.append(Line(line.id, _text(line.display_name or line.name), first, len(start)))
    return Plane(
        name=_text(plane.name),
        lines=tuple(lines),
        names=tuple(ids),
        name_id=np.array(name_id, np.int32),
        start_ps=np.array(start, np.int64),
        duration_ps=np.array(duration, np.int64),
        stats={name: _column(*column) for name, column in stats.items()},
        plane_stats={
            stat_names.get(stat.metadata_id, ""): value
            for stat in plane.stats
            if (value := _value(stat, stat_names)) is not None
        },
    )


def _column(owners: list[int], values: list[Any]) -> StatColumn:
    types = {type(value) for value in values}
    if types == {int}:
        column: Any = np.array(values, np.int64)
    elif types == {float}:
        column = np.array(values, np.float64)
    else:
        column = np.empty(len(values), object)
        column[:] = values
    return StatColumn(np.array(owners, np.int64), column)
