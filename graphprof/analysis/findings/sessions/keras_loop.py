"""What Keras's loop does around each step, shared by several steps in one call."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.findings.base import WORTH_SAYING, Link, Number, Rule
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import ModeEvidence, SessionEvidence
from graphprof.analysis.trials.whatif import Step, saving
from graphprof.trials import Interval, ModeTrial

STEPS = 16
AROUND = ("python", "function_call", "dispatch")
HIDDEN = ("input", "idle")
"""What a call of several steps may hide as well: the next batch is fetched while a step runs."""


def find(evidence: SessionEvidence) -> list[Proposal]:
    """A call of Keras's loop that holds one step, and costs as much as a good part of it."""
    mode = evidence.modes.get(evidence.loop)
    if mode is None or mode.eager or int(mode.resolved.get("steps_per_execution", 1)) > 1:
        return []
    tried, gain = _measured(evidence, mode)
    if gain is None:
        steps = _steps(evidence)
        tried, gain = f"{evidence.loop}-spe={steps}", _estimated(mode.step, steps)
    if gain is None or gain.value < WORTH_SAYING:
        return []
    count = tried.partition("=")[2]
    share = mode.step.share(*AROUND) if mode.step else None
    sentence = f"What Keras does around each step of {mode.mode} can be shared by {count} steps"
    sentence += f": it takes {units.share(share)} of a step." if share else "."
    return [
        Proposal(
            cause="fit_per_step_overhead",
            mode=mode.mode,
            sentence=sentence,
            evidence=_numbers(evidence, mode),
            gain=gain,
            confidence=0.9,
            change=f"model.compile(..., steps_per_execution={count})",
            refuted_by=f"{tried} is not faster than {mode.mode}: kernels take the step.",
            trial=ModeTrial(tried, mode.mode),
            measured=_measured(evidence, mode)[1] is not None,
        )
    ]


def _measured(evidence: SessionEvidence, mode: ModeEvidence) -> tuple[str, Interval | None]:
    """The best mode with several steps a call that the session has, where it surely is faster."""
    there = [name for name in evidence.modes if name.startswith(f"{mode.mode}-spe=")]
    gains = [(name, evidence.pair(name, mode.mode)) for name in there]
    known = [(name, gain) for name, gain in gains if gain is not None]
    if not known:
        return "", None
    name, gain = max(known, key=lambda one: one[1].value)
    return name, gain


def _steps(evidence: SessionEvidence) -> int:
    """As many as an epoch has, up to ``STEPS``; a power of two."""
    epoch = evidence.steps_per_epoch or STEPS
    return int(min(STEPS, 1 << (epoch.bit_length() - 1)))


def _estimated(step: Step | None, steps: int) -> Interval | None:
    if step is None or steps < 2:
        return None
    spared = 1 - 1 / steps
    around = spared * step.seconds(*AROUND)
    return saving(step, around, around, around + spared * step.seconds(*HIDDEN))


def _numbers(evidence: SessionEvidence, mode: ModeEvidence) -> tuple[Number, ...]:
    parts: tuple[Number, ...] = ()
    if mode.step is not None:
        parts = (
            mode.part("Python in a step", "python"),
            mode.part("calling the tf.function", "function_call", "dispatch"),
        )
    gain = evidence.pair("graph", mode.mode)
    if gain is not None:
        link = Link("steps", mode.mode)
        parts += (
            Number("its step over that of a hand-written loop", gain.value, "ratio", "steps", link),
        )
    return parts


RULES = (
    Rule(
        causes=("fit_per_step_overhead",),
        proof="Python, function call and dispatch in a traced step of Keras's loop, which several steps in one call share; or a mode with several steps a call that was timed beside it.",
        refutation="Several steps in a call are not faster, because kernels take the step.",
        find=find,
    ),
)
