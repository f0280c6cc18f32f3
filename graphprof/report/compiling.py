"""The price of compiling as the report shows it: JSON values, and cells for text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from graphprof import units
from graphprof.analysis.building import breakeven, compiling, rebuilding
from graphprof.analysis.building.first_call import PARTS
from graphprof.analysis.programs.recording import Building, Line
from graphprof.analysis.timing import stats

MOST_LATER: Final = 300


@dataclass(frozen=True)
class CodeLine:
    """A line of code."""

    file: str
    line: int


@dataclass(frozen=True)
class Seconds:
    """A duration with its 95 % interval, where there is one."""

    median: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class CallPart:
    """A part of the first call; the parts sum to it."""

    part: str
    seconds: float
    share: float


@dataclass(frozen=True)
class BuiltGraph:
    """A graph that was built."""

    function: str
    defined_at: CodeLine | None
    called_from: CodeLine | None
    arguments: str
    seconds: float
    ops: int
    jit_compile: bool
    inside: bool


@dataclass(frozen=True)
class BuiltLater:
    """A call after the first in which something was built or compiled."""

    wave: int
    arm: str
    call: int
    during: str
    what: str
    function: str
    building_s: float
    compiled: bool | None
    call_s: float | None
    words: str


@dataclass(frozen=True)
class BuiltAgain:
    """Everything that was built or compiled again in one place for one kind of cause."""

    what: str
    function: str
    defined_at: CodeLine | None
    called_from: CodeLine | None
    cause: str
    argument: str | None
    words: str
    change: str | None
    count: int
    timed: int
    building_s: float
    extra_s: float | None


@dataclass(frozen=True)
class Epochs:
    """A break-even step in passes over the data."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class BreakEven:
    """From which step on the mode has taken less time in all than ``against``."""

    against: str
    status: str
    step: int | None
    low: int | None
    high: int | None
    epochs: Epochs | None


@dataclass(frozen=True)
class Compiling:
    """What building and compiling cost a mode (``graphprof.analysis.building.compiling.ModePrice``)."""

    first_call_s: Seconds | None
    first_call_traced: bool
    steps_in_first_call: int
    extra_s: float | None
    recurring_s: float | None
    traced_first_call_s: float | None
    parts: tuple[CallPart, ...] | None
    building_s: Seconds | None
    buildings: tuple[BuiltGraph, ...] | None
    before: tuple[BuiltGraph, ...]
    again: tuple[BuiltAgain, ...]
    later: tuple[BuiltLater, ...]
    left_out: int
    break_even: tuple[BreakEven, ...]
    calls_s: tuple[float, ...]
    problems: tuple[str, ...]


def of_mode(price: compiling.ModePrice, steps_per_epoch: int | None) -> Compiling:
    """One mode's price as JSON values."""
    traced = price.traced
    return Compiling(
        first_call_s=_seconds(price.first_call),
        first_call_traced=price.first_call_traced,
        steps_in_first_call=price.steps_in_first,
        extra_s=price.extra_s,
        recurring_s=price.recurring_s,
        traced_first_call_s=traced.seconds if traced else None,
        parts=tuple(
            CallPart(part, seconds, seconds / traced.seconds if traced.seconds else 0.0)
            for part, seconds in traced.parts.items()
        )
        if traced
        else None,
        building_s=_seconds(price.building),
        buildings=None if price.buildings is None else tuple(map(_graph, price.buildings)),
        before=tuple(map(_graph, price.before)),
        again=tuple(map(again_row, price.again)),
        later=tuple(map(_later, price.later[:MOST_LATER])),
        left_out=price.left_out + max(0, len(price.later) - MOST_LATER),
        break_even=tuple(_break_even(one, steps_per_epoch) for one in price.break_even),
        calls_s=price.calls_s,
        problems=price.problems,
    )


def _seconds(estimate: stats.Estimate | None) -> Seconds | None:
    return None if estimate is None else Seconds(estimate.median, estimate.low, estimate.high)


