"""What ``graphprof exec`` recorded of a program (``watch.json``), read back.

The file is written by ``graphprof.capture.script`` and documented in ``docs/watch-format.md``. Here
it becomes frozen objects; nothing is judged. Times are seconds, on the program's own clock that
starts with the watch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from graphprof.errors import SessionError

WATCH_FILE = "watch.json"
KNOWN_VERSION = 1


@dataclass(frozen=True)
class Line:
    """A line of the user's code."""

    file: str
    line: int


@dataclass(frozen=True)
class Span:
    """All spans of one kind, name and place under one parent, summed (a node of the tree).

    Attributes:
        kind: ``program``, ``import``, ``call`` (of a tf.function), ``run`` (of a built function),
            ``build``, ``keras`` (fit, predict ...), ``step``, ``gap``, ``callback``, ``next`` ...
        name: which one.
        line: where in the user's code, or None.
        count: spans.
        total_s: their summed length.
        first_s: length of the first.
        kept_s: lengths of a regular sample of the later ones.
        first_at_s: when the first began.
        last_end_s: when the last ended.
        ops: eager ops dispatched directly under it: name -> (count, seconds).
        children: the spans inside.
    """

    kind: str
    name: str = ""
    line: Line | None = None
    count: int = 0
    total_s: float = 0.0
    first_s: float = 0.0
    kept_s: tuple[float, ...] = ()
    first_at_s: float = 0.0
    last_end_s: float = 0.0
    ops: dict[str, tuple[int, float]] = field(default_factory=dict)
    children: tuple[Span, ...] = ()

    @cached_property
    def own_s(self) -> float:
        """Its time less its children's."""
        return max(0.0, self.total_s - sum(child.total_s for child in self.children))

    @cached_property
    def ops_count(self) -> int:
        """Eager ops directly under it (conversions and reads are not ops)."""
        return sum(count for name, (count, _) in self.ops.items() if not name.startswith("<"))

    @cached_property
    def ops_s(self) -> float:
        """Seconds inside those ops."""
        return sum(seconds for name, (_, seconds) in self.ops.items() if not name.startswith("<"))

    def walk(self) -> Iterator[Span]:
        """It and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def below(self, *kinds: str) -> Iterator[Span]:
        """The outermost spans of ``kinds`` below it."""
        for child in self.children:
            if child.kind in kinds:
                yield child
            else:
                yield from child.below(*kinds)

    def seconds_of(self, *kinds: str) -> float:
        """Summed length of the outermost spans of ``kinds`` below it."""
        return sum(span.total_s for span in self.below(*kinds))

    def all_ops(self, *without: str) -> tuple[int, float]:
        """Eager ops at any depth, not looking into spans of the kinds ``without``."""
        count, seconds = self.ops_count, self.ops_s
        for child in self.children:
            if child.kind not in without:
                more, longer = child.all_ops(*without)
                count, seconds = count + more, seconds + longer
        return count, seconds


@dataclass(frozen=True)
class OwnLine:
    """A line of the user's code that was seen to run while nothing that is watched did.

    Attributes:
        line: the line.
        called: the function of TensorFlow or Keras that it was in, or empty.
        function: the function that it stands in.
        begins: first line of that function.
        ends: last line of it.
        generator: whether a generator of the user's ran it.
        samples: looks that saw it.
        rounds: those with other work of the program's in between.
        seconds: what the samples stand for.
    """

    line: Line
    called: str
    function: str
    begins: int
    ends: int
    generator: bool
    samples: int
    rounds: int
    seconds: float


@dataclass(frozen=True)
class Place:
    """Ops of one type that one line made while a graph was built."""

    type: str
    dtype: str
    owner: str
    line: Line | None
    direct: bool
    chain: tuple[Line, ...]
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Building:
    """One building of a graph from Python (a repeat for the same function is a retrace).

    Attributes:
        index: its number in the recording.
        inside: number of the building that it happened in, or None.
        function: number of the ``tf.function`` object.
        name: qualified name of the Python function.
        defined_at: where that is defined.
        called_from: the user's line that led to it.
        for_data: whether ``tf.data`` built one of its own functions.
        signature: parameter -> description of its type.
        seconds: its length, buildings inside included.
        op_count: ops made (without those of buildings inside).
        concrete: name of what was built, as executions are recorded under it.
    """

    index: int
    inside: int | None
    function: int
    name: str
    defined_at: Line | None
    called_from: Line | None
    for_data: bool
    signature: dict[str, Any]
    jit_compile: bool
    reduce_retracing: bool
    at_s: float
    seconds: float
    op_count: int
    concrete: str
    under: str = ""
    chain: tuple[Line, ...] = ()
    places: tuple[Place, ...] = ()
    layers: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Window:
    """One recording of the profiler.

    Attributes:
        xplane: path of the trace relative to the run folder, or None.
        seconds: its length.
        before: counters when it was opened.
        after: counters when it was closed.
    """

    xplane: str | None
    probe: bool
    opened_s: float
    seconds: float
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """Everything that was seen of one program."""

    wall_s: float
    imports_s: float
    imports_end_s: float
    tree: Span
    buildings: tuple[Building, ...] = ()
    windows: tuple[Window, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def ended_s(self) -> float:
        """When the main module ended."""
        ended = self.raw.get("ended") or {}
        return float(ended.get("at_s", self.wall_s))

    @cached_property
    def price_s(self) -> float:
        """What recording the trace windows cost the program."""
        return sum(span.total_s for span in self.tree.walk() if span.kind == "profiler")

    @cached_property
    def work_s(self) -> float:
        """The program's main work: from the end of importing TensorFlow and Keras to its end, less
        the price of the trace windows.
        """
        later = sum(
            span.total_s
            for span in self.tree.below("import")
            if span.first_at_s >= self.imports_end_s
        )
        return max(1e-9, self.ended_s - self.imports_end_s - later - self.price_s)

    @cached_property
    def own_lines(self) -> tuple[OwnLine, ...]:
        """What the looks at the program's own Python saw; empty in recordings without them."""
        seen = (self.raw.get("own_python") or {}).get("lines") or []
        return tuple(
            OwnLine(
                line=Line(str(one["site"][0]), int(one["site"][1])),
                called=str(one["called"]),
                function=str(one["function"]),
                begins=int(one["lines"][0]),
                ends=int(one["lines"][1]),
                generator=bool(one["generator"]),
                samples=int(one["samples"]),
                rounds=int(one["rounds"]),
                seconds=float(one["seconds"]),
            )
            for one in seen
        )

    def many(self, key: str) -> list[dict[str, Any]]:
        """A list of records that needs no class of its own."""
        return list(self.raw.get(key) or [])


