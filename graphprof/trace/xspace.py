"""Reading ``*.xplane.pb`` files.

The names of events stand after the lines in the file, so each plane is first walked for everything
but its events (``outline``), and then its lines are decoded, a chunk at a time (``lockstep``); the
file is never in memory as a whole.

Damage is no reason to fail. A file that was cut off (a full disk, a killed process) is read up to
the cut, to the event; what is lost is said in ``Trace.dropped``.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from graphprof.errors import TraceError
from graphprof.trace import events, lockstep, outline, wire
from graphprof.trace.columns import FAR_PS, Extent, Names, PlaneColumns, arrange, stat_columns, text
from graphprof.trace.model import Line, Plane, Trace
from graphprof.trace.outline import Outline, PlaneOutline
from graphprof.trace.wire import Damaged, Field, Source, signed

_CURE = "Record it again; if the disk was full, free some space first"
_CHUNK = 1 << 20


def read(path: str | os.PathLike[str], stats: Collection[str] | None = ()) -> Trace:
    """Read a trace.

    Args:
        path: the ``*.xplane.pb`` file.
        stats: names of the event stats to decode; None decodes all of them.

    Raises:
        TraceError: the file is missing, empty or holds no plane at all. Lesser damage is reported
            in ``Trace.dropped``.
    """
    with _open(path) as source:
        space = outline.walk(source)
        if all(plane.is_empty for plane in space.planes):
            raise TraceError(f"{path} holds no plane: it is no trace, or was cut off", _CURE)
        planes = [_decode(space, plane, stats) for plane in space.planes]
    origin_ns = _origin_ns([line for plane in planes for line in plane.lines], space.dropped)
    done = tuple(_finish(plane, origin_ns, space.dropped) for plane in planes)
    return Trace(
        planes=done,
        origin_ns=origin_ns + _profile_start_ns(done, origin_ns),
        errors=tuple(space.errors),
        warnings=tuple(space.warnings),
        dropped=tuple(space.dropped),
    )


def hlo_modules(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """Return the HLO protos of the XLA modules in a trace, serialised.

    Keys are the names as recorded: module and program id, as ``a_inference_step_181.2(0)``.

    Raises:
        TraceError: the file is missing or empty.
    """
    modules: dict[str, bytes] = {}
    with _open(path) as source:
        space = outline.walk(source)
        for plane in space.planes:
            if plane.name == "/host:metadata":
                for entry in plane.event_metadata:
                    modules.update(_hlo_module(space, plane, entry))
    return modules


def _hlo_module(space: Outline, plane: PlaneOutline, entry: Field) -> dict[str, bytes]:
    what = "An HLO module"
    for metadata in (part for part in space.fields(entry, what) if part.number == 2):
        parts = space.fields(metadata, what)
        for stat in (part for part in parts if part.number == 5):
            content = {part.number: part for part in space.fields(stat, what)}
            name = plane.stat_names.get(content[1].value, "") if 1 in content else ""
            if name.lower().replace(" ", "_") == "hlo_proto" and 6 in content:
                data = space.source.read(content[6].start, content[6].end)
                return {space.text(parts, 2): data}
    return {}


@contextmanager
def _open(path: str | os.PathLike[str]) -> Iterator[Source]:
    try:
        with open(path, "rb") as file:
            source = Source(file)
            if not source.size:
                raise TraceError(f"{path} is empty", _CURE)
            yield source
    except OSError as error:
        raise TraceError(f"Cannot read {path}: {error.strerror or error}", _CURE) from error


@dataclass
class _Line:
    """A line whose events are decoded, their times not yet on the trace's clock."""

    id: int = 0
    name: str = ""
    display_name: str = ""
    timestamp_ns: int = 0
    extent: Extent = Extent(0, 0)  # noqa: RUF009 (a tuple)
    far: bool = False

    def set(self, source: Source, part: Field) -> None:
        """Take over one of the line's own fields."""
        if part.wire == wire.VARINT:
            if part.number == 1:
                self.id = signed(part.value)
            elif part.number == 3:
                self.timestamp_ns = signed(part.value)
        elif part.wire == wire.LENGTH and part.number in (2, 11) and not part.missing:
            content = text(source.read(part.start, part.end))
            if part.number == 2:
                self.name = content
            else:
                self.display_name = content


@dataclass
class _Plane:
    """A plane whose events are decoded."""

    outline: PlaneOutline
    columns: PlaneColumns
    lines: list[_Line] = field(default_factory=list)


def _decode(space: Outline, plane: PlaneOutline, stats: Collection[str] | None) -> _Plane:
    columns = PlaneColumns(Names(plane.event_names))
    wanted = None
    if stats is not None:
        wanted = frozenset(key for key, name in plane.stat_names.items() if name in stats)
    decoded = _Plane(plane, columns)
    buffer = np.empty(_CHUNK + lockstep.PADDING, np.uint8)
    for span in plane.lines:
        reader = _LineReader(space, columns, wanted, buffer)
        reader.run(span)
        decoded.lines.append(reader.line)
        reader.tell_losses(plane.name)
    if columns.names.unknown:
        space.dropped.append(
            f"The names of {len(columns.names.unknown)} kinds of event in {plane.name} are missing"
        )
    return decoded


