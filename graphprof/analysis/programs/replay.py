"""What a watched program's work took when the watch saw it, to hold a replay against.

A replay is worth no more than its likeness to what it replays: its step in the program's own mode
must take about as long as the program's own steps did.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from graphprof.analysis.programs.recording import Recording, Span

LIKE = 1.3
"""Replayed steps that take longer or shorter than the watched ones by more are not alike."""

_MODES = {"fit": "fit", "evaluate": "evaluate", "predict": "predict"}


@dataclass(frozen=True)
class Watched:
    """The steps of what is replayed, as the watch saw them.

    Attributes:
        step_s: median length of the later steps, seconds.
        mode: the mode whose replayed step must take as long.
    """

    step_s: float
    mode: str


@dataclass(frozen=True)
class Fidelity:
    """A replay held against what it replays.

    Attributes:
        mode: the mode that is compared.
        watched_s: the program's step.
        replayed_s: the replayed step.
        ratio: the second over the first.
    """

    mode: str
    watched_s: float
    replayed_s: float
    ratio: float

    @property
    def alike(self) -> bool:
        """Whether the replay stands for the program."""
        return 1 / LIKE <= self.ratio <= LIKE


def watched(recording: Recording) -> Watched | None:
    """The steps of what the recording says can be replayed, or None where too few were seen."""
    about: dict[str, Any] = recording.raw.get("replay") or {}
    method = about.get("method", "")
    if method in _MODES:
        return _keras(recording, about, method)
    if method == "function":
        return _function(recording, about)
    return None


def _keras(recording: Recording, about: dict[str, Any], method: str) -> Watched | None:
    calls = [call for call in _spans(recording.tree, about, ("keras",)) if call.name == method]
    steps = [s for call in calls for span in call.below("step") for s in span.kept_s]
    gaps = [
        s
        for call in calls
        for span in call.children
        if span.kind == "gap" and span.name == "step"
        for s in span.kept_s
    ]
    if len(steps) < 3:
        return None
    flags = [call for call in recording.many("keras_calls") if call.get("site") == about["site"]]
    flag = flags[0] if flags else {}
    each = int(flag.get("steps_per_execution") or 1)
    variant = "-eager" if flag.get("run_eagerly") else "-xla" if flag.get("jit_compile") else ""
    length = statistics.median(steps) + (statistics.median(gaps) if gaps else 0.0)
    return Watched(length / each, f"{_MODES[method]}{variant}") if each == 1 else None


def _function(recording: Recording, about: dict[str, Any]) -> Watched | None:
    calls = [
        call
        for call in _spans(recording.tree, about, ("call", "call_eagerly"))
        if call.name == about["name"]
    ]
    lengths = [s for call in calls for s in call.kept_s]
    if len(lengths) < 3:
        return None
    compiled = any(
        one.jit_compile for one in recording.buildings if one.name.endswith(about["name"])
    )
    eager = any(call.kind == "call_eagerly" for call in calls)
    return Watched(statistics.median(lengths), "eager" if eager else "xla" if compiled else "graph")


def _spans(tree: Span, about: dict[str, Any], kinds: tuple[str, ...]) -> list[Span]:
    site = about.get("site")
    return [
        span
        for span in tree.below(*kinds)
        if site is None or (span.line and [span.line.file, span.line.line] == site)
    ]
