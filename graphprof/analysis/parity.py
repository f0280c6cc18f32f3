"""Whether the modes do the same work: what they computed, compared number by number.

Each mode runs the same few steps from the same weights on the same batches and leaves what it
computed in its folder (see ``parity_file``); so does, where it was possible, a float64 eager run.

An error is the largest difference over the largest magnitude on the other side; beside it stands
the same difference in units in the last place (ULP) of that magnitude. Magnitudes within one kind
of array have a floor of ``FLOOR`` times the largest of that kind, because what should cancel to 0
leaves rounding errors of the terms. Variables are also compared by their *update*, final minus
initial, over the update's root mean square: a wrong optimizer hardly moves the weights. After steps
the error is that of most numbers (``MOST``) and not of the worst: where a gradient happens to be
near 0, an optimizer that divides by its magnitude (Adam) makes a full step of its rounding error. A
variable whose gradient is nothing but such rounding is not judged after the steps (Adam blows it
up to full size; a bias in front of a batch normalisation is the usual case), nor are then variables
without a gradient, such as that layer's moving mean, which follows the bias.

Errors within the tolerance of the coarser precision pass. With a reference, so do errors that bring
a mode no more than ``REFERENCE_SLACK`` times as far from it as the baseline is itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from graphprof.analysis.parity_file import (
    DAMAGE,
    PARITY_FILE,
    REFERENCE_FILE,
    Recording,
    opened,
)
from graphprof.session import Session, graphprof_folder

Kind = Literal["loss", "output", "layer", "gradient", "weight", "update"]
Verdict = Literal["passed", "failed", "unknown"]

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
EPSILON: Final[Mapping[str, float]] = {
    "float64": 2.0**-52,
    "float32": 2.0**-23,
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
}
FLOOR: Final = 1e-2
# A gradient this much smaller than the largest of the model is made of rounding errors.
ROUNDING: Final = 1e-5
REFERENCE_SLACK: Final = 10.0
# After steps so much of a variable must agree; a wrong optimizer moves nearly all of it.
MOST: Final = 0.9


@dataclass(frozen=True)
class Deviation:
    """How far one array of a mode is from the baseline's.

    Attributes:
        kind: which kind of array.
        name: output, layer or variable; the number of the step for a loss.
        relative: the error (see the module); ``math.inf`` where only one side is finite or the
            shapes differ.
        ulp: the same in units in the last place; None for an update.
        tolerance: what may pass.
        ok: whether it passes; None when it is not judged.
    """

    kind: Kind
    name: str
    relative: float
    ulp: float | None
    tolerance: float
    ok: bool | None


@dataclass(frozen=True)
class ModeParity:
    """One mode against the baseline.

    Attributes:
        mode: the mode's name.
        verdict: ``passed``, ``failed``, or ``unknown`` (``reason`` says why).
        reason: one sentence for ``failed`` and ``unknown``, else None.
        first_layer: first layer, output or variable in the model's order beyond its tolerance.
        worst: the deviation that comes closest to its tolerance, or exceeds it most; None when
            nothing was compared.
        deviations: all of them, in the order of the model.
    """

    mode: str
    verdict: Verdict
    reason: str | None
    first_layer: str | None
    worst: Deviation | None
    deviations: tuple[Deviation, ...]


@dataclass(frozen=True)
class Parity:
    """All modes of a session against its baseline.

    Attributes:
        baseline: the mode that the others are held against.
        reference: whether a float64 reference was there.
        modes: one entry for each other mode, in order of display.
    """

    baseline: str
    reference: bool
    modes: tuple[ModeParity, ...]


def of_session(session: Session, baseline: str | None = None) -> Parity | None:
    """Compare the modes of a session; None when it has no baseline or nothing was recorded.

    Args:
        session: the session.
        baseline: the mode that the others are held against; None takes the session's own.
    """
    baseline = session.info.baseline if baseline is None else baseline
    paths = {run.run.mode: graphprof_folder(run.path) / PARITY_FILE for run in session.runs}
    if baseline not in paths or not any(path.is_file() for path in paths.values()):
        return None
    modes = []
    with opened(paths[baseline]) as base, opened(session.path / REFERENCE_FILE) as reference:
        for mode, path in paths.items():
            if mode != baseline:
                with opened(path) as recording:
                    modes.append(compare(mode, recording, base, reference))
        return Parity(baseline, reference is not None, tuple(modes))


def compare(
    mode: str,
    recording: Recording | None,
    baseline: Recording | None,
    reference: Recording | None = None,
) -> ModeParity:
    """Compare what one mode computed with what the baseline did."""
    reason = _why_unknown(recording, baseline)
    if reason is not None or recording is None or baseline is None:
        return ModeParity(mode, "unknown", reason, None, None, ())
    try:
        deviations = tuple(_deviations(recording, baseline, reference))
    except DAMAGE as error:
        reason = f"What a mode computed cannot be read: {error}."
        return ModeParity(mode, "unknown", reason, None, None, ())
    judged = [deviation for deviation in deviations if deviation.ok is not None]
    if not judged:
        return ModeParity(
            mode, "unknown", "The two have nothing in common.", None, None, deviations
        )
    worst = max(judged, key=lambda deviation: deviation.relative / deviation.tolerance)
    if worst.ok:
        return ModeParity(mode, "passed", None, None, worst, deviations)
    worst = max((d for d in judged if not d.ok), key=lambda d: d.relative / d.tolerance)
    first = next((d.name for d in judged if not d.ok and d.kind != "loss"), None)
    reason = f"{worst.kind.capitalize()} {worst.name} is off by {_amount(worst.relative)}."
    return ModeParity(mode, "failed", reason, first, worst, deviations)


def coarsest(precisions: Sequence[str]) -> str:
    """The one with the widest tolerance, as ``mixed_float16``; the first that has none known."""
    plain = {name: name.removeprefix("mixed_") for name in precisions}
    unknown = next((name for name in precisions if plain[name] not in TOLERANCE), None)
    return unknown or max(precisions, key=lambda name: TOLERANCE[plain[name]])


def _why_unknown(recording: Recording | None, baseline: Recording | None) -> str | None:
    if recording is None:
        return "What this mode computed was not recorded."
    if recording.about.get("reason"):
        return str(recording.about["reason"])
    if baseline is None or baseline.about.get("reason"):
        return "What the baseline computed was not recorded."
    if recording.about.get("steps") != baseline.about.get("steps"):
        return "The two made different numbers of steps."
    drawn = [*recording.about.get("random", []), *baseline.about.get("random", [])]
    if drawn:
        return f"Random numbers that no seed controls are drawn by {drawn[0]}."
    unknown = [r.precision for r in (recording, baseline) if r.precision not in TOLERANCE]
    return f"No tolerance is known for precision {unknown[0]}." if unknown else None


def _deviations(
    mode: Recording, base: Recording, reference: Recording | None
) -> Iterator[Deviation]:
    """Deviations in the order of computing: forward, backward, update."""
    precision = max(mode.precision, base.precision, key=lambda name: TOLERANCE[name])
    yield from _of_kind("layer", mode, base, reference, precision)
    yield from _of_kind("output", mode, base, reference, precision)
    yield from _losses(mode.losses(), base.losses(), precision)
    yield from _of_kind("gradient", mode, base, reference, precision)
    yield from _of_kind("weight", mode, base, reference, precision)
    yield from _updates(mode, base, reference, precision)


def _losses(
    mode: Mapping[int, NDArray[Any]], base: Mapping[int, NDArray[Any]], precision: str
) -> Iterator[Deviation]:
    """Of the steps at whose end both give one: a call of several steps gives only its last."""
    for step in sorted(mode.keys() & base.keys()):
        # From the second step on a loss carries the errors of the updates before it.
        tolerance = TOLERANCE[precision] * (1 if step == 0 else 10)
        relative, ulp = _error(mode[step], base[step], 0.0, precision)
        yield Deviation("loss", str(step), relative, ulp, tolerance, relative <= tolerance)


def _of_kind(
    kind: Kind, mode: Recording, base: Recording, reference: Recording | None, precision: str
) -> Iterator[Deviation]:
    names = base.names(kind)
    floor = FLOOR * max((_largest(base.array(f"{kind}/{name}")) for name in names), default=0.0)
    tolerance = TOLERANCE[precision] * TOLERANCE_FACTOR[kind]
    unjudged = _carried_away(base) | _with_update(base) if kind == "weight" else set()
    share = MOST if kind == "weight" else 1.0
    for name in _shared(kind, mode, base):
        key = f"{kind}/{name}"
        if key not in mode.arrays or key not in base.arrays:
            yield Deviation(kind, name, math.inf, None, tolerance, ok=False)
            continue
        theirs = base.array(key)
        relative, ulp = _error(mode.array(key), theirs, floor, precision, share)
        ok = relative <= tolerance
        if not ok and reference is not None and key in reference.arrays:
            truth = reference.array(key)
            own, _ = _error(mode.array(key), truth, floor, precision, share)
            baselines, _ = _error(theirs, truth, floor, precision, share)
            ok = own <= max(tolerance, REFERENCE_SLACK * baselines)
        judged = name not in unjudged or not math.isfinite(relative)
        yield Deviation(kind, name, relative, ulp, tolerance, ok if judged else None)


def _updates(
    mode: Recording, base: Recording, reference: Recording | None, precision: str
) -> Iterator[Deviation]:
    tolerance = TOLERANCE[precision] * TOLERANCE_FACTOR["update"]
    unjudged = _carried_away(base)
    for name in base.names("weight"):
        keys = (f"initial/{name}", f"weight/{name}")
        if any(key not in r.arrays for key in keys for r in (mode, base)):
            continue
        if len({r.arrays[key].shape for key in keys for r in (mode, base)}) > 1:
            continue  # the weights tell
        update, theirs = _update(mode, name), _update(base, name)
        relative = _update_error(update, theirs)
        ok = relative <= tolerance
        if not ok and reference is not None and all(key in reference.arrays for key in keys):
            truth = _update(reference, name)
            baselines = _update_error(theirs, truth)
            ok = _update_error(update, truth) <= max(tolerance, REFERENCE_SLACK * baselines)
        yield Deviation("update", name, relative, None, tolerance, None if name in unjudged else ok)


def _shared(kind: Kind, mode: Recording, base: Recording) -> Sequence[str]:
    """Names of both sides; layers may be recorded on one side only, then they say nothing."""
    names = base.names(kind)
    if kind == "layer":
        return [name for name in names if f"layer/{name}" in mode.arrays]
    return [*names, *(name for name in mode.names(kind) if f"{kind}/{name}" not in base.arrays)]


def _carried_away(base: Recording) -> set[str]:
    """Variables that need not agree after the steps.

    Those whose gradient is made of rounding errors (the optimizer may know it as well), and where
    there are any, those that no gradient moves: a moving mean follows the bias in front of it.
    """
    kind = "gradient" if base.names("gradient") else "moment"
    largest = {name: _largest(base.array(f"{kind}/{name}")) for name in base.names(kind)}
    limit = ROUNDING * max(largest.values(), default=0.0)
    noise = {name for name, size in largest.items() if size <= limit}
    return noise | {name for name in base.names("weight") if noise and name not in largest}


def _with_update(base: Recording) -> set[str]:
    """Variables that are judged by their update: a bias that began at 0 is nothing but that."""
    return {name for name in base.names("weight") if f"initial/{name}" in base.arrays}


def _update(recording: Recording, name: str) -> NDArray[np.float64]:
    return recording.array(f"weight/{name}") - recording.array(f"initial/{name}")


def _error(
    mode: NDArray[np.float64],
    base: NDArray[np.float64],
    floor: float,
    precision: str,
    share: float = 1.0,
) -> tuple[float, float | None]:
    """Difference over the largest magnitude, and in ULP of that magnitude.

    The difference is what this share of the array does not exceed; a share of 1 takes the largest.
    """
    if np.shape(mode) != np.shape(base):
        return math.inf, None
    alike = np.isnan(mode) & np.isnan(base) | (mode == base)
    with np.errstate(invalid="ignore"):
        difference = _bound(np.where(alike, 0.0, np.asarray(mode) - base), share)
    if difference == 0:
        return 0.0, 0.0
    if not math.isfinite(difference):
        return math.inf, None
    scale = max(_largest(np.where(np.isfinite(base), base, 0.0)), floor)
    if scale == 0:
        return math.inf, None
    last_place = EPSILON[precision] * 2.0 ** math.floor(math.log2(scale))
    return difference / scale, difference / last_place


def _update_error(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Difference of most numbers over the root mean square of the other side."""
    difference = _bound(one - other, MOST)
    if difference == 0:
        return 0.0
    size = math.sqrt(float(np.mean(np.square(other))))
    relative = difference / size if size > 0 else math.inf
    return relative if math.isfinite(relative) else math.inf


def _bound(differences: NDArray[np.float64], share: float) -> float:
    """What this share of the differences do not exceed; infinite when any is not a number."""
    largest = _largest(differences)
    if share == 1 or not math.isfinite(largest):
        return largest
    return float(np.quantile(np.abs(differences), share))


def _largest(values: NDArray[np.float64]) -> float:
    """Largest magnitude; infinite when any value is not a number."""
    if values.size == 0:
        return 0.0
    largest = float(np.max(np.abs(values)))
    return math.inf if math.isnan(largest) else largest


def _amount(relative: float) -> str:
    return "all of it" if math.isinf(relative) else f"{relative:.1g} of its size"
