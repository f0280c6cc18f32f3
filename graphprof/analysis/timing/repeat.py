"""A session that repeats an older one: what was different about it, and whether it says the same."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from graphprof import units
from graphprof.analysis.timing import steps
from graphprof.analysis.timing.stats import Ratio
from graphprof.session import Session, SessionInfo

# What is different each time and says so elsewhere: how busy the machine is, what was drawn anew.
PASSING: Final = frozenset(
    {
        "cpu_frequency_hz",
        "cpu_steal_s",
        "hash_seeds",
        "load_average",
        "memory_available_bytes",
    }
)
_MOST_TEXT: Final = 120


def remarks(then: Session, now: Session) -> tuple[str, ...]:
    """What a reader must know of ``now``, which was to repeat ``then``; one sentence each."""
    return (
        f"Repeats session {then.info.id}.",
        *changes(then.info, now.info),
        *ratios(then, now),
    )


def changes(then: SessionInfo, now: SessionInfo) -> Iterator[str]:
    """What the environment or the workload was then and is now, where it is not the same."""
    for what, before, after in (
        ("environment", then.environment, now.environment),
        ("workload", then.workload, now.workload),
    ):
        for name in sorted((before.keys() | after.keys()) - PASSING):
            if before.get(name) != after.get(name):
                old, new = _text(before.get(name)), _text(after.get(name))
                yield f"Not as in {then.id}: {what} {name} was {old} and is {new}."


def ratios(then: Session, now: Session) -> Iterator[str]:
    """How each mode's ratio to the baseline compares with what it was.

    Two ratios contradict each other when they are further apart than both 95 % intervals allow
    together (half-widths of the logs added in quadrature).
    """
    if then.info.baseline != now.info.baseline:
        return
    before, after = steps.summarise(then), steps.summarise(now)
    for mode in after.modes:
        old = before.mode(mode.mode)
        if old is None or old.ratio is None or mode.ratio is None:
            continue
        allowed = _half(old.ratio), _half(mode.ratio)
        if None in allowed:
            continue
        apart = abs(math.log(mode.ratio.value / old.ratio.value))
        agrees = apart <= math.hypot(*(half or 0.0 for half in allowed))
        yield (
            f"{mode.mode} took {units.ratio(old.ratio.value)} the time of {now.info.baseline} in "
            f"{then.info.id} and takes {units.ratio(mode.ratio.value)} now: "
            + ("within their intervals." if agrees else "further apart than their intervals allow.")
        )


def _half(ratio: Ratio) -> float | None:
    if ratio.low is None or ratio.high is None:
        return None
    return math.log(ratio.high / ratio.low) / 2


def _text(value: Any) -> str:
    if value is None:
        return "not known"
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"
