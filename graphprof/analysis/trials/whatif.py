"""What a step would take without one of its parts: bounds, from the recorded trace alone.

A part of p seconds in a traced step of T gone, the step is T / (T - p) times faster: Amdahl. Two
things make that uncertain, and the interval covers both. Recording itself lengthens a step, by the
overhead that was measured around the trace: at worst all of that fell on this part, at best all of
it on the rest (which keeps ``LEAST_LEFT`` of its time in any case). And where one part ends and
another begins comes out a little different each time (``PART_DOUBT``, of the smaller one). With
c = T - T / overhead and d = PART_DOUBT * min(p, T - p)::

    low   = (T - c) / (T - c - max(0, p - d - c))
    value = T / (T - p)
    high  = (p + d + r) / r   with   r = max(T - p - d - c, LEAST_LEFT * (T - p - d))

The estimate is a bound in another sense as well: what takes the part's place may cost something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from graphprof.analysis.work.layers import LayerRow
from graphprof.trace.kinds import KINDS
from graphprof.trials import Interval

PART_DOUBT = 0.15
"""Relative doubt of a part's seconds: how far the parts of two recordings of one mode lie apart."""
LEAST_LEFT = 0.3
"""Recording makes no part of a step more than three times as long."""
MOST_GONE = 0.98
"""No more than this share of a step is ever said to be saved."""
WORTH_SAYING = 1.03
_NEVER_GONE = ("op", "idle")
"""Kernels are the work itself (their layers are listed), and nobody knows what idle time waits for."""
LAYERS = 5
"""So many layers are listed, those that would save most."""


@dataclass(frozen=True)
class Step:
    """A mode's mean traced step.

    Attributes:
        traced_s: its length, seconds.
        overhead: traced over untraced step time in the same process; 1 where it is not known.
        parts: id of a kind -> its seconds; they sum to ``traced_s``.
    """

    traced_s: float
    overhead: float
    parts: Mapping[str, float]

    @property
    def untraced_s(self) -> float:
        """What the step takes with no profiler attached; recording makes nothing faster."""
        return self.traced_s / max(self.overhead, 1.0)

    def seconds(self, *kinds: str) -> float:
        """Time of some kinds together."""
        return sum(self.parts.get(kind, 0.0) for kind in kinds)

    def share(self, *kinds: str) -> float:
        """Share of some kinds, 0 to 1."""
        return self.seconds(*kinds) / self.traced_s if self.traced_s else 0.0


@dataclass(frozen=True)
class WhatIf:
    """One estimate.

    Attributes:
        mode: whose step.
        of: ``kind`` of time, or ``layer`` (forward, backward and update together).
        subject: id of the kind, or path of the layer.
        title: what people read, as ``Dispatch gone``.
        seconds: the part, of the mean traced step.
        gain: how many times shorter the step would be, at most.
    """

    mode: str
    of: Literal["kind", "layer"]
    subject: str
    title: str
    seconds: float
    gain: Interval


def gone(step: Step, part_s: float) -> Interval:
    """The gain if a part of the step took no time.

    Args:
        step: the step.
        part_s: the part's seconds in it as traced.
    """
    return saving(step, part_s, part_s, part_s)


def saving(step: Step, least_s: float, likely_s: float, most_s: float) -> Interval:
    """The gain if so much of the step were saved, doubts about the recording included.

    Args:
        step: the step.
        least_s: seconds of the traced step that are surely saved, were there no doubt.
        likely_s: seconds that are likely saved.
        most_s: seconds that are saved at most.
    """
    whole, untraced = step.traced_s, step.untraced_s
    cost = whole - untraced
    low = _without(untraced, least_s - _doubt(whole, least_s) - cost)
    value = _without(whole, likely_s)
    most = min(most_s + _doubt(whole, most_s), MOST_GONE * whole)
    left = max(whole - most - cost, LEAST_LEFT * (whole - most))
    high = min((most + left) / left if left > 0 else value, 1 / (1 - MOST_GONE))
    return Interval(value, min(low, value), max(high, value))


def _doubt(whole_s: float, part_s: float) -> float:
    return PART_DOUBT * max(0.0, min(part_s, whole_s - part_s))


def _without(whole_s: float, part_s: float) -> float:
    return whole_s / (whole_s - min(max(part_s, 0.0), MOST_GONE * whole_s)) if whole_s > 0 else 1.0


def of_mode(mode: str, step: Step, layers: tuple[LayerRow, ...] = ()) -> tuple[WhatIf, ...]:
    """Every estimate worth saying about a mode, the largest first.

    Args:
        mode: its name.
        step: its step.
        layers: who owns the step's time (``graphprof.analysis.work.layers``).
    """
    found = [
        WhatIf(mode, "kind", kind.id, f"{kind.title} gone", part, gone(step, part))
        for kind in KINDS
        if kind.id not in _NEVER_GONE and (part := step.seconds(kind.id)) > 0
    ]
    owners: dict[str, float] = {}
    for row in layers:
        if row.owner:
            owners[row.owner] = owners.get(row.owner, 0.0) + row.wall_s
    root = _root(tuple(owners))
    free = [
        WhatIf(mode, "layer", owner, f"{owner.removeprefix(root)} free", part, gone(step, part))
        for owner, part in owners.items()
    ]
    free.sort(key=lambda one: -one.gain.value)
    worth = [one for one in (*found, *free[:LAYERS]) if one.gain.value >= WORTH_SAYING]
    return tuple(sorted(worth, key=lambda one: -one.gain.value))


def _root(owners: tuple[str, ...]) -> str:
    """The model's own name, which the paths of its layers begin with."""
    models = [owner.partition("/")[0] + "/" for owner in owners if "/" in owner]
    return max(set(models), key=models.count) if models else ""
