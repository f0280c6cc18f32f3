"""Adds to a hand-written session what is known of building and compiling: early traces and logs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import builders

from graphprof import session as sessions
from graphprof.analysis.building import building_log
from graphprof.session import EARLY_TRACE, RUN_FILE, TraceRecord, graphprof_folder

BUILDING_US, OPTIMISING_US, COMPILING_US, RUNNING_US = 400_000, 120_000, 900_000, 30_000
STEP_LINE = 17


STEP_S = {"eager": 0.004, "graph": 0.001, "xla": 0.002}
"""Steps of a session in which graph and xla pay against eager: a first call of it takes 0.32 s."""


def add(folder: Path, mode: str, *, xla: bool = False, name: str = "train_step") -> None:
    """Let a mode have built ``name`` in its first call, and again in call 5 for another shape.

    With ``xla`` it compiled as well, then and in call 9, for a third shape.
    """
    own = graphprof_folder(folder / mode)
    length = _write_early(own, xla)
    session = sessions.load(folder)
    found = session.run(mode)
    assert found is not None
    assert found.measurement is not None
    early = TraceRecord(
        xplane=f"plugins/graphprof/{EARLY_TRACE}",
        steps_asked=2,
        step_nums=(0, 1),
        step_seconds=(length * 1e-6, 0.01),
    )
    sessions.save(own / RUN_FILE, replace(found.run, early=early))
    processes = found.measurement.processes
    logs = [_log(process, xla, name) for process in processes]
    building_log.save(own / building_log.BUILDING_FILE, logs)
    traced = tuple(
        replace(
            one,
            first_call_traced=number == 0,
            first_call_s=length * 1e-6 * (1 + 0.01 * number),
        )
        for number, one in enumerate(processes)
    )
    measurement = replace(found.measurement, processes=traced)
    sessions.save(own / sessions.MEASUREMENT_FILE, measurement)


def _write_early(own: Path, xla: bool) -> int:
    compiling = COMPILING_US if xla else 0
    launched = BUILDING_US
    ready = launched + OPTIMISING_US
    end = ready + compiling + RUNNING_US
    running = ready + compiling
    name = "__inference_train_step_1"
    kernel: list[tuple[object, ...]] = [
        ("KernelAndDeviceFunc::Run", running, RUNNING_US),
        ("FunctionRun", running, 0, {"id": 7, "_r": 1}),
    ]
    if xla:
        kernel = [
            (f"{name}:{name}", ready, end - ready),
            ("CpuCompiler::RunBackend", ready, compiling),
            ("CpuExecutable::ExecuteAsyncOnStream", running, RUNNING_US),
        ]
    events = [
        ("train", 0, end, {"_r": 1, "step_num": 0}),
        ("train_step", 0, end, {"tf_function_call": "traced-nonXla"}),
        ("tf.function-graph_building", 0, BUILDING_US),
        (f"EagerLocalExecute: {name}", launched, end - launched),
        ("EagerKernelExecute", ready, end - ready),
        *kernel,
        ("train", end + 10, 10_000, {"_r": 1, "step_num": 1}),
    ]
    own.mkdir(parents=True, exist_ok=True)
    (own / EARLY_TRACE).write_bytes(builders.trace({"python": events}))
    return end


def _log(process: sessions.Process, xla: bool, name: str) -> dict[str, Any]:
    def shape(rows: int) -> dict[str, Any]:
        return {"kind": "tensor", "shape": [rows, 3], "dtype": "float32"}

    def building(index: int, call: int, rows: int) -> dict[str, Any]:
        return {
            "index": index,
            "function": 0,
            "name": f"build.<locals>.{name}",
            "defined_at": ["/home/me/models.py", STEP_LINE],
            "called_from": ["/home/me/train.py", 40],
            "signature": {"x": shape(rows)},
            "jit_compile": xla,
            "seconds": 0.4,
            "op_count": 120,
            "call": call,
            "during": "warmup" if call else "first",
            "within": call,
            "block": None,
        }

    def compiled(call: int, rows: int) -> dict[str, Any]:
        during = "warmup" if call else "first"
        place = {"call": call, "during": during, "within": call, "block": None}
        return {"seconds": 0.9, "inputs": shape(rows), **place}

    return {
        "wave": process.wave,
        "arm": process.arm,
        "pid": process.pid,
        "buildings": [building(0, 0, 8), building(1, 5, 5)],
        "compiles": [compiled(0, 8), compiled(5, 5), compiled(9, 6)] if xla else [],
        "left_out": 0,
    }
