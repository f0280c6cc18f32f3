"""Makes up inputs and labels for a model that came without data.

Values matter little to the time of a step, shapes and types matter much: inputs follow the model's
own input specification (integers inside the embedding's range), labels are what the loss accepts.
"""

from __future__ import annotations

from typing import Any

from graphprof.capture.workloads import layers
from graphprof.errors import WorkloadError

# Open dimensions other than the batch: long enough to be work, short enough for every machine.
OPEN_LENGTH = 64
_BATCHES = 4
_MOST_BYTES = 256 * 2**20
_WORDS = ("alpha", "beta", "gamma", "delta")


def inputs(model: Any, batch_size: int, seed: int) -> tuple[Any, tuple[str, ...]]:
    """Arrays that fit the model's inputs, and what was assumed.

    Raises:
        WorkloadError: the model does not say what it takes.
    """
    import keras
    import numpy as np

    random = np.random.default_rng(seed)
    specs = _input_specs(model)
    leaves = keras.tree.flatten(specs)
    notes = []
    if any(None in tuple(leaf.shape)[1:] for leaf in leaves):
        notes.append(f"Open dimensions of the input were set to {OPEN_LENGTH}.")
    size = sum(4 * batch_size * int(np.prod(_dims(leaf))) for leaf in leaves)
    examples = batch_size * max(1, min(_BATCHES, _MOST_BYTES // max(size, 1)))
    highest = _smallest_vocabulary(model)

    def make(leaf: Any) -> Any:
        return _values(
            random, (examples, *_dims(leaf)), keras.backend.standardize_dtype(leaf.dtype), highest
        )

    return keras.tree.map_structure(make, specs), tuple(notes)


def _dims(leaf: Any) -> tuple[int, ...]:
    return tuple(OPEN_LENGTH if dim is None else int(dim) for dim in tuple(leaf.shape)[1:])


def _input_specs(model: Any) -> Any:
    """The model's inputs as a structure of objects with ``shape`` and ``dtype``."""
    import keras

    try:
        # A Sequential's `input` is that of its last call, if any; `inputs` is what it was made with.
        specs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    except (AttributeError, TypeError, ValueError):
        specs = None
    if specs is not None:
        return specs
    # A subclassed model that was called once remembers the shapes that it was built with.
    shapes = (model.get_build_config() or {}) if model.built else {}
    shape = shapes.get("input_shape")
    if not shape:
        raise WorkloadError(
            f"Model {model.name!r} does not say the shape of its input, and there are no data",
            "Return (model, data) from the factory, or begin the model with keras.Input(shape)",
        )
    if isinstance(shape, dict):
        return {key: keras.KerasTensor(tuple(value)) for key, value in shape.items()}
    if isinstance(shape[0], (list, tuple)):
        return [keras.KerasTensor(tuple(value)) for value in shape]
    return keras.KerasTensor(tuple(shape))


def _smallest_vocabulary(model: Any) -> int:
    """Integers below this are valid for every layer that looks integers up."""
    sizes = (_vocabulary(layer) for layer in layers.walk(model))
    return min((size for size in sizes if size is not None), default=2)


def _vocabulary(layer: Any) -> int | None:
    import keras

    if isinstance(layer, keras.layers.Embedding):
        return int(layer.input_dim)
    if isinstance(layer, keras.layers.CategoryEncoding):
        return int(layer.num_tokens)
    return None


def _values(random: Any, shape: tuple[int, ...], dtype: str, highest: int) -> Any:
    import numpy as np

    if dtype == "string":
        return np.array(_WORDS)[random.integers(0, len(_WORDS), shape)]
    if dtype == "bool":
        return random.integers(0, 2, shape).astype(bool)
    if dtype.startswith(("int", "uint")):
        return random.integers(0, max(highest, 1), shape).astype(dtype)
    return random.standard_normal(shape, dtype=np.float32)


# --- labels ---------------------------------------------------------------------------------

_KINDS = ("classes", "one_hot", "binary", "real")


def labels(loss: Any, outputs: Any, seed: int) -> list[Any]:
    """Candidates for one batch of labels, the most likely first; the caller tries them.

    Args:
        loss: the compiled loss: a name, function, ``Loss``, or a list or dict of these.
        outputs: what the model returned for one batch.
        seed: seeds the values.
    """
    import keras
    import numpy as np

    flat = keras.tree.flatten(outputs)
    if any(None in tuple(output.shape) for output in flat):  # ragged: no shape to fit labels to
        return []
    if not isinstance(loss, (dict, list, tuple)) or len(losses := _losses(loss, outputs)) != len(
        flat
    ):
        losses = [loss] * len(flat)
    guesses = [_kind(one) for one in losses]
    rows = [guesses, *([kind] * len(flat) for kind in _KINDS)]
    candidates = []
    for row in rows:
        random = np.random.default_rng(seed)
        made = [
            _labels(random, kind, tuple(out.shape)) for kind, out in zip(row, flat, strict=True)
        ]
        candidates.append(keras.tree.pack_sequence_as(outputs, made))
    return candidates


def _losses(loss: Any, outputs: Any) -> list[Any]:
    if isinstance(loss, dict) and isinstance(outputs, dict):
        return [loss.get(key) for key in sorted(outputs)]
    return list(loss.values()) if isinstance(loss, dict) else list(loss)


def _kind(loss: Any) -> str:
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
    name = str(name).lower()
    if "sparse" in name:
        return "classes"
    if "categorical" in name or name in {"kl_divergence", "kld"}:
        return "one_hot"
    if "binary" in name or "hinge" in name:
        return "binary"
    return "real"


def _labels(random: Any, kind: str, shape: tuple[int, ...]) -> Any:
    import numpy as np

    if kind == "classes" and len(shape) > 1:
        return random.integers(0, max(shape[-1], 1), shape[:-1]).astype("int32")
    if kind == "one_hot" and shape:
        return np.eye(shape[-1], dtype="float32")[random.integers(0, shape[-1], shape[:-1])]
    if kind in {"binary", "classes", "one_hot"}:
        return random.integers(0, 2, shape).astype("float32")
    return random.standard_normal(shape, dtype=np.float32)
