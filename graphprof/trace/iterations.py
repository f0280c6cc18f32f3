"""Where the steps of one call begin, when a call holds several (Keras's ``steps_per_execution``).

Keras's loop (``multi_step_on_iterator``, Keras 3.10 to 3.15) is a graph of its own around the step,
compiled by XLA or not. Three things in a trace tell its iterations:

* The graph executor's events carry the number of the iteration that they work for. In a model with
  loops of its own (an LSTM) these count the inner loops, too, and tell nothing.
* Each iteration first takes its batch out of an ``Optional``, by one node. But after some
  hundred runs TensorFlow no longer records short nodes, so that this node is missing from most
  traces.
* While an iteration computes, it asks for the next one's batch, with the number of the iteration.
  When that is heard depends on the pipeline's thread: an estimate.

``predict`` runs its N batches as one graph, side by side, and has none of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from graphprof.trace.model import Int64, Plane

STATS: tuple[str, ...] = ("id", "iter_num", "loop_iteration")
"""The stats that iterations are found by. ``loop_iteration`` is ``iter_num`` in amended traces."""

TAKES_ITS_BATCH = ":OptionalGetValue"
"""How the name of the node ends that every iteration begins with."""

ASKS_FOR_A_BATCH = "IteratorGetNextAsOptionalOp::DoCompute"
EXECUTOR = "ExecutorState::Process"
LAUNCH = "FunctionRun"


@dataclass(frozen=True)
class Begins:
    """When the steps of a call begin.

    Attributes:
        start_ps: one a step, ascending; the first is the call's own start.
        exact: whether they were recorded, rather than estimated.
    """

    start_ps: tuple[int, ...]
    exact: bool


@dataclass(frozen=True)
class _Events:
    """Events of some names, ascending in time."""

    start_ps: Int64
    name_id: Int64
    run: Int64
    iteration: Int64

    def between(self, start_ps: int, end_ps: int) -> _Events:
        first, last = np.searchsorted(self.start_ps, (start_ps, end_ps))
        here = slice(int(first), int(last))
        return _Events(
            self.start_ps[here], self.name_id[here], self.run[here], self.iteration[here]
        )

    def __len__(self) -> int:
        return len(self.start_ps)


class Iterations:
    """What a host plane knows of iterations."""

    def __init__(self, host: Plane) -> None:
        self._host = host
        self._run = _column(host, "id", 0)
        number = _column(host, "iter_num", -1)
        self._number = np.maximum(number, _column(host, "loop_iteration", -1))
        self._taken = self._events(lambda name: name.endswith(TAKES_ITS_BATCH))
        self._asked = self._events(lambda name: name == ASKS_FOR_A_BATCH)
        self._executed = self._events(lambda name: name == EXECUTOR)
        self._launched = self._events(lambda name: name == LAUNCH)

    def _events(self, wanted: Callable[[str], bool]) -> _Events:
        chosen = np.array([wanted(name) for name in self._host.names], bool)
        events = np.flatnonzero(chosen[self._host.name_id])
        events = events[np.argsort(self._host.start_ps[events], kind="stable")]
        return _Events(
            self._host.start_ps[events],
            self._host.name_id[events].astype(np.int64),
            self._run[events],
            self._number[events],
        )

    def begins(self, start_ps: int, end_ps: int, steps: int) -> Begins:
        """Return when each step of a call begins; the call may hold fewer than ``steps``."""
        inner = self._by_number(start_ps, end_ps, steps)
        if inner is None:
            inner = self._by_node(start_ps, end_ps, steps)
        exact = inner is not None
        if inner is None:
            inner = self._by_request(start_ps, end_ps, steps)
        if inner is None:
            length = end_ps - start_ps
            inner = [start_ps + length * k // steps for k in range(1, steps)]
        return Begins((start_ps, *inner), exact)

    def _by_number(self, start_ps: int, end_ps: int, steps: int) -> list[int] | None:
        """The executor's numbers, where one loop alone makes them."""
        events = self._executed.between(start_ps, end_ps)
        runs = self._launched.between(start_ps, end_ps).run
        mine = np.isin(events.run, runs) & (events.iteration >= 0)
        number, start = events.iteration[mine], events.start_ps[mine]
        if not len(number):
            return None
        count = int(number.max())
        # The loop's end is tested in an iteration more.
        if not 1 <= count <= steps or len(np.unique(number)) != count + 1:
            return None
        first = [int(start[number == k][0]) for k in range(count + 1)]
        last = [int(start[number == k][-1]) for k in range(count + 1)]
        ascending = all(one < two for one, two in itertools.pairwise(first))
        # An inner loop would start over in each iteration.
        once = all(last[k] < first[k + 2] for k in range(1, count - 1))
        return first[1:count] if ascending and once else None

    def _by_node(self, start_ps: int, end_ps: int, steps: int) -> list[int] | None:
        """The node of each iteration, where none is missing.

        A step may use optionals of its own: the loop's node is the first to run. An epoch's last
        call may hold fewer steps; its last request finds no batch.
        """
        taken = self._taken.between(start_ps, end_ps)
        if not len(taken):
            return None
        begun: list[int] = taken.start_ps[taken.name_id == taken.name_id[0]].tolist()
        asked = len(self._asked.between(start_ps, end_ps))
        held = asked - 1 if 0 < asked < steps else steps
        return begun[1:] if len(begun) == held else None

    def _by_request(self, start_ps: int, end_ps: int, steps: int) -> list[int] | None:
        """The requests for the next batch; the last iteration makes none."""
        asked = self._asked.between(start_ps, end_ps)
        starts: list[int] = asked.start_ps[asked.iteration >= 1].tolist()
        if len(asked) != steps or len(starts) != steps - 2:
            return None
        begun = starts[-1] if starts else start_ps
        return [*starts, (begun + end_ps) // 2]


def _column(plane: Plane, stat: str, missing: int) -> Int64:
    """Return a stat of whole numbers for every event of a plane."""
    values = np.full(len(plane), missing, np.int64)
    column = plane.stats.get(stat)
    if column is not None and column.values.dtype == np.int64:
        values[column.owner] = column.values
    return values