def read(path: Path) -> Recording:
    """Read a recording.

    Raises:
        SessionError: it is missing, damaged or from a newer version.
    """
    try:
        raw = json.loads(path.read_bytes())
        if raw["format_version"] > KNOWN_VERSION:
            raise SessionError(
                f"{path} was written by a newer graphprof", "Update it: pip install -U graphprof"
            )
        return from_json(raw)
    except OSError as error:
        raise SessionError(
            f"Cannot read {path}: {error.strerror or error}",
            "The program was killed before anything could be written, or removed the folder",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SessionError(f"{path} is damaged: {error}", "Record the program again") from error


def from_json(raw: dict[str, Any]) -> Recording:
    """A recording from its JSON values."""
    return Recording(
        wall_s=float(raw["wall_s"]),
        imports_s=float(raw.get("imports_s", 0.0)),
        imports_end_s=float(raw.get("imports_end_s", 0.0)),
        tree=_span(raw["tree"]),
        buildings=tuple(to_building(one) for one in raw.get("buildings", [])),
        windows=tuple(_window(one) for one in raw.get("windows", []) if "seconds" in one),
        raw=raw,
    )


def to_line(value: Any) -> Line | None:
    """``[file, line]`` as a Line."""
    return None if not value else Line(str(value[0]), int(value[1]))


def _span(raw: dict[str, Any]) -> Span:
    return Span(
        kind=raw["kind"],
        name=raw.get("name", ""),
        line=to_line(raw.get("site")),
        count=int(raw.get("count", 0)),
        total_s=float(raw.get("total_s", 0.0)),
        first_s=float(raw.get("first_s", 0.0)),
        kept_s=tuple(raw.get("kept_s", ())),
        first_at_s=float(raw.get("first_at_s", 0.0)),
        last_end_s=float(raw.get("last_end_s", 0.0)),
        ops={name: (int(n), float(s)) for name, (n, s) in raw.get("ops", {}).items()},
        children=tuple(_span(child) for child in raw.get("children", ())),
    )


def to_building(raw: dict[str, Any]) -> Building:
    """A building from its JSON values."""
    return Building(
        index=raw["index"],
        inside=raw.get("inside"),
        function=raw["function"],
        name=raw["name"],
        defined_at=to_line(raw.get("defined_at")),
        called_from=to_line(raw.get("called_from")),
        for_data=bool(raw.get("for_data")),
        signature=raw.get("signature", {}),
        jit_compile=bool(raw.get("jit_compile")),
        reduce_retracing=bool(raw.get("reduce_retracing")),
        at_s=float(raw.get("at_s", 0.0)),
        seconds=float(raw.get("seconds", 0.0)),
        op_count=int(raw.get("op_count", 0)),
        concrete=raw.get("concrete", ""),
        under=raw.get("under", ""),
        chain=tuple(line for site in raw.get("chain", ()) if (line := to_line(site))),
        places=tuple(_place(one) for one in raw.get("places", ())),
        layers=tuple(raw.get("layers", ())),
    )


def _place(raw: dict[str, Any]) -> Place:
    return Place(
        type=raw["type"],
        dtype=raw.get("dtype", ""),
        owner=raw.get("owner", ""),
        line=to_line(raw.get("site")),
        direct=bool(raw.get("direct")),
        chain=tuple(line for site in raw.get("chain", ()) if (line := to_line(site))),
        count=int(raw.get("count", 0)),
        names=tuple(raw.get("names", ())),
    )


def _window(raw: dict[str, Any]) -> Window:
    return Window(
        xplane=raw.get("xplane"),
        probe=bool(raw.get("probe")),
        opened_s=float(raw.get("opened_s", 0.0)),
        seconds=float(raw["seconds"]),
        before=raw.get("before", {}),
        after=raw.get("after", {}),
    )
