"""The report: the one view model that terminal, Markdown, JSON and the dashboard show.

``graphprof.report.derive`` fills it from a session; outputs contain no arithmetic. The JSON form is
documented in ``docs/report-schema.md`` and versioned by ``SCHEMA``: fields may be added within a
version, none is removed or changes its meaning. What was not measured is ``null``, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from graphprof.analysis.findings.base import Finding
from graphprof.analysis.trials.whatif import WhatIf
from graphprof.report.compiling import Compiling
from graphprof.report.memory import ModeMemory
from graphprof.report.operations import GraphSize, OpEntry
from graphprof.report.parity_model import ArrayError, ParityBasis
from graphprof.report.reasons import Reason
from graphprof.session import Failure

SCHEMA = "graphprof.report/1"


@dataclass(frozen=True)
class SessionRef:
    """Which session this is.

    Attributes:
        id: its folder name.
        path: its folder as it was opened.
        created: ISO 8601 time.
        status: ``complete``, ``running`` (or cut off), ``interrupted`` or ``failed``.
        target: what the user asked for.
    """

    id: str
    path: str
    created: str
    status: str
    target: str


@dataclass(frozen=True)
class StepCount:
    """Traced steps: how many were asked for, and how many the trace shows (None: no trace)."""

    asked: int | None
    shown: int | None


@dataclass(frozen=True)
class StepTime:
    """Untraced step time in seconds: median over processes and blocks, with its 95 % interval.

    ``figures`` is how many significant figures the interval bears.
    """

    median: float | None
    low: float | None
    high: float | None
    figures: int | None = None


@dataclass(frozen=True)
class RatioToBaseline:
    """Step time divided by the baseline's: 1.5 takes one and a half times as long.

    Attributes:
        value: the estimate.
        low: lower end of the 95 % interval.
        high: upper end of the 95 % interval.
        verdict: ``baseline``, ``faster``, ``slower``, ``equivalent`` or ``inconclusive``.
        detectable: smallest relative difference that this measurement would have resolved.
        blocks_needed: about how many more blocks would settle an inconclusive verdict.
        narrow_low: lower end of the interval for these very processes, this session only.
        narrow_high: its upper end.
        figures: how many significant figures of ``value`` its interval bears.
    """

    value: float | None
    low: float | None
    high: float | None
    verdict: str
    detectable: float | None = None
    blocks_needed: int | None = None
    narrow_low: float | None = None
    narrow_high: float | None = None
    figures: int | None = None


@dataclass(frozen=True)
class Part:
    """One kind of time in the mean traced step: seconds, and its share of the step."""

    kind: str
    seconds: float
    share: float


@dataclass(frozen=True)
class Overhead:
    """Traced step time divided by the untraced one, in the same process, with a 95 % interval."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Measured:
    """What the step time rests on."""

    processes: int
    blocks: int
    steps: int
    warmup_steps: int


@dataclass(frozen=True)
class TraceInfo:
    """What the breakdown rests on.

    Attributes:
        profile_run: the run's name in TensorBoard's PROFILE tab.
        events: number of recorded events.
        parallelism: kernel time summed over threads, divided by the wall time it covers.
        background_input_s: input pipeline work per step that no step waited for.
        unknown_s: time per step in events that no rule knows (counted by their parents' kind).
        unknown_names: those events' names.
        exact_steps: False where the boundaries of single steps inside one call were not recorded.
        problems: what the recording lost or the reader dropped, one sentence each.
    """

    profile_run: str
    events: int
    parallelism: float | None
    background_input_s: float | None
    unknown_s: float | None
    unknown_names: tuple[str, ...]
    exact_steps: bool
    problems: tuple[str, ...]


@dataclass(frozen=True)
class WorstError:
    """The error that comes closest to what may pass, or exceeds it most.

    Attributes:
        kind: ``layer``, ``output``, ``loss``, ``gradient``, ``weight`` or ``update``.
        name: layer, output or variable; the number of the step for a loss.
        relative: error over the magnitude in the baseline; None where one side alone is finite.
        ulp: the same in units in the last place, or None.
        tolerance: the relative error that may pass.
    """

    kind: str
    name: str
    relative: float | None
    ulp: float | None
    tolerance: float


