"""How far one array is from another: relative, and in units in the last place (ULP).

An error is the largest difference over the largest magnitude on the other side; beside it stands
the same difference in units in the last place of that magnitude, in the coarser precision of the
two. After steps the error is that of most numbers (``MOST``) and not of the worst.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Distance from 1 to the next number: 2 to the power of minus the stored bits of the significand.
EPSILON: Final[Mapping[str, float]] = {
    "float64": 2.0**-52,
    "float32": 2.0**-23,
    "float16": 2.0**-10,
    "bfloat16": 2.0**-7,
}
# After steps so much of a variable must agree; a wrong optimizer moves nearly all of it.
MOST: Final = 0.9


def error(
    mode: NDArray[np.float64],
    base: NDArray[np.float64],
    floor: float,
    precision: str,
    share: float = 1.0,
) -> tuple[float, float | None]:
    """Difference over the largest magnitude, and in ULP of that magnitude.

    Args:
        mode: one side.
        base: the other, whose magnitude counts.
        floor: least magnitude to divide by.
        precision: whose last place is meant.
        share: the difference is what this share of the array does not exceed; 1 takes the largest.

    Returns:
        Infinity and None where the shapes differ or only one side is finite.
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
    scale = max(largest(np.where(np.isfinite(base), base, 0.0)), floor)
    if scale == 0:
        return math.inf, None
    last_place = EPSILON[precision] * 2.0 ** math.floor(math.log2(scale))
    return difference / scale, difference / last_place


def update_error(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Difference of most numbers over the root mean square of the other side."""
    difference = _bound(one - other, MOST)
    if difference == 0:
        return 0.0
    size = math.sqrt(float(np.mean(np.square(other))))
    relative = difference / size if size > 0 else math.inf
    return relative if math.isfinite(relative) else math.inf


def largest(values: NDArray[np.float64]) -> float:
    """Largest magnitude; infinite when any value is not a number, 0 of no values."""
    if values.size == 0:
        return 0.0
    found = float(np.max(np.abs(values)))
    return math.inf if math.isnan(found) else found


def _bound(differences: NDArray[np.float64], share: float) -> float:
    """What this share of the differences do not exceed; infinite when any is not a number."""
    most = largest(differences)
    if share == 1 or not math.isfinite(most):
        return most
    return float(np.quantile(np.abs(differences), share))
