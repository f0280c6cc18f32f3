"""Dtypes: float32 instead of what the device is slow at."""

from __future__ import annotations

import ast

from graphprof.analysis.findings.edits.base import Edit, Subject
from graphprof.analysis.findings.edits.source import dotted

_SWITCHES = ("set_floatx", "set_global_policy", "set_dtype_policy", "Policy")
_SLOW = ("float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


def float32(subject: Subject) -> Edit | None:
    """``set_floatx("float64")`` or a dtype policy becomes float32."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    for call in source.calls_at(line):
        if dotted(call.func).rpartition(".")[2] not in _SWITCHES:
            continue
        for value in call.args:
            if isinstance(value, ast.Constant) and value.value in _SLOW:
                change = source.replace(value, '"float32"')
                return Edit(file, (change,), "Compute in float32", "float32 has seven figures")
    return None
