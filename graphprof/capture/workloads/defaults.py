"""Loss and optimizer for a model that was not compiled; every choice is said in a note."""

from __future__ import annotations

from typing import Any

# Adam because it is what most people train with; its slots make the optimizer's share visible.
OPTIMIZER = "adam"


def loss_for(y: Any, outputs: Any) -> tuple[Any, str]:
    """A loss that fits labels and outputs, and its description.

    Args:
        y: labels of one batch, or None.
        outputs: what the model returned for that batch, of the same structure.
    """
    import keras

    flat = keras.tree.flatten(outputs)
    wanted = keras.tree.flatten(y) if y is not None else [None] * len(flat)
    if len(wanted) != len(flat):
        wanted = [None] * len(flat)
    losses = [_loss(one_y, output) for one_y, output in zip(wanted, flat, strict=True)]
    text = ", ".join(dict.fromkeys(describe(loss) for loss in losses))
    if len(losses) == 1 and not isinstance(outputs, dict):
        return losses[0], text
    return keras.tree.pack_sequence_as(outputs, losses), text


def describe(thing: Any) -> str:
    """A loss, metric or optimizer in a few words: its class or its name."""
    if thing is None:
        return "none"
    if isinstance(thing, str):
        return thing
    if isinstance(thing, dict):
        return ", ".join(f"{key}: {describe(value)}" for key, value in thing.items())
    if isinstance(thing, (list, tuple)):
        return ", ".join(describe(value) for value in thing)
    name = getattr(thing, "__name__", None) or type(thing).__name__
    return f"{name} on logits" if _on_logits(thing) else name


def _on_logits(thing: Any) -> bool:
    """Whether a Keras loss was made with ``from_logits=True``."""
    import keras

    return isinstance(thing, keras.losses.Loss) and bool(thing.get_config().get("from_logits"))


def _loss(y: Any, output: Any) -> Any:
    from keras import losses

    probabilities = _sums_to_one(output)
    if y is None:
        return (
            losses.SparseCategoricalCrossentropy() if probabilities else losses.MeanSquaredError()
        )
    classes = output.shape[-1] if len(output.shape) > 1 else 1
    whole = not (y.dtype.is_floating if hasattr(y.dtype, "is_floating") else y.dtype.kind == "f")
    if whole and classes > 1 and (len(y.shape) == len(output.shape) - 1 or y.shape[-1] == 1):
        return losses.SparseCategoricalCrossentropy(from_logits=not probabilities)
    if whole:
        return losses.BinaryCrossentropy(from_logits=not _inside_unit(output))
    if probabilities and tuple(y.shape) == tuple(output.shape) and _sums_to_one(y):
        return losses.CategoricalCrossentropy()
    return losses.MeanSquaredError()


def _sums_to_one(values: Any) -> bool:
    """Whether the last dimension holds probabilities (a softmax, or one-hot labels)."""
    import numpy as np

    if not _is_dense(values):
        return False
    array = np.asarray(values, dtype="float32")
    if array.ndim < 2 or array.shape[-1] < 2 or not array.size:
        return False
    return bool(array.min() >= 0 and np.abs(array.sum(-1) - 1).max() < 1e-2)


def _is_dense(values: Any) -> bool:
    """Whether it is an array: ragged and sparse tensors have no array to look at."""
    return hasattr(values, "__array__") and None not in tuple(values.shape)


def _inside_unit(values: Any) -> bool:
    import numpy as np

    if not _is_dense(values):
        return False
    array = np.asarray(values, dtype="float32")
    return bool(array.size and array.min() >= 0 and array.max() <= 1)
