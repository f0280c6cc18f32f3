"""Data of any accepted form to one endless ``tf.data`` pipeline, the same in every mode.

Whatever arrives as a pipeline stays the user's: its shuffling, mapping and prefetching are part of
what is measured. Arrays, ``PyDataset`` and generators become a pipeline the way Keras ``fit`` makes
one of them (parallel slicing, prefetch), but never shuffled, so that all modes see the same batches
in the same order.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from graphprof.capture import blame
from graphprof.capture.instrument import private
from graphprof.errors import WorkloadError

DEFAULT_BATCH_SIZE = 32  # Keras's own default

_ACCEPTED = (
    "Return arrays x, (x, y) or (x, y, sample_weight), a tf.data.Dataset, "
    "a keras.utils.PyDataset or a generator function"
)


@dataclass(frozen=True)
class Batches:
    """Batches without end.

    Attributes:
        dataset: ``tf.data.Dataset`` of batches; endless, except over a generator that is used up.
        first: one batch as the dataset yields it, to check the model with.
        batch_size: examples in the first batch, or None when it has no leading dimension.
        origin: where they come from, for people.
        notes: sentences that a reader must know.
    """

    dataset: Any
    first: Any
    batch_size: int | None
    origin: str
    notes: tuple[str, ...] = ()


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
            return _from_py_dataset(data, batch_size)
        if inspect.isgenerator(data) or isinstance(data, Iterator):
            return _from_iterator(data, batch_size)
        if inspect.isgeneratorfunction(data):
            return _from_function(data, batch_size, "generator function")
        if callable(data) and not hasattr(data, "__array__"):
            return batches(data(), batch_size, input_ranks)
        if _all_arrays(data):
            return _from_arrays(data, batch_size)
        if isinstance(data, Iterable) and not isinstance(
            data, (str, bytes, dict, list, tuple, set)
        ):
            return _from_function(lambda: iter(data), batch_size, type(data).__name__)
    except (Exception, SystemExit) as error:
        raise blame.blame(error, "Reading the data", _reading_cure(error)) from error
    raise WorkloadError(f"Data of type {type(data).__name__} cannot be used", _ACCEPTED)


def _reading_cure(error: BaseException) -> str | None:
    return "Let every batch have the same structure" if isinstance(error, ValueError) else None


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
    data = (data,) if isinstance(data, list) else _trimmed(data)
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
    return Batches(
        dataset, batch(tf.constant(0, tf.int64)), size, f"arrays of {examples} examples", notes
    )


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
    endless = int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY
    first = _first(iter(dataset))
    return Batches(
        dataset if endless else dataset.repeat(), first, leading(first), "tf.data.Dataset", notes
    )


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


def _from_py_dataset(data: Any, asked: int | None) -> Batches:
    count = data.num_batches
    if count == 0:
        raise WorkloadError("The PyDataset is empty: 0 batches", "Let it hold at least one batch")
    notes: tuple[str, ...] = ()
    if data.workers > 1 or data.use_multiprocessing:
        dataset, notes = _enqueued(data)
        if dataset is not None:
            return _rebatched(
                dataset.repeat(), _standard(data[0]), asked, "keras.utils.PyDataset", notes
            )

    def one_pass() -> Iterator[Any]:
        data.on_epoch_begin()
        for index in itertools.count() if count is None else range(count):
            yield _standard(data[index])
        data.on_epoch_end()

    made = _from_function(one_pass, asked, "keras.utils.PyDataset")
    return Batches(made.dataset, made.first, made.batch_size, made.origin, made.notes + notes)


def _enqueued(data: Any) -> tuple[Any, tuple[str, ...]]:
    """Keras's own pipeline with worker threads or processes, which it has no public name for."""
    try:
        adapter = private.PY_DATASET_ADAPTER.resolve()[2]
    except (ImportError, AttributeError):
        lost = private.PY_DATASET_ADAPTER.lost
        return None, (f"Not used, since this Keras keeps them elsewhere: {lost}.",)
    return adapter(data, shuffle=False).get_tf_dataset(), ()


def _from_function(function: Callable[[], Any], asked: int | None, origin: str) -> Batches:
    """Batches of a function that returns a fresh iterator on each call."""
    probe = iter(function())
    seen = [_standard(batch) for batch in itertools.islice(probe, 2)]
    if hasattr(probe, "close"):
        probe.close()
    dataset = _generated(lambda: map(_standard, iter(function())), seen).repeat()
    return _rebatched(dataset, seen[0] if seen else None, asked, origin, ())


def _from_iterator(iterator: Iterator[Any], asked: int | None) -> Batches:
    """Batches of an iterator that cannot begin anew: used once, from its first batch on."""
    seen = [_standard(batch) for batch in itertools.islice(iterator, 2)]
    once = itertools.chain(seen, map(_standard, iterator))
    note = "The data are a generator that cannot begin again; a generator function could."
    dataset = _generated(lambda: once, seen)
    return _rebatched(dataset, seen[0] if seen else None, asked, "generator", (note,))


def _rebatched(
    dataset: Any, first: Any, asked: int | None, origin: str, notes: tuple[str, ...]
) -> Batches:
    import keras
    import tensorflow as tf

    first = keras.tree.map_structure(
        lambda leaf: None if leaf is None else tf.convert_to_tensor(leaf), first
    )
    if asked is not None and asked != leading(first):
        dataset = dataset.rebatch(asked, drop_remainder=True)
        first = _first(iter(dataset))
        notes += (f"The {origin}'s own batches were rebatched to {asked}.",)
    return Batches(dataset, first, leading(first), origin, notes)


def _standard(batch: Any) -> Any:
    """A batch as tuples and arrays: ``tf.data`` would stack a list into one tensor."""
    import keras
    import numpy as np

    batch = _trimmed(tuple(batch) if isinstance(batch, list) else batch)
    return keras.tree.map_structure(
        lambda leaf: leaf if leaf is None or hasattr(leaf, "dtype") else np.asarray(leaf),
        keras.tree.lists_to_tuples(batch),
    )


def _trimmed(batch: Any) -> Any:
    """``(x, y, None)`` -> ``(x, y)``."""
    while isinstance(batch, tuple) and len(batch) > 1 and batch[-1] is None:
        batch = batch[:-1]
    return batch


def _generated(function: Callable[[], Iterator[Any]], seen: list[Any]) -> Any:
    """``from_generator`` with prefetch, as ``fit`` does; dimensions that vary are left open."""
    import keras
    import tensorflow as tf

    if not seen:
        raise WorkloadError("The generator yields nothing", "Let it yield at least one batch")

    def spec(*leaves: Any) -> Any:
        shapes = [tuple(leaf.shape) for leaf in leaves]
        if len({len(shape) for shape in shapes}) > 1:
            return tf.TensorSpec(None, leaves[0].dtype)
        # The first dimension is the batch: the last batch of a pass is often smaller.
        dims = [
            dim[0] if axis and len(set(dim)) == 1 else None
            for axis, dim in enumerate(zip(*shapes, strict=True))
        ]
        return tf.TensorSpec(dims, leaves[0].dtype)

    signature = keras.tree.map_structure(spec, *seen)
    dataset = tf.data.Dataset.from_generator(function, output_signature=signature)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _first(iterator: Iterator[Any]) -> Any:
    try:
        return next(iterator)
    except StopIteration:
        raise WorkloadError("The dataset is empty", "Let it yield at least one batch") from None