class _LineReader:
    """Decodes one line into the columns of its plane."""

    def __init__(
        self,
        space: Outline,
        columns: PlaneColumns,
        wanted: frozenset[int] | None,
        buffer: npt.NDArray[np.uint8],
    ) -> None:
        self.space = space
        self.columns = columns
        self.wanted = wanted
        self.buffer = buffer
        self.line = _Line()
        self.aggregated = self.damaged = 0

    def run(self, span: Field) -> None:
        """Decode the line that lies at ``span``, as far as it goes."""
        first = len(self.columns)
        at = span.start
        try:
            while at < span.end:
                part = wire.field(self.space.source, at, span.end)
                if part.number != 4 or part.wire != wire.LENGTH or part.missing:
                    self.line.set(self.space.source, part)
                    at = part.end
                elif (stop := self._events(at, span.end)) > at:
                    at = stop
                else:
                    self._event(part)
                    at = part.end
        except Damaged as damage:
            self.space.damage(f"Line {self._name!r}", damage.at, span.end)
        self.line.extent = Extent(first, len(self.columns))

    def _events(self, at: int, end: int) -> int:
        """Decode the events from ``at`` on, chunk by chunk; return where something else stands."""
        while True:
            size = min(_CHUNK, end - at)
            self.space.source.read_into(at, self.buffer[:size])
            self.buffer[size : size + lockstep.PADDING] = 0
            stop = self._add(lockstep.Chunk(self.buffer, size))
            if not stop:
                return at
            at += stop

    def _event(self, part: Field) -> None:
        """Decode one event alone: larger than a chunk, or its tag written in a longer way."""
        content = self.space.source.read(part.start, part.end)
        data = b"\x22" + wire.encoded(len(content)) + content
        padded = np.frombuffer(data + bytes(lockstep.PADDING), np.uint8)
        self._add(lockstep.Chunk(padded, len(data)))

    def _add(self, chunk: lockstep.Chunk) -> int:
        """Decode the complete events of a chunk; return where they end."""
        places, stop = lockstep.boundaries(chunk)
        if len(places):
            found = events.decode(chunk, places, stop, self.wanted)
            self.columns.add(found)
            self.aggregated += found.aggregated
            self.damaged += found.damaged
        return stop

    @property
    def _name(self) -> str:
        return self.line.display_name or self.line.name

    def tell_losses(self, plane: str) -> None:
        """Write down the events that have no place among the others."""
        where = f"on line {self._name!r} of {plane}"
        if self.aggregated:
            self.space.dropped.append(
                f"{self.aggregated} events {where} stand for several occurrences each and have no "
                "place in time"
            )
        if self.damaged:
            self.space.dropped.append(f"{self.damaged} events {where} are damaged")


def _origin_ns(lines: Sequence[_Line], dropped: list[str]) -> int:
    """Return the start of the earliest line; lines on another clock altogether are marked."""
    used = [line for line in lines if line.extent.last > line.extent.first]
    if not used:
        return 0
    anchor = max(used, key=lambda line: line.extent.last - line.extent.first).timestamp_ns
    origin = anchor
    for line in used:
        line.far = abs(line.timestamp_ns - anchor) > FAR_PS // 2000
        if line.far:
            dropped.append(
                f"Line {line.display_name or line.name!r} is left out: "
                f"its clock is {abs(line.timestamp_ns - anchor) // 10**9} s away from the others'"
            )
        else:
            origin = min(origin, line.timestamp_ns)
    return origin


def _finish(plane: _Plane, origin_ns: int, dropped: list[str]) -> Plane:
    columns = plane.columns
    for line in plane.lines:
        columns.move(line.extent, FAR_PS if line.far else (line.timestamp_ns - origin_ns) * 1000)
    extents, order, lost = arrange(columns, [line.extent for line in plane.lines])
    lost -= sum(line.extent.last - line.extent.first for line in plane.lines if line.far)
    if lost:
        dropped.append(f"{lost} events of {plane.outline.name} have impossible times")
    taken = slice(None) if order is None else order
    return Plane(
        name=plane.outline.name,
        lines=tuple(
            Line(line.id, line.display_name or line.name, *extent)
            for line, extent in zip(plane.lines, extents, strict=True)
        ),
        names=columns.names.texts,
        name_id=columns.name_id.values[taken],
        start_ps=columns.start_ps.values[taken],
        duration_ps=columns.duration_ps.values[taken],
        stats=stat_columns(columns.stats, plane.outline.stat_names, order),
        plane_stats=_plane_stats(plane.outline, dropped),
    )


def _plane_stats(plane: PlaneOutline, dropped: list[str]) -> dict[str, int | float | str | bytes]:
    try:
        recorded = events.stats_of(plane.stats)
    except DecodeError:
        dropped.append(f"The stats of plane {plane.name} itself are damaged")
        return {}
    columns = stat_columns([recorded], plane.stat_names, None)
    return {name: column.values.tolist()[-1] for name, column in columns.items()}


def _profile_start_ns(planes: Sequence[Plane], origin_ns: int) -> int:
    """Return what the lines' clocks count from: the profile's start, where the file tells it."""
    for plane in planes:
        start = plane.plane_stats.get("profile_start_time")
        if isinstance(start, int) and origin_ns < start:
            return start
    return 0
