"""Why each mode differs from the baseline: the largest parts of the gap between their traced steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphprof.analysis.work import attribution, difference
from graphprof.analysis.work.attribution import Attribution
from graphprof.errors import TraceError
from graphprof.session import RunFolder, Session

Attributed = Callable[[RunFolder], Attribution | None]


@dataclass(frozen=True)
class Cause:
    """A part of the gap: what it is called, and the seconds per step that it adds or saves."""

    title: str
    gap_s: float


@dataclass(frozen=True)
class Reason:
    """Why a mode's traced step differs from the baseline's.

    Attributes:
        gap_s: mean traced step minus the baseline's, seconds: positive when the mode is slower.
        causes: its largest parts in the direction of the gap, the largest first.
    """

    gap_s: float
    causes: tuple[Cause, ...]


def reasons(
    session: Session, baseline: str | None, attributed: Attributed | None = None
) -> dict[str, Reason]:
    """Return mode -> why it differs from ``baseline``, for the modes whose traces can tell.

    Args:
        session: the session.
        baseline: the mode that the others are held against.
        attributed: gives the attributed trace of a run, where they are at hand already.
    """
    attributed = attributed or attributed_or_none
    base_folder = session.run(baseline) if baseline is not None else None
    base = attributed(base_folder) if base_folder is not None else None
    if base is None or baseline is None:
        return {}
    found = {}
    for folder in session.runs:
        other = None if folder is base_folder else attributed(folder)
        if other is not None:
            found[folder.run.mode] = _reason(baseline, base, folder.run.mode, other)
    return found


def _reason(baseline: str, base: Attribution, mode: str, other: Attribution) -> Reason:
    divided = difference.between((baseline, base), (mode, other), "kind")
    if divided.parts and divided.parts[0].kind == "op":
        # That ops take longer is no answer yet: say in which layers they do.
        divided = difference.between((baseline, base), (mode, other), "layer")
    causes = tuple(
        Cause(difference.title(part, divided.root), part.gap_s) for part in divided.leading()
    )
    return Reason(divided.gap_s, causes)


def attributed_or_none(folder: RunFolder) -> Attribution | None:
    """Return the attributed trace, or None without one; the breakdown says what is wrong with it."""
    try:
        return attribution.of_run(folder)
    except TraceError:
        return None
