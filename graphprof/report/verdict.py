"""The answer in a sentence: which mode is fastest, and what the others cost against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphprof import units

if TYPE_CHECKING:
    from graphprof.report.document import ModeReport


def sentence(modes: Sequence[ModeReport], baseline: str | None) -> str:
    """The verdict on ``modes``: claims only what their intervals support."""
    measured = [mode for mode in modes if mode.step_time_s.median is not None]
    if not measured:
        return "No mode could be measured."
    if len(measured) == 1 or baseline is None:
        only = measured[0]
        return f"{only.mode} takes {units.seconds(only.step_time_s.median)} per step."
    claims = [_claim(mode) for mode in measured if mode.ratio and mode.mode != baseline]
    groups = {word: [text for found, text in claims if found == word] for word, _ in claims}
    parts = [", ".join(groups[word]) for word in ("faster", "slower") if word in groups]
    if "equivalent" in groups:
        parts.append(f"{' and '.join(groups['equivalent'])}: no difference worth naming")
    if "inconclusive" in groups:
        parts.append(f"{' and '.join(groups['inconclusive'])}: inconclusive")
    base = next((mode for mode in measured if mode.mode == baseline), None)
    if base is None or not parts:
        return "The baseline could not be measured, so there is nothing to compare with."
    return f"Against {baseline} ({units.seconds(base.step_time_s.median)} per step): {'; '.join(parts)}."


def _claim(mode: ModeReport) -> tuple[str, str]:
    """The verdict's word, and what to print for it."""
    assert mode.ratio is not None
    value = mode.ratio.value
    if mode.ratio.verdict == "faster" and value:
        return "faster", f"{mode.mode} is {speed(1 / value)} faster"
    if mode.ratio.verdict == "slower" and value:
        return "slower", f"{mode.mode} is {speed(value)} slower"
    return mode.ratio.verdict, mode.mode


def speed(factor: float) -> str:
    """How many times faster or slower; small factors as a percentage: ``1.034`` -> ``"3.4 %"``."""
    return units.ratio(factor) if factor >= 1.1 else units.share(factor - 1)
