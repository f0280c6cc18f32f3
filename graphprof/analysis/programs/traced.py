"""What the trace windows of ``graphprof exec`` prove, as sums over the windows.

The names follow TensorFlow 2.21 on the CPU. A window is marked by one event named ``train`` on the
main thread's line; only what happens inside it counts.

* The program waits for input while ``IteratorGetNextOp::DoCompute`` is open. With a prefetch that
  event sits on a ``tf_data_iterator_get_next`` line and is the wait alone.
* The other ``tf_data_*`` lines are the input pipeline's own; ``Iterator::Root::A::B`` names the stage
  B that feeds A. A stage's time is its events' self time and what it calls.
* Ops of built functions are events ``scope/name:Type`` on ``tf_Compute`` lines (cheap ops have none:
  they are inside ``ExecutorState::Process``). Eager ops run inside ``KernelAndDeviceFunc::Run`` on
  the main thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from graphprof.trace.model import Line, Plane, Trace
from graphprof.trace.nesting import Nesting, holder, nest, own_by_name

_PS = 1e-12
_OP = re.compile(r"^(?P<name>[\w.\-/>+]+):(?P<type>_?[A-Z]\w*)$")
_COMPILE = ("CpuCompiler::", "XlaCompiler", "CompileCpuExecutable", "XlaCompile", "GpuCompiler::")
_PY_FUNC = ("PyFunc", "EagerPyFunc", "PyFuncStateless")
_WAITING_STAGES = ("Prefetch", "Root")
_CALL = "InstantiatedCapturedFunction::Run"

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Stage:
    """One stage of an input pipeline: how often it was asked, and its own time."""

    path: str
    count: int
    own_s: float

    @property
    def name(self) -> str:
        """The stage alone: ``Map`` of ``Iterator::Root::BatchV2::Map``."""
        return re.sub(r"\[\d+\]", "", self.path.rsplit("::", 1)[-1])


@dataclass(frozen=True)
class Op:
    """One op of a built function (by name) or of eager execution (by type)."""

    name: str
    type: str
    count: int
    total_s: float


@dataclass(frozen=True)
class Traced:
    """Sums over the windows; seconds unless said otherwise.

    Attributes:
        seconds: the windows' length.
        input_wait_s: the program waiting for its next batch.
        input_count: batches it waited for.
        stages: the pipelines' stages, the slowest first.
        function_calls: calls of functions by pipeline stages (map, filter, generator ...).
        py_input_s: Python running inside the pipelines (union over threads).
        py_step_s: Python running inside built functions outside the pipelines.
        run_s: the main thread inside calls of built functions.
        op_s: union of ops of built functions over all threads, while those were called.
        executor_events: ``ExecutorState::Process`` events, about one per op executed.
        executor_s: union of executor activity outside recorded ops.
        ops: ops by total time.
        eager_s: the main thread inside eager ops (dispatch and kernel).
        eager_kernel_s: of that, inside kernels.
        eager_count: eager ops.
        compile_s: XLA compiling.
        compile_count: XLA compilations.
        delete_s: handles being deleted (an iterator waits for its pipeline to stop).
    """

    seconds: float = 0.0
    input_wait_s: float = 0.0
    input_count: int = 0
    stages: tuple[Stage, ...] = ()
    function_calls: int = 0
    py_input_s: float = 0.0
    py_step_s: float = 0.0
    run_s: float = 0.0
    op_s: float = 0.0
    executor_events: int = 0
    executor_s: float = 0.0
    ops: tuple[Op, ...] = ()
    eager_s: float = 0.0
    eager_kernel_s: float = 0.0
    eager_count: int = 0
    compile_s: float = 0.0
    compile_count: int = 0
    delete_s: float = 0.0

    def share(self, seconds: float) -> float:
        """``seconds`` as a share of the windows."""
        return seconds / self.seconds if self.seconds else 0.0


def combine(parts: Iterable[Traced]) -> Traced | None:
    """The sums over several windows, or None when there is none."""
    parts = list(parts)
    if not parts:
        return None
    sums = {
        name: sum(getattr(part, name) for part in parts)
        for name in Traced.__dataclass_fields__
        if name not in ("stages", "ops")
    }
    stages: dict[str, Stage] = {}
    ops: dict[tuple[str, str], Op] = {}
    for part in parts:
        for stage in part.stages:
            old = stages.get(stage.path, Stage(stage.path, 0, 0.0))
            stages[stage.path] = replace(
                old, count=old.count + stage.count, own_s=old.own_s + stage.own_s
            )
        for op in part.ops:
            before = ops.get((op.name, op.type), Op(op.name, op.type, 0, 0.0))
            ops[op.name, op.type] = replace(
                before, count=before.count + op.count, total_s=before.total_s + op.total_s
            )
    return Traced(
        **sums,
        stages=tuple(sorted(stages.values(), key=lambda stage: -stage.own_s)),
        ops=tuple(sorted(ops.values(), key=lambda op: -op.total_s)),
    )


def look(trace: Trace) -> Traced | None:
    """What one window shows, or None when its mark is missing."""
    host = trace.host
    if host is None:
        return None
    mark = _mark(host)
    if mark is None:
        return None
    return _Reader(host, nest(host), *mark).read()


def _mark(host: Plane) -> tuple[Line, int, int] | None:
    """The main thread's line, and start and end of the window's mark."""
    ids = [index for index, name in enumerate(host.names) if name == "train"]
    if not ids:
        return None
    found = np.flatnonzero(np.isin(host.name_id, ids))
    if not len(found):
        return None
    longest = int(found[np.argmax(host.duration_ps[found])])
    for line in host.lines:
        if line.first <= longest < line.last:
            return line, int(host.start_ps[longest]), int(host.end_ps[longest])
    return None


class _Reader:
    """One window's events, by what their names say."""

    def __init__(self, host: Plane, nesting: Nesting, main: Line, start: int, end: int) -> None:
        self.host = host
        self.nesting = nesting
        self.main = main
        self.start = start
        self.end = end
        self.inside = (host.start_ps >= start) & (host.start_ps < end)
        self.duration = np.minimum(host.end_ps, end) - np.maximum(host.start_ps, start)
        self.lines = np.zeros(len(host), np.int8)
        for line in host.lines:
            self.lines[line.events] = self._line_kind(line)
        self.types = [_OP.match(name) for name in host.names]

    def _line_kind(self, line: Line) -> int:
        if line is self.main:
            return 1
        if line.name.startswith("tf_data_iterator_get_next"):
            return 3
        return 4 if line.name.startswith("tf_data") else 2

    def named(self, *prefixes: str) -> Mask:
        """Events inside the window whose names begin with one of ``prefixes``."""
        hits = np.array([name.startswith(prefixes) for name in self.host.names], np.bool_)
        found: Mask = hits[self.host.name_id] & self.inside
        return found

    def total(self, mask: Mask) -> float:
        """Summed length of events."""
        return float(self.duration[mask].clip(0).sum()) * _PS

    def union(self, mask: Mask) -> float:
        """Time covered by at least one of the events."""
        return _covered(self.host.start_ps[mask], self.host.end_ps[mask], self.start, self.end)

    def outermost(self, mask: Mask) -> Mask:
        """Those of the events that lie in no other of them (one level up is enough here)."""
        parent = self.nesting.parent
        nested = mask & (parent >= 0) & mask[np.maximum(parent, 0)]
        result: Mask = mask & np.logical_not(nested)
        return result

    def under(self, mask: Mask) -> Mask:
        """All events below the events of ``mask``, themselves included."""
        result: Mask = holder(self.nesting, mask) >= 0
        return result

    def _typed(self, wanted: Callable[[str], bool]) -> Mask:
        """Events that are ops of a wanted type."""
        by_name = [match is not None and wanted(match["type"]) for match in self.types]
        found: Mask = np.array(by_name, np.bool_)[self.host.name_id]
        return found

    def read(self) -> Traced:
        """All facts."""
        lines = self.lines
        waits = self.named("IteratorGetNextOp::DoCompute") & (lines != 4)
        below_input = self.under(waits | (self.named("Iterator::") & (lines == 1)))
        ops = self._typed(lambda _type: True) & self.inside & ~below_input & (lines <= 2)
        is_py = self._typed(lambda type_name: type_name in _PY_FUNC)
        functions = self.named("EagerLocalExecute: __") & (lines == 1)
        launched = self.under(functions)
        executor = self.named("ExecutorState::") & (lines == 2)
        thunks = self.named("CpuExecutable::Execute")
        compute = self.outermost(ops & ((lines == 2) | launched)) | thunks
        compiles = self.outermost(self.named(*_COMPILE))
        top = self.outermost(
            self.named("CompileCpuExecutable", "CpuCompiler::CompileCpuExecutable")
        )
        eager = self._eager(functions)
        return Traced(
            seconds=(self.end - self.start) * _PS,
            input_wait_s=self.total(waits),
            input_count=int(waits.sum()),
            stages=self._stages(),
            function_calls=int((self.named(_CALL) & (lines != 2)).sum()),
            py_input_s=self.union(is_py & self.inside & (lines >= 3)),
            py_step_s=self.union(is_py & ops),
            run_s=self.total(functions),
            op_s=self.union(compute & ~is_py),
            executor_events=int((self.named("ExecutorState::Process") & (lines == 2)).sum()),
            executor_s=max(0.0, self.union(executor | compute) - self.union(compute)),
            ops=self._ops(ops),
            eager_s=eager[0],
            eager_kernel_s=eager[1],
            eager_count=eager[2],
            compile_s=self.union(compiles),
            compile_count=int(top.sum()) or int(compiles.any()),
            delete_s=self.total(self.named("TFE_DeleteTensorHandle") & (lines == 1)),
        )

    def _eager(self, functions: Mask) -> tuple[float, float, int]:
        """Eager ops: seconds, seconds in kernels, and how many."""
        execute = self.named("EagerLocalExecute: ") & (self.lines == 1) & ~functions
        names = np.array(["IteratorGetNext" in name for name in self.host.names], np.bool_)
        execute &= ~names[self.host.name_id]
        dispatch = self.named("TFE_Py_FastPathExecute_C") & (self.lines == 1)
        kernels = self.named("KernelAndDeviceFunc::Run") & (self.lines == 1)
        kernels &= self.under(execute)
        waits = self.total(self.named("IteratorGetNextOp::DoCompute") & (self.lines == 1))
        seconds = max(0.0, self.total(self.outermost(dispatch)) - waits)
        return seconds, self.total(kernels), int(execute.sum())

    def _stages(self) -> tuple[Stage, ...]:
        """Own time of each stage: self time of its events, and of all below them that is no stage."""
        host = self.host
        is_stage = np.array([name.startswith("Iterator::") for name in host.names], np.bool_)
        stage_event = is_stage[host.name_id]
        own = own_by_name(host, self.nesting, stage_event, self.inside)
        counts = np.bincount(host.name_id[stage_event & self.inside], minlength=len(host.names))
        found = [
            Stage(host.names[index], int(counts[index]), float(own[index]) * _PS)
            for index in np.flatnonzero(counts)
        ]
        return tuple(sorted(found, key=lambda stage: -stage.own_s))

    def _ops(self, ops: Mask) -> tuple[Op, ...]:
        host = self.host
        counts = np.bincount(host.name_id[ops], minlength=len(host.names))
        total = np.zeros(len(host.names), np.int64)
        np.add.at(total, host.name_id[ops], self.nesting.self_ps[ops])
        found = []
        for index in np.flatnonzero(counts):
            match = self.types[index]
            assert match is not None
            found.append(
                Op(match["name"], match["type"], int(counts[index]), float(total[index]) * _PS)
            )
        return tuple(sorted(found, key=lambda op: -op.total_s))


def _covered(
    start: npt.NDArray[np.int64], end: npt.NDArray[np.int64], low: int, high: int
) -> float:
    """Length of the union of intervals, cut to [low, high]."""
    if not len(start):
        return 0.0
    order = np.argsort(start, kind="stable")
    start = start[order].clip(low, high)
    end = np.maximum.accumulate(end[order].clip(low, high))
    before = np.concatenate(([low], end[:-1]))
    return float((end - np.maximum(start, np.minimum(before, end))).clip(0).sum()) * _PS


def bottleneck(traced: Traced) -> Stage | None:
    """The stage that takes most of the pipelines' own time, buffers left out."""
    working = [
        stage for stage in traced.stages if not any(w in stage.name for w in _WAITING_STAGES)
    ]
    return max(working, key=lambda stage: stage.own_s, default=None)
