"""Whether the modes computed the same, as the report shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from graphprof.analysis import parity
from graphprof.report.document import Agreement, ModeReport, Report, WorstError
from graphprof.session import Session


def of_session(session: Session, baseline: str | None = None) -> dict[str, Agreement]:
    """Mode -> whether it computed what the baseline did; the baseline itself is not in it.

    Args:
        session: the session.
        baseline: the mode that the others are held against; None takes the session's own.
    """
    found = parity.of_session(session, baseline)
    return {} if found is None else {mode.mode: _agreement(mode) for mode in found.modes}


def _agreement(mode: parity.ModeParity) -> Agreement:
    return Agreement(
        verdict=mode.verdict,
        reason=mode.reason,
        first_layer=mode.first_layer,
        worst=None if mode.worst is None else _worst(mode.worst),
        compared=len(mode.deviations),
    )


def _worst(worst: parity.Deviation) -> WorstError:
    relative = worst.relative if math.isfinite(worst.relative) else None
    return WorstError(worst.kind, worst.name, relative, worst.ulp, worst.tolerance)


def differs(mode: ModeReport) -> bool:
    """Whether it is known that a mode computes something else than the baseline."""
    return mode.parity is not None and mode.parity.verdict == "failed"


def differences(report: Report) -> list[str]:
    """One sentence for each mode whose results differ."""
    return [
        f"{mode.mode}: results differ (≠) from {report.baseline}: {how_far(mode.parity)}"
        for mode in report.modes
        if mode.parity is not None and differs(mode)
    ]


def remarks(report: Report) -> list[str]:
    """Which modes computed the same, and of which it is not known."""
    known = {mode.mode: mode.parity for mode in report.modes if mode.parity and not mode.error}
    passed = {name: found for name, found in known.items() if found.verdict == "passed"}
    unknown = [
        f"{name}: whether it computes the same as {report.baseline} is unknown. {found.reason}"
        for name, found in known.items()
        if found.verdict == "unknown"
    ]
    return [*([_passed(passed, report.baseline)] if passed else []), *unknown]


def how_far(found: Agreement) -> str:
    """What differs most, by how much, and where it begins, in sentences."""
    first, worst = found.first_layer, found.worst
    begins = f" First to differ: {first}." if first and worst and first != worst.name else ""
    return f"{found.reason or ''}{_ulp(worst)}{begins}"


def _ulp(worst: WorstError | None) -> str:
    return "" if worst is None or worst.ulp is None else f" That is {worst.ulp:.2g} ULP."


def _passed(passed: Mapping[str, Agreement], baseline: str | None) -> str:
    errors = [found.worst for found in passed.values() if found.worst is not None]
    worst = max(errors, key=lambda error: (error.relative or 0.0) / error.tolerance)
    who = f"{_listed(list(passed))} {'computes' if len(passed) == 1 else 'compute'}"
    if not worst.relative:
        return f"{who} exactly the same as {baseline}, in all numbers that were compared."
    return (
        f"{who} the same as {baseline}: closest to its limit of {worst.tolerance:.0g} is"
        f" {worst.kind} {worst.name}, off by {worst.relative:.1g} of its size."
    )


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
