"""The report: the one view model that terminal, Markdown, JSON and the dashboard show.

``build`` reads a session and derives everything; outputs contain no arithmetic. The JSON form is
documented in ``docs/report-schema.md`` and versioned by ``SCHEMA``: fields may be added within a
version, none is removed or changes its meaning. What was not measured is ``null``, never 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from graphprof import units
from graphprof.analysis import noise as noise_analysis
from graphprof.analysis import overhead, stats
from graphprof.analysis import steps as step_analysis
from graphprof.analysis.breakdown import Breakdown
from graphprof.report import agreement, verdict
from graphprof.report.agreement import Agreement
from graphprof.report.reasons import Reason, reasons
from graphprof.report.traced import Traced, read_traced
from graphprof.session import Failure, RunFolder, Session, TraceRecord
from graphprof.trace.kinds import KIND_IDS

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
    """Untraced step time in seconds: median over processes and blocks, with its 95 % interval."""

    median: float | None
    low: float | None
    high: float | None


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
    """

    value: float | None
    low: float | None
    high: float | None
    verdict: str
    detectable: float | None = None
    blocks_needed: int | None = None
    narrow_low: float | None = None
    narrow_high: float | None = None


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
    findings: tuple[dict[str, Any], ...] = ()


_ADAPTER = TypeAdapter(Report)


def to_json(report: Report, indent: int | None = 2) -> str:
    """The report as JSON text; what is not a number is ``null``."""
    return _ADAPTER.dump_json(report, indent=indent).decode()


def build(session: Session) -> Report:
    """Derive the report of a session.

    A damaged trace or a mode without measurement does not raise: it is shown as such.
    """
    summary = step_analysis.summarise(session)
    info = session.info
    why = reasons(session, summary.baseline)
    agreements = agreement.of_session(session)
    modes = tuple(
        replace(
            _mode(folder, summary, why.get(folder.run.mode), info.id),
            parity=agreements.get(folder.run.mode),
        )
        for folder in session.runs
    )
    noise = noise_analysis.machine_noise(info.machine, info.environment)
    doubt = noise_analysis.cannot_support(summary)
    answer = verdict.sentence(modes, summary.baseline)
    warnings = (*session.problems, *_session_warnings(session), *summary.warnings, *noise.warnings)
    return Report(
        schema=SCHEMA,
        session=SessionRef(info.id, str(session.path), info.created, info.status, info.target),
        phase=info.phase,
        workload=info.workload,
        environment=info.environment,
        baseline=summary.baseline,
        verdict=answer if doubt is None else f"{answer} {doubt}",
        warnings=(*warnings, *_trace_warnings(modes)),
        notes=info.notes,
        aa=None if summary.aa is None else _ratio(summary.aa),
        machine=Machine(noise.samples, noise.canary_spread, noise.others_share, noise.steal_share),
        modes=modes,
    )


def _mode(
    folder: RunFolder,
    summary: step_analysis.SessionSteps,
    reason: Reason | None,
    session_id: str,
) -> ModeReport:
    run = folder.run
    steps = summary.mode(run.mode)
    traced = read_traced(folder)
    divided = traced.breakdown if traced else None
    record = run.trace
    ratio = _ratio(steps.ratio) if steps and steps.ratio else None
    if run.mode == summary.baseline and steps and steps.step_time:
        ratio = RatioToBaseline(1.0, 1.0, 1.0, "baseline")
    time = steps.step_time if steps else None
    first = steps.first_step if steps else None
    return ModeReport(
        mode=run.mode,
        title=run.title,
        status=run.status,
        resolved=run.resolved,
        error=run.error,
        notes=run.notes,
        steps=StepCount(record.steps_asked if record else None, len(divided) if divided else None),
        first_step_s=first.median if first else None,
        step_time_s=StepTime(time.median, time.low, time.high)
        if time
        else StepTime(None, None, None),
        undisturbed_step_s=steps.undisturbed_s if steps else None,
        traced_step_s=divided.step_s if divided else None,
        tracing_overhead=_overhead(folder),
        ratio=ratio,
        breakdown=_parts(divided) if divided else None,
        reason=reason,
        parity=None,
        measured=_measured(steps) if steps else None,
        trace=_trace_info(session_id, record, run.mode, traced) if record and traced else None,
    )


def _ratio(ratio: stats.Ratio) -> RatioToBaseline:
    return RatioToBaseline(
        ratio.value,
        ratio.low,
        ratio.high,
        ratio.verdict,
        ratio.detectable,
        ratio.needed_blocks,
        ratio.narrow_low,
        ratio.narrow_high,
    )


def _overhead(folder: RunFolder) -> Overhead | None:
    if folder.run.trace is None or folder.measurement is None:
        return None
    found = overhead.tracing_overhead(folder.run.trace, folder.measurement.steps_per_call)
    return None if found is None else Overhead(found.value, found.low, found.high)


def _measured(steps: step_analysis.StepSummary) -> Measured:
    return Measured(steps.processes, steps.blocks, steps.count, steps.warmup_count)


def _parts(divided: Breakdown) -> tuple[Part, ...]:
    wall_s = divided.step_s
    return tuple(
        Part(kind, divided.mean_s(kind), divided.mean_s(kind) / wall_s if wall_s else 0.0)
        for kind in KIND_IDS
    )


def _trace_info(session_id: str, record: TraceRecord, mode: str, traced: Traced) -> TraceInfo:
    divided = traced.breakdown
    return TraceInfo(
        profile_run=f"{session_id}/{mode}/{record.profile_run}",
        events=traced.events,
        parallelism=divided.parallelism if divided else None,
        background_input_s=divided.background_s if divided else None,
        unknown_s=sum(name.seconds for name in divided.unknown) if divided else None,
        unknown_names=tuple(name.name for name in divided.unknown) if divided else (),
        exact_steps=bool(divided.exact.all()) if divided else True,
        problems=traced.problems,
    )


def _trace_warnings(modes: Sequence[ModeReport]) -> list[str]:
    """What the traces cannot be trusted for."""
    found = []
    for mode in modes:
        if mode.trace is not None:
            found += [f"{mode.mode}: {problem}" for problem in mode.trace.problems]
        if mode.steps.asked is not None and mode.steps.shown not in (None, mode.steps.asked):
            found.append(
                f"{mode.mode}: {mode.steps.asked} steps were to be traced, {mode.steps.shown} are"
                " in the trace"
            )
        cost = mode.tracing_overhead
        if cost and cost.value and cost.value > overhead.NOTABLE and (cost.low or 2) > 1:
            found.append(
                f"{mode.mode}: tracing makes its steps {units.share(cost.value - 1)} longer, so read"
                " its breakdown as shares, not as times."
            )
    return found


def _session_warnings(session: Session) -> list[str]:
    if session.info.status == "interrupted":
        return ["The session was interrupted; what had been measured by then is shown."]
    if session.info.status == "running":
        return ["The session is still running or was cut off; what is on disk is shown."]
    return []
