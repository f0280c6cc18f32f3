"""Functions that are built, or compiled, again and again after the first call."""

from __future__ import annotations

import linecache

from graphprof.analysis.building.rebuilding import Again
from graphprof.analysis.findings.base import Link, Location, Number, Rule
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import ModeEvidence, SessionEvidence
from graphprof.trials import Interval

_FEWEST = 2
_MOST_SAVED = 0.98
_CAUSES = {
    "python_value": "retrace_python_scalar",
    "shape": "retrace_shape",
    "rank": "retrace_shape",
    "dtype": "retrace_shape",
    "object": "retrace_python_object",
    "none": "retrace_python_object",
    "structure": "retrace_python_object",
    "kind": "retrace_python_object",
    "anew": "function_recreated_in_loop",
}


def find(evidence: SessionEvidence) -> list[Proposal]:
    """Of each cause that one of which the first mode that shows it lost most to."""
    usual = evidence.usual
    modes = [mode for mode in evidence.modes.values() if mode is not usual]
    found: dict[str, Proposal] = {}
    for mode in (*((usual,) if usual else ()), *modes):
        for again in mode.again:
            proposal = _proposal(mode, again)
            if proposal is not None:
                found.setdefault(proposal.cause, proposal)
    return list(found.values())


def _proposal(mode: ModeEvidence, again: Again) -> Proposal | None:
    cause = _CAUSES.get(again.cause.kind)
    if again.what == "compiling" or (cause == "retrace_shape" and mode.jit):
        cause = "xla_recompile_shape"
    lost_s = again.building_s if again.extra_s is None else again.extra_s
    if cause is None or again.count < _FEWEST or not mode.later_calls_s:
        return None
    name = f"`{again.function}`" if again.function else "The step"
    done = "compiled" if again.what == "compiling" else "built"
    line = again.called_from or again.defined_at
    argument = f"`{again.cause.argument}`: " if again.cause.argument else ""
    return Proposal(
        cause=cause,
        mode=mode.mode,
        sentence=(
            f"{name} is {done} again in {again.count} calls of {mode.mode} after the first:"
            f" {argument}{again.cause.words}."
        ),
        evidence=(
            Number(f"times {done} again", again.count, "count", "steps", _at(mode)),
            Number("what those calls took more", lost_s, "s", "steps", _at(mode)),
            Number("all calls after the first", mode.later_calls_s, "s", "steps", _at(mode)),
        ),
        gain=_gain(mode.later_calls_s, lost_s, again.building_s),
        confidence=0.9,
        change=_sentence(again.cause.cure) or "Give every call arguments of the same signature.",
        refuted_by=f"It is {done} once, and no later call takes longer.",
        location=Location(line.file, line.line, linecache.getline(line.file, line.line).strip())
        if line
        else None,
    )


def _gain(total_s: float, lost_s: float, building_s: float) -> Interval:
    """Without what those calls took more; at least without the buildings, half of them by doubt."""
    likely = min(lost_s, _MOST_SAVED * total_s)
    least = min(0.5 * building_s, likely) if building_s else 0.7 * likely
    most = min(1.3 * likely, _MOST_SAVED * total_s)
    low, value, high = (total_s / (total_s - saved) for saved in (least, likely, most))
    return Interval(value, low, high)


def _sentence(clause: str | None) -> str:
    return f"{clause[0].upper()}{clause[1:].rstrip('.')}." if clause else ""


def _at(mode: ModeEvidence) -> Link:
    return Link("compile", mode.mode)


RULES = (
    Rule(
        causes=(
            "retrace_python_scalar",
            "retrace_shape",
            "retrace_python_object",
            "function_recreated_in_loop",
            "xla_recompile_shape",
        ),
        proof="The building log has the function built, or compiled by XLA, in two calls or more after the first, and those calls took longer than usual ones.",
        refutation="It is built once, and no later call takes longer.",
        find=find,
    ),
)
