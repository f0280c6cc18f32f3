"""The errors of one recording against another, array by array, in the order of computing.

Magnitudes within one kind of array have a floor of ``FLOOR`` times the largest of that kind, because
what should cancel to 0 leaves rounding errors of the terms. Variables are also compared by their
*update*, final minus initial, over the update's root mean square: a wrong optimizer hardly moves the
weights. After steps the error is that of most numbers and not of the worst: where a gradient happens
to be near 0, an optimizer that divides by its magnitude (Adam) makes a full step of its rounding
error. A variable whose gradient is nothing but such rounding is not judged after the steps (Adam
blows it up to full size; a bias in front of a batch normalisation is the usual case), nor are then
variables without a gradient, such as that layer's moving mean, which follows the bias.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from graphprof.analysis.results.parity_error import MOST, error, largest, update_error
from graphprof.analysis.results.parity_file import Recording

Kind = Literal["loss", "output", "layer", "gradient", "weight", "update"]
KINDS: Final[tuple[Kind, ...]] = ("layer", "output", "loss", "gradient", "weight", "update")

# Relative errors that a correct mode may show. Different summation orders in float32 come to some
# 1e-6 in outputs; float16 has 1e-3 in a single number.
TOLERANCE: Final[Mapping[str, float]] = {
    "float64": 1e-9,
    "float32": 1e-4,
    "float16": 2e-2,
    "bfloat16": 1e-1,
}
# A gradient sums over batch and image, some 1e5 terms (XLA was seen at 6e-4 where they nearly cancel).
# Rounding errors grow over the steps; an update is a difference of two close numbers (seen: 3e-2).
TOLERANCE_FACTOR: Final[Mapping[Kind, float]] = {
    "loss": 1,
    "output": 1,
    "layer": 1,
    "gradient": 10,
    "weight": 10,
    "update": 1000,
}
# Whatever the precision: what is off by more than half of its size is something else. Healthy
# updates in mixed float16 were seen at 0.11, those of another epsilon at 1 and more.
LARGEST: Final = 0.5
FLOOR: Final = 1e-2
# A gradient this much smaller than the largest of the model is made of rounding errors.
ROUNDING: Final = 1e-5


@dataclass(frozen=True)
class FromReference:
    """How far an array is from that of the float64 run, and how far the baseline's is.

    Attributes:
        relative: the error; infinite as in ``Deviation``.
        ulp: the same in units in the last place of the mode's precision; None for an update.
        ok: whether it is within the tolerance; None when it is not judged.
        baseline: the baseline's own relative error, or None where it is not known.
    """

    relative: float
    ulp: float | None
    ok: bool | None
    baseline: float | None


@dataclass(frozen=True)
class Deviation:
    """How far one array of a mode is from the baseline's.

    Attributes:
        kind: which kind of array.
        name: output, layer or variable; the number of the step for a loss.
        relative: the error (see ``parity_error``); ``math.inf`` where only one side is finite or
            the shapes differ.
        ulp: the same in units in the last place; None for an update.
        tolerance: what may pass.
        ok: whether it passes; None when it is not judged.
        reference: the same against the float64 run, or None without one.
    """

    kind: Kind
    name: str
    relative: float
    ulp: float | None
    tolerance: float
    ok: bool | None
    reference: FromReference | None = None


def between(
    mode: Recording,
    base: Recording,
    *,
    kinds: Collection[Kind] = KINDS,
    unjudged: Collection[str] = (),
    shared: bool = False,
) -> list[Deviation]:
    """Every array of one recording against another's, in the order forward, backward, update.

    Args:
        mode: one recording.
        base: the other.
        kinds: what is compared.
        unjudged: variables that need not agree after the steps.
        shared: compare only what both hold; else an array that one side lacks is infinitely off.
    """
    precision = max(mode.precision, base.precision, key=lambda name: TOLERANCE[name])
    pair = _Pair(mode, base, precision, frozenset(unjudged), shared)
    found: list[Deviation] = []
    for kind in KINDS:
        if kind in kinds:
            found += _OF_KIND[kind](kind, pair)
    return found


def carried_away(base: Recording) -> set[str]:
    """Variables that need not agree after the steps.

    Those whose gradient is made of rounding errors (the optimizer may know it as well), and where
    there are any, those that no gradient moves: a moving mean follows the bias in front of it.
    """
    kind = "gradient" if base.names("gradient") else "moment"
    sizes = {name: largest(base.array(f"{kind}/{name}")) for name in base.names(kind)}
    limit = ROUNDING * max(sizes.values(), default=0.0)
    noise = {name for name, size in sizes.items() if size <= limit}
    return noise | {name for name in base.names("weight") if noise and name not in sizes}


@dataclass(frozen=True)
class _Pair:
    mode: Recording
    base: Recording
    precision: str
    unjudged: frozenset[str]
    shared: bool

    def tolerance(self, kind: Kind, times: float = 1) -> float:
        return min(LARGEST, TOLERANCE[self.precision] * TOLERANCE_FACTOR[kind] * times)


def _losses(kind: Kind, pair: _Pair) -> Iterator[Deviation]:
    """Of the steps at whose end both give one: a call of several steps gives only its last."""
    mode, base = pair.mode.losses(), pair.base.losses()
    for step in sorted(mode.keys() & base.keys()):
        # From the second step on a loss carries the errors of the updates before it.
        tolerance = pair.tolerance(kind, 1 if step == 0 else 10)
        relative, ulp = error(mode[step], base[step], 0.0, pair.precision)
        yield Deviation(kind, str(step), relative, ulp, tolerance, relative <= tolerance)


def _arrays(kind: Kind, pair: _Pair) -> Iterator[Deviation]:
    mode, base = pair.mode, pair.base
    names = base.names(kind)
    floor = FLOOR * max((largest(base.array(f"{kind}/{name}")) for name in names), default=0.0)
    tolerance = pair.tolerance(kind)
    unjudged = pair.unjudged | _with_update(base) if kind == "weight" else frozenset()
    share = MOST if kind == "weight" else 1.0
    for name in _names(kind, pair):
        key = f"{kind}/{name}"
        if key not in mode.arrays or key not in base.arrays:
            yield Deviation(kind, name, math.inf, None, tolerance, ok=False)
            continue
        relative, ulp = error(mode.array(key), base.array(key), floor, pair.precision, share)
        judged = name not in unjudged or not math.isfinite(relative)
        ok = relative <= tolerance if judged else None
        yield Deviation(kind, name, relative, ulp, tolerance, ok)


def _updates(kind: Kind, pair: _Pair) -> Iterator[Deviation]:
    tolerance = pair.tolerance(kind)
    sides = (pair.mode, pair.base)
    for name in pair.base.names("weight"):
        keys = (f"initial/{name}", f"weight/{name}")
        if any(key not in side.arrays for key in keys for side in sides):
            continue
        if len({side.arrays[key].shape for key in keys for side in sides}) > 1:
            continue  # the weights tell
        relative = update_error(*(_update(side, name) for side in sides))
        ok = None if name in pair.unjudged else relative <= tolerance
        yield Deviation(kind, name, relative, None, tolerance, ok)


_OF_KIND: Final[Mapping[Kind, Callable[[Kind, _Pair], Iterator[Deviation]]]] = {
    "layer": _arrays,
    "output": _arrays,
    "loss": _losses,
    "gradient": _arrays,
    "weight": _arrays,
    "update": _updates,
}


def _names(kind: Kind, pair: _Pair) -> Sequence[str]:
    """Names of both sides. What is computed apart may be there on one side only, and says nothing."""
    mode, base = pair.mode.names(kind), pair.base.names(kind)
    apart = kind == "layer" or (kind != "weight" and not (mode and base))
    if pair.shared or apart:
        there = set(mode)
        return [name for name in base if name in there]
    known = set(base)
    return [*base, *(name for name in mode if name not in known)]


def _with_update(base: Recording) -> set[str]:
    """Variables that are judged by their update: a bias that began at 0 is nothing but that."""
    return {name for name in base.names("weight") if f"initial/{name}" in base.arrays}


def _update(recording: Recording, name: str) -> NDArray[np.float64]:
    return recording.array(f"weight/{name}") - recording.array(f"initial/{name}")
