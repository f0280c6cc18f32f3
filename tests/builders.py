"""Traces and sessions written by hand, for everyone's tests.

A trace in one line (times in microseconds, stats as a dict)::

    data = builders.trace({"python": [("train", 0, 100, {"_r": 1, "step_num": 0}), ("op", 10, 5)]})
    trace = builders.read(tmp_path, data)

More planes, thread ids, device lines, damage: ``builders.Space``. A whole session with four modes,
measurements and traces that hold the step marks and event names TensorFlow records::

    folder = builders.session(tmp_path, modes=("eager", "graph"), steps=3)
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from graphprof import session as sessions
from graphprof.analysis.results import parity_file
from graphprof.session import (
    Block,
    Failure,
    Measurement,
    Phase,
    Process,
    Run,
    SessionInfo,
    TraceRecord,
)
from graphprof.trace import proto, xspace
from graphprof.trace.model import Trace

PROFILE_START_NS = 1_700_000_000_000_000_000
"""When every hand-written trace was started, ns since the epoch."""

HOSTILE = (
    '"><img src=x onerror=alert(1)>',
    "<script>alert(2)</script>",
    "a\nb\x00c\u202e\u0007",
    "x" * 500,
    "",
    "'; DROP TABLE steps; --",
    "日本語 \N{PILE OF POO} ../../etc/passwd",
)
"""Names that break what forgets to escape them."""

EventSpec = tuple[Any, ...]  # (name, start_us, duration_us) or (..., {stat: value})


@dataclass(frozen=True)
class Ref:
    """A stat value stored as a reference to a name, as TensorFlow stores repeated texts."""

    text: str


class Space:
    """An XSpace that is being written; ``data`` is the file."""

    def __init__(self) -> None:
        self.message: Any = proto.XSpace()

    def plane(self, name: str = "/host:CPU") -> PlaneBuilder:
        message = self.message.planes.add(name=name.encode())
        return PlaneBuilder(message)

    @property
    def data(self) -> bytes:
        return self.message.SerializeToString(deterministic=True)  # type: ignore[no-any-return]


class PlaneBuilder:
    """A plane that is being written."""

    def __init__(self, message: Any) -> None:
        self.message = message
        self._events: dict[str, int] = {}
        self._stats: dict[str, int] = {}

    def line(
        self, name: str = "python", thread_id: int | None = None, start_us: float = 0
    ) -> LineBuilder:
        """A thread; its events' times count from ``start_us``."""
        message = self.message.lines.add(
            id=len(self.message.lines) + 1 if thread_id is None else thread_id,
            name=name.encode("utf-8", "surrogatepass"),
            timestamp_ns=round(start_us * 1000),
        )
        return LineBuilder(self, message)

    def stat(self, name: str, value: Any) -> None:
        """A stat of the plane itself."""
        self.fill(self.message.stats.add(), name, value)

    def event_id(self, name: str) -> int:
        if name not in self._events:
            self._events[name] = len(self._events) + 1
            entry = self.message.event_metadata.add(key=self._events[name])
            entry.value.id = entry.key
            entry.value.name = name.encode("utf-8", "surrogatepass")
        return self._events[name]

    def stat_id(self, name: str) -> int:
        if name not in self._stats:
            self._stats[name] = len(self._stats) + 1
            entry = self.message.stat_metadata.add(key=self._stats[name])
            entry.value.id = entry.key
            entry.value.name = name.encode("utf-8", "surrogatepass")
        return self._stats[name]

    def fill(self, stat: Any, name: str, value: Any) -> None:
        """Write one stat: int, float, str, bytes, or ``Ref`` for a text by reference."""
        stat.metadata_id = self.stat_id(name)
        if isinstance(value, Ref):
            stat.ref_value = self.stat_id(value.text)
        elif isinstance(value, int):
            if value >= 1 << 63:
                stat.uint64_value = value
            else:
                stat.int64_value = value
        elif isinstance(value, float):
            stat.double_value = value
        elif isinstance(value, str):
            stat.str_value = value.encode("utf-8", "surrogatepass")
        else:
            stat.bytes_value = value


