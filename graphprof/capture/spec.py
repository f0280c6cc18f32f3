"""What a worker is told to load: plain data, so that it can cross a process boundary as JSON."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from graphprof.session import Phase


@dataclass(frozen=True)
class WorkloadSpec:
    """How to load one workload; ``graphprof.capture.workloads.workload.load`` reads it in the worker.

    Attributes:
        target: ``file.py:factory``, ``package.module:factory`` or the name of a built-in.
        phase: what is run.
        settings: arguments of the factory as typed by the user, ``--set key=value``.
        data: where the data come from when the factory returns a model alone: a name in the same
            file, ``file.py:factory`` or ``package.module:factory``; None leaves it to the factory.
        batch_size: examples in a batch; None takes what the data say, else a default.
        seed: seeds Python, NumPy and TensorFlow before the factory is called.
        precision: Keras dtype policy set before the factory is called (``float32``,
            ``mixed_bfloat16``, ``mixed_float16``, ``float64`` ...); None leaves Keras's own.
        input: changes to the input pipeline, ``cache``, ``prefetch`` or ``parallel`` -> number (see
            ``graphprof.capture.workloads.inputs``); empty leaves it as it is.
        xla_layers: names of the layers that XLA compiles whatever the mode does (see
            ``graphprof.capture.workloads.compiling``).
        weights_path: ``.npz`` that ``Workload.save_weights`` wrote; None keeps the fresh weights.
    """

    target: str
    phase: Phase = "train"
    settings: dict[str, str] = field(default_factory=dict)
    data: str | None = None
    batch_size: int | None = None
    seed: int = 0
    precision: str | None = None
    input: dict[str, int] = field(default_factory=dict)
    xla_layers: tuple[str, ...] = ()
    weights_path: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values; ``from_json`` reads it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> WorkloadSpec:
        """The spec that ``to_json`` wrote."""
        return cls(**{**values, "xla_layers": tuple(values.get("xla_layers", ()))})
