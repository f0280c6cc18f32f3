"""What the rules about a profile session look at: each mode as measured and as traced."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphprof.analysis.building.compiling import ModePrice
from graphprof.analysis.building.rebuilding import Again
from graphprof.analysis.findings.base import Link, Number
from graphprof.analysis.timing import overhead, stats, steps
from graphprof.analysis.trials.whatif import Step
from graphprof.analysis.work import layers, ops, pipeline_stages
from graphprof.analysis.work.attribution import Attribution
from graphprof.analysis.work.breakdown import Breakdown
from graphprof.analysis.work.layers import LayerRow
from graphprof.analysis.work.ops import OpRow
from graphprof.analysis.work.pipeline_stages import Pipeline
from graphprof.session import RunFolder, Session
from graphprof.trace import xspace
from graphprof.trace.kinds import KIND_IDS
from graphprof.trials import Interval

KERAS_LOOPS = ("fit", "evaluate", "predict")
_WAITS = 0.05
"""Share of a step from which on it is asked what the step waits for in its input pipeline."""
_USUAL = (*KERAS_LOOPS, "graph", "xla")
"""Whose findings are told when several modes have the same cause: the first that is there."""


@dataclass(frozen=True)
class ModeEvidence:
    """One mode.

    Attributes:
        mode: its name.
        step_s: typical seconds of a step with no profiler attached, or None.
        first_s: seconds of the first call, or None.
        step: the mean traced step, or None.
        resolved: what really ran.
        parity: ``passed``, ``failed``, ``unknown``, or None for the baseline.
        ops: the op table of the mean traced step.
        layers: the layer table of it.
        names: id of a kind -> names of the events behind it, the largest first.
        processes: in how many processes its first call was timed.
        again: what was built or compiled again after the first calls, the dearest first.
        later_calls_s: seconds of all calls after the first ones, warm-up included.
        traced_steps: how many steps its trace shows.
        pipeline: the stages of its input pipeline; None where its steps hardly wait for
            it and no Python makes their batches.
    """

    mode: str
    step_s: float | None
    first_s: float | None = None
    step: Step | None = None
    resolved: Mapping[str, Any] = field(default_factory=dict)
    parity: str | None = None
    ops: tuple[OpRow, ...] = ()
    layers: tuple[LayerRow, ...] = ()
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    processes: int = 1
    again: tuple[Again, ...] = ()
    later_calls_s: float = 0.0
    traced_steps: int = 0
    pipeline: Pipeline | None = None

    def part(self, what: str, *kinds: str) -> Number:
        """The share of some kinds in the traced step, as evidence."""
        share = self.step.share(*kinds) if self.step else 0.0
        return Number(what, share, "share", "trace", Link("timeline", self.mode))

    @property
    def jit(self) -> bool:
        """Whether XLA compiles the step."""
        return bool(self.resolved.get("jit_compile"))

    @property
    def eager(self) -> bool:
        """Whether ops are dispatched one by one from Python."""
        return bool(self.resolved.get("run_eagerly"))


Pair = Callable[[str, str], Interval | None]


@dataclass(frozen=True)
class SessionEvidence:
    """A session.

    Attributes:
        phase: what is run.
        workload: what is run, flat name -> value, as recorded.
        modes: name -> mode, of those with timed or traced steps, in order of display.
        pair: (mode, against) -> step time of ``against`` over that of ``mode`` (above 1 where
            ``mode`` is faster), paired by rounds; None where that was not measured.
        cores: hardware threads that the modes could use, or None where that was not recorded.
    """

    phase: str
    workload: Mapping[str, Any]
    modes: Mapping[str, ModeEvidence]
    pair: Pair
    cores: int | None = None

    @property
    def usual(self) -> ModeEvidence | None:
        """The mode that stands for what several have in common: Keras's loop, else the graph's."""
        there = (self.modes[name] for name in (*_USUAL, *self.modes) if name in self.modes)
        return next((mode for mode in there if mode.step is not None), None)

    @property
    def steps_per_epoch(self) -> int | None:
        """Batches in one pass over the data, or None where that is not known."""
        steps = self.workload.get("steps_per_epoch")
        return steps if isinstance(steps, int) and steps > 0 else None

    @property
    def keras(self) -> bool:
        """Whether Keras's own loop can run the workload."""
        return str(self.workload.get("kind", "Keras")).startswith("Keras")

    @property
    def loop(self) -> str:
        """Keras's name of the loop of the phase."""
        return {"train": "fit"}.get(self.phase, self.phase)

    @property
    def on_cpu(self) -> bool:
        """Whether the modes ran on the CPU alone."""
        return all(mode.resolved.get("device", "CPU") == "CPU" for mode in self.modes.values())

    def faster(self, mode: str, against: str) -> Interval | None:
        """The gain of ``mode`` over ``against`` where it surely is one, else None."""
        gain = self.pair(mode, against)
        return gain if gain is not None and gain.low > 1 else None


