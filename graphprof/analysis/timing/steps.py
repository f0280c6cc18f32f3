"""Step times of a session: per mode how long a step takes, and how that compares to the baseline.

Cold and warm are kept apart. The first call of a process (building, compiling, running once) and
its warm-up are never in a mean; neither is the first call of a block, which finds the caches full of
another mode's data. All of them are counted and listed.

Warm-up follows a fixed rule, because on a shared machine a change-point detector finds the
machine's drift and not the warm-up: after its first call each process makes at least
``WARMUP_CALLS`` calls and spends at least ``WARMUP_SECONDS``. Whether that was enough is checked
afterwards: ``StepSummary.drift`` compares the second half of the rounds with the first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graphprof.analysis.timing import stats
from graphprof.analysis.timing.stats import Estimate, Ratio, Series
from graphprof.session import Block, Measurement, Process, RunFolder, Session
from graphprof.units import count, seconds, share

__all__ = [
    "Estimate",
    "Ratio",
    "SessionSteps",
    "StepColumns",
    "StepSummary",
    "aa_log_ratios",
    "columns",
    "log_ratios",
    "summarise",
]

WARMUP_CALLS: Final = 20
WARMUP_SECONDS: Final = 0.5

# Fewer steady blocks than this a process describe a mode too thinly to pass without a word.
FEW_BLOCKS: Final = 5

FIRST, WARMUP, BLOCK_FIRST, STEADY, BUILT = range(5)
PARTS: Final = ("first call", "warm-up", "first of its block", "steady", "built or compiled anew")


@dataclass(frozen=True)
class BuiltCalls:
    """Timed calls in which a graph was built anew, or compiled.

    Attributes:
        count: how many there are.
        of: timed calls in all.
        seconds: what these calls took.
        left_out: how many of them are left out of the step time: all of them, except in blocks where
            they are the rule.
    """

    count: int
    of: int
    seconds: float
    left_out: int


@dataclass(frozen=True)
class StepSummary:
    """The timed steps of one mode, with no profiler attached.

    Attributes:
        mode: the mode's name.
        step_time: typical seconds of a steady step in this session, with its interval; None when
            no block was measured.
        undisturbed_s: 10th percentile of the steady steps in seconds: what a step takes when
            nothing else is in the way. More reproducible than the median, but no ratio is made of it.
        first_step: seconds of the first call over the processes: building, compiling, and running
            one call (which holds ``steps_per_call`` steps).
        first_steps_s: these seconds, one a process.
        first_step_traced: whether the profiler was on in these calls; then there were no others.
        steps_per_call: training steps in each timed call.
        count: steps measured in blocks, the first calls of the blocks included.
        warmup_count: steps left out as warm-up, the first call not included.
        built: what the timed calls are like in which something was built anew or compiled.
        blocks: timed blocks.
        processes: worker processes that measured this mode (without the A/A arm).
        ratio: against the baseline; None for the baseline and when no round has both.
        drift: relative change of the ratio (for the baseline None) from the first half of the
            rounds to the second, as a fraction, when it is more than chance; else None.
    """

    mode: str
    step_time: Estimate | None
    undisturbed_s: float | None
    first_step: Estimate | None
    first_steps_s: tuple[float, ...]
    first_step_traced: bool
    steps_per_call: int
    count: int
    warmup_count: int
    built: BuiltCalls
    blocks: int
    processes: int
    ratio: Ratio | None
    drift: float | None


@dataclass(frozen=True)
class SessionSteps:
    """Step times of all modes of a session.

    Attributes:
        baseline: the mode that the others are compared with, or None.
        modes: one entry for each mode that has a measurement, in order of display.
        aa: the baseline against itself in other processes: its distance from 1 is the error that
            this session shows where the truth is known. None when there was no such arm.
        warnings: sentences that a reader must know before believing the numbers.
    """

    baseline: str | None
    modes: tuple[StepSummary, ...]
    aa: Ratio | None
    warnings: tuple[str, ...]

    def mode(self, name: str) -> StepSummary | None:
        """The summary of mode ``name``, or None."""
        return next((summary for summary in self.modes if summary.mode == name), None)


@dataclass(frozen=True)
class StepColumns:
    """Every timed call of a session, as columns of equal length, in order of display.

    Attributes:
        modes: names that ``mode`` points into.
        mode: index into ``modes`` (int16).
        process: number of the process within its mode, from 0 (int16).
        wave: wave of the process (int16).
        aa: whether it belongs to the second process of the baseline (bool).
        block: number of the block within its process, -1 outside blocks (int32).
        round: round of the block, -1 outside blocks (int32).
        part: index into ``PARTS`` (int8).
        seconds: step time: seconds of the call over the steps that it holds (float64).
    """

    modes: tuple[str, ...]
    mode: NDArray[np.int16]
    process: NDArray[np.int16]
    wave: NDArray[np.int16]
    aa: NDArray[np.bool_]
    block: NDArray[np.int32]
    round: NDArray[np.int32]
    part: NDArray[np.int8]
    seconds: NDArray[np.float64]


def summarise(session: Session) -> SessionSteps:
    """Step times, ratios to the baseline and warnings of a session."""
    baseline = session.info.baseline
    folder = session.run(baseline) if baseline is not None else None
    base = folder.measurement if folder is not None else None
    aa = None
    if base is not None:
        aa = stats.ratio(list(aa_log_ratios(base).values()), same_mode=True)
    modes = tuple(_summary(run, folder, aa) for run in session.runs if run.measurement is not None)
    return SessionSteps(baseline, modes, aa, tuple(_warnings(session, modes, aa)))


def log_ratios(mode: Measurement, baseline: Measurement) -> dict[int, Series]:
    """Log-ratios of step times by wave: one value for each round in which both ran a block."""
    return _log_ratios(_by_round(mode, "mode"), _by_round(baseline, "mode"))


def aa_log_ratios(baseline: Measurement) -> dict[int, Series]:
    """Log-ratios of the baseline's A/A arm to the baseline, by wave."""
    return _log_ratios(_by_round(baseline, "aa"), _by_round(baseline, "mode"))


