"""A worker: the process that runs one workload in one mode.

Started by ``graphprof.capture.controller.child`` as ``python -m graphprof.capture.worker.process FD``, where ``FD`` is
the inherited connection to the parent (see ``graphprof.capture.protocol``). What it prints goes to
the run's ``worker.log``. Its standard input is the lifeline: nothing is ever written there, but it
closes when the parent ends, however that happens, and then the worker and its children end too.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphprof.capture import blame, environment, protocol
from graphprof.capture.worker.pacing import Dismissed, WorkerPacer
from graphprof.capture.worker.usage import rss_bytes
from graphprof.errors import GraphprofError, UsageError, WorkloadError
from graphprof.session import Failure, Phase

if TYPE_CHECKING:
    from graphprof.capture.worker.results import Results

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_LESS_MEMORY = "Try a smaller --batch-size, fewer modes at once, or a machine with more memory"


def main(arguments: list[str] | None = None) -> int:
    """Serve one parent until it says goodbye or goes away; returns the exit code."""
    faulthandler.enable()
    descriptor = int((arguments if arguments is not None else sys.argv[1:])[0])
    os.set_inheritable(descriptor, False)
    end_with_the_parent()
    _call_the_main_thread_python()
    _let_the_system_kill_this_first()
    with Connection(descriptor) as connection:
        try:
            return _serve(connection)
        except Dismissed:
            return 0


def _serve(connection: Connection) -> int:
    fault: protocol.Fault = "workload"
    try:
        request = protocol.request_from(connection)
        if not isinstance(request, protocol.Prepare):
            raise Dismissed
        imported = _imported_rss_bytes()
        workload = _load(request)
        fault = "mode"
        _run(request, workload, connection, imported)
    except (EOFError, BrokenPipeError) as error:
        raise Dismissed from error
    except Dismissed:
        raise
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        with contextlib.suppress(OSError):  # the parent is gone too: the log has it all
            protocol.answer(connection, failed(error, fault))
        return 1
    return 0


def _imported_rss_bytes() -> int | None:
    """What TensorFlow and Keras take before anything is done with them."""
    import keras  # noqa: F401

    return rss_bytes()


def _load(request: protocol.Prepare) -> Any:
    from graphprof.capture.workloads.workload import load

    workload = load(request.workload)
    if request.save_weights is not None:
        workload.save_weights(request.save_weights)
    return workload


def _run(
    request: protocol.Prepare, workload: Any, connection: Connection, imported: int | None
) -> None:
    import tensorflow as tf

    from graphprof.capture.instrument.building import BuildingLog
    from graphprof.capture.modes import registry
    from graphprof.capture.worker import early, held
    from graphprof.capture.worker.graphs import Graphing
    from graphprof.capture.worker.labelling import Labelling
    from graphprof.capture.worker.recorder import Recorder, tracer

    mode = registry.resolve(request.mode, workload.phase)
    reason = mode.why_unavailable(workload)
    if reason is not None:
        raise Unavailable(reason)
    results = _results(request, workload)
    log = BuildingLog()
    log.install()
    loop = mode.prepare(workload)
    log.watch_xla(compiled=bool(loop.resolved.get("jit_compile")))
    if results is not None:
        results.prepared(loop.resolved, loop.steps_per_call)
    phase: Phase = workload.phase
    described = workload.describe()
    protocol.answer(
        connection,
        protocol.Ready(
            title=mode.title,
            steps_per_call=loop.steps_per_call,
            resolved=loop.resolved,
            workload=described,
            notes=(*workload.notes, *filter(None, [log.lost])),
            environment=environment.collect("worker"),
            rss_bytes=rss_bytes(),
            imported_rss_bytes=imported,
        ),
    )
    labelling = Labelling(op_by_op=bool(loop.resolved.get("run_eagerly")))
    recorder = Recorder(tf.profiler.experimental)
    trace = held.told(tracer(phase, loop.steps_per_call, recorder, labelling), workload)
    first = early.first_caller(phase, loop.steps_per_call, recorder, labelling)
    graphs = Graphing(labelling, compiled=bool(loop.resolved.get("jit_compile")))
    pacer = WorkerPacer(
        connection,
        trace,
        _settle(),
        first=first,
        keeper=results,
        graphs=graphs.describe,
        log=None if log.lost else log,
    )
    loop.run(pacer)
    if not pacer.finished:
        raise WorkloadError(
            "The loop ended by itself, before it was told to",
            "Give data that can be iterated again, or more of them",
        )


def _results(request: protocol.Prepare, workload: Any) -> Results | None:
    """What keeps the results of the first steps, where they were asked for."""
    weights = request.save_weights or request.workload.weights_path
    if not request.keep_results or weights is None:
        return None
    from graphprof.capture.worker.results import Results

    return Results(workload, weights)


class Unavailable(Exception):  # noqa: N818 an answer, not an error
    """The mode cannot run this workload here; the message is one sentence."""


def failed(error: BaseException, fault: protocol.Fault) -> protocol.Failed:
    """What to tell the parent about an exception.

    Args:
        error: what was raised.
        fault: whose fault it is when it is of no special kind.
    """
    if isinstance(error, Unavailable):
        return protocol.Failed(
            Failure("unavailable", str(error), "Leave this mode out, or change what it names")
        )
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        message = f"Out of memory: {blame.summary(error)}"
        return protocol.Failed(Failure("memory", message, _LESS_MEMORY))
    if isinstance(error, SystemExit):
        error = WorkloadError(
            f"The model's code called sys.exit({error.code})", "Take that call out"
        )
    if isinstance(error, UsageError):
        fault = "usage"
    doing = "Loading the model" if fault == "workload" else "The call"
    known: GraphprofError = blame.blame(error, doing)
    return protocol.Failed(Failure("failed", known.message, known.cure), fault)


def _settle() -> Callable[[Any], None] | None:
    """What waits for asynchronous devices; None on the CPU, where a call returns when it is done."""
    import tensorflow as tf

    if all(device.device_type == "CPU" for device in tf.config.list_logical_devices()):
        return None
    return lambda outputs: tf.test.experimental.sync_devices()  # noqa: ARG005


def end_with_the_parent() -> None:
    """Watch the lifeline in a thread, and take standard input away from the user's code."""
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        with contextlib.suppress(OSError):
            os.read(lifeline, 1)
        # The worker leads its own process group; never anybody else's.
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
    _wake_when_the_parent_dies()


def _wake_when_the_parent_dies() -> None:
    """The parent stops its workers while another is timed; a stopped one would never see it die."""
    with contextlib.suppress(OSError, AttributeError):  # not Linux: the parent stops nobody there
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)


def _call_the_main_thread_python() -> None:
    """Traces name its line after it: the same in each session, whatever the interpreter's file."""
    with contextlib.suppress(OSError):  # not Linux: the line keeps the system's name
        Path("/proc/self/comm").write_text("python")


def _let_the_system_kill_this_first() -> None:
    """When memory runs out, a worker is to die, not the parent that keeps what was measured."""
    with contextlib.suppress(OSError):  # not Linux, or not allowed: then the system chooses
        Path("/proc/self/oom_score_adj").write_text("500")


if __name__ == "__main__":
    sys.exit(main())
