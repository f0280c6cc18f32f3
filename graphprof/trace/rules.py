"""What each event of TensorFlow's host tracer is: the table behind ``classify``.

The first rule whose pattern matches a whole name holds. A rule gives the kind of the event's *own*
time (its duration without its children); with ``whole`` it gives everything inside the event, too,
whatever that is called. What a name alone cannot tell is marked by a ``role`` and settled from the
event's surroundings in ``graphprof.trace.classify``.

The names are those of TensorFlow 2.21 on CPU; they were taken from recorded traces, mode by mode.
A label that starts with "Eager" does not mean eager mode: the call of a compiled function runs
through the same doors.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from graphprof.trace.kinds import KIND_IDS

PYTHON, FUNCTION_CALL, DISPATCH, BUILD, COMPILE, OP, PY_FUNCTION, RUNTIME, INPUT, IDLE = range(
    len(KIND_IDS)
)
"""The kinds by their index in ``KINDS``."""

WAITING = len(KIND_IDS)
"""The thread waits for others: their work in that time says what for."""

BACKGROUND = WAITING + 1
"""The input pipeline at work on threads of its own: nobody waits for it here."""

UNKNOWN = -1
"""No rule knows the event, nor any event around it."""


class Role(enum.IntEnum):
    """What the surroundings have to settle."""

    NONE = 0
    CALL = 1  # an eager call: says what the kernel below it is
    KERNEL = 2  # the kernel of an eager call
    LAUNCH = 3  # a function handed to other threads: the kernel above it waits
    EXECUTOR = 4  # the graph executor: its step id says whose graph
    THUNKS = 5  # XLA's executor: what it holds are HLO instructions, named freely
    CAPTURED = 6  # a function of the input pipeline: owns the graphs with its step id
    INSTANT = 7  # bookkeeping without duration


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Attributes:
        pattern: regular expression, matched against the whole name.
        kind: index in ``KINDS``, ``WAITING`` or ``BACKGROUND``.
        whole: everything inside belongs to it.
        role: what its surroundings settle.
    """

    pattern: str
    kind: int
    whole: bool = False
    role: Role = Role.NONE

    def matches(self, name: str) -> bool:
        """Whether the rule is about events of this name."""
        return re.fullmatch(self.pattern, name, re.DOTALL) is not None


RULES: tuple[Rule, ...] = (
    # Bookkeeping of thread pools and allocators, without duration; graphprof.trace.pools pairs
    # the starts and stops of pool work.
    Rule(r"ThreadpoolListener::.*", RUNTIME, role=Role.INSTANT),
    Rule(r"Memory(Allocation|Deallocation)", RUNTIME, role=Role.INSTANT),
    # Layer scopes of graphprof's own, in eager traces: what a layer does between TensorFlow calls.
    Rule(r"(layer|gradient|loss|metric|optimizer): .*", PYTHON),
    # A tf.function being built: Python runs its body into a graph. What that calls (conversions,
    # constants, inner functions) is part of building.
    Rule(r"tf\.function-graph_building", BUILD, whole=True),
    # Python values turned into tensors, and the doors of the C API that Python calls.
    Rule(r"convert_to_tensor|tf\.constant", DISPATCH),
    Rule(r"TFE_\w+", DISPATCH),
    # The eager runtime: looks the kernel up, moves and checks the inputs. The call names the op,
    # or the function.
    Rule(r"EagerExecute|EagerExecutor.*", DISPATCH),
    Rule(r"EagerLocalExecute: .*", DISPATCH, role=Role.CALL),
    Rule(r"EagerRemoteExecute: .*", DISPATCH, role=Role.CALL),
    Rule(r"EagerKernelExecute|EagerCopyToDevice|ValidateInputTypeAndPlacement", DISPATCH),
    # An op's own kernel on this thread; of a function: waiting for the threads that run it.
    Rule(r"KernelAndDevice(Op|Func)::Run(Async)?", OP, role=Role.KERNEL),
    Rule(r"FunctionRun|MultiDeviceFunctionRun", RUNTIME, role=Role.LAUNCH),
    # Memory asked of the system by an allocator.
    Rule(r"\w*Allocator\w*::\w+", RUNTIME),
    # tf.data. Next(): the step waits for its batch, and what runs inside on its thread is part of
    # the wait. Where it happens on the pipeline's own threads, classify makes it background.
    Rule(r"\w*Iterator\w*::DoCompute", INPUT, whole=True),
    Rule(r"InstantiatedCapturedFunction::.*", INPUT, whole=True, role=Role.CAPTURED),
    Rule(r"(Make)?Iterator::.*", INPUT, whole=True),
    Rule(r"(Prefetch|ParallelMap|ParallelInterleave|MapAndBatch)\w*", INPUT, whole=True),
    # The graph executor: schedules nodes, on whichever thread.
    Rule(r"ExecutorState::\w+(::\w+)?|ExecutorDoneCallback", RUNTIME, role=Role.EXECUTOR),
    # XLA's CPU runtime: runs the instructions ("thunks") of a compiled module, some on other
    # threads; "end: x" marks where an asynchronous one completed.
    Rule(r"ThunkExecutor::.*", RUNTIME, role=Role.THUNKS),
    # A small module runs its instructions one after the other without an executor around them.
    Rule(r"CpuExecutable::.*", RUNTIME, role=Role.THUNKS),
    Rule(r"(Pjrt|PjRt|TfrtCpu|XlaComputationLaunch)\w*(::.*)?", RUNTIME),
    Rule(r"end: .*", RUNTIME),
    Rule(r"BlockUntilReady", WAITING),
    # XLA's compiler. Its passes go by hundreds of names; these hold them, and classify finds
    # those that stand beside them.
    Rule(r"(Cpu|Jit|Fusion|Llvm|Xla|Kernel)\w*Compiler\w*::.*", COMPILE, whole=True),
    Rule(r"(ThunkEmitter|TaskDispatcher|IrEmitter\w*)::.*|Codegen", COMPILE, whole=True),
    Rule(r"HLO passes .*|hlo normalization", COMPILE, whole=True),
    # Python called from inside a graph.
    Rule(r"[\w.\\/>-]+:(EagerPyFunc|PyFunc|PyFuncStateless)", PY_FUNCTION, whole=True),
    # Nodes that call functions (one made of a lambda is called "__inference_<lambda>_12"): their own
    # time is the runtime's, the nodes inside show apart.
    Rule(
        r"[\w.\\/<>-]+:(__[\w<>]+|PartitionedCall|StatefulPartitionedCall|RemoteCall"
        r"|While|StatelessWhile|If|StatelessIf|Case|StatelessCase"
        r"|XlaLaunch\w*|XlaLocalLaunch|_XlaRun|_XlaCompile)",
        RUNTIME,
    ),
    # Nodes that fetch a batch without leaving the thread.
    Rule(r"[\w.\\/>-]+:Iterator\w*GetNext\w*", INPUT, whole=True),
    # Any other node of a graph, as scope/name:OpType; and the split of a kernel over threads.
    Rule(r"[\w.\\/>-]+:\w+", OP),
    Rule(r"ParallelFor\w*", OP),
)

