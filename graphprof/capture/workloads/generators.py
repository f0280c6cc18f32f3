"""Batches that the user's Python makes one by one: ``PyDataset``, generators, any iterable.

They become a ``tf.data`` pipeline as Keras ``fit`` makes one of them: ``from_generator`` with
prefetch, and Keras's own enqueuer where a ``PyDataset`` asks for workers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from graphprof.capture.instrument import private
from graphprof.capture.workloads.batches import Batches, first_of, leading, trimmed
from graphprof.errors import WorkloadError


def from_py_dataset(data: Any, asked: int | None) -> Batches:
    """Batches of a ``keras.utils.PyDataset``, in order, rebatched when ``asked`` differs.

    Raises:
        WorkloadError: it is empty.
    """
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

    made = from_function(one_pass, asked, "keras.utils.PyDataset")
    return Batches(made.dataset, made.first, made.batch_size, made.origin, made.notes + notes)


def _enqueued(data: Any) -> tuple[Any, tuple[str, ...]]:
    """Keras's own pipeline with worker threads or processes, which it has no public name for."""
    try:
        adapter = private.PY_DATASET_ADAPTER.resolve()[2]
    except (ImportError, AttributeError):
        lost = private.PY_DATASET_ADAPTER.lost
        return None, (f"Not used, since this Keras keeps them elsewhere: {lost}.",)
    return adapter(data, shuffle=False).get_tf_dataset(), ()


def from_function(function: Callable[[], Any], asked: int | None, origin: str) -> Batches:
    """Batches of a function that returns a fresh iterator on each call.

    Raises:
        WorkloadError: it yields nothing.
    """
    probe = iter(function())
    seen = [_standard(batch) for batch in itertools.islice(probe, 2)]
    if hasattr(probe, "close"):
        probe.close()
    dataset = _generated(lambda: map(_standard, iter(function())), seen).repeat()
    return _rebatched(dataset, seen[0] if seen else None, asked, origin, ())


def from_iterator(iterator: Iterator[Any], asked: int | None) -> Batches:
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
        first = first_of(iter(dataset))
        notes += (f"The {origin}'s own batches were rebatched to {asked}.",)
    return Batches(dataset, first, leading(first), origin, notes)


def _standard(batch: Any) -> Any:
    """A batch as tuples and arrays: ``tf.data`` would stack a list into one tensor."""
    import keras
    import numpy as np

    batch = trimmed(tuple(batch) if isinstance(batch, list) else batch)
    return keras.tree.map_structure(
        lambda leaf: leaf if leaf is None or hasattr(leaf, "dtype") else np.asarray(leaf),
        keras.tree.lists_to_tuples(batch),
    )


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
