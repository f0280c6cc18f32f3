"""The stages of the input pipeline in a trace: which one the time goes into, and whether Python makes it.

Stages are events ``Iterator::Root::Prefetch::Map`` on any thread; what they run (functions, ops) lies
below them. Buffers are not named: a ``Prefetch`` only waits for what is behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from graphprof.trace.model import Trace
from graphprof.trace.nesting import nest, own_by_name

_WAITING = ("Prefetch", "Root", "ForeverRepeat", "FiniteRepeat", "Repeat")
_PYTHON = ("PyFunc", "EagerPyFunc", "PyFuncStateless")
_PS = 1e-12


@dataclass(frozen=True)
class Pipeline:
    """What the recorded part of a run shows of its input pipeline; seconds over all its steps.

    Attributes:
        stages: name -> own time, what it runs included, the slowest first.
        python_s: Python functions that it calls, summed over threads.
    """

    stages: dict[str, float]
    python_s: float

    @property
    def slowest(self) -> str | None:
        """The stage with most own time, or None where no stage but buffers was recorded."""
        return next(iter(self.stages), None)


def read(trace: Trace) -> Pipeline:
    """Read the stages out of a trace; empty where there is no pipeline."""
    host = trace.host
    if host is None:
        return Pipeline({}, 0.0)
    names = [_stage(name) for name in host.names]
    is_stage = np.array([name is not None for name in names], np.bool_)
    own = own_by_name(host, nest(host), is_stage[host.name_id])
    stages: dict[str, float] = {}
    for index in np.flatnonzero(own):
        name = names[int(index)]
        if name is not None and name not in _WAITING:
            stages[name] = stages.get(name, 0.0) + float(own[index]) * _PS
    called = np.array([name.partition(":")[0] in _PYTHON for name in host.names], np.bool_)
    python_ps = int((host.end_ps - host.start_ps)[called[host.name_id]].sum())
    ranked = sorted(stages.items(), key=lambda one: -one[1])
    return Pipeline(dict(ranked), python_ps * _PS)


def _stage(name: str) -> str | None:
    """``Map`` of ``Iterator::Root::ForeverRepeat[3]::Map``; None for what is no stage."""
    if not name.startswith("Iterator::"):
        return None
    return re.sub(r"\[\d+\]", "", name.rsplit("::", 1)[-1])
