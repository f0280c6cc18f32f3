"""What makes one mode slower than another: the gap of their mean steps, divided.

Both steps are divided by the same rules into parts that sum to them exactly; the difference of two
such divisions is a division of the gap. By kind, the parts are those of ``graphprof.analysis.work.breakdown``. By
layer, each owner's time in each pass is one part, with all that it holds (Python, dispatch, ops); what
has no owner stays divided by kind. By op, the same again for each op type of each owner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from graphprof import units
from graphprof.analysis.work import layers
from graphprof.analysis.work.attribution import PS, Attribution
from graphprof.analysis.work.owners import Op
from graphprof.trace.kinds import KIND_IDS, KINDS
from graphprof.trace.labels import Label

By = Literal["kind", "layer", "op"]
BYS: tuple[By, ...] = ("kind", "layer", "op")

# Below this the modes take the same time, as far as one traced run of each can tell.
_SAME = 0.02
# A sentence names the largest contributors until they explain this much of the gap.
_ENOUGH = 0.8
_NAMED = 3

_TITLES = {kind.id: kind.title for kind in KINDS}


@dataclass(frozen=True)
class Part:
    """One part of a difference; seconds of the mean traced step.

    Attributes:
        kind: id of the kind, where the part is divided by kind; else empty.
        owner: path of the layer, or name of the loss, optimizer or metric; empty for none.
        in_pass: the pass; empty where the part is divided by kind.
        op_type: the TensorFlow op type, or XLA's name for what has none, where divided by op; else
            empty.
        baseline_s: its time in the baseline's step.
        mode_s: its time in the other mode's step.
        gap_s: ``mode_s - baseline_s``; all parts sum to the gap of the steps.
        baseline_busy_s: its kernels' time in the baseline, summed over threads.
        mode_busy_s: the same in the other mode.
    """

    kind: str
    owner: str
    in_pass: str
    op_type: str
    baseline_s: float
    mode_s: float
    gap_s: float
    baseline_busy_s: float
    mode_busy_s: float


@dataclass(frozen=True)
class Difference:
    """The gap between two modes, divided.

    Attributes:
        baseline: name of the mode that is compared with.
        mode: name of the other mode.
        by: what the parts are.
        baseline_s: mean traced step of the baseline, seconds.
        mode_s: mean traced step of the other mode, seconds.
        gap_s: ``mode_s - baseline_s``: positive when the mode is slower.
        parts: largest contribution (of either sign) first; ``gap_s`` of all sums to the gap.
        root: what all layers' paths begin with, to leave out where they are shown.
    """

    baseline: str
    mode: str
    by: By
    baseline_s: float
    mode_s: float
    gap_s: float
    parts: tuple[Part, ...]
    root: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the baseline's step the mode's takes."""
        return self.mode_s / self.baseline_s if self.baseline_s else None

    def sentence(self, ratio: float | None = None) -> str:
        """Say in a sentence which is slower, by how much, and what contributes most.

        Args:
            ratio: the mode's step time over the baseline's as measured without a profiler; without
                it the traced steps are compared, and no ratio is claimed.
        """
        traced = self.ratio
        factor = traced if ratio is None else ratio
        if factor is None or traced is None:
            return f"{self.mode} and {self.baseline} cannot be compared: no time passes."
        if abs(factor - 1) < _SAME:
            return (
                f"{self.mode} takes as long as {self.baseline}: "
                f"{units.seconds(self.mode_s)} and {units.seconds(self.baseline_s)} a traced step."
            )
        slower = factor > 1
        times = units.ratio(factor if slower else 1 / factor)
        claim = f"{self.mode} is {times} {'slower' if slower else 'faster'} than {self.baseline}"
        if ratio is None:
            # Nothing was timed without the profiler, which slows one mode more than another.
            claim = (
                f"A traced step of {self.mode} takes {units.seconds(abs(self.gap_s))} "
                f"{'longer' if slower else 'less'} than one of {self.baseline}"
            )
        if (self.gap_s > 0) != slower:
            return f"{claim}, but not in the traced steps ({signed(self.gap_s)}): tracing costs the modes unequally."
        leading = self.leading()
        if not leading:
            return f"{claim}."
        named = ", ".join(f"{title(part, self.root)} {signed(part.gap_s)}" for part in leading)
        return f"{claim}: {named} of {signed(self.gap_s)}."

    def leading(self) -> tuple[Part, ...]:
        """Return the largest parts in the direction of the gap, until they explain most of it."""
        along = [part for part in self.parts if part.gap_s * self.gap_s > 0]
        found: list[Part] = []
        explained = 0.0
        for part in along:
            if found and (len(found) == _NAMED or explained >= _ENOUGH * abs(self.gap_s)):
                break
            found.append(part)
            explained += abs(part.gap_s)
        return tuple(found)


