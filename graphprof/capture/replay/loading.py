"""In a worker: a watched program's work, loaded as a workload (target ``replay:FOLDER``)."""

from __future__ import annotations

import io
import pickle
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from graphprof.capture.replay import pickling
from graphprof.capture.replay.saving import PICKLE_FILE
from graphprof.capture.workloads.builtin import Noted
from graphprof.capture.workloads.declared import Workload
from graphprof.errors import WorkloadError


def load(folder: Path) -> Noted:
    """The workload that ``saving.save`` wrote to ``folder``.

    Raises:
        WorkloadError: it is gone, or cannot be loaded here.
    """
    try:
        data = io.BytesIO((folder / PICKLE_FILE).read_bytes())
    except OSError as error:
        raise WorkloadError(
            f"{folder} holds no recovered workload ({error.strerror})", "Run graphprof exec again"
        ) from error
    try:
        notes = _prepare(pickle.load(data))
        kept = pickling.loads(data.read())
    except Exception as error:  # whatever the user's objects raise
        raise WorkloadError(
            f"What the program ran cannot be loaded: {error}",
            "Write a factory that builds it: graphprof profile models.py:build",
        ) from error
    notes = (f"Recovered from a watched program: {kept['origin']}.", *kept["notes"], *notes)
    declared = _step(kept) if kept["method"] == "function" else _model(kept)
    return Noted(declared, kept["origin"], notes)


def _prepare(surroundings: dict[str, Any]) -> tuple[str, ...]:
    """Set what the program had set before it made its objects."""
    for entry in surroundings["path"]:
        if entry not in sys.path:
            sys.path.append(entry)
    keras.config.set_floatx(surroundings["floatx"])
    keras.config.set_dtype_policy(surroundings["policy"])
    try:
        tf.config.threading.set_inter_op_parallelism_threads(surroundings["inter_op"])
        tf.config.threading.set_intra_op_parallelism_threads(surroundings["intra_op"])
    except RuntimeError:
        if surroundings["inter_op"] or surroundings["intra_op"]:
            return ("The program's number of threads could not be set.",)
    return ()


def _model(kept: dict[str, Any]) -> Workload:
    data = kept["data"]
    if kept["form"] == "batches":
        data = _endless(data)
    return Workload(
        model=kept["subject"],
        data=data,
        batch_size=kept["batch_size"],
        name=f"{kept['name']}.{kept['method']}",
    )


def _step(kept: dict[str, Any]) -> Workload:
    """The function as a step of one batch: its tensors are the batch, the rest stays as it was."""
    function = kept["subject"]
    leaves = keras.tree.flatten(kept["data"])
    places = [number for number, leaf in enumerate(leaves) if _is_tensor(leaf)]
    batch = tuple(leaves[number] for number in places)

    def step(*parts: Any) -> Any:
        filled = list(leaves)
        for number, part in zip(places, parts, strict=True):
            filled[number] = part
        args, kwargs = keras.tree.pack_sequence_as(kept["data"], filled)
        return function(*args, **kwargs)

    if not places:
        return Workload(step=lambda: step(), name=kept["name"])
    return Workload(step=step, data=_endless([batch]), name=kept["name"])


def _is_tensor(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) or (tf.is_tensor(leaf) and not hasattr(leaf, "assign"))


def _endless(batches: list[Any]) -> Any:
    """The batches as a dataset that begins again at their end."""
    found = [tf.data.Dataset.from_tensors(_lists_to_tuples(batch)) for batch in batches]
    dataset = found[0]
    for one in found[1:]:
        dataset = dataset.concatenate(one)
    return dataset.repeat().prefetch(tf.data.AUTOTUNE)


def _lists_to_tuples(batch: Any) -> Any:
    return tuple(batch) if isinstance(batch, list) else batch