def code_line(line: Line | None) -> CodeLine | None:
    """A line as JSON values."""
    return None if line is None else CodeLine(line.file, line.line)


def _graph(building: Building) -> BuiltGraph:
    return BuiltGraph(
        function=short(building.name),
        defined_at=code_line(building.defined_at),
        called_from=code_line(building.called_from),
        arguments=arguments(building.signature),
        seconds=building.seconds,
        ops=building.op_count,
        jit_compile=building.jit_compile,
        inside=building.inside is not None,
    )


def _later(one: rebuilding.Occurrence) -> BuiltLater:
    return BuiltLater(
        wave=one.wave,
        arm=one.arm,
        call=one.call,
        during=one.during,
        what=one.what,
        function=short(one.function),
        building_s=one.building_s,
        compiled=one.compiled,
        call_s=one.call_s,
        words=words(one.cause),
    )


def again_row(one: rebuilding.Again) -> BuiltAgain:
    """What was built or compiled again, as JSON values."""
    return BuiltAgain(
        what=one.what,
        function=short(one.function),
        defined_at=code_line(one.defined_at),
        called_from=code_line(one.called_from),
        cause=one.cause.kind,
        argument=one.cause.argument,
        words=words(one.cause),
        change=one.cause.cure,
        count=one.count,
        timed=one.timed,
        building_s=one.building_s,
        extra_s=one.extra_s,
    )


def _break_even(one: breakeven.BreakEven, per_epoch: int | None) -> BreakEven:
    epochs = None
    if per_epoch and (one.step is not None or one.low is not None):
        value, low, high = (
            None if step is None else step / per_epoch for step in (one.step, one.low, one.high)
        )
        epochs = Epochs(value, low, high)
    return BreakEven(one.against, one.status, one.step, one.low, one.high, epochs)


def short(name: str) -> str:
    """A qualified name without the functions that it is defined in."""
    return name.rpartition("<locals>.")[2]


def words(cause: rebuilding.Cause) -> str:
    """A cause in words: the argument that differs and how, or why without one."""
    return cause.words if cause.argument is None else f"`{cause.argument}`: {cause.words}"


def arguments(signature: dict[str, Any]) -> str:
    """What a function was built for: ``x (32, 8) float32, k 2.0``."""
    return ", ".join(f"{name} {_type(one)}" for name, one in signature.items())


def _type(one: dict[str, Any]) -> str:
    kind = one.get("kind")
    if kind in ("tensor", "variable"):
        shape = one.get("shape")
        sizes = "?" if shape is None else ", ".join("None" if n is None else str(n) for n in shape)
        comma = "," if shape is not None and len(shape) == 1 else ""
        return f"({sizes}{comma}) {one.get('dtype', '')}".strip()
    if kind == "python":
        return str(one.get("value", "?"))
    if kind == "none":
        return "None"
    if kind in ("list", "dict"):
        items = [f"{name}: {_type(inner)}" for name, inner in one.get("items", {}).items()]
        more = ", ..." if len(items) > 4 else ""
        return f"{{{', '.join(items[:4])}{more}}}"
    return str(one.get("type") or str(one.get("text") or kind).partition("(")[0])


TITLES = {part.id: part.title for part in PARTS}


def break_even_words(one: BreakEven) -> str:
    """``38 [25, 60]``, ``never``, ``at once``, ``until 13 [3, 33]``, ``unclear (> 40)``."""
    interval = f" [{units.count(one.low)}, {units.count(one.high)}]" if one.high else ""
    if one.status == "step":
        return f"{units.count(one.step)}{interval}"
    if one.status == "ahead until":
        return f"until {units.count(one.step)}{interval}"
    if one.status == "unclear" and one.low and one.low > 1:
        return f"unclear (> {units.count(one.low - 1)})"
    return one.status


def against(modes_compiling: Compiling | None, other: str | None) -> BreakEven | None:
    """The break-even against one mode, or None."""
    if modes_compiling is None:
        return None
    return next((one for one in modes_compiling.break_even if one.against == other), None)
