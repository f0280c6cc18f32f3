"""From a session to its report: reads, analyses, and fills the view model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from graphprof import units
from graphprof.analysis.building import compiling as compiling_analysis
from graphprof.analysis.findings.sessions import evidence as session_evidence
from graphprof.analysis.results import parity
from graphprof.analysis.timing import noise as noise_analysis
from graphprof.analysis.timing import overhead, stats
from graphprof.analysis.timing import steps as step_analysis
from graphprof.analysis.trials.whatif import WhatIf
from graphprof.analysis.work.attribution import Attribution
from graphprof.analysis.work.breakdown import Breakdown
from graphprof.errors import SessionError, TraceError
from graphprof.report import advice, agreement, compiling, memory, operations, verdict
from graphprof.report.document import (
    SCHEMA,
    Agreement,
    Machine,
    Measured,
    ModeReport,
    Overhead,
    Part,
    RatioToBaseline,
    Report,
    SessionRef,
    StepCount,
    StepTime,
    TraceInfo,
)
from graphprof.report.reasons import Reason, attributed_or_none, reasons
from graphprof.report.traced import Traced, read_traced
from graphprof.session import RunFolder, Session, TraceRecord
from graphprof.trace.kinds import KIND_IDS


def report(session: Session) -> Report:
    """Derive the report of a session.

    A damaged trace or a mode without measurement does not raise: it is shown as such.
    """
    summary = step_analysis.summarise(session)
    info = session.info
    # Both the reasons and the findings ask for the attributed traces: each is read once.
    attributed = cache(lambda mode: attributed_or_none(folders[mode]))
    folders = {folder.run.mode: folder for folder in session.runs}
    why = reasons(session, summary.baseline, lambda folder: attributed(folder.run.mode))
    compared = parity.of_session(session)
    agreements = agreement.by_mode(compared)
    traced = {mode: read_traced(folder) for mode, folder in folders.items()}
    divided = {mode: one.breakdown for mode, one in traced.items() if one and one.breakdown}
    prices = compiling_analysis.of_session(session, summary)
    evidence = session_evidence.of_session(
        session,
        summary,
        divided,
        lambda folder: attributed(folder.run.mode),
        {mode: found.verdict for mode, found in agreements.items()},
        prices,
    )
    advised = advice.of_session(session, evidence)
    modes = tuple(
        _mode(
            folder,
            summary,
            why.get(folder.run.mode),
            agreements.get(folder.run.mode),
            info.id,
            traced[folder.run.mode],
            advised.what_if.get(folder.run.mode, ()),
        )
        for folder in session.runs
    )
    modes = _with_compiling(modes, prices, info.workload.get("steps_per_epoch"))
    modes = _with_memory(modes, folders, traced, summary.baseline)
    modes = tuple(_with_ops(mode, folders[mode.mode], attributed(mode.mode)) for mode in modes)
    noise = noise_analysis.machine_noise(info.machine, info.environment)
    doubt = noise_analysis.cannot_support(summary, noise)
    answer = verdict.sentence(modes, summary.baseline)
    warnings = (*session.problems, *_session_warnings(session), *summary.warnings, *noise.warnings)
    return Report(
        in_question=verdict.in_question(modes, summary.baseline),
        schema=SCHEMA,
        session=SessionRef(info.id, str(session.path), info.created, info.status, info.target),
        phase=info.phase,
        workload=info.workload,
        environment=info.environment,
        baseline=summary.baseline,
        verdict=answer if doubt is None else f"{answer} {doubt}",
        warnings=(*warnings, *_trace_warnings(modes), *advised.problems),
        notes=info.notes,
        aa=None if summary.aa is None else _ratio(summary.aa),
        machine=Machine(noise.samples, noise.canary_spread, noise.others_share, noise.steal_share),
        modes=modes,
        parity=agreement.basis(compared),
        findings=advised.findings,
    )


def _with_ops(mode: ModeReport, folder: RunFolder, found: Attribution | None) -> ModeReport:
    try:
        graph = operations.graph_of(folder)
    except (SessionError, TraceError) as error:
        return replace(
            mode, ops=operations.of_mode(found), notes=(*mode.notes, f"{error.message}.")
        )
    return replace(mode, ops=operations.of_mode(found), graph=graph)


def _with_compiling(
    modes: tuple[ModeReport, ...],
    prices: Mapping[str, compiling_analysis.ModePrice],
    per_epoch: object,
) -> tuple[ModeReport, ...]:
    known = per_epoch if isinstance(per_epoch, int) else None
    return tuple(
        replace(mode, compile=compiling.of_mode(prices[mode.mode], known))
        if mode.mode in prices
        else mode
        for mode in modes
    )


def _mode(
    folder: RunFolder,
    summary: step_analysis.SessionSteps,
    reason: Reason | None,
    parity: Agreement | None,
    session_id: str,
    traced: Traced | None,
    estimates: tuple[WhatIf, ...],
) -> ModeReport:
    run = folder.run
    steps = summary.mode(run.mode)
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
        step_time_s=_step_time(time),
        undisturbed_step_s=steps.undisturbed_s if steps else None,
        traced_step_s=divided.step_s if divided else None,
        tracing_overhead=_overhead(folder),
        ratio=ratio,
        breakdown=_parts(divided) if divided else None,
        reason=reason,
        parity=parity,
        measured=_measured(steps) if steps else None,
        trace=_trace_info(session_id, record, run.mode, traced) if record and traced else None,
        what_if=estimates,
    )


def _step_time(time: stats.Estimate | None) -> StepTime:
    if time is None:
        return StepTime(None, None, None)
    return StepTime(
        time.median, time.low, time.high, stats.figures(time.median, time.low, time.high)
    )


def _with_memory(
    modes: Sequence[ModeReport],
    folders: Mapping[str, RunFolder],
    traced: Mapping[str, Traced | None],
    baseline: str | None,
) -> tuple[ModeReport, ...]:
    """The modes with what they hold in memory, which is told against the baseline's."""
    known = []
    for mode in modes:
        read = traced[mode.mode]
        known.append((mode.mode, read.memory if read else memory.of_run(folders[mode.mode])))
    found = memory.compared(known, baseline)
    return tuple(replace(mode, memory=found[mode.mode]) for mode in modes)


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
        max(2, stats.figures(ratio.value, ratio.low, ratio.high)),
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
