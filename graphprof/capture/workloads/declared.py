"""``graphprof.Workload``: the explicit form of what a factory may return."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Workload:
    """What to profile, said explicitly; a factory may return it instead of a model.

    Give a ``model``, a ``step``, or both (the step then says what one training step is, the model
    says which weights must begin equal in every mode).

    Attributes:
        model: a Keras model, compiled or not, built or not.
        data: arrays ``x``, ``(x, y)``, ``(x, y, sample_weight)``, a ``tf.data.Dataset``, a
            ``keras.utils.PyDataset`` or a generator function; None synthesises it.
        step: a function over ``tf`` ops, called with one batch, or without arguments.
        loss: compiled into the model in place of its own; None keeps the model's.
        optimizer: compiled into the model in place of its own; None keeps the model's.
        metrics: compiled into the model in place of its own; None keeps the model's.
        batch_size: examples in a batch when ``data`` are arrays; ``--batch-size`` wins over it.
        name: what people read; None takes the model's or the step's name.
    """

    model: Any = None
    data: Any = None
    step: Callable[..., Any] | None = None
    loss: Any = None
    optimizer: Any = None
    metrics: Any = None
    batch_size: int | None = None
    name: str | None = None
