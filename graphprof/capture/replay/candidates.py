"""What a watched program ran that could be run again: its models, its steps, and some of their data.

Filled by the watch while the program runs, read when it has ended. What is kept is bounded: a few
candidates, the first of each place in the user's code, and the rows of a few batches. It knows
nothing of TensorFlow.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphprof.capture.instrument.sites import Site

MOST_CANDIDATES = 8
MOST_BATCHES = 8
MOST_BYTES = 64 << 20
"""Of one candidate's data: whole batches that fit are kept, and one batch at least."""
DEFAULT_BATCH_SIZE = 32  # Keras's own

PHASES = {
    "fit": "train",
    "train_on_batch": "train",
    "evaluate": "evaluate",
    "test_on_batch": "evaluate",
    "predict": "predict",
    "predict_on_batch": "predict",
}


@dataclass
class Candidate:
    """One thing that was run.

    Attributes:
        method: ``fit``, ``predict`` ..., or ``function`` for a ``tf.function``.
        name: what people read: the model's class or the function's name.
        site: the user's line that ran it.
        subject: the model, or the Python function of the ``tf.function``.
        form: how ``data`` is to be read: ``arrays`` (x, y, sample_weight; the first rows),
            ``dataset``, ``sequence`` (a PyDataset), ``batches`` (a list of batches), ``arguments``
            ((args, kwargs) of the function), ``none``.
        data: see ``form``.
        batch_size: of arrays.
        why_not: why its data could not be kept, or "".
    """

    method: str
    name: str
    site: Site | None
    subject: Any
    form: str = "none"
    data: Any = None
    batch_size: int = DEFAULT_BATCH_SIZE
    why_not: str = ""

    @property
    def phase(self) -> str:
        """The phase that it is replayed in."""
        return PHASES.get(self.method, "train")


@dataclass
class Candidates:
    """All of a program.

    Attributes:
        wanted: whether anything is kept at all.
        found: the first candidate of each method and place, oldest first.
    """

    wanted: bool = False
    found: dict[tuple[str, Site | None], Candidate] = field(default_factory=dict)

    def keras(self, method: str, model: Any, site: Site | None, args: Any, kwargs: Any) -> None:
        """A call of ``fit``, ``predict`` ... begins."""
        if not self.lacks(method, site):
            return
        candidate = Candidate(method, type(model).__name__, site, model)
        self.found[method, site] = candidate
        try:
            _keep_keras(candidate, args, kwargs)
        except Exception as error:  # odd containers of data: the program must go on
            candidate.form, candidate.data = "none", None
            candidate.why_not = f"its data could not be copied ({type(error).__name__}: {error})"

    def function(self, function: Any, name: str, site: Site | None, arguments: Any) -> None:
        """A call of a ``tf.function`` has built it; ``function`` is its Python."""
        if self.lacks("function", site):
            self.found["function", site] = Candidate(
                "function", name, site, function, "arguments", arguments
            )

    def batches(self, batches: list[Any]) -> None:
        """Keras has read the first batches of a generator, for the newest candidate."""
        if self.found:
            newest = next(reversed(self.found.values()))
            if newest.form == "generator":
                newest.form, newest.data = "batches", list(batches)[:MOST_BATCHES]

    def lacks(self, method: str, site: Site | None) -> bool:
        """Whether a call of this kind and place would be kept."""
        return (
            self.wanted and len(self.found) < MOST_CANDIDATES and (method, site) not in self.found
        )


def _keep_keras(candidate: Candidate, args: Any, kwargs: Any) -> None:
    on_batch = candidate.method.endswith("on_batch")
    takes_y = not candidate.method.startswith("predict")
    given = dict(zip(("x", "y", "batch_size") if takes_y else ("x", "batch_size"), args))  # noqa: B905
    given.update(kwargs)
    x, y = given.get("x"), given.get("y") if takes_y else None
    if hasattr(x, "element_spec"):
        candidate.form, candidate.data = "dataset", x
    elif hasattr(x, "num_batches") and hasattr(x, "__getitem__"):
        candidate.form, candidate.data = "sequence", x
    elif hasattr(x, "__next__"):
        candidate.form = "generator"
    elif x is None:
        candidate.why_not = f"{candidate.method} was called without data"
    else:
        _keep_arrays(candidate, (x, y, given.get("sample_weight")), given, on_batch)


def _keep_arrays(
    candidate: Candidate, parts: tuple[Any, ...], given: dict[str, Any], on_batch: bool
) -> None:
    tree = sys.modules["keras"].tree
    while parts and parts[-1] is None:
        parts = parts[:-1]
    leaves = [leaf for leaf in tree.flatten(parts) if leaf is not None]
    rows = min(len(leaf) for leaf in leaves)
    size = rows if on_batch else min(rows, given.get("batch_size") or DEFAULT_BATCH_SIZE)
    row_bytes = sum(_row_bytes(leaf) for leaf in leaves)
    fitting = max(1, min(MOST_BATCHES, int(MOST_BYTES / max(1.0, row_bytes * size))))
    if row_bytes * size > 2 * MOST_BYTES:
        candidate.why_not = f"one batch takes {row_bytes * size / 2**20:.0f} MiB"
        return
    first = copier(fitting * size)
    candidate.form = "arrays"
    candidate.data = tree.map_structure(lambda leaf: None if leaf is None else first(leaf), parts)
    candidate.batch_size = size


def copier(rows: int) -> Callable[[Any], Any]:
    """A function that copies the first ``rows`` rows of an array, tensor or table column."""
    import numpy as np

    def first(leaf: Any) -> Any:
        if hasattr(leaf, "numpy") and hasattr(leaf, "shape"):
            return leaf[:rows]  # a tensor never changes
        return np.array(leaf[:rows])

    return first


def _row_bytes(leaf: Any) -> float:
    rows = max(1, len(leaf))
    known = getattr(leaf, "nbytes", None)
    if isinstance(known, int):
        return known / rows
    shape = getattr(leaf, "shape", (rows,))
    elements = 1
    for size in list(shape)[1:]:
        elements *= int(size or 1)
    return 8.0 * elements
