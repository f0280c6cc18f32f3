"""What of two recordings can be compared at all, and why not the rest."""

from __future__ import annotations

from typing import Final

from graphprof.analysis.results.deviations import KINDS, TOLERANCE, Kind
from graphprof.analysis.results.parity_file import Recording

# Random numbers of Keras's layers, which evaluation does not draw, begin so in a recording.
_LAYER: Final = "layer "


def why_unknown(recording: Recording | None, baseline: Recording | None) -> str | None:
    """Why the two cannot be compared at all."""
    if recording is None:
        return "What this mode computed was not recorded."
    if recording.about.get("reason"):
        return str(recording.about["reason"])
    if baseline is None or baseline.about.get("reason"):
        return "What the baseline computed was not recorded."
    if recording.about.get("steps") != baseline.about.get("steps"):
        return "The two made different numbers of steps."
    batches = [r.about["batch"] for r in (recording, baseline) if r.about.get("batch")]
    if len(set(batches)) > 1:
        return "The two were given other batches: something that no seed controls makes the data."
    unknown = [r.precision for r in (recording, baseline) if r.precision not in TOLERANCE]
    return f"No tolerance is known for precision {unknown[0]}." if unknown else None


def drawn(one: Recording, other: Recording) -> tuple[str, ...]:
    """What draws random numbers that are other ones in the two."""
    found = [*one.about.get("random", []), *other.about.get("random", [])]
    if one.precision != other.precision:
        layers = [*one.about.get("random_layers", []), *other.about.get("random_layers", [])]
        found += [f"{_LAYER}{name} in another precision" for name in layers]
    return tuple(dict.fromkeys(found))


def kinds(one: Recording, other: Recording) -> tuple[Kind, ...]:
    """The kinds of arrays that no random number reaches."""
    random = drawn(one, other)
    if not random:
        return KINDS
    if not all(name.startswith(_LAYER) for name in random):
        return ()
    evaluated = (one.about.get("evaluated", ()), other.about.get("evaluated", ()))
    return tuple(kind for kind in KINDS if all(kind in found for found in evaluated))


def why_no_reference(recording: Recording | None) -> str | None:
    """Why what was to be the reference is none, in a sentence; None where it is one."""
    if recording is None:
        return "There is no float64 run."
    if recording.about.get("reason"):
        return str(recording.about["reason"])
    coarse = list(recording.about.get("coarse_ops", ()))
    if recording.precision != "float64":
        coarse.insert(0, f"layers in {recording.precision}")
    if coarse:
        named = ", ".join(coarse[:3])
        return f"The model does not compute in float64 when it is told to ({named})."
    return None
