"""A worker without TensorFlow: speaks the protocol, on a clock of its own, and fails when told.

The mode's name says how: ``<what>-<when>`` fails at one request, as ``crash-block`` or
``raise-prepare``; ``<n>ms`` makes calls of that length, else they take 20 ms. No call takes any real
time, but for ``slow...``, whose blocks take 0.3 s.

    python fake_worker.py DESCRIPTOR
"""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from graphprof.analysis.results import parity_file
from graphprof.capture import protocol
from graphprof.capture.worker import process as worker
from graphprof.session import EARLY_TRACE, Failure, TraceRecord


def main() -> None:
    worker.end_with_the_parent()
    connection = Connection(int(sys.argv[1]))
    prepare = protocol.request_from(connection)
    assert isinstance(prepare, protocol.Prepare)
    mode = prepare.mode
    what, _, when = mode.partition("-")
    request: protocol.Request = prepare
    while True:
        if when == request.kind:
            misbehave(what, connection)
        reply = answer(mode, request)
        if prepare.workload.precision and isinstance(request, protocol.KeepResults):
            declare(request, prepare.workload.precision)
        if isinstance(reply, (protocol.Called, protocol.Timed)):
            reply = dataclasses.replace(reply, buildings=buildings(mode, request.kind))
        protocol.answer(connection, reply)
        if isinstance(request, protocol.Exit):
            return
        request = protocol.request_from(connection)


def misbehave(what: str, connection: Connection) -> None:
    print(f"about to {what}", flush=True)
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "oom":  # as the kernel does it
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "badalloc":
        print("terminate called after throwing an instance of 'std::bad_alloc'", flush=True)
        os.abort()
    elif what == "quit":
        os._exit(3)
    elif what == "leave":  # dies, while a child of its own keeps the connection open
        subprocess.Popen(["sleep", "600"], pass_fds=(connection.fileno(),))
        os._exit(4)
    elif what == "hang":
        time.sleep(600)
    elif what == "babble":
        connection.send_bytes(b'{"kind": "poem"}')
    elif what == "confuse":
        protocol.answer(connection, protocol.Farewell())
    else:
        error = {
            "raise": Failure("failed", "The step raised ValueError: no", "Correct it"),
            "cannot": Failure("unavailable", "It needs a GPU.", "Leave it out"),
            "usage": Failure("failed", "There is no built-in model 'x'", "Name another"),
            "workload": Failure("failed", "Factory build() failed", "Correct it"),
        }[what]
        fault = what if what in ("usage", "workload") else "mode"
        protocol.answer(connection, protocol.Failed(error, fault))  # type: ignore[arg-type]
        sys.exit(1)


# Calls made so far, for the first steps to be completed.
_made: list[float] = []


def buildings(mode: str, during: str) -> protocol.Buildings:
    """One building in the first call and in each block, where the mode's name says so."""
    if not mode.startswith("builds"):
        return protocol.Buildings()
    call = 0 if during == "first" else 99
    place = {"during": during, "within": 0, "call": call}
    record = {"index": 0, "function": 0, "name": "step", "seconds": 0.5, **place}
    return protocol.Buildings((record,), calls=(0,))


def first_call(mode: str, request: protocol.FirstCall, call_s: float) -> protocol.Called:
    first_s, later_s = 50 * call_s, (call_s,) * (request.calls - 1)
    _made.extend((first_s, *later_s))
    if request.folder is None:
        return protocol.Called(first_s)
    if mode.startswith("traceless"):
        return protocol.Called(first_s, None, later_s, True, None, ("not traced",))
    xplane = Path(request.folder, "plugins", "graphprof", EARLY_TRACE)
    xplane.parent.mkdir(parents=True, exist_ok=True)
    xplane.write_bytes(b"\n\x00")
    record = TraceRecord(
        xplane=xplane.relative_to(request.folder).as_posix(),
        steps_asked=request.calls,
        step_nums=tuple(range(request.calls)),
        step_seconds=(first_s, *later_s),
    )
    return protocol.Called(first_s, None, later_s, True, record)


def answer(mode: str, request: protocol.Request) -> protocol.Reply:
    found = re.match(r"([\d.]+)ms", mode)
    call_s = float(found[1]) / 1000 if found else 0.02
    match request:
        case protocol.Prepare():
            if request.save_weights:
                Path(request.save_weights).write_text("weights")
            return protocol.Ready(
                title=mode.title(),
                steps_per_call=4 if "spe" in mode else 1,
                resolved={
                    "weights_path": request.workload.weights_path,
                    "save_weights": request.save_weights,
                },
                workload={"name": "fake"},
                environment={"devices": ["CPU:0"]},
                rss_bytes=100 << 20,
            )
        case protocol.FirstCall():
            return first_call(mode, request, call_s)
        case protocol.KeepResults():
            if mode.startswith("secretive"):
                return protocol.Kept(problem="It could not be read")
            steps_per_call = 4 if "spe" in mode else 1
            about = {"steps": request.steps, "precision": "float32"}
            losses = np.full(request.steps, 2.0 if mode.startswith("wrong") else 1.0)
            path = Path(request.folder, "plugins", "graphprof", parity_file.PARITY_FILE)
            parity_file.save(path, parity_file.pack(about, losses))
            return protocol.Kept((call_s,) * (request.steps // steps_per_call - len(_made)))
        case protocol.DescribeGraphs():
            return protocol.Kept(problem="no graphs here" if mode.startswith("opaque") else None)
        case protocol.ExamineResults():
            return protocol.Kept(problem="no graph" if mode.startswith("opaque") else None)
        case protocol.WarmUp():
            return protocol.Warmed(
                (call_s,) * request.calls, (float(os.environ["PYTHONHASHSEED"]),)
            )
        case protocol.TimeBlock():
            if mode.startswith("slow"):
                time.sleep(0.3)
            return protocol.Timed(
                time.perf_counter_ns(), (call_s,) * request.calls, peak_rss_bytes=200 << 20
            )
        case protocol.RecordTrace():
            if mode.startswith("traceless"):
                return protocol.Traced(None, error=Failure("failed", "No trace", "Free some space"))
            xplane = Path(request.folder, "plugins", "profile", "now", "host.xplane.pb")
            xplane.parent.mkdir(parents=True)
            xplane.write_bytes(b"\n\x00")
            return protocol.Traced(
                TraceRecord(
                    xplane=xplane.relative_to(request.folder).as_posix(),
                    steps_asked=request.steps,
                    step_nums=tuple(range(request.steps)),
                    step_seconds=(call_s,) * request.steps,
                    profile_run="now",
                ),
                notes=("traced as asked",),
            )
        case protocol.Exit():
            return protocol.Farewell()


def declare(request: protocol.KeepResults, precision: str) -> None:
    """Say in what precision the kept results were computed."""
    path = Path(request.folder, "plugins", "graphprof", parity_file.PARITY_FILE)
    about = {"steps": request.steps, "precision": precision}
    parity_file.save(path, parity_file.pack(about, np.ones(request.steps)))


if __name__ == "__main__":
    main()