def columns(session: Session) -> StepColumns:
    """Every timed call of a session, warm-up and first calls included."""
    runs = [run for run in session.runs if run.measurement is not None]
    rows: list[tuple[int, int, int, bool, int, int, int]] = []
    seconds: list[float] = []
    for number, run in enumerate(runs):
        assert run.measurement is not None
        for place, process in enumerate(run.measurement.processes):
            for part, block, round_, call_s in _calls(process):
                rows.append((number, place, process.wave, process.arm == "aa", block, round_, part))
                seconds.append(call_s / run.measurement.steps_per_call)
    table = np.array(rows, dtype=np.int64).reshape(-1, 7)
    return StepColumns(
        modes=tuple(run.run.mode for run in runs),
        mode=table[:, 0].astype(np.int16),
        process=table[:, 1].astype(np.int16),
        wave=table[:, 2].astype(np.int16),
        aa=table[:, 3].astype(np.bool_),
        block=table[:, 4].astype(np.int32),
        round=table[:, 5].astype(np.int32),
        part=table[:, 6].astype(np.int8),
        seconds=np.array(seconds, dtype=np.float64),
    )


def _summary(run: RunFolder, baseline: RunFolder | None, aa: Ratio | None) -> StepSummary:
    measurement = run.measurement
    assert measurement is not None
    own = [process for process in measurement.processes if process.arm == "mode"]
    per_call = measurement.steps_per_call
    # The A/A arm runs the same mode in new processes: its first calls are as good as any.
    first_s, first_traced = first_calls(measurement)
    ratio, drift = None, None
    if baseline is not None and baseline.measurement is not None and run is not baseline:
        pairs = list(log_ratios(measurement, baseline.measurement).values())
        effect = None if aa is None else math.log(aa.value)
        ratio = stats.ratio(pairs, same_mode=_same(run, baseline), aa_effect=effect)
        drift = _notable(stats.drift(pairs))
    return StepSummary(
        mode=run.run.mode,
        step_time=stats.typical([_block_steps(process, per_call) for process in own]),
        undisturbed_s=_undisturbed(own, per_call),
        first_step=stats.over_processes(first_s),
        first_steps_s=first_s,
        first_step_traced=first_traced,
        steps_per_call=per_call,
        count=per_call * sum(len(block.calls_s) for p in own for block in p.blocks),
        warmup_count=per_call * sum(len(process.warmup_s) for process in own),
        built=_built([block for process in own for block in process.blocks]),
        blocks=sum(len(process.blocks) for process in own),
        processes=len(own),
        ratio=ratio,
        drift=drift,
    )


def first_calls(measurement: Measurement) -> tuple[tuple[float, ...], bool]:
    """Seconds of the first call of each process, and whether the profiler was on in them.

    Those with the profiler on are left out where there are others.
    """
    known = [p for p in measurement.processes if p.first_call_s is not None]
    chosen = [p for p in known if not p.first_call_traced] or known
    seconds = tuple(p.first_call_s for p in chosen if p.first_call_s is not None)
    return seconds, bool(chosen) and chosen[0].first_call_traced


def _log_ratios(
    upper: dict[tuple[int, int], float], lower: dict[tuple[int, int], float]
) -> dict[int, Series]:
    by_wave: dict[int, list[float]] = {}
    for wave, round_ in sorted(upper.keys() & lower.keys()):
        by_wave.setdefault(wave, []).append(upper[wave, round_] - lower[wave, round_])
    return {wave: np.array(values) for wave, values in by_wave.items()}


