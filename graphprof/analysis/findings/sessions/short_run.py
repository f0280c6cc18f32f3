"""A mode whose first call an epoch does not repay."""

from __future__ import annotations

from graphprof import units
from graphprof.analysis.building import breakeven
from graphprof.analysis.building.breakeven import BreakEven, Line
from graphprof.analysis.findings.base import MODERATE, Link, Number, Rule
from graphprof.analysis.findings.sessions.base import Proposal
from graphprof.analysis.findings.sessions.evidence import ModeEvidence, SessionEvidence
from graphprof.trials import Interval


def find(evidence: SessionEvidence) -> list[Proposal]:
    """Quicker steps, but a first call that costs more than an epoch of them saves."""
    epoch = evidence.steps_per_epoch
    if epoch is None:
        return []
    loop = evidence.loop
    pairs = (("xla", "graph"), (f"{loop}-xla", loop), ("graph", "eager"), (loop, f"{loop}-eager"))
    found = []
    for name, other in pairs:
        mode, against = evidence.modes.get(name), evidence.modes.get(other)
        if mode is None or against is None or evidence.faster(name, other) is None:
            continue
        proposal = _not_repaid(evidence, mode, against, epoch)
        if proposal is not None:
            found.append(proposal)
    return found


def _not_repaid(
    evidence: SessionEvidence, mode: ModeEvidence, against: ModeEvidence, epoch: int
) -> Proposal | None:
    one, other = _line(mode), _line(against)
    gain = evidence.pair(mode.mode, against.mode)
    if one is None or other is None or gain is None:
        return None
    ratio = (1 / gain.value, 1 / gain.high, 1 / gain.low)
    crossing = breakeven.break_even(one, other, ratio, breakeven.spread(()))
    slower = one.total_s(epoch) / other.total_s(epoch)
    # Surely not within the epoch: the earliest step that the interval allows lies beyond it.
    if crossing.step is None or (crossing.low or 0) <= epoch or slower < MODERATE:
        return None
    return Proposal(
        cause="compile_dominates_short_run",
        mode=mode.mode,
        sentence=(
            f"{mode.mode} has repaid its first call after about {crossing.step} steps, and an epoch"
            f" has {epoch}: a run of one epoch is over sooner with {against.mode}."
        ),
        evidence=(
            Number(f"first call of {mode.mode}", one.first_s, "s", "steps", _at(mode)),
            Number(f"first call of {against.mode}", other.first_s, "s", "steps", _at(against)),
            Number("step at which it is repaid", crossing.step, "count", "steps", _at(mode)),
            Number("steps of an epoch", epoch, "count", "workload", Link("environment")),
        ),
        gain=_bounds(one, other, epoch, slower),
        confidence=0.8,
        change=f"{against.mode} for short runs; {mode.mode} from {_epochs(crossing, epoch)} epochs on.",
        refuted_by="A run of one epoch ends sooner with the mode that compiles.",
        of="epoch",
        note=True,
    )


def _line(mode: ModeEvidence) -> Line | None:
    if mode.first_s is None or mode.step_s is None:
        return None
    held = int(mode.resolved.get("steps_per_execution") or 1)
    return Line(mode.mode, mode.first_s, max(1, mode.processes), held, mode.step_s)


def _bounds(one: Line, other: Line, epoch: int, value: float) -> Interval:
    """First calls of a new run differ from the measured ones by a fifth (``breakeven.USUAL_SD``)."""
    spread = breakeven.USUAL_SD
    ends = [
        (one.total_s(epoch) + a * spread * one.first_s)
        / (other.total_s(epoch) + b * spread * other.first_s)
        for a, b in ((-1, 1), (1, -1))
    ]
    return Interval(value, min(*ends, value), max(*ends, value))


def _epochs(crossing: BreakEven, epoch: int) -> str:
    assert crossing.step is not None
    return units.significant(crossing.step / epoch, 2)


def _at(mode: ModeEvidence) -> Link:
    return Link("steps", mode.mode)


RULES = (
    Rule(
        causes=("compile_dominates_short_run",),
        proof="The mode's steps surely are faster, and the interval of the step at which it has repaid its first call lies beyond an epoch.",
        refutation="A run of one epoch ends sooner with the mode that compiles.",
        find=find,
    ),
)
