"""Whether the modes do the same work: what they computed, compared number by number.

Each mode runs the same few steps from the same weights on the same batches and leaves what it
computed in its folder (see ``parity_file``); so does, where it was possible, a float64 eager run, the
reference. Every mode is held against the baseline and against the reference: the first says whether
two modes agree, the second which of them is right. How errors are measured and what may pass is in
``deviations``.

Errors within the tolerance of the coarser precision pass. With a reference, so do errors that bring
a mode no more than ``REFERENCE_SLACK`` times as far from it as the baseline is itself (``LARGE_SLACK``
times where that is most of its size): such a model is as sensitive to rounding in any mode. And errors within the tolerance fail where a mode is typically
``COARSER`` times as far from it as the baseline, both in the same precision: healthy modes round
otherwise, by factors of 0.7 to 1.2 as measured; thousands mean that one computes in less than it says.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from graphprof.analysis.results import comparable, deviations
from graphprof.analysis.results.deviations import (
    LARGEST,
    TOLERANCE,
    Deviation,
    FromReference,
    Kind,
    carried_away,
)
from graphprof.analysis.results.parity_error import EPSILON
from graphprof.analysis.results.parity_file import (
    DAMAGE,
    PARITY_FILE,
    REFERENCE_FILE,
    Recording,
    opened,
)
from graphprof.session import Session, graphprof_folder

Verdict = Literal["passed", "failed", "unknown"]

REFERENCE_SLACK: Final = 10.0
# What is off by more than half of its size must be so in the baseline, too.
LARGE_SLACK: Final = 2.0
COARSER: Final = 100.0
# How much nearer or farther is said from so many arrays on: fewer are chance.
_FEWEST: Final = 3
# What is computed once, at the initial weights: later errors are those of the steps before.
_AT_ONCE: Final[tuple[Kind, ...]] = ("layer", "output", "gradient")


@dataclass(frozen=True)
class ModeParity:
    """One mode against the baseline, and against the reference.

    Attributes:
        mode: the mode's name.
        verdict: ``passed``, ``failed``, or ``unknown`` (``reason`` says why).
        reason: one sentence for ``failed`` and ``unknown``, else None.
        first_layer: first layer, output or variable in the model's order beyond its tolerance.
        worst: the deviation that comes closest to its tolerance, or exceeds it most; None when
            nothing was compared.
        deviations: all of them, in the order of the model.
        random: what draws random numbers that the seeds do not make equal, such as
            ``layer dropout under XLA``.
        times_baseline: how many times as far from the reference as the baseline it is: the median
            over layers, outputs and gradients; None where too few are off to tell.
    """

    mode: str
    verdict: Verdict
    reason: str | None
    first_layer: str | None
    worst: Deviation | None
    deviations: tuple[Deviation, ...]
    random: tuple[str, ...] = ()
    times_baseline: float | None = None


@dataclass(frozen=True)
class Parity:
    """All modes of a session against its baseline and its reference.

    Attributes:
        baseline: the mode that the others are held against.
        steps: after how many steps, or None where the baseline left nothing.
        precision: of the baseline, or None where it left nothing.
        reference: whether a float64 reference was there.
        no_reference: why it was not, one sentence, where that is known.
        random_layers: layers that draw random numbers while they train.
        modes: one entry for each other mode, in order of display.
        from_reference: the baseline itself against the reference.
    """

    baseline: str
    steps: int | None
    precision: str | None
    reference: bool
    no_reference: str | None
    random_layers: tuple[str, ...]
    modes: tuple[ModeParity, ...]
    from_reference: tuple[Deviation, ...] = ()


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
    with opened(paths[baseline]) as base, opened(session.path / REFERENCE_FILE) as found:
        reason = comparable.why_no_reference(found)
        reference = found if reason is None else None
        for mode, path in paths.items():
            if mode != baseline:
                with opened(path) as recording:
                    modes.append(compare(mode, recording, base, reference))
        return Parity(
            baseline=baseline,
            steps=base.about.get("steps") if base else None,
            precision=base.precision if base and not base.about.get("reason") else None,
            reference=reference is not None,
            no_reference=reason if found is not None else None,
            random_layers=tuple(base.about.get("random_layers", ())) if base else (),
            modes=tuple(modes),
            from_reference=tuple(_from(reference, base).values()),
        )


def compare(
    mode: str,
    recording: Recording | None,
    baseline: Recording | None,
    reference: Recording | None = None,
) -> ModeParity:
    """Compare what one mode computed with what the baseline did."""
    reason = comparable.why_unknown(recording, baseline)
    if reason is not None or recording is None or baseline is None:
        return ModeParity(mode, "unknown", reason, None, None, ())
    drawn = comparable.drawn(recording, baseline)
    try:
        found = _deviations(recording, baseline, reference)
    except DAMAGE as error:
        reason = f"What a mode computed cannot be read: {error}."
        return ModeParity(mode, "unknown", reason, None, None, ())
    if recording.precision == baseline.precision:
        found = _without_coarser(found, EPSILON[recording.precision] / 2)
    judged = _judged(mode, found, drawn)
    return dataclasses.replace(judged, random=drawn, times_baseline=_times_baseline(found))


def coarsest(precisions: Sequence[str]) -> str:
    """The one with the widest tolerance, as ``mixed_float16``; the first that has none known."""
    plain = {name: name.removeprefix("mixed_") for name in precisions}
    unknown = next((name for name in precisions if plain[name] not in TOLERANCE), None)
    return unknown or max(precisions, key=lambda name: TOLERANCE[plain[name]])


def _judged(mode: str, found: tuple[Deviation, ...], drawn: tuple[str, ...]) -> ModeParity:
    judged = [deviation for deviation in found if deviation.ok is not None]
    if judged and not all(deviation.ok for deviation in judged):
        wrong = [deviation for deviation in judged if not deviation.ok]
        worst = _worst(wrong)
        first = next((d.name for d in wrong if d.kind != "loss"), None)
        reason = f"{worst.kind.capitalize()} {worst.name} is off by {_amount(worst.relative)}."
        return ModeParity(mode, "failed", reason, first, worst, found)
    worst_of_all = _worst(judged) if judged else None
    if drawn:
        reason = f"Random numbers that no seed controls are drawn by {drawn[0]}."
        if judged:
            reason += " Where none are drawn, in evaluation, its outputs agree."
        return ModeParity(mode, "unknown", reason, None, worst_of_all, found)
    if not judged:
        return ModeParity(mode, "unknown", "The two have nothing in common.", None, None, found)
    return ModeParity(mode, "passed", None, None, worst_of_all, found)


def _worst(found: Iterable[Deviation]) -> Deviation:
    return max(found, key=lambda deviation: deviation.relative / deviation.tolerance)


def _deviations(
    mode: Recording, base: Recording, reference: Recording | None
) -> tuple[Deviation, ...]:
    unjudged = carried_away(base) | (carried_away(reference) if reference else set())
    found = deviations.between(mode, base, kinds=comparable.kinds(mode, base), unjudged=unjudged)
    own, baselines = _from(reference, mode, unjudged), _from(reference, base, unjudged)
    return tuple(
        _beside_reference(one, own.get((one.kind, one.name)), baselines.get((one.kind, one.name)))
        for one in found
    )


def _from(
    reference: Recording | None, recording: Recording | None, unjudged: Iterable[str] = ()
) -> dict[tuple[Kind, str], Deviation]:
    """The errors of a recording against the reference, as far as both can be compared."""
    if reference is None or comparable.why_unknown(recording, reference) or recording is None:
        return {}
    kinds = comparable.kinds(recording, reference)
    unjudged = {*unjudged, *carried_away(reference)}
    try:
        found = deviations.between(
            recording, reference, kinds=kinds, unjudged=unjudged, shared=True
        )
    except DAMAGE:  # without it the modes are still compared with each other
        return {}
    return {(one.kind, one.name): one for one in found}


def _beside_reference(
    found: Deviation, own: Deviation | None, baseline: Deviation | None
) -> Deviation:
    if own is None:
        return found
    beside = FromReference(
        own.relative, own.ulp, own.ok, None if baseline is None else baseline.relative
    )
    ok = found.ok
    if ok is False and baseline is not None:
        slack = REFERENCE_SLACK if own.relative <= LARGEST else LARGE_SLACK
        ok = own.relative <= max(found.tolerance, slack * baseline.relative)
    return dataclasses.replace(found, ok=ok, reference=beside)


def _without_coarser(found: tuple[Deviation, ...], rounding: float) -> tuple[Deviation, ...]:
    """Fail what is so far from the reference that another precision must be at work.

    Args:
        found: the deviations.
        rounding: relative error of one rounding: no baseline counts as nearer by chance.
    """
    times = {id(one): _times(one, rounding) for one in found}
    known = [value for value in times.values() if value is not None]
    if len(known) < _FEWEST or statistics.median(known) <= COARSER:
        return found
    far = {key for key, value in times.items() if value is not None and value > COARSER}
    return tuple(
        dataclasses.replace(one, ok=False) if id(one) in far and one.ok else one for one in found
    )


def _times_baseline(found: Iterable[Deviation]) -> float | None:
    ratios = [times for times in map(_times, found) if times is not None]
    return statistics.median(ratios) if len(ratios) >= _FEWEST else None


def _times(found: Deviation, rounding: float = 0.0) -> float | None:
    """How many times as far from the reference as the baseline, of what is computed at once."""
    beside = found.reference
    if found.kind not in _AT_ONCE or beside is None or not beside.baseline:
        return None
    if not (math.isfinite(beside.relative) and math.isfinite(beside.baseline)):
        return None
    return beside.relative / max(beside.baseline, rounding)


def _amount(relative: float) -> str:
    return "all of it" if math.isinf(relative) else f"{relative:.1g} of its size"
