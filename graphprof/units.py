"""Numbers to text: seconds, bytes, ratios, shares.

The only number formatter in Python; ``static/format.js`` is its twin in the browser, and both are
held to ``tests/golden/units.json``. What was not measured is printed as ``NOT_MEASURED``, never as 0.
"""

from __future__ import annotations

import math

NOT_MEASURED = "—"

_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def significant(value: float, digits: int = 3) -> str:
    """``value`` with ``digits`` significant figures, without an exponent and never with fewer
    figures before the point than it has: ``significant(1234.5) == "1234"`` (half goes to even).
    """
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    rounded = round(value, digits - 1 - magnitude)
    # Rounding may carry into a new magnitude (9.996 -> 10.0), which takes one decimal less.
    if abs(rounded) >= 10 ** (magnitude + 1):
        magnitude += 1
    decimals = max(0, digits - 1 - magnitude)
    return f"{value if decimals == 0 else rounded:.{decimals}f}"


def seconds(value: float | None, digits: int = 3) -> str:
    """A duration in seconds as text in the unit that fits: ``0.0061`` -> ``"6.10 ms"``."""
    if value is None or math.isnan(value):
        return NOT_MEASURED
    if value == 0:
        return "0 s"
    for scale, unit in _TIME_UNITS:
        # 0.9995 ms with three digits reads 1.00 ms, so the unit is chosen after rounding.
        if float(significant(abs(value) / scale, digits)) >= 1:
            return f"{significant(value / scale, digits)} {unit}"
    scale, unit = _TIME_UNITS[-1]
    return f"{significant(value / scale, digits)} {unit}"


def scale_of(text: str) -> float:
    """Seconds that the unit of ``text`` (made by ``seconds``) stands for: ``"6.1 ms"`` -> ``0.001``."""
    unit = text.rpartition(" ")[2]
    return next(scale for scale, name in _TIME_UNITS if name == unit)


def size(value: float | None) -> str:
    """A number of bytes as text: ``1536`` -> ``"1.50 KiB"``."""
    if value is None or math.isnan(value):
        return NOT_MEASURED
    number = float(value)
    for unit in _BYTE_UNITS:
        if abs(number) < 1024 or unit == _BYTE_UNITS[-1]:
            return f"{number:.0f} B" if unit == "B" else f"{significant(number)} {unit}"
        number /= 1024
    raise AssertionError("unreachable: the last unit takes every number")


def ratio(value: float | None, digits: int = 3) -> str:
    """A ratio as text: ``1.5`` -> ``"1.50x"`` (times the baseline)."""
    if value is None or math.isnan(value):
        return NOT_MEASURED
    return f"{significant(value, digits)}x"


def share(value: float | None) -> str:
    """A share of one as a percentage: ``0.123`` -> ``"12.3 %"``."""
    if value is None or math.isnan(value):
        return NOT_MEASURED
    return f"{100 * value:.1f} %"


def count(value: int | None) -> str:
    """A whole number with thin groups of three: ``1234567`` -> ``"1 234 567"``."""
    return NOT_MEASURED if value is None else f"{value:,}".replace(",", "\u2009")
