"""The worker's pacer, on a clock of the test's own."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest

from graphprof.capture import protocol
from graphprof.capture.spec import WorkloadSpec
from graphprof.capture.worker.pacing import LOSSES_KEPT, Dismissed, Task, WorkerPacer, scalar
from graphprof.session import TraceRecord


class Clock:
    """Stands still unless told; each reading is remembered."""

    def __init__(self) -> None:
        self.ns = 1_000

    def __call__(self) -> int:
        return self.ns

    def passes(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


@pytest.fixture
def parent() -> Iterator[tuple[Connection, Connection]]:
    ours, theirs = Pipe()
    with ours, theirs:
        yield ours, theirs


def no_trace(request: protocol.RecordTrace) -> Task:
    raise AssertionError(request)


def drive(
    pipe: tuple[Connection, Connection],
    requests: list[protocol.Request],
    call_s: Callable[[int], float] = lambda _: 0.01,
    outputs: Callable[[int], Any] = float,
    trace: Callable[[protocol.RecordTrace], Task] = no_trace,
) -> tuple[list[protocol.Reply], WorkerPacer, int]:
    """Run a loop under the pacer with all requests waiting; returns replies, pacer, calls made."""
    ours, theirs = pipe
    clock = Clock()
    for request in [*requests, protocol.Exit()]:
        protocol.ask(ours, request)
    pacer = WorkerPacer(theirs, trace, clock=clock)
    pacer.start()
    made = 0
    while True:
        clock.passes(call_s(made))
        made += 1
        if not pacer.tick(outputs(made)):
            break
        clock.passes(0)
    replies = []
    while ours.poll():
        replies.append(protocol.reply_from(ours))
    return replies, pacer, made


def test_each_request_gets_its_calls_and_one_reply(parent: tuple[Connection, Connection]) -> None:
    replies, pacer, made = drive(
        parent,
        [protocol.FirstCall(), protocol.WarmUp(3, 0.0, 9.0), protocol.TimeBlock(4)],
        call_s=lambda number: 0.5 if number == 0 else 0.01 * number,
    )

    first, warmed, timed, farewell = replies
    assert isinstance(first, protocol.Called)
    assert first.seconds == pytest.approx(0.5)
    assert isinstance(warmed, protocol.Warmed)
    assert warmed.seconds == pytest.approx((0.01, 0.02, 0.03))
    assert warmed.losses == (1.0, 2.0, 3.0, 4.0)
    assert isinstance(timed, protocol.Timed)
    assert timed.seconds == pytest.approx((0.04, 0.05, 0.06, 0.07))
    assert timed.started_ns == 1_000 + 560_000_000
    assert isinstance(farewell, protocol.Farewell)
    assert pacer.finished
    assert made == 8


@pytest.mark.parametrize(
    ("request_", "calls"),
    [
        (protocol.WarmUp(20, 0.0, 9.0), 20),  # enough calls
        (protocol.WarmUp(2, 0.095, 9.0), 10),  # enough time
        (protocol.WarmUp(1000, 9.0, 0.045), 5),  # no longer than allowed
        (protocol.WarmUp(1000, 9.0, 0.0), 1),  # but once
    ],
)
def test_warm_up_ends_by_its_rule(
    parent: tuple[Connection, Connection], request_: protocol.WarmUp, calls: int
) -> None:
    replies, _, _ = drive(parent, [protocol.FirstCall(), request_])

    assert isinstance(replies[1], protocol.Warmed)
    assert len(replies[1].seconds) == calls


def test_the_clock_stands_still_between_requests(parent: tuple[Connection, Connection]) -> None:
    ours, theirs = parent
    clock = Clock()
    pacer = WorkerPacer(theirs, no_trace, clock=clock)

    class Waiting:
        """A connection on which an hour passes before each request."""

        def recv_bytes(self) -> bytes:
            clock.passes(3600)
            return theirs.recv_bytes()

        def send_bytes(self, data: bytes) -> None:
            theirs.send_bytes(data)

    pacer._connection = Waiting()  # type: ignore[assignment]
    for request in (protocol.FirstCall(), protocol.TimeBlock(2), protocol.Exit()):
        protocol.ask(ours, request)
    pacer.start()
    clock.passes(1)
    assert pacer.tick()
    clock.passes(2)
    assert pacer.tick()
    clock.passes(3)
    assert not pacer.tick()

    first, timed = protocol.reply_from(ours), protocol.reply_from(ours)
    assert isinstance(first, protocol.Called)
    assert first.seconds == pytest.approx(1)
    assert isinstance(timed, protocol.Timed)
    assert timed.seconds == pytest.approx((2, 3))


def test_what_lies_between_two_loops_is_in_no_call(parent: tuple[Connection, Connection]) -> None:
    ours, theirs = parent
    clock = Clock()
    opened: list[str] = []

    @contextlib.contextmanager
    def bracket() -> Iterator[None]:
        opened.append("open")
        yield
        opened.append("close")

    def trace(request: protocol.RecordTrace) -> Task:
        seconds: list[float] = []
        for _ in range(request.steps):
            call = yield bracket
            seconds.append(call.seconds)
        return protocol.Traced(TraceRecord("x", request.steps, (), tuple(seconds)))

    pacer = WorkerPacer(theirs, trace, clock=clock)
    for request in (protocol.RecordTrace(2, "folder"), protocol.Exit()):
        protocol.ask(ours, request)
    pacer.start()
    clock.passes(1)
    assert pacer.tick(anew=True)
    assert opened == ["open", "close"]
    clock.passes(100)
    pacer.start()
    assert opened == ["open", "close", "open"]
    clock.passes(2)
    assert not pacer.tick()

    traced = protocol.reply_from(ours)
    assert isinstance(traced, protocol.Traced)
    assert traced.record is not None
    assert traced.record.step_seconds == pytest.approx((1, 2))
    assert opened == ["open", "close"] * 2


def test_outputs_are_settled_before_the_clock_is_read(
    parent: tuple[Connection, Connection],
) -> None:
    ours, theirs = parent
    clock = Clock()
    pacer = WorkerPacer(theirs, no_trace, settle=lambda outputs: clock.passes(outputs), clock=clock)
    for request in (protocol.FirstCall(), protocol.Exit()):
        protocol.ask(ours, request)
    pacer.start()
    clock.passes(1)
    pacer.tick(5)

    reply = protocol.reply_from(ours)
    assert isinstance(reply, protocol.Called)
    assert reply.seconds == pytest.approx(6)


def test_only_the_first_losses_are_kept(parent: tuple[Connection, Connection]) -> None:
    _, pacer, _ = drive(parent, [protocol.FirstCall(), protocol.TimeBlock(50)])

    assert pacer.losses == [float(number) for number in range(1, LOSSES_KEPT + 1)]


def test_a_worker_that_is_sent_away_before_its_first_call_makes_none(
    parent: tuple[Connection, Connection],
) -> None:
    ours, theirs = parent
    protocol.ask(ours, protocol.Exit())
    with pytest.raises(Dismissed):
        WorkerPacer(theirs, no_trace).start()
    assert isinstance(protocol.reply_from(ours), protocol.Farewell)


def test_a_parent_that_is_gone_dismisses_the_worker(
    parent: tuple[Connection, Connection],
) -> None:
    ours, theirs = parent
    protocol.ask(ours, protocol.FirstCall())
    pacer = WorkerPacer(theirs, no_trace)
    pacer.start()
    ours.close()
    with pytest.raises(Dismissed):
        pacer.tick()
    assert not isinstance(Dismissed(), Exception)


@pytest.mark.parametrize(
    ("outputs", "value"),
    [
        (None, None),
        (1, 1.0),
        ({"accuracy": 0.5, "loss": 2.0}, 2.0),
        ({"a": np.ones((2, 3)), "b": 0}, 1.0),
        ([np.float32(0.25), 7], 0.25),
        ((), None),
        (np.array([]), None),
        ({}, None),
        ("text", None),
        (object(), None),
    ],
)
def test_one_number_stands_for_the_outputs(outputs: Any, value: float | None) -> None:
    assert scalar(outputs) == value


def test_a_loss_that_is_no_number_survives_the_way_to_the_parent(
    parent: tuple[Connection, Connection],
) -> None:
    ours, theirs = parent
    protocol.answer(theirs, protocol.Warmed((1.0,), (math.nan, math.inf)))
    reply = protocol.reply_from(ours)
    assert isinstance(reply, protocol.Warmed)
    assert math.isnan(reply.losses[0])
    assert reply.losses[1] == math.inf


def test_every_request_survives_the_way_to_the_worker(
    parent: tuple[Connection, Connection],
) -> None:
    ours, theirs = parent
    for request in (
        protocol.Prepare("fit-spe=8", WorkloadSpec("a.py:b", settings={"k": "v"}), "weights"),
        protocol.FirstCall(),
        protocol.WarmUp(1, 2.0, 3.0),
        protocol.TimeBlock(7),
        protocol.RecordTrace(5, "folder", None),
        protocol.Exit(),
    ):
        protocol.ask(ours, request)
        assert protocol.request_from(theirs) == request