CALL_PREFIX = re.compile(r"Eager(Local|Remote)Execute: ")

FUNCTION = re.compile(r"__(inference|forward|backward)_.*|\w*(PartitionedCall|RemoteCall)")
"""Eager calls that run a function, not an op. A function's name may be anything; the launch below
it tells, too, but is missing where the trace begins in the middle of a call."""

CALLS: tuple[tuple[re.Pattern[str], int], ...] = (
    # An eager call of a Python function wrapped as an op.
    (re.compile(r"EagerPyFunc|PyFunc|PyFuncStateless"), PY_FUNCTION),
    # next(iterator) outside a graph.
    (re.compile(r"\w*Iterator\w*GetNext\w*"), INPUT),
    (FUNCTION, WAITING),
    (re.compile(r".*", re.DOTALL), OP),
)
"""What the kernel below an eager call is, by the name of what is called; the first match holds."""


class Pool(enum.IntEnum):
    """What a line's thread is for."""

    PYTHON = 0  # a thread of Python's: the step's, or another one
    COMPUTE = 1  # runs the nodes of graphs
    INTRA_OP = 2  # runs pieces of kernels, and XLA's instructions
    INPUT = 3  # runs the input pipeline
    COMPILER = 4  # runs XLA's code generation


POOLS: tuple[tuple[re.Pattern[str], Pool], ...] = (
    (re.compile(r"tf_data.*"), Pool.INPUT),
    (re.compile(r".*Eigen.*"), Pool.INTRA_OP),
    (re.compile(r"tf_xla.*codegen.*|tf_.*[Cc]ompil.*"), Pool.COMPILER),
    (re.compile(r"tf_.*"), Pool.COMPUTE),
    # The main thread goes by the name of the process: python, pytest, graphprof, ...
    (re.compile(r".*", re.DOTALL), Pool.PYTHON),
)
"""What a line's thread is for, by the line's name; the first match holds."""


def pool(line_name: str) -> Pool:
    """Return what the thread of a line is for."""
    return next(pool for pattern, pool in POOLS if pattern.fullmatch(line_name))


def rule(name: str) -> Rule | None:
    """Return the rule for events of this name, or None when no rule knows it."""
    return next((rule for rule in RULES if rule.matches(name)), None)


def kernel_of(call_name: str) -> int:
    """Return what the kernel below an eager call is (``OP``, ``WAITING``, ...)."""
    called = CALL_PREFIX.sub("", call_name, count=1)
    return next(kind for pattern, kind in CALLS if pattern.fullmatch(called))
