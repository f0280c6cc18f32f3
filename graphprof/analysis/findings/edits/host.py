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
