"""How a worker learns whose ops are whose, without touching what is timed.

Modes that build graphs: while the first call builds them (``naming``). Modes that run op by op: by
scopes around the calls that are traced (``scopes``). Either way ``labels.json`` lies beside the
mode's trace in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from graphprof.capture.instrument import naming, scopes
from graphprof.session import graphprof_folder, write_atomically
from graphprof.trace.labels import LABELS_FILE, Labels, LayerInfo, to_json


class Labelling:
    """What one worker learns.

    Attributes:
        op_by_op: whether the mode runs op by op instead of building graphs.
        graph: the graph that the first call has built, or None.
    """

    def __init__(self, *, op_by_op: bool) -> None:
        self.op_by_op = op_by_op
        self.graph: Any | None = None
        self._built = Labels()
        self._scoped: dict[str, LayerInfo] = {}
        self._lost: tuple[str, ...] = ()

    def first_call(self) -> AbstractContextManager[object]:
        """A context for the call in which graphs are built."""
        return nullcontext() if self.op_by_op else self._building()

    def traced_call(self) -> AbstractContextManager[object]:
        """A context for a call that is traced; open it around the step's mark."""
        return self._scopes() if self.op_by_op else nullcontext()

    def save(self, run_folder: Path) -> tuple[str, ...]:
        """Write what was learnt into a run's folder; returns what could not be learnt, in words.

        Raises:
            StorageError: it cannot be written.
        """
        learnt = Labels(tuple(self._scoped.values())) if self.op_by_op else self._built
        write_atomically(graphprof_folder(run_folder) / LABELS_FILE, to_json(learnt))
        return self._lost

    @contextmanager
    def _building(self) -> Iterator[None]:
        with naming.building() as names:
            yield
        self.graph = names.graph()
        self._built = names.labels()

    @contextmanager
    def _scopes(self) -> Iterator[None]:
        with scopes.layers() as seen:
            yield
        self._scoped.update(seen.layers)
        self._lost = seen.lost
