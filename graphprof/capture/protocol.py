"""What the parent and a worker say to each other.

A worker is one process that runs one mode. The parent asks, the worker answers each request with
exactly one reply; a worker that fails answers ``Failed`` instead, whenever that happens, and ends.
Messages are JSON objects with a ``kind``, sent over a ``multiprocessing.connection.Connection``
that the worker inherits as a file descriptor, so nobody else can connect::

    parent                                worker
    Prepare   mode, workload              Ready     how it resolved, what the workload is
    FirstCall folder, calls               Called    seconds, the record of its trace
    KeepResults steps, folder             Kept      seconds of each call
    WarmUp    at least, at most           Warmed    seconds of each call
    TimeBlock calls                       Timed     seconds of each call
    RecordTrace steps, folder             Traced    the trace's record
    DescribeGraphs folder                 Kept
    ExamineResults folder                 Kept
    Exit                                  Farewell

Between requests the worker's loop stands still inside ``Pacer.start`` or ``Pacer.tick``. When the
connection closes, or the parent dies, the worker ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, TypeAdapter

from graphprof.capture.spec import WorkloadSpec
from graphprof.session import Failure, TraceRecord
from graphprof.trace.memory_file import Told

Fault = Literal["mode", "workload", "usage"]


@dataclass(frozen=True)
class Prepare:
    """Load the workload and make the mode ready.

    Attributes:
        mode: the mode's name as asked, as ``fit-spe=8``.
        workload: what to load.
        save_weights: file to save the initial weights in for the other workers, or None.
        keep_results: whether ``KeepResults`` will be asked after the first call.
    """

    mode: str
    workload: WorkloadSpec
    save_weights: str | None = None
    keep_results: bool = False
    kind: Literal["prepare"] = "prepare"


@dataclass(frozen=True)
class FirstCall:
    """Run and time the first call: it builds and compiles.

    Attributes:
        folder: the run folder, for a trace of the first calls to go below it; None traces none.
        calls: calls to trace, the first included.
    """

    folder: str | None = None
    calls: int = 1
    kind: Literal["first"] = "first"


@dataclass(frozen=True)
class KeepResults:
    """Make the first steps complete and keep what they computed, for the modes to be compared.

    Attributes:
        steps: so many steps from the initial weights, those of the first call included.
        folder: the run folder; the file goes below it.
    """

    steps: int
    folder: str
    kind: Literal["results"] = "results"


@dataclass(frozen=True)
class WarmUp:
    """Run calls that are left out: until both minima are reached, or the maximum is.

    Attributes:
        calls: at least so many calls.
        seconds: for at least so long.
        at_most_s: but for no longer than this, once one call was made.
    """

    calls: int
    seconds: float
    at_most_s: float
    kind: Literal["warmup"] = "warmup"


@dataclass(frozen=True)
class TimeBlock:
    """Time so many consecutive calls."""

    calls: int
    kind: Literal["block"] = "block"


@dataclass(frozen=True)
class RecordTrace:
    """Record a trace, between untraced blocks that show what tracing costs.

    Attributes:
        steps: steps to record; calls that hold several steps are recorded whole.
        folder: the run folder; the trace goes below it, where XProf looks.
        at_most_s: fewer steps are recorded when they would take longer than this untraced; None
            means as many as asked, however long it takes.
    """

    steps: int
    folder: str
    at_most_s: float | None = None
    kind: Literal["trace"] = "trace"


@dataclass(frozen=True)
class DescribeGraphs:
    """Write what became of the mode's graphs; makes a call that prepares them anew.

    Attributes:
        folder: the run folder.
        prepare: whether to make that call; without it only the graph as built is known.
    """

    folder: str
    prepare: bool = True
    kind: Literal["graphs"] = "graphs"


@dataclass(frozen=True)
class ExamineResults:
    """Add what needs more work to the kept results; afterwards nothing may be timed any more.

    Attributes:
        folder: the run folder.
    """

    folder: str
    kind: Literal["examine"] = "examine"


@dataclass(frozen=True)
class Exit:
    """End the loop and the process."""

    kind: Literal["exit"] = "exit"


@dataclass(frozen=True)
class Buildings:
    """Graphs that a worker has built since it last told; goes with any reply.

    Attributes:
        records: one a building, as in ``building.json`` (docs/session-format.md).
        compiles: one a compilation by XLA, as there.
        calls: calls of the request, from 0, in which something was built or compiled.
        left_out: what there is no record of, because there was too much.
        sees_xla: whether compilations by XLA are seen.
    """

    records: tuple[dict[str, Any], ...] = ()
    compiles: tuple[dict[str, Any], ...] = ()
    calls: tuple[int, ...] = ()
    left_out: int = 0
    sees_xla: bool = True


@dataclass(frozen=True)
class Ready:
    """The workload is loaded and the mode is ready for its first call.

    Attributes:
        title: the mode's title.
        steps_per_call: steps in each call.
        resolved: what really runs.
        workload: what the workload is, flat name -> value.
        notes: sentences that a reader must know.
        environment: what only a process with TensorFlow knows, flat name -> value.
        rss_bytes: resident set size, or None where the system does not say.
        imported_rss_bytes: the same when TensorFlow and Keras were imported, and nothing else.
    """

    title: str
    steps_per_call: int
    resolved: dict[str, Any] = field(default_factory=dict)
    workload: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    environment: dict[str, Any] = field(default_factory=dict)
    rss_bytes: int | None = None
    imported_rss_bytes: int | None = None
    kind: Literal["ready"] = "ready"


@dataclass(frozen=True)
class Called:
    """The first call, and those that were made to be traced with it.

    Attributes:
        seconds: of the first call.
        rss_bytes: resident set size, or None where the system does not say.
        later_s: of each call that was traced after it.
        traced: whether the profiler was on in the first call.
        early: the trace, or None when none was asked for or it could not be recorded.
        notes: sentences that a reader must know.
    """

    seconds: float
    rss_bytes: int | None = None
    later_s: tuple[float, ...] = ()
    traced: bool = False
    early: TraceRecord | None = None
    notes: tuple[str, ...] = ()
    buildings: Buildings | None = None
    kind: Literal["called"] = "called"


@dataclass(frozen=True)
class Kept:
    """What was asked for lies in the run folder, or why not.

    Attributes:
        seconds: of each call that was made for it.
        problem: one clause, without a full stop, when it could not be kept.
    """

    seconds: tuple[float, ...] = ()
    problem: str | None = None
    buildings: Buildings | None = None
    kind: Literal["kept"] = "kept"


@dataclass(frozen=True)
class Warmed:
    """Seconds of each warm-up call, and the losses of the process's first calls."""

    seconds: tuple[float, ...]
    losses: tuple[float, ...] = ()
    buildings: Buildings | None = None
    kind: Literal["warmed"] = "warmed"


