"""Numbers inside the arguments of a ``tf.function``: in dicts, lists and named tuples."""

from __future__ import annotations

import ast
import re

from graphprof.analysis.findings.edits.base import Edit, Subject
from graphprof.analysis.findings.edits.functions import (
    argument_of,
    built_again,
    definition_of,
    differing,
)
from graphprof.analysis.findings.edits.source import Change, Source, keyword, last_name
from graphprof.analysis.programs.recording import Building

_PATH = re.compile(r"^(\w+)(\[[^\]]+\]|\.\w+)$")


def tensors_inside(subject: Subject) -> Edit | None:
    """Numbers inside an argument that is made at the call (``{"lr": rate}``, a named tuple, a list)
    become tensors: ``{"lr": tf.constant(rate, tf.float32)}``.
    """
    here, built = subject.here(), built_again(subject)
    if here is None or not built:
        return None
    file, line, source = here
    tf = source.module_name("tensorflow")
    ways = differing(built)
    if tf is None or not ways or any(way != {"python_value"} for way in ways.values()):
        return None
    definition = definition_of(subject, built[0])
    changes: list[Change] = []
    for path in ways:
        parts = _PATH.match(path)
        if parts is None:
            return None
        name, inner = parts.groups()
        argument = argument_of(source, line, built[0], definition, name)
        value = _inside(source, argument, inner) if argument is not None else None
        if value is None or not _is_float(built, name, inner):
            return None
        changes += source.wrap(value, f"{tf}.constant(", f", {tf}.float32)")
    return Edit(file, tuple(changes), f"Pass {' and '.join(ways)} as tensors")


def _is_float(built: list[Building], name: str, inner: str) -> bool:
    """Whether the item ``inner`` is a float (and no whole number or text) in every building."""
    key = inner.strip("[].'\"")
    for one in built:
        items = one.signature.get(name, {}).get("items") or {}
        found = items.get(key) or items.get(int(key) if key.isdigit() else key)
        if not isinstance(found, dict) or found.get("type") != "float":
            return False
    return True


def _inside(source: Source, argument: ast.expr, inner: str) -> ast.expr | None:
    """The part of a display or a call that gives the item ``inner``: ``['lr']``, ``[0]``, ``.rate``."""
    key = inner.strip("[].'\"")
    if isinstance(argument, ast.Dict):
        for given, value in zip(argument.keys, argument.values, strict=True):
            if isinstance(given, ast.Constant) and str(given.value) == key:
                return value
    if isinstance(argument, (ast.Tuple, ast.List)) and key.isdigit():
        return argument.elts[int(key)] if int(key) < len(argument.elts) else None
    if isinstance(argument, ast.Call):
        named = keyword(argument, key)
        if named is not None:
            return named.value
        fields = _fields(source, last_name(argument.func))
        if key in fields and fields.index(key) < len(argument.args):
            return argument.args[fields.index(key)]
    return None


def _fields(source: Source, name: str) -> list[str]:
    """The fields of a named tuple that the file defines, in order."""
    for call in source.all(ast.Call):
        first = call.args[0] if call.args else None
        made = last_name(call.func) == "namedtuple" and isinstance(first, ast.Constant)
        if made and first.value == name and len(call.args) > 1:  # type: ignore[union-attr]
            try:
                given = ast.literal_eval(call.args[1])
            except ValueError:  # made of names
                return []
            return given.replace(",", " ").split() if isinstance(given, str) else list(given)
    for one in source.all(ast.ClassDef):
        if one.name == name and any(last_name(base) == "NamedTuple" for base in one.bases):
            return [
                field.target.id
                for field in one.body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            ]
    return []
