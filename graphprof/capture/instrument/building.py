"""The building log of a worker: in which calls of the loop graphs were built and compiled, and why.

Building is seen at the one function that turns a Python function into a graph: nothing is noted, and
nothing costs anything, while nothing is built. What is noted is what ``graphprof exec`` notes of a
program's buildings (``docs/watch-format.md``), with the call of the loop.

XLA compiles on its own, too: a graph with open dimensions is compiled again for each new shape, and
nothing in Python sees that. Machine code that is new in the process gives it away. It is looked for
only after a call that took much longer than usual, between the calls.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from graphprof.capture.instrument import private, signature
from graphprof.capture.instrument.functions import watch_functions
from graphprof.capture.instrument.watch import Watch
from graphprof.capture.protocol import Buildings

# A worker tells of so many buildings and compilations; of later ones only in which calls they were.
MOST_TOLD = 200
# XLA takes 50 ms and more to compile anything. Calls that are shorter than this, or no more than
# three times as long as usual, are not looked at.
SHORTEST_S = 0.02
UNUSUAL = 3.0

_NEEDLESS = ("places", "layers", "ops", "chain")
_RECENT = 9


class BuildingLog:
    """Notes every building on the main thread from ``install`` on, and XLA's compilations.

    Attributes:
        lost: what this release does not let us see, one sentence, or None.
    """

    def __init__(self) -> None:
        self.lost: str | None = None
        self._watch = Watch()
        self._code: _MachineCode | None = None
        self._seen = 0
        self._told = 0
        self._new = _Untold()

    def install(self) -> None:
        """Hook TensorFlow, which is imported by this."""
        build = watch_functions(self._watch)["build"]
        self.lost = private.patch(private.TENSORFLOW["build"], build)

    def watch_xla(self, *, compiled: bool, maps: Path = Path("/proc/self/maps")) -> None:
        """Look for XLA's machine code from now on, if the mode has XLA compile."""
        self._code = _MachineCode(maps) if compiled else None

    def call_ended(
        self, during: str, within: int, call: int, seconds: float, inputs: Any = None
    ) -> None:
        """A call of the loop has ended; whatever was built since the one before was built in it.

        Args:
            during: what the worker was asked for, as in ``protocol``: ``first``, ``block`` ...
            within: number of the call in that request, from 0.
            call: number of the call in the process, from 0.
            seconds: how long it took.
            inputs: its batch, where the loop knows it.
        """
        place = {"during": during, "within": within, "call": call}
        built = self._count() != self._seen
        if built:
            self._buildings(place)
        compiled = self._code is not None and self._code.grown(seconds)
        if compiled:
            record = {**place, "seconds": seconds, "inputs": signature.of_values(inputs)}
            self._tell(self._new.compiles, record)
        if built or compiled:
            self._new.calls.append(within)

    def take(self) -> Buildings | None:
        """What is new since it was last taken; None when nothing is."""
        self._buildings({"during": None, "within": None, "call": None})
        new, self._new = self._new, _Untold()
        if not (new.records or new.compiles or new.calls or new.left_out):
            return None
        return Buildings(
            tuple(new.records), tuple(new.compiles), tuple(new.calls), new.left_out, self.sees_xla
        )

    @property
    def sees_xla(self) -> bool:
        """Whether compilations by XLA are seen, or there can be none."""
        return self._code is None or self._code.known

    def _count(self) -> int:
        return len(self._watch.buildings) + self._watch.buildings_left_out

    def _buildings(self, place: dict[str, Any]) -> None:
        """Move what the watch has noted to what is to be told."""
        new = self._count() - self._seen
        self._seen += new
        noted = self._watch.buildings
        for record in noted[max(0, len(noted) - new) :] if new else ():
            kept = {key: value for key, value in record.items() if key not in _NEEDLESS}
            self._tell(self._new.records, {**kept, **place})
            new -= 1
        self._new.left_out += new

    def _tell(self, records: list[dict[str, Any]], record: dict[str, Any]) -> None:
        if self._told < MOST_TOLD:
            self._told += 1
            records.append(record)
        else:
            self._new.left_out += 1


class _Untold:
    """What is to be told with the next reply."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.compiles: list[dict[str, Any]] = []
        self.calls: list[int] = []
        self.left_out = 0


class _MachineCode:
    """The pieces of machine code in this process that come from no file: XLA adds some each time.

    (So does oneDNN; but it adds to a piece that it has, and XLA runs without it.)

    Attributes:
        known: whether the system tells.
    """

    def __init__(self, maps: Path) -> None:
        self._maps = maps
        self._pieces = self._count()
        self._recent: list[float] = []
        self.known = self._pieces is not None

    def grown(self, seconds: float) -> bool:
        """Whether a call that took so long has added code; only looks when it took unusually long."""
        usual = statistics.median(self._recent) if self._recent else 0.0
        grown = False
        if seconds >= max(SHORTEST_S, UNUSUAL * usual):
            before, self._pieces = self._pieces, self._count()
            grown = before is not None and self._pieces is not None and self._pieces > before
        if not grown:
            self._recent = [*self._recent[1 - _RECENT :], seconds]
        return grown

    def _count(self) -> int | None:
        try:
            text = self._maps.read_text()
        except OSError:  # not Linux
            return None
        lines = (line.split() for line in text.splitlines())
        return sum(1 for fields in lines if "x" in fields[1] and len(fields) < 6)
