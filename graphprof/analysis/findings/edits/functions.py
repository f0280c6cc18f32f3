"""Decorators and arguments of ``tf.function``s: built once instead of again and again."""

from __future__ import annotations

import ast
from typing import Any

from graphprof.analysis.building import retraces
from graphprof.analysis.findings.edits.base import Edit, Subject
from graphprof.analysis.findings.edits.source import (
    Change,
    Function,
    Source,
    dotted,
    is_true,
    keyword,
    last_name,
)
from graphprof.analysis.programs.recording import Building

_INT_SAFE = ("range", "cast", "fill", "zeros", "ones", "gather", "equal", "one_hot")


def built_again(subject: Subject) -> list[Building]:
    """The buildings of the function that the finding is about, first to last."""
    where = subject.finding.location
    by_function: dict[int, list[Building]] = {}
    for one in subject.evidence.outer_buildings:
        by_function.setdefault(one.function, []).append(one)
    if where is None:
        return []
    fitting = [
        built
        for built in by_function.values()
        if len(built) > 1
        and any(
            line is not None and (line.file, line.line) == (where.file, where.line)
            for one in built
            for line in (one.called_from, one.defined_at)
        )
    ]
    return max(fitting, key=len, default=[])


def differing(built: list[Building]) -> dict[str, set[str]]:
    """Argument -> the ways in which it differed between buildings."""
    found: dict[str, set[str]] = {}
    for number, building in enumerate(built[1:], start=1):
        for one in retraces.explain(building, built[:number]):
            found.setdefault(one.argument, set()).add(one.cause)
    return found


def tensor_argument(subject: Subject) -> Edit | None:
    """``step(x, beta)`` becomes ``step(x, tf.constant(beta, tf.float32))``, at each of its calls."""
    here, built = subject.here(), built_again(subject)
    if here is None or not built:
        return None
    file, _, source = here
    tf = source.module_name("tensorflow")
    ways = differing(built)
    if tf is None or not ways or any(way != {"python_value"} for way in ways.values()):
        return None
    definition = definition_of(subject, built[0])
    sites = {one.called_from.line for one in built if one.called_from is not None}
    changes: list[Change] = []
    for name in ways:
        dtype = _dtype(built, name)
        if dtype is None or (definition and not _can_be_tensor(definition, name, dtype)):
            return None
        for line in sorted(sites):
            argument = argument_of(source, line, built[0], definition, name)
            if argument is None:
                return None
            changes += source.wrap(argument, f"{tf}.constant(", f", {tf}.{dtype})")
    plural = "tensors" if len(ways) > 1 else "a tensor"
    return Edit(file, tuple(changes), f"Pass {' and '.join(ways)} as {plural}")


def _dtype(built: list[Building], name: str) -> str | None:
    """The dtype that a Python number would take among the tensors of the call."""
    kinds = {str(one.signature.get(name, {}).get("type")) for one in built}
    dtypes = {
        str(value.get("dtype"))
        for one in built
        for value in one.signature.values()
        if value.get("kind") == "tensor"
    }
    if kinds <= {"int"}:
        return "int32"
    if kinds <= {"int", "float"}:
        return "float64" if "float64" in dtypes and "float32" not in dtypes else "float32"
    return None


def _can_be_tensor(function: Function, name: str, dtype: str) -> bool:
    """Whether nothing in the function needs the Python number itself."""
    parents = {
        child: parent for parent in ast.walk(function) for child in ast.iter_child_nodes(parent)
    }
    for use in ast.walk(function):
        if not isinstance(use, ast.Name) or use.id != name:
            continue
        up = parents.get(use)
        if isinstance(up, ast.FormattedValue):
            return False
        if isinstance(up, ast.Call):
            called = dotted(up.func)
            if called in ("float", "int", "str", "print", "len") or called.startswith("math."):
                return False
        # A whole number next to floats becomes one of them; an int32 tensor does not.
        whole = dtype == "int32"
        if whole and isinstance(up, (ast.BinOp, ast.AugAssign)):
            return False
        if whole and isinstance(up, ast.Call) and last_name(up.func) not in _INT_SAFE:
            return False
    return True


def argument_of(
    source: Source, line: int, building: Building, definition: Function | None, name: str
) -> ast.expr | None:
    """What a call of the function at ``line`` gives for its parameter ``name``."""
    calls = source.calls_at(line)
    own = building.name.rsplit(".", 1)[-1]
    named = [call for call in calls if last_name(call.func) == own]
    for call in named or [call for call in calls if len(call.args) + len(call.keywords) > 0]:
        given = keyword(call, name)
        if given is not None:
            return given.value
        place = _place(building, definition, name)
        plain = not any(isinstance(one, ast.Starred) for one in call.args)
        fits = len(call.args) + len(call.keywords) == len(building.signature)
        if place is not None and plain and place < len(call.args) and (named or fits):
            return call.args[place]
    return None


