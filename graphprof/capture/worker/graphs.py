"""How a worker learns its graphs, without touching what is timed.

The graph as built is read when the first call has built it. What became of it is asked when all timing
is over: TensorFlow hands out the optimised graph only of functions that it prepares while it is told
to collect, so that it is made to forget the prepared ones, and makes one more call. A mode that runs
op by op makes one more step with a note taken of each op and its shapes. XLA's passes are its own; its
instructions are in the trace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from graphprof.capture import blame, protocol
from graphprof.capture.instrument import graphs as reading
from graphprof.capture.instrument import private, scopes
from graphprof.capture.worker.labelling import Labelling
from graphprof.capture.worker.pacing import Task
from graphprof.session import graphprof_folder, write_atomically
from graphprof.trace.graphs import GRAPHS_FILE, EagerOp, Graphs, to_json
from graphprof.trace.labels import Label

_TOO_LONG = "preparing its graph once more would take as long as the first call"


class Graphing:
    """What one worker learns of its graphs.

    Args:
        labelling: has seen the graph while it was built.
        compiled: whether XLA compiles it.
    """

    def __init__(self, labelling: Labelling, *, compiled: bool) -> None:
        self._labelling = labelling
        self._compiled = compiled
        self._found = Graphs()

    def describe(self, request: protocol.DescribeGraphs) -> Task:
        """The task that makes the one more call, and writes what is known."""
        if not request.prepare:
            self._found = replace(self._found, lost=(*self._found.lost, _TOO_LONG))
        elif self._labelling.op_by_op:
            yield self._noting_ops
        elif not self._compiled:
            yield self._collecting
        self._read_built()
        path = graphprof_folder(Path(request.folder)) / GRAPHS_FILE
        write_atomically(path, to_json(self._found))
        return protocol.Kept(problem="; ".join(self._found.lost) or None)

    def _read_built(self) -> None:
        if self._labelling.graph is None:
            return
        try:
            self._found = replace(self._found, before=reading.built(self._labelling.graph))
        except Exception as error:  # private parts of TensorFlow: it costs the graphs alone
            self._lose("The graph as it was built cannot be read", error)

    def _lose(self, what: str, error: Exception) -> None:
        lost = f"{what}: {blame.summary(error)}"
        self._found = replace(self._found, lost=(*self._found.lost, lost))

    @contextmanager
    def _collecting(self) -> Iterator[None]:
        """Around the call whose functions are prepared anew."""
        try:
            context = private.EAGER_CONTEXT.resolve()[2]()
            private.FORGET_KERNELS.resolve()[2](context)
            private.COLLECT_GRAPHS.resolve()[2](context)
        except Exception as error:  # private parts of TensorFlow: it costs the graphs alone
            self._lose("What became of the graph cannot be seen", error)
            yield
            return
        try:
            yield
        finally:
            try:
                metadata = private.COLLECTED_GRAPHS.resolve()[2](context)
                self._keep(list(metadata.function_graphs))
            except Exception as error:
                self._lose("What became of the graph cannot be seen", error)
            finally:
                context.disable_run_metadata()

    def _keep(self, functions: list[Any]) -> None:
        if not functions:
            lost = "TensorFlow handed out no optimised graph"
            self._found = replace(self._found, lost=(*self._found.lost, lost))
            return
        # A loop of Keras's own may prepare small functions beside the step.
        largest = max(functions, key=lambda found: len(found.pre_optimization_graph.node))
        parts = [reading.exported(part) for part in largest.partition_graphs]
        self._found = replace(
            self._found,
            optimised=reading.exported(largest.post_optimization_graph),
            ran=max(parts, key=lambda part: part.total) if parts else None,
        )

    @contextmanager
    def _noting_ops(self) -> Iterator[None]:
        """Around the step whose ops are noted."""
        notes: Counter[tuple[Label, str, tuple[str, ...], tuple[str, ...], int | None]] = Counter()
        with scopes.layers() as seen:

            def note(
                op_type: Any, inputs: Any, attributes: Any, outputs: Any, *_: Any, **__: Any
            ) -> None:
                name = _text(op_type)
                made = tuple(map(reading.tensor, outputs))
                taken = tuple(map(reading.tensor, inputs))
                cost = reading.eager_flops(name, inputs, attributes, outputs)
                notes[seen.now, name, taken, made, cost] += 1

            try:
                private.OP_CALLBACK.resolve()[2](note)
            except Exception as error:  # private parts of TensorFlow: it costs the shapes alone
                self._lose("The shapes of ops cannot be seen", error)
                yield
                return
            try:
                yield
            finally:
                private.OP_CALLBACK_GONE.resolve()[2](note)
        ops = tuple(
            EagerOp(label.owner, label.in_pass, op_type, taken, made, calls, cost)
            for (label, op_type, taken, made, cost), calls in notes.items()
        )
        self._found = replace(self._found, eager=ops)


def _text(name: Any) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