def _by_round(measurement: Measurement, arm: str) -> dict[tuple[int, int], float]:
    """Mean log step time of the blocks of each (wave, round); mostly that is one block."""
    found: dict[tuple[int, int], list[float]] = {}
    for process in measurement.processes:
        if process.arm != arm:
            continue
        for block in process.blocks:
            median = stats.block_median(settled_calls(block))
            if median is not None:
                step_s = median / measurement.steps_per_call
                found.setdefault((process.wave, block.round), []).append(math.log(step_s))
    return {key: float(np.mean(logs)) for key, logs in found.items()}


def _block_steps(process: Process, per_call: int) -> list[float]:
    medians = (stats.block_median(settled_calls(block)) for block in process.blocks)
    return [median / per_call for median in medians if median is not None]


def settled_calls(block: Block) -> tuple[float, ...]:
    """The calls of a block without those that built or compiled something.

    Where these are the rule, they are what a step of the mode takes, and stay.
    """
    settled = tuple(s for place, s in enumerate(block.calls_s) if place not in block.built)
    return settled if 2 * len(settled) > len(block.calls_s) else block.calls_s


def _built(blocks: list[Block]) -> BuiltCalls:
    seconds = [block.calls_s[i] for block in blocks for i in block.built if i < len(block.calls_s)]
    return BuiltCalls(
        count=len(seconds),
        of=sum(len(block.calls_s) for block in blocks),
        seconds=sum(seconds),
        left_out=sum(len(block.calls_s) - len(settled_calls(block)) for block in blocks),
    )


def _undisturbed(processes: list[Process], per_call: int) -> float | None:
    """Mean over processes of the 10th percentile of their steady steps, in seconds."""
    tenths = []
    for process in processes:
        steady = [
            call for block in process.blocks for call in stats.steady_calls(settled_calls(block))
        ]
        if steady:
            tenths.append(float(np.percentile(steady, 10)) / per_call)
    return float(np.mean(tenths)) if tenths else None


def _same(run: RunFolder, baseline: RunFolder) -> bool:
    """Whether two runs resolved to the very same thing, and so differ as processes do."""
    return bool(run.run.resolved) and run.run.resolved == baseline.run.resolved


def _notable(drift: stats.Mean | None) -> float | None:
    """A drift worth a warning: beyond its 99.9 % interval, and larger than the smallest claim."""
    interval = drift.interval(0.999) if drift is not None else None
    if drift is None or interval is None or interval[0] <= 0 <= interval[1]:
        return None
    return math.expm1(drift.value) if abs(drift.value) > stats.SMALLEST_CLAIM else None


def _calls(process: Process) -> Iterator[tuple[int, int, int, float]]:
    """(part, block, round, seconds) of each timed call of a process, in order."""
    if process.first_call_s is not None:
        yield FIRST, -1, -1, process.first_call_s
    for call_s in process.warmup_s:
        yield WARMUP, -1, -1, call_s
    for number, block in enumerate(process.blocks):
        kept = settled_calls(block)
        left_out = set(block.built) if len(kept) < len(block.calls_s) else set()
        cold = len(kept) - len(stats.steady_calls(kept))
        for place, call_s in enumerate(block.calls_s):
            part = BUILT if place in left_out else BLOCK_FIRST if cold > 0 else STEADY
            cold -= part == BLOCK_FIRST
            yield part, number, block.round, call_s


def _built_warning(summary: StepSummary) -> str:
    built = summary.built
    where = (
        "are left out of its step time" if built.left_out == built.count else "are in its step time"
    )
    return (
        f"{summary.mode}: graphs were built or compiled anew in {count(built.count)} of its "
        f"{count(built.of)} timed calls, which took {seconds(built.seconds)} and {where}."
    )


def _warnings(session: Session, modes: tuple[StepSummary, ...], aa: Ratio | None) -> Iterator[str]:
    baseline = session.info.baseline
    if baseline is not None and len(modes) > 1:
        base = next((summary for summary in modes if summary.mode == baseline), None)
        if base is None or base.blocks == 0:
            yield f"The baseline {baseline} has no timed step, so there is no ratio."
        elif aa is None:
            yield "The baseline was not compared with itself, so this session's own error is unknown."
    if aa is not None and aa.verdict in ("faster", "slower"):
        yield (
            f"The baseline came out {share(abs(aa.value - 1))} {aa.verdict} than itself in other "
            "processes: differences of that size mean nothing in this session."
        )
    for summary in modes:
        if summary.blocks and summary.blocks < FEW_BLOCKS * summary.processes:
            yield (
                f"{summary.mode}: few blocks were timed ({summary.blocks}, in {summary.processes} of "
                "its processes); give it more time with --budget."
            )
        if summary.built.count:
            yield _built_warning(summary)
        if summary.drift is not None:
            yield (
                f"{summary.mode}: its ratio to the baseline {'rose' if summary.drift > 0 else 'fell'} by "
                f"{share(abs(summary.drift))} from the first half of the rounds to the second: no "
                "steady state was reached."
            )
