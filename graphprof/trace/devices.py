"""The lines of accelerators, beside those of the host.

Steps are made by the host, and its time is what is divided. What ran on a device is shown: as lines
behind the host's own, on the same clock.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from graphprof.trace import rules
from graphprof.trace.blocks import Int8
from graphprof.trace.model import Line, Plane, Trace
from graphprof.units import count

_DEVICE = re.compile(r"/device:(?P<name>.+)", re.DOTALL)

# Lines that XProf derives from the others: the same time once more, under other names.
_DERIVED = re.compile(
    r"Steps|XLA (Modules|TraceMe)|Framework (Ops|Name Scope)|Source code|Launch Stats.*"
)
_COPY = re.compile(r"(?i)mem(cpy|set).*|.*(H2D|D2H|D2D|P2P)")


def of(trace: Trace) -> tuple[Plane, ...]:
    """Return the planes of accelerators that hold events."""
    return tuple(plane for plane in trace.planes if _DEVICE.fullmatch(plane.name) and len(plane))


def joined(trace: Trace) -> Trace:
    """Return the trace with the devices' lines at the end of the host's plane.

    The host's events keep their places in its columns. Stats stay those of the host.
    """
    host, devices = trace.host, of(trace)
    if host is None or not devices:
        return trace
    planes = [host, *devices]
    names = {name: place for place, name in enumerate(host.names)}
    ids = [host.name_id]
    lines = list(host.lines)
    first = len(host)
    for plane in devices:
        places = [names.setdefault(name, len(names)) for name in plane.names]
        ids.append(np.array(places, np.int32)[plane.name_id])
        short = _short(plane)
        lines += [
            Line(line.id, f"{short} {line.name}", first + line.first, first + line.last)
            for line in plane.lines
        ]
        first += len(plane)
    whole = replace(
        host,
        lines=tuple(lines),
        names=tuple(names),
        name_id=np.concatenate(ids),
        start_ps=np.concatenate([plane.start_ps for plane in planes]),
        duration_ps=np.concatenate([plane.duration_ps for plane in planes]),
    )
    rest = [plane for plane in trace.planes if plane is not host and plane not in devices]
    return replace(trace, planes=(whole, *rest))


def kinds(devices: Sequence[Plane]) -> Int8:
    """Return what each event of devices is: a kernel, a copy, or (unknown) derived from others."""
    found = []
    for plane in devices:
        is_copy = np.array([_COPY.fullmatch(name) is not None for name in plane.names], bool)
        kind = np.where(is_copy[plane.name_id], rules.RUNTIME, rules.OP)
        for line in plane.lines:
            if _DERIVED.fullmatch(line.name):
                kind[line.events] = rules.UNKNOWN
        found.append(kind)
    return np.concatenate(found).astype(np.int8)


def notice(trace: Trace) -> str | None:
    """Say what of the devices no number holds; None where there are none."""
    devices = of(trace)
    if not devices:
        return None
    named = ", ".join(f"{_short(plane)} ({count(len(plane))} events)" for plane in devices)
    return (
        f"What ran on {named} is drawn in the Timeline and in no number: the division is of the host's "
        "time, in which waiting for a device counts as sync/idle or waiting"
    )


def _short(plane: Plane) -> str:
    """``GPU:0`` of ``/device:GPU:0``."""
    match = _DEVICE.fullmatch(plane.name)
    return match["name"] if match else plane.name
