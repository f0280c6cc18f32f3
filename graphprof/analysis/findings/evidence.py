"""What the rules look at: the recording and its trace windows, with the sums that several need."""

from __future__ import annotations

import linecache
import re
import statistics
from dataclasses import dataclass, replace
from functools import cached_property

from graphprof.analysis.findings.base import Location
from graphprof.analysis.programs.recording import (
    Building,
    Line,
    OwnLine,
    Place,
    Recording,
    Span,
)
from graphprof.analysis.programs.traced import Op, Traced

EAGER_OP_S = 100e-6
"""What one eager op costs with the Python around it, where the windows do not tell: seconds.
Hand-written loops and run_eagerly took 60 to 180 us an op on the machines tried."""
MUCH_PYTHON = 0.15
"""Share of the main work from which on the program's own Python is a cause of its own."""
GRAPH_OP_S = 3e-6
"""What the graph executor needs for one small op: seconds (1 to 8 us on the machines tried)."""

_STEPS = ("step", "first_step")
_PREFIX = re.compile(r"^(StatefulPartitionedCall|PartitionedCall|while/body/_\d+|cond/\w+)/")
_INNER = re.compile(r"/(body|cond|then|else)/_\d+/")


@dataclass(frozen=True)
class Runs:
    """All executions of one built function."""

    name: str
    count: int
    total_s: float
    first_s: float
    first_at_s: float
    later_s: tuple[float, ...]

    @property
    def usual_s(self) -> float | None:
        """Median length of the later executions, or None when there was one only."""
        return statistics.median(self.later_s) if self.later_s else None

    @property
    def quick_s(self) -> float | None:
        """The length that a tenth of the later executions stay below."""
        if not self.later_s:
            return None
        return sorted(self.later_s)[len(self.later_s) // 10]


@dataclass(frozen=True)
class Evidence:
    """Recording and windows.

    Attributes:
        recording: what was counted while the program ran.
        traced: what the profiler windows show, or None without any.
    """

    recording: Recording
    traced: Traced | None

    @property
    def work_s(self) -> float:
        """Seconds of the program's main work."""
        return self.recording.work_s

    def share(self, seconds: float) -> float:
        """``seconds`` as a share of the main work."""
        return seconds / self.work_s

    @cached_property
    def top(self) -> tuple[Span, ...]:
        """The program's spans, imports and the profiler's price left out."""
        return tuple(
            child
            for child in self.recording.tree.children
            if child.kind not in ("import", "profiler")
        )

    def spans(self, *kinds: str) -> list[Span]:
        """All spans of ``kinds``, wherever they are."""
        return [span for span in self.recording.tree.walk() if span.kind in kinds]

    @cached_property
    def runs(self) -> dict[str, Runs]:
        """Executions by the name of the built function."""
        found: dict[str, list[Span]] = {}
        for span in self.spans("run"):
            found.setdefault(span.name, []).append(span)
        return {name: _runs(name, spans) for name, spans in found.items()}

    @cached_property
    def outer_buildings(self) -> tuple[Building, ...]:
        """Buildings that did not happen inside another, of the program's own functions."""
        return tuple(
            building
            for building in self.recording.buildings
            if building.inside is None and not building.for_data
        )

    @cached_property
    def by_index(self) -> dict[int, Building]:
        """Buildings by number."""
        return {building.index: building for building in self.recording.buildings}

    @cached_property
    def by_concrete(self) -> dict[str, Building]:
        """Buildings by the name under which they were executed."""
        return {building.concrete: building for building in self.recording.buildings}

    def inside(self, building: Building) -> list[Building]:
        """``building`` and all that were built inside it."""
        family = {building.index}
        for other in sorted(self.recording.buildings, key=lambda one: one.index):
            if other.inside in family:
                family.add(other.index)
        return [one for one in self.recording.buildings if one.index in family]

    def op_count(self, building: Building) -> int:
        """Ops of a building's graph, functions built inside included (each once)."""
        counted: dict[str, int] = {}
        for one in self.inside(building):
            key = f"{one.name}:{one.defined_at}"
            counted[key] = max(counted.get(key, 0), one.op_count)
        return sum(counted.values())

    def jit(self, building: Building) -> bool:
        """Whether XLA compiles it or a part of it."""
        return any(one.jit_compile for one in self.inside(building))

    def first_excess_s(self, building: Building) -> float:
        """What the first execution took more than a usual one: optimising, compiling, linking."""
        runs = self.runs.get(building.concrete)
        if runs is None:
            return 0.0
        usual = runs.usual_s
        if usual is None:
            usual = self._usual_of_siblings(building)
        return max(0.0, runs.first_s - (0.2 * runs.first_s if usual is None else usual))

    def _usual_of_siblings(self, building: Building) -> float | None:
        found = [
            runs.usual_s
            for other in self.recording.buildings
            if (other.function == building.function or _alike(other, building))
            and (runs := self.runs.get(other.concrete)) is not None
            and runs.usual_s is not None
        ]
        return min(found) if found else None

    def price_s(self, building: Building) -> float:
        """What a building cost: Python to graph, and what its first execution took more."""
        return building.seconds + self.first_excess_s(building)

    @cached_property
    def prices_s(self) -> float:
        """All buildings of the program's own functions together."""
        return sum(self.price_s(building) for building in self.outer_buildings)

    @cached_property
    def beside_s(self) -> float:
        """Main work that is in no span and no op: the program's own Python, and what TensorFlow
        does unseen between calls, such as freeing graphs that nobody uses any more.
        """
        tree = self.recording.tree
        spans = sum(child.total_s for child in tree.children if child.kind != "import")
        return max(0.0, self.work_s - spans - tree.ops_s)

    @cached_property
    def own_lines(self) -> tuple[OwnLine, ...]:
        """The user's lines that were seen to run while nothing that is watched did.

        A look stands for a period: together they stand for no more than the time that the tree has for
        no span.
        """
        seconds = float((self.recording.raw.get("own_python") or {}).get("seconds") or 0.0)
        scale = min(1.0, self.recording.tree.own_s / seconds) if seconds else 1.0
        return tuple(replace(one, seconds=scale * one.seconds) for one in self.recording.own_lines)

    @cached_property
    def own_python_s(self) -> float:
        """What the user's own lines took by those looks, calls of TensorFlow and Keras left out."""
        return min(self.beside_s, sum(one.seconds for one in self.own_lines if not one.called))

    @cached_property
    def repeating_s(self) -> float:
        """The main work without buildings and first executions: all of it in a long run."""
        return max(self.work_s - self.prices_s, 0.1 * self.work_s)

    @cached_property
    def steady_s(self) -> float:
        """The part of the main work that the windows stand for: from the first window on, less
        buildings after it.
        """
        if not self.recording.windows:
            return 0.0
        opened = min(window.opened_s for window in self.recording.windows)
        built = sum(self.price_s(one) for one in self.outer_buildings if one.at_s > opened)
        left = self.recording.ended_s - opened - self.recording.price_s - built
        return max(0.0, min(left, self.work_s))

    def of_steady(self, seconds: float) -> float:
        """Seconds of the windows, scaled to the steady part of the program."""
        return 0.0 if self.traced is None else self.traced.share(seconds) * self.steady_s

    @cached_property
    def keras(self) -> tuple[Span, ...]:
        """Outermost calls of fit, evaluate, predict and their like."""
        return tuple(self.recording.tree.below("keras"))

    @cached_property
    def eagerly(self) -> bool:
        """Whether functions were told to run eagerly."""
        calls = self.recording.many("keras_calls")
        return any(call.get("run_eagerly") for call in calls) or bool(self.spans("call_eagerly"))

    @cached_property
    def names(self) -> dict[str, Place]:
        """Graph op name -> the place that made it."""
        return {
            name: place
            for building in self.recording.buildings
            for place in building.places
            for name in place.names
        }

    def place(self, op: Op) -> Place | None:
        """Which line (and dtype, and owner) an executed op comes from."""
        name = _INNER.sub("/", op.name)
        for _ in range(8):
            found = self.names.get(name)
            if found is not None:
                return found
            shorter = _PREFIX.sub("", name)
            if shorter == name:
                if "/" not in name:
                    return None
                shorter = name.split("/", 1)[1]
            name = shorter
        return None

    def location(self, line: Line | None) -> Location | None:
        """``line`` with its text."""
        if line is None:
            return None
        return Location(line.file, line.line, linecache.getline(line.file, line.line).strip())

    @cached_property
    def on_cpu(self) -> bool:
        """Whether the program ran on the CPU alone."""
        devices = (self.recording.raw.get("environment") or {}).get("devices") or []
        return not any("GPU" in name or "TPU" in name for name in devices)


def step_gaps(span: Span) -> list[Span]:
    """The gaps between steps directly inside a Keras call."""
    return [child for child in span.children if child.kind == "gap" and child.name == "step"]


def ends_s(gaps: Span, ends: int) -> float:
    """What gaps took that end something (the pipeline's last batch, its stop) beyond a usual gap.

    Args:
        gaps: gaps between steps, those after the last step of a call or an epoch among them.
        ends: how many of them are such.
    """
    usual = statistics.median(gaps.kept_s) if gaps.kept_s and gaps.count > 2 * ends else 0.0
    return max(0.0, gaps.total_s - gaps.seconds_of("callback", "profiler") - usual * gaps.count)


def step_spans(span: Span) -> list[Span]:
    """The steps directly inside a Keras call."""
    return [child for child in span.children if child.kind in _STEPS]


def _runs(name: str, spans: list[Span]) -> Runs:
    first = min(spans, key=lambda span: span.first_at_s)
    later = [value for span in spans for value in span.kept_s]
    later += [span.first_s for span in spans if span is not first]
    return Runs(
        name=name,
        count=sum(span.count for span in spans),
        total_s=sum(span.total_s for span in spans),
        first_s=first.first_s,
        first_at_s=first.first_at_s,
        later_s=tuple(later),
    )


def _alike(one: Building, other: Building) -> bool:
    return one.name == other.name and one.defined_at == other.defined_at
