"""Data of any accepted form to one endless ``tf.data`` pipeline, the same in every mode.

Whatever arrives as a pipeline stays the user's: its shuffling, mapping and prefetching are part of
what is measured. Arrays, ``PyDataset`` and generators become a pipeline the way Keras ``fit`` makes
one of them (parallel slicing, prefetch), but never shuffled, so that all modes see the same batches
in the same order.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from graphprof.capture import blame
from graphprof.capture.workloads import generators
from graphprof.capture.workloads.batches import Batches, as_tuple, first_of, leading, trimmed
from graphprof.errors import WorkloadError

DEFAULT_BATCH_SIZE = 32  # Keras's own default

_ACCEPTED = (
    "Return arrays x, (x, y) or (x, y, sample_weight), a tf.data.Dataset, "
    "a keras.utils.PyDataset or a generator function"
)


def batches(data: Any, batch_size: int | None = None, input_ranks: tuple[int, ...] = ()) -> Batches:
    """Make batches of ``data``.

    Args:
        data: see the module; anything that a factory may return as data.
        batch_size: examples in a batch as asked for; None keeps the pipeline's own, 32 for arrays.
        input_ranks: ranks of the model's inputs, batch included, where they are known: they tell
            single examples from batches.

    Raises:
        WorkloadError: no accepted form, empty, of unequal lengths, or it fails while it is read.
    """
    import keras
    import tensorflow as tf

    try:
        if isinstance(data, tf.data.Dataset):
            return _from_dataset(data, batch_size, input_ranks)
        if isinstance(data, keras.utils.PyDataset):
            return generators.from_py_dataset(data, batch_size)
        if inspect.isgenerator(data) or isinstance(data, Iterator):
            return generators.from_iterator(data, batch_size)
        if inspect.isgeneratorfunction(data):
            return generators.from_function(data, batch_size, "generator function")
        if callable(data) and not hasattr(data, "__array__"):
            return batches(data(), batch_size, input_ranks)
        if _all_arrays(data):
            return _from_arrays(data, batch_size)
        if isinstance(data, Iterable) and not isinstance(
            data, (str, bytes, dict, list, tuple, set)
        ):
            return generators.from_function(lambda: iter(data), batch_size, type(data).__name__)
    except (Exception, SystemExit) as error:
        raise blame.blame(error, "Reading the data", _reading_cure(error)) from error
    raise WorkloadError(f"Data of type {type(data).__name__} cannot be used", _ACCEPTED)


def _reading_cure(error: BaseException) -> str | None:
    if "Unsupported object type" in str(error):
        return "Give arrays of numbers or text; an array of Python objects is none"
    return "Let every batch have the same structure" if isinstance(error, ValueError) else None


# --- arrays ---------------------------------------------------------------------------------


def _is_array(leaf: Any) -> bool:
    return leaf is None or (hasattr(leaf, "__array__") and hasattr(leaf, "shape"))


def _all_arrays(data: Any) -> bool:
    import keras

    leaves = keras.tree.flatten(data)
    return any(leaf is not None for leaf in leaves) and all(_is_array(leaf) for leaf in leaves)


def _from_arrays(data: Any, asked: int | None) -> Batches:
    import keras
    import tensorflow as tf

    # A list is one x of several inputs, as in `fit`; as a tuple it would read (x, y).
    data = (data,) if isinstance(data, list) else trimmed(data)
    arrays = keras.tree.map_structure(_tensor, keras.tree.lists_to_tuples(data))
    lengths = {_length(leaf) for leaf in keras.tree.flatten(arrays) if leaf is not None}
    if len(lengths) != 1:
        raise WorkloadError(
            f"The arrays hold different numbers of examples: {', '.join(map(str, sorted(lengths)))}",
            "Give x, y and sample weights the same first dimension",
        )
    examples = lengths.pop()
    if examples == 0:
        raise WorkloadError("The data are empty: 0 examples", "Return at least one batch")
    if asked is not None and asked > examples:
        raise WorkloadError(
            f"A batch of {asked} was asked for but the data hold {examples} examples",
            f"Use --batch-size {examples} or less, or return more data",
        )
    size = asked or min(DEFAULT_BATCH_SIZE, examples)

    def batch(index: Any) -> Any:
        start = index * size
        return keras.tree.map_structure(
            lambda leaf: None if leaf is None else leaf[start : start + size], arrays
        )

    # Whole batches only: a smaller one at the end of each pass would be other work (and a retrace).
    dataset = (
        tf.data.Dataset.range(examples // size)
        .repeat()
        .map(batch, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )
    notes: tuple[str, ...] = () if asked else (f"Batch size {size}: no batch size was given.",)
    left = examples % size
    if left:
        notes += (f"The last {left} of {examples} examples do not fill a batch and are left out.",)
    first, origin = batch(tf.constant(0, tf.int64)), f"arrays of {examples} examples"
    return Batches(dataset, first, size, origin, notes, examples // size)


def _tensor(leaf: Any) -> Any:
    """A tensor; float arrays in Keras's float type, as ``fit`` converts them."""
    import keras
    import numpy as np
    import tensorflow as tf

    if leaf is None:
        return None
    if not tf.is_tensor(leaf):
        leaf = np.asarray(leaf)
    tensor = tf.convert_to_tensor(leaf)
    return tf.cast(tensor, keras.config.floatx()) if tensor.dtype.is_floating else tensor


def _length(tensor: Any) -> int:
    if not len(tensor.shape):
        raise WorkloadError("The data hold a single number, not examples", _ACCEPTED)
    return int(tensor.shape[0])


# --- pipelines ------------------------------------------------------------------------------


def _from_dataset(dataset: Any, asked: int | None, input_ranks: tuple[int, ...]) -> Batches:
    import tensorflow as tf

    notes: tuple[str, ...] = ()
    if _holds_examples(dataset.element_spec, input_ranks):
        size = asked or DEFAULT_BATCH_SIZE
        dataset = dataset.batch(size, drop_remainder=True)
        notes = (f"The dataset yields single examples; batched by {size}.",)
    elif asked is not None and asked != leading(dataset.element_spec):
        dataset = dataset.rebatch(asked, drop_remainder=True)
        notes = (f"The dataset's own batches were rebatched to {asked}.",)
    cardinality = int(dataset.cardinality())
    endless = cardinality == tf.data.INFINITE_CARDINALITY
    first = first_of(iter(dataset))
    repeated = dataset if endless else dataset.repeat()
    known = cardinality if cardinality > 0 else None
    return Batches(repeated, first, leading(first), "tf.data.Dataset", notes, known)


def _holds_examples(spec: Any, input_ranks: tuple[int, ...]) -> bool:
    """Whether elements are single examples rather than batches."""
    import keras

    x = as_tuple(spec)[0] if isinstance(spec, tuple) and len(spec) <= 3 else spec
    leaves = [leaf for leaf in keras.tree.flatten(x) if getattr(leaf, "shape", None) is not None]
    ranks = [leaf.shape.rank for leaf in leaves]
    if len(ranks) == len(input_ranks) and None not in ranks:
        return all(rank == wanted - 1 for rank, wanted in zip(ranks, input_ranks, strict=True))
    every = [leaf for leaf in keras.tree.flatten(spec) if getattr(leaf, "shape", None) is not None]
    return any(leaf.shape.rank == 0 for leaf in every)
