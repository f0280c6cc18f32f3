"""Initial weights to a file and back, so that all workers begin equal.

One ``.npz``; entry ``i`` is variable ``i`` in the workload's order. Optimizers have no part in it:
before the first step their state is the same zeros everywhere.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphprof.errors import StorageError, WorkloadError


def save(path: str | Path, variables: Sequence[Any]) -> None:
    """Write the values of ``variables``.

    Raises:
        StorageError: the file cannot be written.
    """
    import numpy as np

    arrays = {f"{index:06d}": _plain(variable) for index, variable in enumerate(variables)}
    try:
        with open(path, "wb") as file:
            np.savez(file, **arrays)
    except OSError as error:
        raise StorageError(
            f"Cannot write the initial weights to {path}: {error.strerror or error}",
            "Free some space or name another folder",
        ) from error


def read(path: str | Path) -> list[Any]:
    """The arrays that ``save`` wrote, in the order of the variables.

    Raises:
        StorageError: the file is missing or damaged.
    """
    import numpy as np

    try:
        with np.load(path) as file:
            return [file[name] for name in sorted(file.files)]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise StorageError(
            f"Cannot read the initial weights in {path}: {error}", "Profile again"
        ) from error


def load(path: str | Path, variables: Sequence[Any]) -> None:
    """Set ``variables`` to what ``save`` wrote.

    Raises:
        StorageError: the file is missing or damaged.
        WorkloadError: it holds other variables: the factory did not build the same model again.
    """
    import tensorflow as tf

    arrays = read(path)
    shapes = [tuple(variable.shape) for variable in variables]
    if [array.shape for array in arrays] != shapes:
        raise WorkloadError(
            f"The factory built another model than before: {len(arrays)} variables were saved, "
            f"{len(shapes)} are there now, or their shapes differ",
            "Let the factory build the same model each time it is called",
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(tf.cast(array, variable.dtype))


def _plain(variable: Any) -> Any:
    """The value as an array of a type that NumPy itself can store (not bfloat16)."""
    import numpy as np

    value = np.asarray(variable.numpy())
    return value if value.dtype.kind in "biufSU" else value.astype("float32")
