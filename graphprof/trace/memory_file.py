"""``memory.json`` in a run's folder: what no trace holds of a mode's memory.

Resident sets are read by the parent from outside, so that no worker stops to read its own: after each
request, and every millisecond while a trace is recorded. What variables take, and what devices say of
their allocators, the worker tells after its trace.

Format history
    1  first format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from graphprof.errors import SessionError

FORMAT_VERSION = 1
MEMORY_FILE = "memory.json"

_MOST = (1 << 63) - 1
Bytes = Annotated[int, Field(ge=0, le=_MOST)]
Nanoseconds = Annotated[int, Field(ge=0, le=_MOST)]
Role = Literal["weights", "optimizer"]


@dataclass(frozen=True)
class Moment:
    """A process's resident set after it has done something.

    Attributes:
        after: what it has done: ``imports``, ``loading``, ``first`` (the first call), ``results``,
            ``warmup``, ``block``, ``trace``, ``examine``.
        at_ns: when, nanoseconds since the epoch; None where only the order is known.
        rss_bytes: resident set.
        calls: how many calls of the mode it had made before, those of this request included.
    """

    after: str
    at_ns: Nanoseconds | None
    rss_bytes: Bytes
    calls: Annotated[int, Field(ge=0, le=_MOST)] = 0


@dataclass(frozen=True)
class ResidentProcess:
    """The resident set of one worker over its life.

    Attributes:
        wave: as in ``measurement.json``.
        arm: as in ``measurement.json``.
        pid: process id.
        moments: in order of time.
    """

    wave: int
    arm: Literal["mode", "aa"]
    pid: int
    moments: tuple[Moment, ...] = ()


@dataclass(frozen=True)
class ResidentCurve:
    """The resident set while a trace was recorded, on the trace's clock.

    Only changes are kept, and the last sample.

    Attributes:
        period_ns: nanoseconds between two looks, as asked for.
        looks: how often it was looked at.
        times_ns: shape (n,): nanoseconds since the epoch.
        rss_bytes: shape (n,): resident set from that moment on.
    """

    period_ns: Nanoseconds
    looks: Annotated[int, Field(ge=0)]
    times_ns: tuple[Nanoseconds, ...]
    rss_bytes: tuple[Bytes, ...]

    def __post_init__(self) -> None:
        if len(self.times_ns) != len(self.rss_bytes) or list(self.times_ns) != sorted(
            self.times_ns
        ):
            raise ValueError("its times and levels do not go together")


@dataclass(frozen=True)
class Held:
    """What a variable takes.

    Attributes:
        name: its path, as ``net/conv2d/kernel``.
        role: ``weights`` of the model, or state of the ``optimizer``.
        size: bytes.
        trainable: whether it has a gradient.
    """

    name: str
    role: Role
    size: Bytes
    trainable: bool = False


@dataclass(frozen=True)
class DeviceMemory:
    """What a device's allocator says of itself; of calls around the trace and in it.

    Attributes:
        device: as ``GPU:0``.
        before: bytes in use before these calls.
        peak: the most that was in use at once in them, or since the process began where
            ``reset`` is False.
        after: bytes in use after them.
        reset: whether the peak could be set back before these calls.
    """

    device: str
    before: Bytes
    peak: Bytes
    after: Bytes
    reset: bool = True


@dataclass(frozen=True)
class Told:
    """What a worker tells after its trace.

    Attributes:
        held: its variables; None where they cannot be told.
        devices: devices that keep account of their memory; the others are left out.
    """

    held: tuple[Held, ...] | None = None
    devices: tuple[DeviceMemory, ...] = ()


@dataclass(frozen=True)
class MemoryRecord:
    """``memory.json``.

    Attributes:
        processes: one entry a worker of the mode.
        curve: the resident set of the traced process while it was traced, or None.
        told: what that process told, or None.
    """

    processes: tuple[ResidentProcess, ...] = ()
    curve: ResidentCurve | None = None
    told: Told | None = None
    format_version: int = field(default=FORMAT_VERSION)


_ADAPTER = TypeAdapter(MemoryRecord)


def to_json(record: MemoryRecord) -> bytes:
    """``record`` as the content of ``memory.json``."""
    return _ADAPTER.dump_json(record)


def load(path: Path) -> MemoryRecord | None:
    """Read ``memory.json``; None when there is none (an older session, a trace taken by others).

    Raises:
        SessionError: it is damaged or cannot be read.
    """
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise SessionError(
            f"Cannot read {path}: {error}", "Delete it to go on without it, or profile again"
        ) from error
