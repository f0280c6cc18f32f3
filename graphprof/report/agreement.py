"""Whether the modes computed the same, as the report shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from graphprof import units
from graphprof.analysis.results import parity
from graphprof.analysis.results.deviations import Deviation
from graphprof.report.document import Agreement, ModeReport, Report, WorstError
from graphprof.report.parity_model import ArrayError, ErrorFromReference, ParityBasis
from graphprof.session import Session

# So many times as far from the float64 run as the baseline is worth saying.
FARTHER: Final = 3.0


def of_session(session: Session, baseline: str | None = None) -> dict[str, Agreement]:
    """Mode -> whether it computed what the baseline did; the baseline itself is not in it.

    Args:
        session: the session.
        baseline: the mode that the others are held against; None takes the session's own.
    """
    return by_mode(parity.of_session(session, baseline))


def by_mode(found: parity.Parity | None) -> dict[str, Agreement]:
    """Mode -> whether it computed what the baseline did; the baseline itself is not in it."""
    return {} if found is None else {mode.mode: _agreement(mode) for mode in found.modes}


def basis(found: parity.Parity | None) -> ParityBasis | None:
    """What the modes are held against."""
    if found is None:
        return None
    return ParityBasis(
        baseline=found.baseline,
        steps=found.steps,
        precision=found.precision,
        reference="float64, eager" if found.reference else None,
        no_reference=found.no_reference,
        random_layers=found.random_layers,
        arrays=tuple(_against_reference(deviation) for deviation in found.from_reference),
    )


def _agreement(mode: parity.ModeParity) -> Agreement:
    return Agreement(
        verdict=mode.verdict,
        reason=mode.reason,
        first_layer=mode.first_layer,
        worst=None if mode.worst is None else _worst(mode.worst),
        compared=len(mode.deviations),
        random=mode.random,
        times_baseline=_short(mode.times_baseline),
        worst_from_reference=worst_from_reference([_array(d) for d in mode.deviations]),
        arrays=tuple(_array(deviation) for deviation in mode.deviations),
    )


def _worst(worst: Deviation) -> WorstError:
    relative = worst.relative if math.isfinite(worst.relative) else None
    return WorstError(worst.kind, worst.name, relative, worst.ulp, worst.tolerance)


def _array(found: Deviation) -> ArrayError:
    beside = found.reference
    return ArrayError(
        found.kind,
        found.name,
        _short(found.relative),
        _short(found.ulp),
        found.tolerance,
        found.ok,
        None
        if beside is None
        else ErrorFromReference(_short(beside.relative), _short(beside.ulp), beside.ok),
    )


def _against_reference(found: Deviation) -> ArrayError:
    """The baseline's own error; against itself it has none."""
    own = ErrorFromReference(_short(found.relative), _short(found.ulp), found.ok)
    return ArrayError(found.kind, found.name, 0.0, None, found.tolerance, None, own)


def _short(value: float | None) -> float | None:
    """Three figures: there are thousands of them, and an error bears no more."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.3g}")


def worst_from_reference(arrays: Sequence[ArrayError]) -> WorstError | None:
    """The judged error against the float64 run that is largest for its tolerance."""
    judged = [one for one in arrays if one.reference and one.reference.ok is not None]
    if not judged:
        return None
    worst = max(judged, key=_of_tolerance)
    assert worst.reference is not None
    return WorstError(
        worst.kind, worst.name, worst.reference.relative, worst.reference.ulp, worst.tolerance
    )


def _of_tolerance(found: ArrayError) -> float:
    relative = found.reference.relative if found.reference else None
    return math.inf if relative is None else relative / found.tolerance


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
    agree = [_passed(passed, report.baseline)] if passed else []
    return [*agree, *unknown, *_truth(report, known)]


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


def _truth(report: Report, known: Mapping[str, Agreement]) -> list[str]:
    """How far each mode is from the float64 run, in a sentence; or why there is none."""
    basis = report.parity
    if basis is None or not known:
        return []
    own = worst_from_reference(basis.arrays)
    if own is None:
        return [f"No float64 reference: {basis.no_reference}"] if basis.no_reference else []
    worst = {basis.baseline: own}
    worst |= {m: one.worst_from_reference for m, one in known.items() if one.worst_from_reference}
    each = ", ".join(
        f"{mode} by {_share(one)} ({one.kind} {one.name})" for mode, one in worst.items()
    )
    farther = [
        f"{mode} is typically {units.ratio(one.times_baseline)} as far from it as {basis.baseline}"
        for mode, one in known.items()
        if one.times_baseline is not None and one.times_baseline > FARTHER
    ]
    verdict = "; ".join(farther) or f"none is notably farther from it than {basis.baseline}"
    return [f"From the same steps in float64, at most for its limit: {each}; {verdict}."]


def _share(worst: WorstError) -> str:
    return "all of it" if worst.relative is None else f"{worst.relative:.1g}"


def _listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
