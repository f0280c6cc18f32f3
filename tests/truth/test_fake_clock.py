"""The arithmetic of step times on a clock of the test's own: what comes back is exact.

The worker's own pacer times the calls of two modes while the clock is moved by known amounts; what
it answers makes a session, and the session's step times and ratio must be those amounts.
"""

from __future__ import annotations

from multiprocessing import Pipe
from pathlib import Path

import pytest

from graphprof.analysis.timing import steps
from graphprof.capture import protocol
from graphprof.capture.worker.pacing import Task, WorkerPacer
from graphprof.session import (
    Block,
    Measurement,
    Process,
    Run,
    RunFolder,
    Session,
    SessionInfo,
)

ROUNDS, CALLS, WARM_UP = 12, 6, 3
FIRST_S, WARMING_S = 2.0, 0.4


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000

    def __call__(self) -> int:
        return self.ns


def no_trace(request: protocol.RecordTrace) -> Task:
    raise AssertionError(request)


def timed(call_s: float) -> list[protocol.Reply]:
    """What a worker answers whose calls take ``call_s``."""
    requests: list[protocol.Request] = [
        protocol.FirstCall(),
        protocol.WarmUp(WARM_UP, 0.0, 100.0),
        *[protocol.TimeBlock(CALLS)] * ROUNDS,
        protocol.Exit(),
    ]
    clock = Clock()
    ours, theirs = Pipe()
    with ours, theirs:
        for request in requests:
            protocol.ask(ours, request)
        pacer = WorkerPacer(theirs, no_trace, clock=clock)
        pacer.start()
        lengths = [FIRST_S, *[WARMING_S] * WARM_UP, *[call_s] * (CALLS * ROUNDS)]
        for length in lengths:
            clock.ns += round(length * 1e9)
            going = pacer.tick(0.0)
        assert not going
        return [protocol.reply_from(ours) for _ in requests]


def mode(name: str, call_s: float, steps_per_call: int) -> RunFolder:
    first, warmed, *blocks, _ = timed(call_s)
    assert isinstance(first, protocol.Called)
    assert isinstance(warmed, protocol.Warmed)
    process = Process(
        wave=0,
        arm="mode",
        pid=1,
        startup_s=1.0,
        first_call_s=first.seconds,
        warmup_s=warmed.seconds,
        blocks=tuple(
            Block(number, 0, block.started_ns * 1e-9, block.seconds)
            for number, block in enumerate(blocks)
            if isinstance(block, protocol.Timed)
        ),
    )
    return RunFolder(
        Path("/nowhere") / name,
        Run(name, name, "complete"),
        Measurement(steps_per_call, (process,)),
    )


def test_step_times_and_their_ratio_are_those_of_the_clock() -> None:
    runs = (mode("graph", 0.004, 1), mode("fit-spe=2", 0.006, 2))
    names = tuple(run.run.mode for run in runs)
    info = SessionInfo("s", "2026-01-01", "0", "complete", "train", "t", names, names[0])
    found = steps.summarise(Session(Path("/nowhere"), info, runs))

    graph, fit = (found.mode(name) for name in names)
    assert graph is not None
    assert fit is not None
    assert graph.step_time is not None
    assert fit.step_time is not None
    assert graph.step_time.median == pytest.approx(0.004, rel=1e-9)
    assert fit.step_time.median == pytest.approx(0.003, rel=1e-9)
    assert (graph.count, fit.count) == (ROUNDS * CALLS, 2 * ROUNDS * CALLS)
    assert graph.first_step is not None
    assert graph.first_step.median == pytest.approx(FIRST_S, rel=1e-9)
    assert fit.ratio is not None
    assert fit.ratio.value == pytest.approx(0.75, rel=1e-9)
    assert fit.ratio.verdict == "faster"
