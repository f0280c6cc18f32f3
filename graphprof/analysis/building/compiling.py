"""What compiling costs: each mode's first call in parts, what was built later, and when it pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from graphprof.analysis.building import breakeven, building_log, first_call, rebuilding
from graphprof.analysis.building.breakeven import BreakEven, Line
from graphprof.analysis.building.building_log import ProcessLog
from graphprof.analysis.building.first_call import FirstCall
from graphprof.analysis.building.rebuilding import Again, Occurrence
from graphprof.analysis.programs.recording import Building
from graphprof.analysis.timing import stats, steps
from graphprof.errors import SessionError, TraceError
from graphprof.session import Measurement, RunFolder, Session

# So many calls of one process are kept for the plot, and so many buildings for the table.
CALLS_KEPT: Final = 64
MOST_BUILDINGS: Final = 100


@dataclass(frozen=True)
class ModePrice:
    """What building and compiling cost one mode.

    Attributes:
        mode: its name.
        first_call: seconds of the first call over processes; None when it was not measured.
        first_call_traced: whether the profiler was on in it (there are no others).
        steps_in_first: steps that it holds.
        extra_s: the first call beyond the steady steps that it holds; None without step times.
        recurring_s: what building and compiling again added to a timed step, on average; None without
            step times.
        traced: the first call in parts, of the process that traced it; None without that trace.
        building: seconds of building in the first call, over processes, from the building log and
            without the profiler where that is known; None where buildings were not watched.
        buildings: what was built in the first call of one process, in order.
        before: what was built before the first call, when the mode was made ready.
        later: what was built or compiled in later calls.
        again: the same, put together by cause, the dearest first.
        left_out: later buildings and compilations that there are no records of.
        break_even: against each other mode, in order of display.
        calls_s: seconds of the first calls of one process, untraced where there is one.
        problems: what could not be read, one sentence each.
    """

    mode: str
    first_call: stats.Estimate | None
    first_call_traced: bool
    steps_in_first: int
    extra_s: float | None
    recurring_s: float | None
    traced: FirstCall | None
    building: stats.Estimate | None
    buildings: tuple[Building, ...] | None
    before: tuple[Building, ...]
    later: tuple[Occurrence, ...]
    again: tuple[Again, ...]
    left_out: int
    break_even: tuple[BreakEven, ...]
    calls_s: tuple[float, ...]
    problems: tuple[str, ...] = ()


def of_session(session: Session, summary: steps.SessionSteps) -> dict[str, ModePrice]:
    """What compiling costs each mode that was measured."""
    lines = {name: line for name in session.info.modes if (line := _line(name, summary))}
    between = breakeven.spread(one.first_steps_s for one in summary.modes)
    return {
        run.run.mode: _price(run, session, summary, lines, between)
        for run in session.runs
        if run.measurement is not None
    }


def _price(
    run: RunFolder,
    session: Session,
    summary: steps.SessionSteps,
    lines: dict[str, Line],
    between: breakeven.Spread,
) -> ModePrice:
    mode, measurement = run.run.mode, run.measurement
    assert measurement is not None
    own = summary.mode(mode)
    problems: list[str] = []
    logs = _logs(run, problems)
    line = lines.get(mode)
    step_s = own.step_time.median if own and own.step_time else None
    usual_s = None if step_s is None else step_s * measurement.steps_per_call
    later = rebuilding.occurrences(logs or (), measurement)
    example = _example(logs or (), measurement)
    return ModePrice(
        mode=mode,
        first_call=own.first_step if own else None,
        first_call_traced=bool(own and own.first_step_traced),
        steps_in_first=measurement.steps_per_call,
        extra_s=None if line is None else line.start_s,
        recurring_s=None if own is None else recurring_s(own),
        traced=_traced(run, measurement.steps_per_call, problems),
        building=None if logs is None else _building(logs, measurement),
        buildings=None if logs is None else _in_first(example),
        before=tuple(
            one.building for one in example.built if one.call is None and not one.building.for_data
        )[:MOST_BUILDINGS]
        if example
        else (),
        later=later,
        again=rebuilding.grouped(later, usual_s),
        left_out=sum(log.left_out for log in logs or ()),
        break_even=tuple(
            breakeven.break_even(line, other, _ratio_in_all(session, summary, mode, name), between)
            for name, other in lines.items()
            if name != mode
        )
        if line
        else (),
        calls_s=_calls(measurement),
        problems=tuple(problems),
    )


def recurring_s(mode: steps.StepSummary) -> float | None:
    """What building and compiling again adds to a step on average, beyond the step time.

    Calls that do so are left out of the step time, where they are not the rule; a long run has them.
    """
    if mode.step_time is None:
        return None
    built = mode.built
    if not built.left_out:
        return 0.0
    usual_s = built.count * mode.step_time.median * mode.steps_per_call
    return max(0.0, built.seconds - usual_s) / (built.of * mode.steps_per_call)


def _ratio_in_all(
    session: Session, summary: steps.SessionSteps, mode: str, other: str
) -> tuple[float, float, float] | None:
    """``ratio_between`` of steps with what building and compiling again adds to them."""
    found = ratio_between(session, summary, mode, other)
    one, two = summary.mode(mode), summary.mode(other)
    if found is None or one is None or two is None or two.step_time is None:
        return None
    added, base = recurring_s(one) or 0.0, recurring_s(two) or 0.0
    if not added and not base:
        return found
    step_s = two.step_time.median
    value, low, high = ((r * step_s + added) / (step_s + base) for r in found)
    return value, low, high


def ratio_between(
    session: Session, summary: steps.SessionSteps, mode: str, other: str
) -> tuple[float, float, float] | None:
    """Step time of ``mode`` over that of ``other`` with its 95 % interval, from the rounds of both.

    The two directions of a pair are each other's inverse.
    """
    if mode == summary.baseline or (
        other != summary.baseline
        and session.info.modes.index(mode) < session.info.modes.index(other)
    ):
        turned = ratio_between(session, summary, other, mode)
        return None if turned is None else (1 / turned[0], 1 / turned[2], 1 / turned[1])
    found = _measured_ratio(session, summary, mode, other)
    if found is None or found.low is None or found.high is None:
        return None
    return found.value, found.low, found.high


def _measured_ratio(
    session: Session, summary: steps.SessionSteps, mode: str, other: str
) -> stats.Ratio | None:
    if other == summary.baseline:
        own = summary.mode(mode)
        return own.ratio if own else None
    one, two = session.run(mode), session.run(other)
    if one is None or two is None or one.measurement is None or two.measurement is None:
        return None
    return stats.ratio(list(steps.log_ratios(one.measurement, two.measurement).values()))


def _line(mode: str, summary: steps.SessionSteps) -> Line | None:
    found = summary.mode(mode)
    if found is None or found.first_step is None or found.step_time is None:
        return None
    again_s = recurring_s(found) or 0.0
    return Line(
        mode=mode,
        first_s=found.first_step.median,
        processes=len(found.first_steps_s),
        steps_in_first=found.steps_per_call,
        step_s=found.step_time.median + again_s,
        step_low_s=None if found.step_time.low is None else found.step_time.low + again_s,
        step_high_s=None if found.step_time.high is None else found.step_time.high + again_s,
    )


def _logs(run: RunFolder, problems: list[str]) -> tuple[ProcessLog, ...] | None:
    try:
        return building_log.read(run.path)
    except SessionError as error:
        problems.append(str(error))
        return None


def _traced(run: RunFolder, steps_in_first: int, problems: list[str]) -> FirstCall | None:
    if run.early_xplane is None:
        return None
    try:
        return first_call.read(run.early_xplane, steps_in_first)
    except TraceError as error:
        problems.append(str(error))
        return None


def _building(logs: tuple[ProcessLog, ...], measurement: Measurement) -> stats.Estimate | None:
    """Seconds of building in the first call, over processes; untraced ones where there are any.

    None where there is no positive one: a mode that builds nothing has no interval, but a 0.
    """
    traced = {one.pid for one in measurement.processes if one.first_call_traced}
    chosen = [log for log in logs if log.pid not in traced] or list(logs)
    seconds = [
        sum(one.building.seconds for one in rebuilding.outermost(log.built) if one.call == 0)
        for log in chosen
    ]
    if seconds and not any(seconds):
        return stats.Estimate(0.0, None, None)
    return stats.over_processes(seconds)


def _example(logs: tuple[ProcessLog, ...], measurement: Measurement) -> ProcessLog | None:
    """The log of one process, of one whose first call was not traced where there is one."""
    traced = {one.pid for one in measurement.processes if one.first_call_traced}
    return min(logs, key=lambda log: (log.pid in traced, log.arm != "mode"), default=None)


def _in_first(example: ProcessLog | None) -> tuple[Building, ...]:
    found = [one.building for one in example.built if one.call == 0] if example else []
    return tuple(sorted(found, key=lambda one: one.index)[:MOST_BUILDINGS])


def _calls(measurement: Measurement) -> tuple[float, ...]:
    own = [one for one in measurement.processes if one.first_call_s is not None]
    chosen = min(own, key=lambda one: (one.first_call_traced, one.arm != "mode"), default=None)
    if chosen is None or chosen.first_call_s is None:
        return ()
    return (chosen.first_call_s, *chosen.warmup_s)[:CALLS_KEPT]
