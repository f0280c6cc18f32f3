"""What was built and compiled after the first call, and why: from the building log.

A later building of a function is a retrace; a later compilation without one is XLA compiling for a
shape, or a constant, that it has not met. Each is explained from what was built before it in the same
process (``graphprof.analysis.building.retraces``), and priced by the call that it happened in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from graphprof.analysis.building import retraces
from graphprof.analysis.building.building_log import Built, Compiled, ProcessLog
from graphprof.analysis.building.retraces import Description, Difference
from graphprof.analysis.programs.recording import Building, Line
from graphprof.session import Measurement, Process

MOST_WORDS: Final = 3


@dataclass(frozen=True)
class Cause:
    """Why something was built or compiled again.

    Attributes:
        kind: of ``retraces.Difference``, or ``anew`` (another function object of the same code),
            ``first`` (a function that was not called before), ``same`` (the same signature), ``xla``
            (compiled again for reasons that cannot be seen).
        argument: which argument differs; None where it is none.
        words: one clause: what differs.
        cure: one clause: what to change; None where there is nothing to.
    """

    kind: str
    argument: str | None
    words: str
    cure: str | None


@dataclass(frozen=True)
class Occurrence:
    """One call after the first in which something was built or compiled.

    Attributes:
        wave, arm: of the process.
        call: number of the call in its process, 0 being the first.
        during: ``results`` or ``warmup`` (left out as warm-up), ``block`` (timed) or ``trace``.
        what: ``building``, or ``compiling`` where XLA compiled and nothing was built.
        function: name of the function; empty where it is not known (``compiling``).
        defined_at: where that is defined.
        called_from: the user's line that led to it.
        building_s: seconds of building; 0 where nothing was built.
        compiled: whether XLA compiled in this call; None where that cannot be seen.
        call_s: seconds of the whole call; None where it was not kept.
        cause: why.
    """

    wave: int
    arm: str
    call: int
    during: str
    what: str
    function: str
    defined_at: Line | None
    called_from: Line | None
    building_s: float
    compiled: bool | None
    call_s: float | None
    cause: Cause


@dataclass(frozen=True)
class Again:
    """All occurrences of one function with one kind of cause.

    Attributes:
        what, function, defined_at, called_from: as in ``Occurrence``.
        cause: of the latest of them.
        count: how many there are.
        timed: how many of them in timed calls.
        building_s: seconds of building in all of them.
        extra_s: what their calls took beyond usual calls; None where no call's time is known.
    """

    what: str
    function: str
    defined_at: Line | None
    called_from: Line | None
    cause: Cause
    count: int
    timed: int
    building_s: float
    extra_s: float | None


def occurrences(
    logs: Iterable[ProcessLog], measurement: Measurement | None
) -> tuple[Occurrence, ...]:
    """Everything built or compiled after the first calls, process by process, in order."""
    found: list[Occurrence] = []
    for log in logs:
        process = _process(log, measurement)
        found += _rebuilt(log, process)
        found += _recompiled(log, process)
    return tuple(sorted(found, key=lambda one: (one.wave, one.arm, one.call)))


def grouped(found: Sequence[Occurrence], usual_s: float | None) -> tuple[Again, ...]:
    """Occurrences put together by function, line and kind of cause, the dearest first.

    Args:
        found: the occurrences.
        usual_s: seconds of a usual call.
    """
    groups: dict[tuple[object, ...], list[Occurrence]] = {}
    for one in found:
        key = (one.what, one.function, one.defined_at, one.cause.kind, one.cause.argument)
        groups.setdefault(key, []).append(one)
    again = [_again(group, usual_s) for group in groups.values()]
    return tuple(sorted(again, key=lambda one: -(one.extra_s or one.building_s)))


def outermost(built: Iterable[Built]) -> list[Built]:
    """Buildings that did not happen inside another one."""
    return [one for one in built if one.building.inside is None]


def _again(group: list[Occurrence], usual_s: float | None) -> Again:
    last = group[-1]
    # A call in which several functions were built is counted once in each group, at its whole price.
    calls = {(one.wave, one.arm, one.call): one.call_s for one in group}
    known = [seconds for seconds in calls.values() if seconds is not None]
    extra = None
    if known and usual_s is not None:
        extra = sum(max(0.0, seconds - usual_s) for seconds in known)
    return Again(
        what=last.what,
        function=last.function,
        defined_at=last.defined_at,
        called_from=last.called_from,
        cause=last.cause,
        count=len(group),
        timed=sum(one.during == "block" for one in group),
        building_s=sum(one.building_s for one in group),
        extra_s=extra,
    )


def _rebuilt(log: ProcessLog, process: Process | None) -> list[Occurrence]:
    compiled = None if log.compiled is None else {one.call for one in log.compiled}
    before: list[Building] = []
    found = []
    for one in sorted(log.built, key=lambda built: built.building.index):
        if one.call is not None and one.call > 0 and not _for_data(one):
            occurrence = Occurrence(
                wave=log.wave,
                arm=log.arm,
                call=one.call,
                during=one.during or "",
                what="building",
                function=one.building.name,
                defined_at=one.building.defined_at,
                called_from=one.building.called_from,
                building_s=one.building.seconds,
                compiled=None if compiled is None else one.call in compiled,
                call_s=call_seconds(process, one),
                cause=why_built(one.building, before),
            )
            if one.building.inside is None:
                found.append(occurrence)
            elif occurrence.cause.kind not in ("first", "anew") and _is_users(one.building):
                # The inner function says why; the outer one was only carried along.
                found = [other for other in found if other.call != one.call]
                found.append(replace(occurrence, building_s=_outer_s(log, one)))
        before.append(one.building)
    return found


def _outer_s(log: ProcessLog, inner: Built) -> float:
    """Seconds of the outermost buildings of the call that ``inner`` happened in."""
    return sum(one.building.seconds for one in outermost(log.built) if one.call == inner.call)


def _is_users(building: Building) -> bool:
    line = building.defined_at
    return line is not None and "site-packages" not in line.file


def _for_data(one: Built) -> bool:
    return one.building.for_data


def why_built(building: Building, before: Sequence[Building]) -> Cause:
    """Why something was built, from what was built before it in the same process."""
    same = [one for one in before if one.function == building.function]
    if same:
        differences = retraces.explain(building, same)
        if differences:
            return _cause(differences, _open_size(building, differences))
        words = "built again with the same arguments: it had made variables when it was first built"
        return Cause("same", None, words, "make variables before the first call")
    twins = [
        one
        for one in before
        if (one.name, one.defined_at) == (building.name, building.defined_at)
        and building.defined_at is not None
    ]
    if twins:
        words = f"another function of the same code: it is made anew ({len(twins) + 1} so far)"
        return Cause("anew", None, words, "make the tf.function once, outside the step")
    return Cause("first", None, "first called only now", None)


def _open_size(building: Building, differences: Sequence[Difference]) -> str | None:
    """What to say where TensorFlow has left a size open by itself."""
    if not building.reduce_retracing or differences[0].cause != "shape":
        return None
    if "None" not in differences[0].words.rpartition("→")[2]:
        return None
    return "nothing more: that size is open now, and other sizes are not built for"


def _recompiled(log: ProcessLog, process: Process | None) -> list[Occurrence]:
    built = {one.call for one in log.built}
    before: list[Compiled] = []
    found = []
    jit = _jit_building(log)
    names = tuple(jit.signature) if jit else ()
    for one in log.compiled or ():
        if one.call is not None and one.call > 0 and one.call not in built:
            found.append(
                Occurrence(
                    wave=log.wave,
                    arm=log.arm,
                    call=one.call,
                    during=one.during or "",
                    what="compiling",
                    function=jit.name if jit else "",
                    defined_at=jit.defined_at if jit else None,
                    called_from=None,
                    building_s=0.0,
                    compiled=True,
                    call_s=call_seconds(process, one) or one.seconds,
                    cause=why_compiled(one, before, names),
                )
            )
        before.append(one)
    return found


def _jit_building(log: ProcessLog) -> Building | None:
    jit = [one.building for one in log.built if one.building.jit_compile]
    return jit[0] if len({one.function for one in jit}) == 1 else None


def why_compiled(
    one: Compiled, before: Sequence[Compiled], names: Sequence[str] = ("inputs",)
) -> Cause:
    """Why XLA compiled again although nothing was built, from what it had compiled before.

    Args:
        one: the compilation.
        before: those before it.
        names: what the function calls its arguments.
    """
    described = [other.inputs for other in before if other.inputs is not None]
    if one.inputs is None or not described:
        words = "XLA compiled again; the loop does not show for which shapes"
        return Cause("xla", None, words, "give every batch the same shape")
    choices = [
        retraces.differences(_named(inputs, names), _named(one.inputs, names))
        for inputs in reversed(described)
    ]
    differences = min(choices, key=len)
    if differences:
        return _cause(differences, "XLA compiles for each shape: give every batch the same")
    words = "XLA compiled again for the same shapes: a value that it takes for a constant changed"
    return Cause("xla", None, words, "keep sizes and axes that are computed out of the step")


def _named(inputs: Description, names: Sequence[str]) -> Description:
    """A batch by the names of the arguments that it is passed as."""
    parts = list(inputs["items"].values()) if inputs["kind"] == "list" else []
    if len(parts) > 1 and len(parts) == len(names):
        return dict(zip(names, parts, strict=True))
    return {names[0] if len(names) == 1 else "batch": inputs}


def _cause(differences: Sequence[Difference], cure: str | None = None) -> Cause:
    first = differences[0]
    words = [first.words, *(f"`{one.argument}`: {one.words}" for one in differences[1:MOST_WORDS])]
    return Cause(first.cause, first.argument, "; ".join(words), cure or first.cure)


def _process(log: ProcessLog, measurement: Measurement | None) -> Process | None:
    processes = measurement.processes if measurement is not None else ()
    return next((one for one in processes if one.pid == log.pid and one.wave == log.wave), None)


def call_seconds(process: Process | None, place: Built | Compiled) -> float | None:
    """Seconds of the call in which something happened; None where they were not kept."""
    if process is None or place.call is None:
        return None
    if place.call == 0:
        return process.first_call_s
    if place.during == "block" and place.block is not None and place.within is not None:
        if place.block < len(process.blocks):
            calls = process.blocks[place.block].calls_s
            return calls[place.within] if place.within < len(calls) else None
        return None
    if place.during in ("first", "results", "warmup") and place.call <= len(process.warmup_s):
        return process.warmup_s[place.call - 1]
    return None
