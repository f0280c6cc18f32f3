"""What building and compiling cost a watched program: its functions, and what was built again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphprof.analysis.building import rebuilding
from graphprof.analysis.building.building_log import Compiled
from graphprof.analysis.building.rebuilding import Occurrence
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import Building
from graphprof.report.compiling import BuiltAgain, CodeLine, again_row, arguments, code_line, short

MOST_FUNCTIONS = 100

# An execution that is so many times as long as a quick one, and at least so long, compiled.
_SLOW = 8.0
_LEAST_S = 0.02


@dataclass(frozen=True)
class BuiltFunction:
    """One ``tf.function`` of a program.

    Attributes:
        function: its name.
        defined_at, called_from: where it is defined, and which line led to its first building.
        arguments: what it was first built for.
        buildings: how often it was built.
        building_s: seconds of building it, what was built inside included.
        first_run_s: what its first executions took beyond usual ones: optimising, compiling (XLA),
            and running for the first time; summed over its buildings.
        ops: ops in its first graph, where they were counted.
        jit_compile: whether XLA compiles it.
    """

    function: str
    defined_at: CodeLine | None
    called_from: CodeLine | None
    arguments: str
    buildings: int
    building_s: float
    first_run_s: float
    ops: int
    jit_compile: bool


@dataclass(frozen=True)
class ProgramCompiling:
    """The price of compiling of a program.

    Attributes:
        building_s: seconds of building graphs, in all.
        first_runs_s: what first executions took beyond usual ones, in all.
        functions: the dearest first, up to 100.
        again: what was built or compiled again, put together by cause, the dearest first.
    """

    building_s: float
    first_runs_s: float
    functions: tuple[BuiltFunction, ...]
    again: tuple[BuiltAgain, ...]


def of_program(evidence: Evidence) -> ProgramCompiling:
    """The price of compiling, from a program's recording."""
    by_function: dict[int, list[Building]] = {}
    for building in evidence.outer_buildings:
        by_function.setdefault(building.function, []).append(building)
    functions = [_function(evidence, built) for built in by_function.values()]
    functions.sort(key=lambda one: -(one.building_s + one.first_run_s))
    found = [*_rebuilt(evidence), *_recompiled(evidence)]
    return ProgramCompiling(
        building_s=sum(one.building_s for one in functions),
        first_runs_s=sum(one.first_run_s for one in functions),
        functions=tuple(functions[:MOST_FUNCTIONS]),
        again=tuple(again_row(one) for one in rebuilding.grouped(found, 0.0)),
    )


def _function(evidence: Evidence, built: list[Building]) -> BuiltFunction:
    first = built[0]
    return BuiltFunction(
        function=short(first.name),
        defined_at=code_line(first.defined_at),
        called_from=code_line(first.called_from),
        arguments=arguments(first.signature),
        buildings=len(built),
        building_s=sum(one.seconds for one in built),
        first_run_s=sum(evidence.first_excess_s(one) for one in built),
        ops=evidence.op_count(first),
        jit_compile=evidence.jit(first),
    )


def _rebuilt(evidence: Evidence) -> list[Occurrence]:
    before: list[Building] = []
    found = []
    for building in evidence.outer_buildings:
        cause = rebuilding.why_built(building, before)
        before.append(building)
        if cause.kind == "first":
            continue
        price_s = evidence.price_s(building)
        found.append(
            _occurrence(building, "building", building.index, building.seconds, price_s, cause)
        )
    return found


def _recompiled(evidence: Evidence) -> list[Occurrence]:
    found: list[Occurrence] = []
    for concrete, runs in evidence.runs.items():
        building = evidence.by_concrete.get(concrete)
        quick_s = runs.quick_s
        if building is None or quick_s is None or not evidence.jit(building):
            continue
        limit = max(_SLOW * quick_s, _LEAST_S)
        records = (evidence.recording.raw.get("slow_runs") or {}).get(runs.name, [])
        before: list[Compiled] = []
        for number, one in enumerate(record for record in records if record["seconds"] >= limit):
            compiled = _compiled(one, number)
            if number:  # the first one is the first execution
                cause = rebuilding.why_compiled(compiled, before)
                extra_s = compiled.seconds - quick_s
                found.append(_occurrence(building, "compiling", number, 0.0, extra_s, cause))
            before.append(compiled)
    return found


def _compiled(record: dict[str, Any], number: int) -> Compiled:
    items = {
        str(place): {"kind": "tensor", "shape": shape, "dtype": ""}
        for place, shape in enumerate(record["shapes"])
    }
    inputs = {"kind": "list", "type": "list", "items": items}
    return Compiled(float(record["seconds"]), inputs, number, None, None, None)


def _occurrence(
    building: Building,
    what: str,
    call: int,
    building_s: float,
    call_s: float,
    cause: rebuilding.Cause,
) -> Occurrence:
    return Occurrence(
        wave=0,
        arm="mode",
        call=call,
        during="",
        what=what,
        function=building.name,
        defined_at=building.defined_at,
        called_from=building.called_from,
        building_s=building_s,
        compiled=what == "compiling" or None,
        call_s=call_s,
        cause=cause,
    )