class LineBuilder:
    """A line that is being written."""

    def __init__(self, plane: PlaneBuilder, message: Any) -> None:
        self.plane = plane
        self.message = message

    def event(
        self, name: str, start_us: float, duration_us: float = 0, /, **stats: Any
    ) -> LineBuilder:
        """An event; chains. A stat whose name is no identifier goes in by ``**{"a b": 1}``."""
        event = self.message.events.add(
            metadata_id=self.plane.event_id(name),
            offset_ps=round(start_us * 1e6),
            duration_ps=round(duration_us * 1e6),
        )
        for stat, value in stats.items():
            self.plane.fill(event.stats.add(), stat, value)
        return self

    def events(self, specs: Iterable[EventSpec]) -> LineBuilder:
        """Events as ``(name, start_us, duration_us)`` or ``(..., {stat: value})``."""
        for name, start_us, duration_us, *stats in specs:
            self.event(name, start_us, duration_us, **(stats[0] if stats else {}))
        return self


def trace(lines: Mapping[str, Iterable[EventSpec]], plane: str = "/host:CPU") -> bytes:
    """The file of a trace with one plane, and the profile's own times as TensorFlow writes them."""
    space = Space()
    builder = space.plane(plane)
    for name, specs in lines.items():
        builder.line(name).events(specs)
    _task_environment(space)
    return space.data


