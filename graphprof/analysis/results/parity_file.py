"""The file in which a mode leaves what it computed, for the modes to be compared.

Each mode runs the same few steps from the same weights on the same batches and leaves, in its
graphprof folder, ``parity.npz`` (numpy, no pickles); where a float64 eager run of the same model
was possible, the session folder holds it as ``parity_reference.npz``. Both have these arrays:

==================  ===========================================================================
``about``           0-d text, JSON: ``steps`` (how many), ``precision`` (``float32``, ...),
                    ``random`` (what draws random numbers that the seeds do not control),
                    ``random_layers`` (layers that draw random numbers while they train),
                    ``evaluated`` (kinds of arrays that were computed without them),
                    ``loss_steps`` (which steps ``loss`` is of, all by default), ``batch`` (a
                    fingerprint of a batch), ``coarse_ops`` (ops that compute in less than the
                    ``precision`` float64, where it is known); or ``reason``: why there is
                    nothing to compare
``loss``            (n,) the loss that the mode gives at the end of these steps, from before the
                    step's update; Keras gives the mean over the steps so far
``output/<name>``   outputs for the first batch, with the initial weights
``layer/<name>``    outputs of each layer for the first batch, in forward order (optional)
``gradient/<v>``    gradient of the first step by variable
``initial/<v>``     each variable before the first step
``weight/<v>``      each variable after the last step
``moment/<v>``      what the optimizer keeps of the size of its gradients (optional)
==================  ===========================================================================

``pack`` makes them, ``save`` writes them. The order of the names is the order of the model; names
are unique, so variables go by their path (``dense_1/kernel``). Large arrays may be samples of their
values, drawn at the same places in each mode.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from graphprof.session import write_atomically

PARITY_FILE: Final = "parity.npz"
REFERENCE_FILE: Final = "parity_reference.npz"

# What reading a damaged file raises.
DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Recording:
    """What one mode computed, read lazily.

    Attributes:
        about: the JSON of ``about``.
        arrays: array name -> array.
    """

    about: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]

    @property
    def precision(self) -> str:
        """The precision it was computed in."""
        found = str(self.about.get("precision", "float32"))
        # Keras's mixed policies keep float32 variables and compute in the other one.
        return found.removeprefix("mixed_")

    def names(self, kind: str) -> list[str]:
        """Names of one kind of array, in the order of the model."""
        return [name.partition("/")[2] for name in self.arrays if name.startswith(f"{kind}/")]

    def losses(self) -> dict[int, NDArray[np.float64]]:
        """Number of the step -> loss."""
        values = self.array("loss")
        return dict(zip(self.about.get("loss_steps", range(len(values))), values, strict=True))

    def array(self, name: str) -> NDArray[np.float64]:
        """One array in double precision."""
        return np.asarray(self.arrays[name]).astype(np.float64)


def pack(
    about: Mapping[str, Any], loss: ArrayLike, **kinds: Mapping[str, ArrayLike]
) -> dict[str, NDArray[Any]]:
    """The arrays of ``parity.npz``, for ``numpy.savez``.

    Args:
        about: see the module.
        loss: loss of each step.
        kinds: ``output``, ``layer``, ``gradient``, ``initial``, ``weight``, ``moment``: name ->
            array.
    """
    arrays = {"about": np.array(json.dumps(dict(about))), "loss": np.asarray(loss)}
    for kind, named in kinds.items():
        arrays |= {f"{kind}/{name}": np.asarray(array) for name, array in named.items()}
    return arrays


def save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write what ``pack`` made.

    Raises:
        StorageError: the folder cannot be written or the disk is full.
    """
    data = io.BytesIO()
    np.savez(data, **arrays)  # type: ignore[arg-type]
    write_atomically(path, data.getvalue())


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Recording | None]:
    """A recording whose arrays are read one by one, or None when there is none or it is damaged."""
    with contextlib.ExitStack() as stack:
        found = None
        with contextlib.suppress(*DAMAGE):
            arrays = stack.enter_context(np.load(path, allow_pickle=False))
            about = json.loads(str(arrays["about"]))
            found = Recording(about, arrays) if isinstance(about, dict) else None
        yield found