Attributed = Callable[[RunFolder], Attribution | None]


def of_session(
    session: Session,
    summary: steps.SessionSteps,
    divided: Mapping[str, Breakdown],
    attributed: Attributed,
    parity: Mapping[str, str],
    prices: Mapping[str, ModePrice],
) -> SessionEvidence:
    """The evidence of a recorded session.

    Args:
        session: the session.
        summary: its step times.
        divided: mode -> its divided trace, of those that have one.
        attributed: gives the attributed trace of a run, or None.
        parity: mode -> verdict against the baseline.
        prices: mode -> what compiling costs it.
    """
    modes = {}
    for folder in session.runs:
        mode = folder.run.mode
        found = summary.mode(mode)
        timed = found.step_time if found else None
        if timed is None and mode not in divided:
            continue
        whose = attributed(folder)
        modes[mode] = ModeEvidence(
            mode=mode,
            step_s=timed.median if timed else None,
            first_s=found.first_step.median if found and found.first_step else None,
            step=_step(folder, divided.get(mode)),
            resolved=folder.run.resolved,
            parity=parity.get(mode),
            ops=() if whose is None else ops.table(whose),
            layers=() if whose is None else layers.table(whose).rows,
            names=_names(divided.get(mode)),
            processes=len(found.first_steps_s) if found else 0,
            again=prices[mode].again if mode in prices else (),
            later_calls_s=_later_calls_s(folder),
            traced_steps=len(divided[mode]) if mode in divided else 0,
            pipeline=_pipeline(folder, divided.get(mode), session.info.workload),
        )

    def pair(mode: str, against: str) -> Interval | None:
        return _gain(session.run(mode), session.run(against), summary)

    cores = session.info.environment.get("cores_usable")
    return SessionEvidence(
        phase=session.info.phase,
        workload=session.info.workload,
        modes=modes,
        pair=pair,
        cores=cores if isinstance(cores, int) else None,
    )


def _step(folder: RunFolder, divided: Breakdown | None) -> Step | None:
    if divided is None or not len(divided) or not divided.step_s:
        return None
    cost = None
    if folder.run.trace is not None and folder.measurement is not None:
        cost = overhead.tracing_overhead(folder.run.trace, folder.measurement.steps_per_call)
    parts = {kind: divided.mean_s(kind) for kind in KIND_IDS}
    return Step(divided.step_s, cost.value if cost and cost.value else 1.0, parts)


def _later_calls_s(folder: RunFolder) -> float:
    processes = folder.measurement.processes if folder.measurement else ()
    blocks = [block for process in processes for block in process.blocks]
    warming = sum(sum(process.warmup_s) for process in processes)
    return warming + sum(sum(block.calls_s) for block in blocks)


def _pipeline(
    folder: RunFolder, divided: Breakdown | None, workload: Mapping[str, Any]
) -> Pipeline | None:
    """Read only where steps wait or Python makes the batches: it is another look at the trace."""
    if divided is None or folder.xplane is None:
        return None
    if divided.share("input") < _WAITS and not from_python(workload):
        return None
    return pipeline_stages.read(xspace.read(folder.xplane, ()))


def from_python(workload: Mapping[str, Any]) -> bool:
    """Whether the batches come from a generator or a ``PyDataset``."""
    origin = str(workload.get("data", ""))
    return "generator" in origin or "PyDataset" in origin


def _names(divided: Breakdown | None) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in divided.evidence if divided else ():
        found[one.kind] = (*found.get(one.kind, ()), one.name)
    return found


def _gain(
    mode: RunFolder | None, against: RunFolder | None, summary: steps.SessionSteps
) -> Interval | None:
    if mode is None or against is None or mode.measurement is None or against.measurement is None:
        return None
    series = list(steps.log_ratios(against.measurement, mode.measurement).values())
    effect = None if summary.aa is None else math.log(summary.aa.value)
    ratio = stats.ratio(series, aa_effect=effect)
    if ratio is None or ratio.low is None or ratio.high is None:
        return None
    return Interval(ratio.value, ratio.low, ratio.high)
