"""Values that Python hands to TensorFlow."""

from __future__ import annotations

import ast

from graphprof.analysis.findings.edits.base import Edit, Subject
from graphprof.analysis.findings.edits.source import Change, last_name

_CONVERTERS = ("convert_to_tensor", "constant")


def stack_first(subject: Subject) -> Edit | None:
    """``tf.convert_to_tensor([arrays])`` becomes ``tf.convert_to_tensor(np.stack([arrays]))``."""
    here = subject.here()
    if here is None:
        return None
    file, _, source = here
    np = source.module_name("numpy")
    if np is None:
        return None
    changes: list[Change] = []
    for one in subject.evidence.recording.many("conversions"):
        at = subject.at(one.get("site"))
        # Lists of Python numbers would change dtype on the way through NumPy; arrays do not.
        if at is None or at[0] != file or one["type"] != "list of ndarray" or one["count"] < 5:
            continue
        for call in source.calls_at(at[1], *_CONVERTERS):
            value = call.args[0] if call.args else None
            stacked = isinstance(value, ast.Call) and last_name(value.func) in ("stack", "asarray")
            if value is not None and not stacked:
                changes += source.wrap(value, f"{np}.stack(", ")")
    return Edit(file, tuple(dict.fromkeys(changes)), "Stack the arrays first") if changes else None


def read_at_once(subject: Subject) -> Edit | None:
    """``[float(m) for m in means]`` becomes ``means.numpy().tolist()``."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    for one in source.all(ast.ListComp):
        if not one.lineno <= line <= (one.end_lineno or line) or len(one.generators) != 1:
            continue
        over = one.generators[0]
        plain = isinstance(over.target, ast.Name) and not over.ifs and not over.is_async
        if plain and _reads(one.elt, over.target.id):  # type: ignore[attr-defined]
            tensor = source.of(over.iter)
            if not isinstance(over.iter, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
                tensor = f"({tensor})"
            floats = isinstance(one.elt, ast.Call) and _is_float(one.elt)
            text = f"{tensor}.numpy().tolist()" if floats else f"list({tensor}.numpy())"
            return Edit(file, (source.replace(one, text),), "Read the whole tensor at once")
    return None


def _reads(value: ast.expr, name: str) -> bool:
    """Whether ``value`` is ``float(name)`` or ``name.numpy()``."""
    if not isinstance(value, ast.Call):
        return False
    if _is_float(value):
        return len(value.args) == 1 and last_name(value.args[0]) == name
    owner = value.func.value if isinstance(value.func, ast.Attribute) else None
    return last_name(value.func) == "numpy" and isinstance(owner, ast.Name) and owner.id == name


def _is_float(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "float"
