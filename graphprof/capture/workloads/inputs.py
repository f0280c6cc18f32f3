"""Changes to the input pipeline, made from outside: what the user's edit would do for the step.

``cache``: the first so many batches are kept in memory and repeated, so that no step waits for one.
``prefetch``: so many batches are made ahead (-1 lets tf.data choose).
``parallel``: with 1, each ``map`` that runs one call after the other runs several at once, as with
``num_parallel_calls=tf.data.AUTOTUNE``; tf.data leaves those alone that keep state (random numbers,
Python).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def changed(dataset: Any, changes: Mapping[str, int]) -> Any:
    """``dataset`` with its ``changes``; endless as before.

    Args:
        dataset: endless ``tf.data.Dataset`` of batches, or None for a step that takes none.
        changes: ``cache`` or ``prefetch`` -> number of batches, ``parallel`` -> 1.
    """
    if dataset is None:
        return None
    if "cache" in changes:
        dataset = dataset.take(changes["cache"]).cache().repeat()
    if changes.get("parallel"):
        dataset = dataset.with_options(_parallel_maps())
    if "prefetch" in changes:
        dataset = dataset.prefetch(changes["prefetch"])
    return dataset


def _parallel_maps() -> Any:
    import tensorflow as tf

    options = tf.data.Options()
    options.experimental_optimization.map_parallelization = True
    return options