def between(
    baseline: tuple[str, Attribution], mode: tuple[str, Attribution], by: By = "layer"
) -> Difference:
    """Divide the gap between two modes, each given by its name and its attributed trace."""
    (name, one), (other_name, other) = baseline, mode
    merge = _merger(one, other)
    left, right = _sums(one, by, merge), _sums(other, by, merge)
    parts = []
    for key in left.keys() | right.keys():
        wall, busy = left.get(key, (0.0, 0.0))
        other_wall, other_busy = right.get(key, (0.0, 0.0))
        parts.append(Part(*key, wall, other_wall, other_wall - wall, busy, other_busy))
    parts.sort(
        key=lambda part: (-abs(part.gap_s), part.kind, part.owner, part.in_pass, part.op_type)
    )
    owners = {op.label.owner for side in (one, other) for op in side.ops if _is_layer(op.label)}
    return Difference(
        name,
        other_name,
        by,
        one.step_s,
        other.step_s,
        other.step_s - one.step_s,
        tuple(parts),
        layers.root(owners),
    )


def title(part: Part, root: str = "") -> str:
    """What to call a part: ``max_pooling2d backward``, ``Python``, ``optimizer adam``."""
    if part.in_pass in ("forward", "backward") and part.owner:
        words = [part.owner.removeprefix(root), part.in_pass]
    elif part.owner:
        words = [part.in_pass, part.owner]
    elif part.in_pass:
        words = [part.in_pass if part.in_pass != "other" else "", "without layer"]
    else:
        words = [_TITLES.get(part.kind, part.kind)]
    if part.kind and part.in_pass:
        words.append(_TITLES.get(part.kind, part.kind))
    words.append(part.op_type)
    return " ".join(word for word in words if word)


def signed(seconds: float) -> str:
    """A difference in seconds with its sign: ``+2.90 ms``."""
    return f"{'+' if seconds >= 0 else '-'}{units.seconds(abs(seconds))}"


Key = tuple[str, str, str, str]


def _sums(
    attribution: Attribution, by: By, merge: Callable[[str], str]
) -> dict[Key, tuple[float, float]]:
    """Return wall and busy time of the mean step by part."""
    wall: defaultdict[Key, int] = defaultdict(int)
    busy: defaultdict[Key, int] = defaultdict(int)
    for place, op in enumerate(attribution.ops):
        for kind in np.flatnonzero(attribution.wall_ps[place]):
            key = _key(op, KIND_IDS[kind], by, merge)
            wall[key] += int(attribution.wall_ps[place, kind])
        if attribution.busy_ps[place]:
            busy[_key(op, "op", by, merge)] += int(attribution.busy_ps[place])
    mean = PS / attribution.steps
    return {key: (wall[key] * mean, busy[key] * mean) for key in wall.keys() | busy.keys()}


def _key(op: Op, kind: str, by: By, merge: Callable[[str], str]) -> Key:
    owner, in_pass = op.label
    if by == "kind":
        return kind, "", "", ""
    if not owner and not (kind == "op" and op.op_type):
        return kind, "", "", ""
    if not owner and by == "layer":
        return "", "", in_pass, ""
    owner = merge(owner) if _is_layer(op.label) else owner
    if by == "layer":
        return "", owner, in_pass, ""
    return ("" if op.op_type else kind), owner, in_pass, op.tf_type or op.op_type


def _is_layer(label: Label) -> bool:
    return bool(label.owner) and label.in_pass in ("forward", "backward")


def _merger(one: Attribution, other: Attribution) -> Callable[[str], str]:
    """Return what maps a layer to the one that both modes tell apart.

    A recurrent cell, say, shows in one mode as a layer of its own and in the other only as a part
    of its loop. Parts of a model are never merged: a layer that vanished there is a finding.
    """
    seen = [_owners_with_time(side) for side in (one, other)]
    simple = {layer.path for side in (one, other) for layer in side.layers if not layer.container}

    def merge(owner: str) -> str:
        while True:
            around = owner.rpartition("/")[0]
            known = [any(_covers(owner, found) for found in owners) for owners in seen]
            if all(known) or around not in simple:
                return owner
            owner = around

    return merge


def _owners_with_time(attribution: Attribution) -> set[str]:
    has_time = attribution.wall_ps.sum(axis=1) > 0
    return {
        op.label.owner
        for op, lasts in zip(attribution.ops, has_time, strict=True)
        if lasts and _is_layer(op.label)
    }


def _covers(owner: str, found: str) -> bool:
    return found == owner or found.startswith(f"{owner}/")


def pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return every ordered pair of different modes."""
    modes = list(names)
    return [(one, other) for one in modes for other in modes if one != other]