def write(folder: Path, data: bytes, name: str = "host.xplane.pb") -> Path:
    """Write a trace file and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return folder / name


def read(folder: Path, data: bytes, stats: Sequence[str] | None = None) -> Trace:
    """Write a trace file and read it back, all stats unless named."""
    return xspace.read(write(folder, data), stats)


def session(
    folder: Path,
    modes: Sequence[str] = ("eager", "graph", "xla", "fit"),
    steps: int = 4,
    *,
    phase: Phase = "train",
    name: str = "digits_cnn-20250101-120000",
    baseline: str | None = "graph",
    step_s: Mapping[str, float] | None = None,
    noise: float = 0.02,
    rounds: int = 12,
    calls: int = 6,
    waves: int = 2,
    aa: bool = True,
    traces: bool = True,
    failed: Mapping[str, Failure] | None = None,
    hostile_names: bool = False,
    seed: int = 0,
) -> Path:
    """Write a complete session below ``folder`` and return its path.

    Args:
        modes: mode names; any name works, ``fit-spe=8`` holds eight steps in a call.
        steps: traced steps in each mode.
        step_s: seconds of a step by mode, where ``STEP_S`` does not please.
        noise: standard deviation of log step time.
        rounds, calls, waves: blocks in each process, calls in each block, processes of each mode.
        aa: with a second process of the baseline in each wave.
        traces: with a trace of each mode.
        failed: modes that failed, and why.
        hostile_names: HTML, quotes, control characters and the like in every text that can hold
            them, and one more mode that is named so.
    """
    modes = (*modes, HOSTILE[0]) if hostile_names else tuple(modes)
    path = folder / name
    baseline = baseline if baseline in modes else modes[0]
    info = _info(name, modes, phase, baseline, {"steps": steps, "rounds": rounds, "waves": waves})
    if hostile_names:
        info = replace(info, target=HOSTILE[0], notes=HOSTILE, workload={HOSTILE[0]: HOSTILE[1]})
    sessions.save(path / sessions.SESSION_FILE, info)
    dice = random.Random(seed)
    for position, mode in enumerate(modes):
        error = (failed or {}).get(mode)
        own = sessions.graphprof_folder(path / mode)
        record = None
        if error is None:
            step = (step_s or {}).get(mode, STEP_S.get(mode, 0.001))
            if traces:
                record = _write_trace(path / mode, mode, phase, steps, step, hostile_names)
            arms = ("mode", "aa") if aa and mode == baseline else ("mode",)
            shape = (position, len(modes), rounds, calls)
            processes = tuple(
                _process(dice, wave, arm, step * steps_per_call(mode), noise, shape)
                for wave in range(waves)
                for arm in arms
            )
            measurement = Measurement(steps_per_call=steps_per_call(mode), processes=processes)
            sessions.save(own / sessions.MEASUREMENT_FILE, measurement)
        run = Run(
            mode=mode,
            title=TITLES.get(mode, mode),
            status="failed" if error else "complete",
            resolved=_resolved(mode),
            error=error,
            trace=record,
            notes=HOSTILE if hostile_names else (),
        )
        sessions.save(own / sessions.RUN_FILE, run)
    return path


STEP_S = {"eager": 0.020, "graph": 0.0061, "xla": 0.0090, "fit": 0.0068}
"""Seconds of a step in the modes that have one of their own; every other mode takes 1 ms."""

TITLES = {
    "eager": "Eager",
    "graph": "tf.function",
    "xla": "tf.function, XLA",
    "fit": "Keras fit",
}


def steps_per_call(mode: str) -> int:
    """``fit-spe=8`` -> 8; every other mode makes one step in a call."""
    return int(mode.partition("spe=")[2] or 1)


def mode_trace(
    mode: str,
    steps: int = 4,
    step_s: float = 0.006,
    *,
    phase: Phase = "train",
    hostile_names: bool = False,
) -> bytes:
    """The trace of ``steps`` steps of a small conv net as ``mode`` records it.

    Marked steps, event names, thread names and stats are TensorFlow 2.21's; each step is made of a
    fixed plan in shares of ``step_s``. A mode that is not ``eager`` or ``xla`` looks like ``graph``.
    """
    space = Space()
    plane = space.plane()
    python = plane.line("python", thread_id=-8771750622021423992, start_us=30)
    pool = plane.line("tf_Compute/77", thread_id=77, start_us=30)
    eigen = plane.line("tf_numa_-1_Eigen/78", thread_id=78, start_us=30)
    plan = _eager_step if mode.startswith("eager") or mode == "fit-eager" else _graph_step
    plan = _xla_step if "xla" in mode else plan
    per_call = steps_per_call(mode)
    width = step_s * 1e6 * per_call
    for call, first in enumerate(range(0, steps, per_call)):
        start = 100 + call * width * 1.02
        marks = {"_r": 1, "step_num": first} | ({"steps": per_call} if per_call > 1 else {})
        python.event(phase, start, width, **marks)
        plan(_Pen(python, start, width), _Pen(pool, start, width), _Pen(eigen, start, width))
    if hostile_names:
        for number, text in enumerate(HOSTILE):
            pool.event(text, number * 3, 2, **{text: text})
    for line in (python, pool, eigen):
        line.message.events.sort(key=lambda event: (event.offset_ps, -event.duration_ps))
    _task_environment(space)
    return space.data


class _Pen:
    """Writes events in shares of a step: 0 is its start, 1 its end."""

    def __init__(self, line: LineBuilder, start_us: float, width_us: float) -> None:
        self.line, self.start_us, self.width_us = line, start_us, width_us

    def event(self, name: str, start: float, end: float, /, **stats: Any) -> None:
        at = self.start_us + start * self.width_us
        self.line.event(name, at, (end - start) * self.width_us, **stats)

    def call(
        self, name: str, start: float, end: float, op: str, is_func: int
    ) -> tuple[float, float]:
        """A dispatch down to the kernel: returns where the kernel runs."""
        inset = (end - start) / 20
        self.event(name, start, end)
        stats = {"eager_op": Ref(op), "is_func": is_func}
        self.event("EagerExecute", start + inset, end - inset, **stats)
        self.event(f"EagerLocalExecute: {op}", start + 2 * inset, end - 2 * inset)
        self.event("EagerKernelExecute", start + 4 * inset, end - 3 * inset)
        return start + 5 * inset, end - 4 * inset


_EAGER_OPS = ("Conv2D", "BiasAdd", "Relu", "MaxPool", "MatMul", "Conv2DBackpropInput", "ReluGrad")


def _eager_step(python: _Pen, pool: _Pen, eigen: _Pen) -> None:
    for number, op in enumerate(_EAGER_OPS):
        start = 0.05 + number * 0.13
        python.event("convert_to_tensor", start - 0.02, start - 0.01)
        run = python.call("TFE_Py_FastPathExecute_C", start, start + 0.1, op, 0)
        python.event("KernelAndDeviceFunc::Run", *run)
        python.event("TFE_DeleteTensorHandle", start + 0.101, start + 0.103)


def _function_call(python: _Pen, name: str, kind: str) -> tuple[float, float]:
    python.event("step", 0.05, 0.97, tf_function_call=kind, tracing_count=1)
    run = python.call("TFE_Py_ExecuteCancelable", 0.15, 0.95, name, 1)
    python.event("TFE_DeleteTensorHandle", 0.98, 0.985)
    return run


_GRAPH_OPS = (
    ("sequential/conv2d/Relu:_FusedConv2D", 0.38, 0.52),
    ("sequential/dense/BiasAdd:_FusedMatMul", 0.53, 0.60),
    (
        "gradient_tape/sequential/conv2d/Conv2D/Conv2DBackpropFilter:Conv2DBackpropFilter",
        0.61,
        0.72,
    ),
    ("adam/AssignAddVariableOp:AssignAddVariableOp", 0.73, 0.75),
)


def _graph_step(python: _Pen, pool: _Pen, eigen: _Pen) -> None:
    start, end = _function_call(python, "__inference_step_181", "notTraced-nonXla")
    python.event("KernelAndDeviceFunc::Run", start, end)
    python.event("FunctionRun", start + 0.01, start + 0.03, _r=1, id=7, _pt=2, _p=1 << 63 | 9)
    python.event("ThreadpoolListener::Record", start + 0.02, start + 0.02, _pt=15, _p=1)
    pool.event("ThreadpoolListener::StartRegion", 0.36, 0.36, _ct=15, _c=1)
    pool.event("ExecutorState::Process", 0.37, 0.76, id=7, iter_num=0, _ct=2, _c=1 << 63 | 9)
    for name, first, last in _GRAPH_OPS:
        pool.event(name, first, last)
    pool.event("ThreadpoolListener::StopRegion", 0.77, 0.77)
    eigen.event("ThreadpoolListener::StartRegion", 0.40, 0.40, _ct=15, _c=2)
    eigen.event("ThreadpoolListener::StopRegion", 0.50, 0.50)


def _xla_step(python: _Pen, pool: _Pen, eigen: _Pen) -> None:
    name = "__inference_step_182"
    start, end = _function_call(python, name, "notTraced-xla")
    python.event(f"{name}:{name}", start, end)
    python.event("CpuExecutable::ExecuteAsyncOnStream", start + 0.01, end - 0.05)
    python.event("ThunkExecutor::Execute", start + 0.02, end - 0.06)
    thunks = (("convolution.4", 0.38, 0.52), ("maximum_bitcast_fusion", 0.53, 0.6))
    for number, (thunk, first, last) in enumerate((*thunks, ("reduce-window.3", 0.61, 0.7))):
        stats = {"hlo_op": Ref(thunk), "hlo_module": Ref("a_inference_step_182.2"), "run_id": -1}
        python.event(thunk, first, last, _pt=0, _p=number, **stats)
        python.event(f"end: {thunk}", last - 0.005, last - 0.004, _ct=0, _c=number)
    python.event("BlockUntilReady", end - 0.04, end - 0.01)
    eigen.event("dot.7", 0.4, 0.5, hlo_op=Ref("dot.7"), hlo_module=Ref("a_inference_step_182.2"))


def _task_environment(space: Space) -> None:
    plane = space.plane("Task Environment")
    for name, offset in (("profile_start_time", 0), ("profile_stop_time", 10**9)):
        stat = plane.message.stats.add(metadata_id=plane.stat_id(name))
        stat.uint64_value = PROFILE_START_NS + offset


def _info(
    name: str, modes: Sequence[str], phase: Phase, baseline: str, options: dict[str, Any]
) -> SessionInfo:
    return SessionInfo(
        id=name,
        created="2025-01-01T12:00:00+00:00",
        graphprof_version="0.1.0",
        status="complete",
        phase=phase,
        target="digits_cnn",
        modes=tuple(modes),
        baseline=baseline,
        workload={
            "model": "digits_cnn",
            "parameters": 12_345,
            "batch_size": 32,
            "loss": "sparse_categorical_crossentropy",
            "optimizer": "adam",
            "data": "digits, 1797 images of scikit-learn",
            "seed": 0,
        },
        environment={
            "python": "3.11.2",
            "tensorflow": "2.21.0",
            "keras": "3.15.1",
            "cpu": "A CPU",
            "cores": 2,
            "intra_op_threads": 0,
            "load_average": 0.5,
        },
        options={"budget_s": 60, "seed": 0, **options},
    )


def _resolved(mode: str) -> dict[str, Any]:
    return {
        "jit_compile": "xla" in mode,
        "run_eagerly": "eager" in mode,
        "steps_per_execution": steps_per_call(mode),
        "precision": "float32",
    }


def _process(
    dice: random.Random,
    wave: int,
    arm: Any,
    call_s: float,
    noise: float,
    shape: tuple[int, int, int, int],
) -> Process:
    position, places, rounds, calls = shape
    drift = dice.gauss(0, noise / 4)  # a process has a speed of its own

    def one(factor: float = 1) -> float:
        return call_s * factor * pow(2.718281828, drift + dice.gauss(0, noise))

    blocks = tuple(
        Block(
            round=number,
            position=(position + number) % places,
            started_s=10.0 + (number * places + position) * call_s * calls,
            calls_s=(one(1.3), *(one() for _ in range(calls - 1))),
        )
        for number in range(rounds)
    )
    return Process(
        wave=wave,
        arm=arm,
        pid=1000 + 10 * wave + position + (5 if arm == "aa" else 0),
        startup_s=5.2,
        first_call_s=one(80),
        warmup_s=tuple(one(1 + 1 / (n + 1)) for n in range(20)),
        blocks=blocks,
        peak_rss_bytes=600_000_000,
        losses=(2.31, 2.20, 2.05),
    )


def _write_trace(
    run: Path, mode: str, phase: Phase, steps: int, step_s: float, hostile_names: bool
) -> TraceRecord:
    profile_run = "2025_01_01_12_00_00"
    data = mode_trace(mode, steps, step_s, phase=phase, hostile_names=hostile_names)
    relative = f"plugins/profile/{profile_run}/host.xplane.pb"
    write((run / relative).parent, data)
    per_call = steps_per_call(mode)
    marks = tuple(range(0, steps, per_call))
    return TraceRecord(
        xplane=relative,
        steps_asked=steps,
        step_nums=marks,
        step_seconds=tuple(step_s * per_call for _ in marks),
        untraced_step_seconds=tuple(step_s * per_call * 0.97 for _ in marks),
        profile_run=profile_run,
    )


WEIGHTS = {"dense/kernel": np.linspace(-1, 1, 12).reshape(3, 4), "dense/bias": np.zeros(4)}


def results(off: Mapping[str, float], **about: Any) -> dict[str, Any]:
    """What a mode computed; ``off`` adds to the arrays named."""
    arrays = parity_file.pack(
        {"steps": 3, "precision": "float32", "random": [], **about},
        [3.0, 2.0, 1.0],
        layer={"dense": np.ones(4), "head": np.ones(2)},
        output={"output": np.ones(2)},
        initial=WEIGHTS,
        weight={name: value + 0.01 for name, value in WEIGHTS.items()},
    )
    for name, amount in off.items():
        arrays[name] = arrays[name] + amount
    return arrays


def save_results(path: Path, off: Mapping[str, Mapping[str, float]], **about: Any) -> None:
    """Let every mode of a session have computed the same but for ``off``; xla says ``about``."""
    for mode in sessions.load(path).info.modes:
        arrays = results(off.get(mode, {}), **(about if mode == "xla" else {}))
        parity_file.save(sessions.graphprof_folder(path / mode) / parity_file.PARITY_FILE, arrays)