@dataclass(frozen=True)
class Agreement:
    """Whether a mode computed what the baseline did.

    Attributes:
        verdict: ``passed``, ``failed`` or ``unknown``.
        reason: one sentence for ``failed`` and ``unknown``, else None.
        first_layer: the first layer, output or variable in the model's order that is off, or None.
        worst: the worst error, or None.
        compared: how many arrays were compared.
        random: what draws random numbers that the seeds do not make equal.
        times_baseline: how many times as far from the float64 run as the baseline it is: the
            median over layers, outputs and gradients; None where it is not known.
        worst_from_reference: the worst error against the float64 run, or None without one.
        arrays: every array that was compared, in the order of the model.
    """

    verdict: str
    reason: str | None
    first_layer: str | None
    worst: WorstError | None
    compared: int
    random: tuple[str, ...] = ()
    times_baseline: float | None = None
    worst_from_reference: WorstError | None = None
    arrays: tuple[ArrayError, ...] = ()


@dataclass(frozen=True)
class ModeReport:
    """One mode: how fast it is and where its time goes."""

    mode: str
    title: str
    status: str
    resolved: dict[str, Any]
    error: Failure | None
    notes: tuple[str, ...]
    steps: StepCount
    first_step_s: float | None
    step_time_s: StepTime
    undisturbed_step_s: float | None
    traced_step_s: float | None
    tracing_overhead: Overhead | None
    ratio: RatioToBaseline | None
    breakdown: tuple[Part, ...] | None
    reason: Reason | None
    parity: Agreement | None
    measured: Measured | None
    trace: TraceInfo | None
    what_if: tuple[WhatIf, ...] = ()
    memory: ModeMemory | None = None
    compile: Compiling | None = None
    ops: tuple[OpEntry, ...] | None = None
    graph: GraphSize | None = None


@dataclass(frozen=True)
class Machine:
    """How quiet the machine was while it measured.

    Attributes:
        samples: how often it was looked at, once a round.
        canary_spread: relative spread of the time that a fixed piece of work took.
        others_share: share of the processors that other programs used.
        steal_share: share that the hypervisor gave to other guests.
    """

    samples: int
    canary_spread: float | None
    others_share: float | None
    steal_share: float | None


@dataclass(frozen=True)
class Report:
    """A session's answer.

    Attributes:
        schema: ``SCHEMA``.
        session: which session this is.
        phase: ``train``, ``evaluate`` or ``predict``.
        workload: flat name -> value, as recorded.
        environment: flat name -> value, as recorded.
        baseline: the mode that ratios refer to, or None.
        verdict: the answer in a sentence.
        warnings: what to know before believing a number, one sentence each.
        notes: choices that were made for the user (data synthesised, defaults).
        aa: the baseline compared with a second process of itself: it should read 1.
        machine: how quiet the machine was.
        modes: one entry a mode, in order of display.
        findings: causes with evidence, most important first.
        parity: what the modes' results are held against; None where nothing was compared.
        in_question: the mode that one asks about first, against the baseline: the slowest of those
            that lose to it, else the fastest; None where no two modes were measured or traced.
    """

    schema: str
    session: SessionRef
    phase: str
    workload: dict[str, Any]
    environment: dict[str, Any]
    baseline: str | None
    verdict: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    aa: RatioToBaseline | None
    machine: Machine
    modes: tuple[ModeReport, ...]
    findings: tuple[Finding, ...] = ()
    parity: ParityBasis | None = None
    in_question: str | None = None


_ADAPTER = TypeAdapter(Report)


def to_json(report: Report, indent: int | None = 2) -> str:
    """The report as JSON text; what is not a number is ``null``."""
    return _ADAPTER.dump_json(report, indent=indent).decode()