@dataclass(frozen=True)
class Timed:
    """A timed block.

    Attributes:
        started_ns: when it began on ``time.perf_counter_ns``, which all processes of a machine
            share on Linux and macOS.
        seconds: of each call, the first included.
        peak_rss_bytes: largest resident set so far, or None where the system does not say.
    """

    started_ns: int
    seconds: tuple[float, ...]
    peak_rss_bytes: int | None = None
    buildings: Buildings | None = None
    kind: Literal["timed"] = "timed"


@dataclass(frozen=True)
class Traced:
    """A recorded trace.

    Attributes:
        record: what was recorded, or None when it could not be.
        notes: sentences that a reader must know, such as fewer steps than asked.
        error: why there is no record.
        told: what the process holds in memory, or None.
    """

    record: TraceRecord | None
    notes: tuple[str, ...] = ()
    error: Failure | None = None
    told: Told | None = None
    buildings: Buildings | None = None
    kind: Literal["traced"] = "traced"


@dataclass(frozen=True)
class Farewell:
    """The loop has ended as asked; the process ends now."""

    kind: Literal["farewell"] = "farewell"


@dataclass(frozen=True)
class Failed:
    """The worker cannot go on; the process ends now.

    Attributes:
        failure: what happened.
        fault: whose fault it is; when not the ``mode``'s, no other mode can do better.
    """

    failure: Failure
    fault: Fault = "mode"
    kind: Literal["failed"] = "failed"


Request = (
    Prepare
    | FirstCall
    | KeepResults
    | WarmUp
    | TimeBlock
    | RecordTrace
    | DescribeGraphs
    | ExamineResults
    | Exit
)
Reply = Ready | Called | Kept | Warmed | Timed | Traced | Farewell | Failed

# A loss may be NaN, which JSON has no number for.
_CONFIG = ConfigDict(ser_json_inf_nan="strings")
_REQUEST: TypeAdapter[Request] = TypeAdapter(
    Annotated[Request, Discriminator("kind")], config=_CONFIG
)
_REPLY: TypeAdapter[Reply] = TypeAdapter(Annotated[Reply, Discriminator("kind")], config=_CONFIG)


def ask(connection: Connection, request: Request) -> None:
    """Send a request to a worker.

    Raises:
        OSError: the worker is gone.
    """
    connection.send_bytes(_REQUEST.dump_json(request))


def answer(connection: Connection, reply: Reply) -> None:
    """Send a reply to the parent.

    Raises:
        OSError: the parent is gone.
    """
    connection.send_bytes(_REPLY.dump_json(reply))


def request_from(connection: Connection) -> Request:
    """Wait for the parent's next request.

    Raises:
        EOFError: the parent is gone.
    """
    return _REQUEST.validate_json(connection.recv_bytes())


def reply_from(connection: Connection) -> Reply:
    """Wait for the worker's next reply.

    Raises:
        EOFError: the worker is gone.
    """
    return _REPLY.validate_json(connection.recv_bytes())
