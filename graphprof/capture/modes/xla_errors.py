"""One sentence for what XLA says when it cannot compile a step."""

from __future__ import annotations

import re
from pathlib import Path

from graphprof.capture import blame
from graphprof.errors import WorkloadError

# "EagerPyFunc (No registered 'EagerPyFunc' OpKernel for XLA_CPU_JIT devices compatible with ..."
_NO_KERNEL = re.compile(r"(\w+) \(No registered '\w+' OpKernel")
_NODE = re.compile(r"\{\{node ([^}]+)\}\}")
_CREATED = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
_FROM_XLA = ("XLA_CPU_JIT", "XLA_GPU_JIT", "tf2xla", "_XlaMustCompile", "compile-time constant")

_PYTHON_OPS = frozenset({"EagerPyFunc", "PyFunc", "PyFuncStateless"})


def explain(error: BaseException) -> WorkloadError | None:
    """The error to raise when XLA could not compile, or None when ``error`` is something else."""
    text = str(error)
    if not any(mark in text for mark in _FROM_XLA):
        return None
    ops = list(dict.fromkeys(_NO_KERNEL.findall(text)))
    node = _NODE.search(text)
    place = _created(text)
    at = f" ({node[1]})" if node and node[1] not in ops else ""
    line = f", made at {place}" if place else ""
    if ops:
        named = ", ".join(ops[:3])
        return WorkloadError(f"XLA cannot compile the op {named}{at}{line}", _cure(ops))
    return WorkloadError(
        f"XLA cannot compile the step: {blame.summary(error)}{line}",
        "Make shapes and sizes in the step constants, or leave mode xla out",
    )


def _cure(ops: list[str]) -> str:
    if _PYTHON_OPS & set(ops):
        return "Write the tf.py_function or tf.numpy_function with TensorFlow ops, or leave mode xla out"
    return "Move that op into the input pipeline, replace it, or leave mode xla out"


def _created(text: str) -> str | None:
    """``file:line in function`` of the user's code that made the op."""
    # TensorFlow leaves the slash in front of the path away.
    for file, line, function in reversed(_CREATED.findall(text)):
        for path in (file, f"/{file}"):
            if Path(path).is_file() and blame.is_users(path):
                return f"{path}:{line} in {function}"
    return None
