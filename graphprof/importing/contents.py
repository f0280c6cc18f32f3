"""What a trace seems to be of: a guess of the mode and the phase, from the names in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphprof.session import Phase
from graphprof.trace.intervals import union, within
from graphprof.trace.model import Int64, Plane

# What Keras's loops call, Keras 2 and 3.
_KERAS = re.compile(
    r"EagerLocalExecute: __inference_(multi_step_on_\w+|one_step_on_\w+|train_function|test_function|predict_function)_\d+"
)
_CALL = re.compile(r"EagerLocalExecute: (?P<called>.+)", re.DOTALL)
_FUNCTION = re.compile(r"__(inference|forward|backward)_.*|\w*PartitionedCall")
# Waiting for a batch is no op of the model's.
_NO_OP = re.compile(rf"{_FUNCTION.pattern}|\w*Iterator\w*GetNext\w*")
_BACKWARD = re.compile(
    r".*gradient_tape/.*|.*(BackpropInput|BackpropFilter|ReluGrad|MaxPoolGrad)\w*|.*ResourceApply\w+"
)
_TAPE = b"gradient_tape/"
_KERAS_MARK = "Profiled batch"


@dataclass(frozen=True)
class Guess:
    """What a trace seems to be of.

    Attributes:
        mode: ``eager``, ``graph``, ``xla``, ``fit``, ``fit-eager``, ``fit-xla``, or ``trace`` where
            nothing tells.
        why: what tells, for people.
        phase: ``train`` where it holds a backward pass, else ``predict``.
    """

    mode: str
    why: str
    phase: Phase

    @property
    def has_op_names(self) -> bool:
        """Whether its ops have names that tell of layers; eagerly called ones have none."""
        return "eager" not in self.mode


def guess(host: Plane, modules: Mapping[str, bytes], spans: Int64) -> Guess:
    """Guess what a trace is of.

    Args:
        host: its host plane, read with the stat ``hlo_op``.
        modules: its XLA modules (``xspace.hlo_modules``).
        spans: shape (n, 2): when its steps are; what comes before (as the making of a dataset) says
            nothing of them.
    """
    inside = within(union(*spans.T), host.start_ps, host.start_ps + 1) > 0
    length = np.bincount(
        host.name_id[inside], weights=host.duration_ps[inside], minlength=len(host.names)
    )
    names = [name for name, times in zip(host.names, length, strict=True) if times > 0]
    time = dict(zip(host.names, length.tolist(), strict=True))
    backward = any(_BACKWARD.fullmatch(name) for name in names)
    xla = "hlo_op" in host.stats and len(host.stats["hlo_op"].owner) > 0
    # XLA's instructions have names of their own; their module remembers TensorFlow's. (Modules stand
    # in later traces of the same process, too.)
    backward = backward or (xla and any(_TAPE in module for module in modules.values()))
    phase: Phase = "train" if backward else "predict"
    keras = any(_KERAS.fullmatch(name) for name in names)
    by_callback = _KERAS_MARK in host.names
    called = {name: found["called"] for name in names if (found := _CALL.fullmatch(name))}
    if not called:
        return Guess("trace", "no call from Python is in it", phase)
    in_functions = sum(time[name] for name in called if _FUNCTION.fullmatch(called[name]))
    op_by_op = sum(time[name] for name in called if not _NO_OP.fullmatch(called[name]))
    if in_functions < op_by_op:
        if by_callback:
            return Guess(
                "fit-eager", "Keras's callback marked it, and ops are called one by one", phase
            )
        return Guess("eager", "ops are called one by one", phase)
    kind = ("fit-xla" if xla else "fit") if keras else ("xla" if xla else "graph")
    why = "Keras's loop" if keras else "compiled functions"
    return Guess(kind, f"{why} run in it, {'with' if xla else 'without'} XLA's instructions", phase)
