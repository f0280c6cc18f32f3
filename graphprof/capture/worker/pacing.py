"""The worker's pacer: does what the parent asks, one call of the loop at a time.

A request is carried out by a *task*: a generator that yields once for each call it wants and is
sent the time of that call. What a task does between two yields (starting the profiler) happens
between two calls, while the clock stands still; what it yields (a step mark) is put around the call.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Protocol

from graphprof.capture import protocol
from graphprof.capture.worker.usage import peak_rss_bytes, rss_bytes

# Losses of so many first calls are kept, to compare the modes' results.
LOSSES_KEPT = 5


class Call(NamedTuple):
    """One call of the loop: when it began (``perf_counter_ns``) and how long it took."""

    began_ns: int
    seconds: float


# Makes the context manager that is to be around the next call; None for nothing.
Bracket = Callable[[], AbstractContextManager[object]] | None
Task = Generator[Bracket, Call, protocol.Reply]


class Keeper(Protocol):
    """Keeps what the first calls computed (``graphprof.capture.worker.results``; needs TensorFlow)."""

    def seen(self, outputs: Any) -> None:
        """A call has returned ``outputs``."""

    def keep(self, request: protocol.KeepResults) -> Task:
        """The task for that request."""

    def examine(self, request: protocol.ExamineResults) -> Task:
        """The task for that request."""


class Log(Protocol):
    """Notes what is built (``graphprof.capture.instrument.building``; needs TensorFlow)."""

    def call_ended(
        self, during: str, within: int, call: int, seconds: float, inputs: Any = None
    ) -> None:
        """A call of the loop has ended."""

    @property
    def sees_xla(self) -> bool:
        """Whether compilations by XLA are seen."""

    def take(self) -> protocol.Buildings | None:
        """What is new."""


class Dismissed(BaseException):
    """Nobody waits for this worker any more: the connection closed, or it was sent away.

    Not an ``Exception``: the user's code, through which it passes, may catch all of those.
    """


class WorkerPacer:
    """Implements ``graphprof.capture.pacer.Pacer`` on a connection to the parent.

    Attributes:
        losses: of the first calls.
        finished: whether the parent has asked for the end.

    Args:
        connection: to the parent.
        trace: makes the task that records a trace; its own argument because it needs TensorFlow.
        settle: waits until the outputs of a call are computed.
        clock: nanoseconds, monotonic.
        first: makes the task of the first call; None makes the call and nothing else.
        keeper: keeps results, or None.
        graphs: makes the task that describes the mode's graphs, or None.
        log: notes in which calls graphs were built, or None.
    """

    def __init__(
        self,
        connection: Connection,
        trace: Callable[[protocol.RecordTrace], Task],
        settle: Callable[[Any], None] | None = None,
        clock: Callable[[], int] = time.perf_counter_ns,
        first: Callable[[protocol.FirstCall], Task] | None = None,
        keeper: Keeper | None = None,
        graphs: Callable[[protocol.DescribeGraphs], Task] | None = None,
        log: Log | None = None,
    ) -> None:
        self._log = log
        self._kind = ""
        self._within = 0
        self._calls = 0
        self._first = first
        self._graphs = graphs
        self._keeper = keeper
        self.losses: list[float] = []
        self.finished = False
        self._connection = connection
        self._trace = trace
        self._settle = settle
        self._clock = clock
        self._task: Task | None = None
        self._bracket: Bracket = None
        self._open: AbstractContextManager[object] | None = None
        self._began = 0

    def start(self) -> None:
        """Wait until the parent asks for the first call; it begins as this returns.

        Called again when the loop begins anew, whose next call then begins as this returns.
        """
        if self._task is None and not self._next_task():
            raise Dismissed
        self._end()
        self._begin()

    def tick(self, outputs: Any = None, *, anew: bool = False, inputs: Any = None) -> bool:
        """Note the call that has ended, wait between requests; False when the loop must end.

        Args:
            outputs: of the call; see ``Pacer``.
            anew: the loop begins anew: its next call begins with ``start``, not as this returns.
            inputs: of the call, where the loop knows them.
        """
        if self._settle is not None:
            self._settle(outputs)
        call = Call(self._began, (self._clock() - self._began) * 1e-9)
        self._end()
        if self._log is not None:
            self._log.call_ended(self._kind, self._within, self._calls, call.seconds, inputs)
        self._within += 1
        self._calls += 1
        if len(self.losses) < LOSSES_KEPT:
            value = scalar(outputs)
            if value is not None:
                self.losses.append(value)
        if self._keeper is not None:
            self._keeper.seen(outputs)
        if self._task is None or not self._advance(self._task, call):
            return False
        if not anew:
            self._begin()
        return True

    def _begin(self) -> None:
        if self._bracket is not None:
            self._open = self._bracket()
            self._open.__enter__()
        self._began = self._clock()

    def _end(self) -> None:
        if self._open is not None:
            self._open.__exit__(None, None, None)
            self._open = None

    def _advance(self, task: Task, call: Call) -> bool:
        try:
            self._bracket = task.send(call)
        except StopIteration as ended:
            self._say(ended.value)
            return self._next_task()
        return True

    def _next_task(self) -> bool:
        """Wait for the next request and bring its task to its first call; False on ``Exit``."""
        while True:
            try:
                request = protocol.request_from(self._connection)
            except (EOFError, OSError) as error:
                raise Dismissed from error
            if isinstance(request, protocol.Exit):
                self.finished = True
                self._task = None
                self._say(protocol.Farewell())
                return False
            self._kind, self._within = request.kind, 0
            self._task = self._task_for(request)
            try:
                self._bracket = next(self._task)
            except StopIteration as ended:  # it needs no call
                self._say(ended.value)
                continue
            return True

    def _say(self, reply: protocol.Reply) -> None:
        if self._log is not None:
            reply = _with_buildings(reply, self._kind, self._log)
        try:
            protocol.answer(self._connection, reply)
        except OSError as error:
            raise Dismissed from error

    def _task_for(self, request: protocol.Request) -> Task:
        match request:
            case protocol.FirstCall():
                return first_call() if self._first is None else self._first(request)
            case protocol.WarmUp():
                return _warm_up(request, self.losses)
            case protocol.TimeBlock():
                return _block(request)
            case protocol.RecordTrace():
                return self._trace(request)
            case protocol.DescribeGraphs() if self._graphs is not None:
                return self._graphs(request)
            case protocol.KeepResults() if self._keeper is not None:
                return self._keeper.keep(request)
            case protocol.ExamineResults() if self._keeper is not None:
                return self._keeper.examine(request)
        raise AssertionError(f"no task for {request!r}")


def _with_buildings(reply: protocol.Reply, asked: str, log: Log) -> protocol.Reply:
    """Tell of what was built with the reply; what examining builds is ours and not the mode's.

    The first call's reply tells of it in any case: so it is known that buildings are watched.
    """
    taken = log.take()
    if asked == "first" and taken is None:
        taken = protocol.Buildings(sees_xla=log.sees_xla)
    if asked in _OURS or taken is None or isinstance(reply, _WITHOUT_BUILDINGS):
        return reply
    return replace(reply, buildings=taken)


_OURS = ("examine", "graphs")
_WITHOUT_BUILDINGS = (protocol.Ready, protocol.Farewell, protocol.Failed)


def first_call(bracket: Bracket = None) -> Task:
    """The first call, with ``bracket`` around it."""
    call = yield bracket
    return protocol.Called(call.seconds, rss_bytes())


def _warm_up(request: protocol.WarmUp, losses: list[float]) -> Task:
    seconds: list[float] = []
    total = 0.0
    while not seconds or (
        (len(seconds) < request.calls or total < request.seconds) and total < request.at_most_s
    ):
        call = yield None
        seconds.append(call.seconds)
        total += call.seconds
    return protocol.Warmed(tuple(seconds), tuple(losses))


def _block(request: protocol.TimeBlock) -> Task:
    first = yield None
    seconds = yield from calls(request.calls - 1)
    return protocol.Timed(first.began_ns, (first.seconds, *seconds), peak_rss_bytes())


def calls(number: int) -> Generator[Bracket, Call, list[float]]:
    """Let ``number`` calls pass; returns the seconds of each."""
    seconds = []
    for _ in range(number):
        call = yield None
        seconds.append(call.seconds)
    return seconds


def scalar(outputs: Any) -> float | None:
    """One number that stands for a call's outputs: the loss, else the mean of the first tensor.

    Args:
        outputs: a number, a tensor, or a mapping (its ``loss`` is preferred), list or tuple of such.

    Returns:
        The number, which may be NaN; None when there is none in ``outputs``.
    """
    if outputs is None:
        return None
    if isinstance(outputs, dict):
        return scalar(outputs.get("loss", next(iter(outputs.values()), None)))
    if isinstance(outputs, (list, tuple)):
        return scalar(outputs[0]) if outputs else None
    if isinstance(outputs, (int, float)):
        return float(outputs)
    import numpy as np

    try:
        values = np.asarray(outputs, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return float(values.mean()) if values.size else None
