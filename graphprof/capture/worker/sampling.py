"""Tensors by name, as arrays of a bounded size.

What a mode computed is kept on disk for every session, so each kind of array (outputs, gradients,
weights ...) is kept to ``TOTAL`` values, 4 MB of float32: an array that is larger than its share
is kept as a sample of its values, drawn evenly and in every mode at the same places.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

TOTAL = 1 << 20
LARGEST = 1 << 16
# Of very many arrays each still keeps this many values.
FEWEST = 256


def sampled(arrays: Mapping[str, Any], among: int | None = None) -> Arrays:
    """Arrays of one kind, those above their share of ``TOTAL`` as a sample; text is left out.

    Args:
        arrays: name -> array, tensor or variable; read one after the other.
        among: how many share ``TOTAL``; None means these.
    """
    share = max(FEWEST, min(LARGEST, TOTAL // max(1, len(arrays) if among is None else among)))
    read = ((name, plain(value)) for name, value in arrays.items())
    return {name: _sample(array, share) for name, array in read if array.dtype.kind in "biuf"}


def plain(value: Any) -> NDArray[Any]:
    """An array of a type that NumPy itself can store, which bfloat16 is not."""
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    return array if array.dtype.kind in "biufcSUO" else array.astype("float32")


def _sample(array: NDArray[Any], share: int) -> NDArray[Any]:
    if array.size <= share:
        return np.array(array)  # a copy: the tensor's memory is not to be held
    # The same places in arrays of the same size. Not every n-th: that may be always one column.
    places = np.sort(np.random.default_rng(array.size).integers(0, array.size, share))
    sample: NDArray[Any] = array.reshape(-1)[places]
    return sample


def fingerprint(structure: Any) -> str:
    """A text that tells structures of tensors apart; floats count as float32, in any precision."""
    digest = hashlib.sha256()
    for name, value in named(structure):
        array = plain(value)
        array = array.astype("float32") if array.dtype.kind == "f" else array
        content = repr(array.tolist()).encode() if array.dtype.kind == "O" else array.tobytes()
        digest.update(f"{name} {array.shape} ".encode() + content)
    return digest.hexdigest()[:16]


def named(structure: Any, single: str = "output") -> Iterator[tuple[str, Any]]:
    """The leaves of a structure with names made of their places in it.

    Args:
        structure: a tensor, or a dict, list or tuple of such.
        single: the name of a structure that is one tensor.
    """
    if isinstance(structure, Mapping):
        parts: Iterable[tuple[Any, Any]] = structure.items()
    elif isinstance(structure, (list, tuple)):
        parts = enumerate(structure)
    else:
        if structure is not None:
            yield single, structure
        return
    for key, part in parts:
        for name, leaf in named(part, ""):
            yield (f"{key}/{name}" if name else str(key)), leaf


def unique(names: Iterable[str]) -> list[str]:
    """The names, those that were there before with a number: ``w``, ``w_1``."""
    seen: set[str] = set()
    result = []
    for name in names:
        free, number = name, 0
        while free in seen:
            number += 1
            free = f"{name}_{number}"
        seen.add(free)
        result.append(free)
    return result
