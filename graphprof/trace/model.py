"""The trace in memory: columns, not objects.

``Trace`` > ``Plane`` > ``Line`` > events, in XPlane's words. The events of a plane lie in parallel
numpy columns, sorted by line; a line is a slice of them, sorted by start, the longer first. Names
are interned: an event has an index into ``Plane.names``. Times are integers in picoseconds from the
trace's origin (the start of the earliest line), as recorded, so that sums are exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class StatColumn:
    """The values of one stat (one XStat name) over a plane's events, sparse.

    Attributes:
        owner: shape (n,), int64: index of the event in the plane's columns, ascending.
        values: shape (n,): int64, float64 or object (str | bytes, or a mixture). An unsigned value
            of 2**63 or more, which only ids have, stands with the same bits as a negative one.
    """

    owner: Int64
    values: npt.NDArray[np.generic]


@dataclass(frozen=True)
class Line:
    """One thread or stream.

    Attributes:
        id: XLine.id as recorded (a thread id; differs in every trace).
        name: its display name, as ``python`` or ``tf_Compute/123``.
        first: index of its first event in the plane's columns.
        last: one past its last event.
    """

    id: int
    name: str
    first: int
    last: int

    @property
    def events(self) -> slice:
        """Where this line's events stand in the plane's columns."""
        return slice(self.first, self.last)

    def __len__(self) -> int:
        return self.last - self.first


@dataclass(frozen=True)
class Plane:
    """One device or host.

    Attributes:
        name: as ``/host:CPU``.
        lines: its lines, in recorded order.
        names: event names, one entry a distinct XEventMetadata name.
        name_id: shape (n,), int32: index into ``names``.
        start_ps: shape (n,), int64: start, picoseconds from the trace's origin.
        duration_ps: shape (n,), int64: length in picoseconds; 0 is an instant.
        stats: stat columns by stat name; only those that were asked for when reading.
        plane_stats: the plane's own stats by name.
    """

    name: str
    lines: tuple[Line, ...]
    names: tuple[str, ...]
    name_id: Int32
    start_ps: Int64
    duration_ps: Int64
    stats: dict[str, StatColumn] = field(default_factory=dict)
    plane_stats: dict[str, int | float | str | bytes] = field(default_factory=dict)

    @cached_property
    def end_ps(self) -> Int64:
        """Shape (n,), int64: start plus length."""
        return self.start_ps + self.duration_ps

    def __len__(self) -> int:
        return len(self.start_ps)


@dataclass(frozen=True)
class Trace:
    """One recording.

    Attributes:
        planes: all planes of the file, ``/host:metadata`` included (its events are empty; the HLO
            protos of XLA modules are read on demand by ``graphprof.trace.xspace``).
        origin_ns: the absolute time (ns since the epoch) that ``start_ps == 0`` stands for.
        errors: ``XSpace.errors`` as recorded by the profiler.
        warnings: ``XSpace.warnings`` as recorded by the profiler.
        dropped: what the reader could not read, one sentence each; empty for a sound file.
    """

    planes: tuple[Plane, ...]
    origin_ns: int
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def host(self) -> Plane | None:
        """The ``/host:CPU`` plane, or None when the file has none."""
        return next((plane for plane in self.planes if plane.name == "/host:CPU"), None)

    def __len__(self) -> int:
        return sum(len(plane) for plane in self.planes)
