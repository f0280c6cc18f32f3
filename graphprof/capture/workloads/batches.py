"""Batches: what every form of data becomes, and how one batch is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphprof.errors import WorkloadError


@dataclass(frozen=True)
class Batches:
    """Batches without end.

    Attributes:
        dataset: ``tf.data.Dataset`` of batches; endless, except over a generator that is used up.
        first: one batch as the dataset yields it, to check the model with.
        batch_size: examples in the first batch, or None when it has no leading dimension.
        origin: where they come from, for people.
        notes: sentences that a reader must know.
        per_epoch: batches in one pass over the data, or None where that is not known.
    """

    dataset: Any
    first: Any
    batch_size: int | None
    origin: str
    notes: tuple[str, ...] = ()
    per_epoch: int | None = None


def as_tuple(batch: Any) -> tuple[Any, Any, Any]:
    """``(x, y, sample_weight)`` of a batch, as Keras unpacks it."""
    if isinstance(batch, list):
        batch = tuple(batch)
    if not isinstance(batch, tuple):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise WorkloadError(
            f"A batch holds {len(batch)} parts", "Let it be (x,), (x, y) or (x, y, sample_weight)"
        )
    x, y, weight = (*batch, None, None)[:3]
    return x, y, weight


def leading(structure: Any) -> int | None:
    """Length of the first dimension of the first array in a structure, or None."""
    import keras

    for leaf in keras.tree.flatten(structure):
        shape = getattr(leaf, "shape", None)
        if shape is not None and len(shape):
            return None if shape[0] is None else int(shape[0])
    return None


def trimmed(batch: Any) -> Any:
    """``(x, y, None)`` -> ``(x, y)``."""
    while isinstance(batch, tuple) and len(batch) > 1 and batch[-1] is None:
        batch = batch[:-1]
    return batch


def first_of(iterator: Iterator[Any]) -> Any:
    """The first batch; an error when there is none."""
    try:
        return next(iterator)
    except StopIteration:
        raise WorkloadError("The dataset is empty", "Let it yield at least one batch") from None
