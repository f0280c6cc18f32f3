"""The reader to hold ours against: the whole file by protobuf, then plain loops."""

from __future__ import annotations

from typing import Any

from graphprof.trace import proto
from graphprof.trace.model import Plane, Trace


def read(data: bytes) -> dict[str, Any]:
    """A trace as plain values: per plane its lines, per line its events with their stats."""
    space = proto.XSpace.FromString(data)
    used = [line for plane in space.planes for line in plane.lines if _in_time(line)]
    origin = min((line.timestamp_ns for line in used), default=0)
    return {
        "errors": [text(error) for error in space.errors],
        "warnings": [text(warning) for warning in space.warnings],
        "planes": [_plane(plane, origin) for plane in space.planes],
    }


def plain(trace: Trace) -> dict[str, Any]:
    """A trace of ours as the same plain values."""
    return {
        "errors": list(trace.errors),
        "warnings": list(trace.warnings),
        "planes": [_plain_plane(plane) for plane in trace.planes],
    }


def text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def _in_time(line: Any) -> list[Any]:
    return [event for event in line.events if event.WhichOneof("data") != "num_occurrences"]


def _plane(plane: Any, origin: int) -> Any:
    names = {entry.key: text(entry.value.name) for entry in plane.event_metadata}
    stats = {entry.key: text(entry.value.name) for entry in plane.stat_metadata}
    lines = []
    for line in plane.lines:
        events = [
            (
                (line.timestamp_ns - origin) * 1000 + event.offset_ps,
                event.duration_ps,
                names.get(event.metadata_id, f"unknown event {event.metadata_id}"),
                _stats(event, stats),
            )
            for event in _in_time(line)
            if event.duration_ps >= 0
        ]
        events.sort(key=lambda event: (event[0], -event[1]))
        lines.append((line.id, text(line.display_name or line.name), events))
    return text(plane.name), lines


def _stats(event: Any, names: dict[int, str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for stat in event.stats:
        which = stat.WhichOneof("value")
        if which is None:
            continue
        value = getattr(stat, which)
        if which == "str_value":
            value = text(value)
        elif which == "ref_value":
            value = names.get(value, f"unknown name {value}")
        elif which == "uint64_value" and value >= 1 << 63:
            value -= 1 << 64
        name = names.get(stat.metadata_id, f"unknown stat {stat.metadata_id}")
        found.setdefault(name, []).append(repr(value))
    return found


def _plain_plane(plane: Plane) -> Any:
    stats: list[dict[str, list[Any]]] = [{} for _ in range(len(plane))]
    for name, column in plane.stats.items():
        assert all(column.owner[:-1] <= column.owner[1:])
        for owner, value in zip(column.owner.tolist(), column.values.tolist(), strict=True):
            stats[owner].setdefault(name, []).append(repr(value))
    names = [plane.names[name] for name in plane.name_id.tolist()]
    rows = list(zip(plane.start_ps.tolist(), plane.duration_ps.tolist(), names, stats, strict=True))
    return plane.name, [(line.id, line.name, rows[line.events]) for line in plane.lines]
