"""The kinds of time that a step divides into.

A step's wall time is divided into these kinds; each nanosecond belongs to exactly one of them, so
that the parts sum to the step. The order is the order of display, everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of time.

    Attributes:
        id: stable identifier, used in files and addresses.
        title: what people read.
        explanation: one sentence for tooltips and the documentation.
    """

    id: str
    title: str
    explanation: str


KINDS: tuple[Kind, ...] = (
    Kind(
        "python", "Python", "Python code outside any TensorFlow call: yours, Keras's, a callback's."
    ),
    Kind(
        "function_call",
        "Function call",
        "The Python side of calling a tf.function: arguments flattened, cache looked up.",
    ),
    Kind(
        "dispatch",
        "Dispatch",
        "From Python into TensorFlow and through its eager runtime, without the op itself.",
    ),
    Kind(
        "build",
        "Build",
        "Python turned into a graph, and the graph optimised (a repeat is a retrace).",
    ),
    Kind("compile", "Compile", "XLA compiling a graph to machine code."),
    Kind("op", "Op execution", "At least one op or kernel running while the step waits for it."),
    Kind(
        "py_function",
        "Python in graph",
        "tf.py_function or tf.numpy_function running inside the step.",
    ),
    Kind(
        "runtime",
        "Runtime",
        "The graph executor or XLA's runtime at work between kernels, with the kernels too short to be recorded.",
    ),
    Kind("input", "Input wait", "The step waiting for its next batch."),
    Kind("idle", "Sync/idle", "The step waiting while nothing that was recorded runs."),
)

KIND_IDS: tuple[str, ...] = tuple(kind.id for kind in KINDS)
