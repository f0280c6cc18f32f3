"""Many short epochs of ``fit`` become one long one over repeated data."""

from __future__ import annotations

import ast
from typing import Any

from graphprof.analysis.findings.edits.base import Edit, Subject
from graphprof.analysis.findings.edits.source import Source, keyword

_ALLOWED = {"x", "y", "batch_size", "epochs", "verbose", "shuffle"}


def one_epoch(subject: Subject) -> Edit | None:
    """``fit(x, y, epochs=E)`` on arrays becomes ``fit(dataset.repeat(E))``.

    It declines where anything waits for the ends of epochs: callbacks, validation, the history.
    """
    here, record = subject.here(), _record(subject)
    if here is None or record is None:
        return None
    file, line, source = here
    for call in source.calls_at(line, "fit"):
        x, y = _given(call, "x", 0), _given(call, "y", 1)
        epochs = keyword(call, "epochs")
        unused = isinstance(source.parents.get(call), ast.Expr)
        known = all(one.arg in _ALLOWED for one in call.keywords) and len(call.args) <= 2
        if x is None or y is None or epochs is None or not unused or not known:
            return None
        if not isinstance(call.func, ast.Attribute):
            return None
        tf, imports = source.module("tensorflow", "tf")
        data = _dataset(source, tf, x, y, call, record)
        verbose = keyword(call, "verbose")
        said = f", verbose={source.of(verbose.value)}" if verbose is not None else ""
        text = f"{source.of(call.func)}({data}.repeat({source.of(epochs.value)}){said})"
        return Edit(
            file,
            (*imports, source.replace(call, text)),
            "Run all epochs as one over repeated data",
            "one epoch is reported, and examples come in another order",
        )
    return None


def _record(subject: Subject) -> dict[str, Any] | None:
    """The calls of fit at the finding's line, where all had arrays of known length."""
    where = subject.finding.location
    calls = [
        one
        for one in subject.evidence.recording.many("keras_calls")
        if one["method"] == "fit"
        and where is not None
        and one.get("site") == [where.file, where.line]
    ]
    arrays = all("array" in str(one.get("data")) and one.get("rows") for one in calls)
    return calls[-1] if calls and arrays and not calls[-1].get("validation") else None


def _dataset(
    source: Source, tf: str, x: ast.expr, y: ast.expr, call: ast.Call, record: dict[str, Any]
) -> str:
    """The arrays as a dataset of batches: as one batch where they are no more than one."""
    pair = f"({source.of(x)}, {source.of(y)})"
    size = keyword(call, "batch_size")
    if int(record["rows"]) <= int(record.get("batch_size") or 32):
        return f"{tf}.data.Dataset.from_tensors({pair}).cache()"
    batch = source.of(size.value) if size is not None else "32"
    shuffle = keyword(call, "shuffle")
    ordered = shuffle is not None and not _is(shuffle.value, True)
    mixed = "" if ordered else f".shuffle({int(record['rows'])})"
    return f"{tf}.data.Dataset.from_tensor_slices({pair}).cache(){mixed}.batch({batch})"


def _is(value: ast.expr, what: object) -> bool:
    return isinstance(value, ast.Constant) and value.value is what


def _given(call: ast.Call, name: str, place: int) -> ast.expr | None:
    given = keyword(call, name)
    if given is not None:
        return given.value
    return call.args[place] if len(call.args) > place else None