def _place(building: Building, definition: Function | None, name: str) -> int | None:
    """Which positional argument the parameter is."""
    if definition is not None:
        names = [one.arg for one in definition.args.posonlyargs + definition.args.args]
        if names[:1] == ["self"]:
            names = names[1:]
    else:
        names = list(building.signature)
    return names.index(name) if name in names else None


def definition_of(subject: Subject, building: Building) -> Function | None:
    """The definition of the Python function that was built."""
    line = building.defined_at
    at = subject.at((line.file, line.line)) if line is not None else None
    return at[2].function_at(at[1]) if at is not None else None


def one_graph_for_shapes(subject: Subject) -> Edit | None:
    """``input_signature`` where all arguments are plain tensors, else ``reduce_retracing=True``."""
    built = built_again(subject)
    ways = differing(built)
    if not built or not ways or any(way != {"shape"} for way in ways.values()):
        return None
    line = built[0].defined_at
    at = subject.at((line.file, line.line)) if line is not None else None
    if at is None:
        return None
    file, number, source = at
    function = source.function_at(number)
    tf = source.module_name("tensorflow")
    if function is None:
        return None
    signature = _signature(built, function, tf) if tf is not None else None
    argument = signature or "reduce_retracing=True"
    says = (
        "Give input_signature: one graph for all shapes"
        if signature
        else "Let one graph serve all shapes: reduce_retracing=True"
    )
    change = _on_function(source, function, argument)
    return Edit(file, (change,), says) if change is not None else None


def without_xla(subject: Subject) -> Edit | None:
    """``jit_compile=False, reduce_retracing=True``: XLA compiles for every shape, a graph need not."""
    built = built_again(subject)
    ways = differing(built)
    if not built or not ways or any(way != {"shape"} for way in ways.values()):
        return None
    line = built[0].defined_at
    at = subject.at((line.file, line.line)) if line is not None else None
    function = at[2].function_at(at[1]) if at is not None else None
    if at is None or function is None:
        return None
    for call in function.decorator_list:
        given = keyword(call, "jit_compile") if isinstance(call, ast.Call) else None
        if isinstance(call, ast.Call) and given is not None and is_true(given.value):
            more = "" if keyword(call, "reduce_retracing") else ", reduce_retracing=True"
            change = at[2].replace(given, f"jit_compile=False{more}")
            return Edit(at[0], (change,), "Leave XLA out, and let one graph serve all shapes")
    return None


def _on_function(source: Source, function: Function, argument: str) -> Change | None:
    """Give ``argument`` to the ``tf.function`` that decorates or wraps ``function``."""
    for one in function.decorator_list:
        if dotted(one).rpartition(".")[2] == "function":
            return source.replace(one, f"{source.of(one)}({argument})")
        if isinstance(one, ast.Call) and last_name(one.func) == "function":
            return None if _decided(one) else source.add_argument(one, argument)
    for call in source.all(ast.Call):
        wraps = call.args and last_name(call.args[0]) == function.name
        if last_name(call.func) == "function" and wraps:
            return None if _decided(call) else source.add_argument(call, argument)
    return None


def _decided(call: ast.Call) -> bool:
    given = {one.arg for one in call.keywords}
    return bool(given & {"input_signature", "reduce_retracing", "jit_compile", None})


def _signature(built: list[Building], function: Function, tf: str) -> str | None:
    """``input_signature=[...]`` that fits all buildings, or None where one cannot be given."""
    arguments = function.args
    names = [one.arg for one in arguments.posonlyargs + arguments.args]
    if names[:1] == ["self"]:
        names = names[1:]
    if arguments.defaults or arguments.kwonlyargs or arguments.vararg or arguments.kwarg:
        return None
    specs = []
    for name in names:
        given = [one.signature.get(name) for one in built]
        spec = _spec([value for value in given if value is not None], tf)
        if spec is None or None in given:
            return None
        specs.append(spec)
    return f"input_signature=[{', '.join(specs)}]" if specs else None


def _spec(given: list[dict[str, Any]], tf: str) -> str | None:
    """``tf.TensorSpec`` of one argument: sizes that differ become None."""
    if any(one["kind"] != "tensor" or one.get("shape") is None for one in given):
        return None
    shapes = {tuple(one["shape"]) for one in given}
    dtypes = {one["dtype"] for one in given}
    if len({len(shape) for shape in shapes}) != 1 or len(dtypes) != 1:
        return None
    sizes = [str(axis[0]) if len(set(axis)) == 1 else "None" for axis in zip(*shapes, strict=True)]
    return f"{tf}.TensorSpec([{', '.join(sizes)}], {tf}.{dtypes.pop()})"
