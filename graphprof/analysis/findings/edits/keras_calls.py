"""Calls of Keras's loops on little data become calls of what they loop over."""

from __future__ import annotations

import ast
from collections.abc import Container

from graphprof.analysis.findings.edits.base import Edit, Subject
from graphprof.analysis.findings.edits.source import Change, Source, keyword

_PREDICT_ALLOWED = {"x", "verbose", "batch_size"}
_FIT_ALLOWED = {"x", "y", "verbose", "batch_size", "epochs", "shuffle", "sample_weight"}


def predict_on_batch(subject: Subject) -> Edit | None:
    """``model.predict(x, ...)`` of one batch becomes ``model.predict_on_batch(x)``."""
    return _edit(
        subject,
        "predict",
        _predict_change,
        "Call predict_on_batch: predict() sets up an input pipeline and callbacks in each call",
    )


def call_directly(subject: Subject) -> Edit | None:
    """``model.predict(x)`` of one batch, once, becomes ``model(x, training=False).numpy()``."""
    return _edit(
        subject,
        "predict",
        _direct_change,
        "Call the model itself: a graph that runs once is not worth building",
    )


def train_on_batch(subject: Subject) -> Edit | None:
    """``model.fit(x, y)`` of one step, result unused, becomes ``model.train_on_batch(x, y)``."""
    return _edit(
        subject,
        "fit",
        _fit_change,
        "Call train_on_batch: fit() sets up an input pipeline and callbacks in each call",
    )


def _edit(subject: Subject, method: str, change: object, sentence: str) -> Edit | None:
    """The change at every line that calls ``method`` for a single step each time."""
    assert callable(change)
    records = [
        one for one in subject.evidence.recording.many("keras_calls") if one["method"] == method
    ]
    several = {_site(one) for one in records if int(one.get("steps") or 0) > 1}
    file: str | None = None
    changes: list[Change] = []
    for site in sorted({_site(one) for one in records} - several):
        at = subject.at(site)
        if at is None or file not in (None, at[0]):
            continue
        found = change(at[2], at[2].calls_at(at[1], method))
        if found:
            file = at[0]
            changes += found
    return Edit(file, tuple(changes), sentence) if file is not None else None


def _site(record: dict[str, object]) -> tuple[str, int]:
    site = record.get("site")
    return (str(site[0]), int(site[1])) if isinstance(site, list) else ("", 0)


def _arguments(call: ast.Call, allowed: Container[str | None], most: int) -> bool:
    """Whether the call gives only these by name, and at most so many by position."""
    return (
        len(call.args) <= most
        and not any(isinstance(one, ast.Starred) for one in call.args)
        and all(one.arg in allowed for one in call.keywords)
    )


def _data(call: ast.Call, name: str, place: int) -> ast.expr | None:
    given = keyword(call, name)
    if given is not None:
        return given.value
    return call.args[place] if len(call.args) > place else None


def _predict_change(source: Source, calls: list[ast.Call]) -> list[Change]:
    changes = []
    for call in calls:
        data = _data(call, "x", 0)
        if data is None or not _arguments(call, _PREDICT_ALLOWED, 1):
            continue
        if isinstance(call.func, ast.Attribute):
            model = source.of(call.func.value)
            changes.append(source.replace(call, f"{model}.predict_on_batch({source.of(data)})"))
    return changes


def _direct_change(source: Source, calls: list[ast.Call]) -> list[Change]:
    changes = []
    for call in calls:
        data = _data(call, "x", 0)
        if data is None or not _arguments(call, _PREDICT_ALLOWED, 1):
            continue
        if isinstance(call.func, ast.Attribute):
            model = source.of(call.func.value)
            text = f"{model}({source.of(data)}, training=False).numpy()"
            changes.append(source.replace(call, text))
    return changes


def _fit_change(source: Source, calls: list[ast.Call]) -> list[Change]:
    changes = []
    for call in calls:
        x, y = _data(call, "x", 0), _data(call, "y", 1)
        epochs = keyword(call, "epochs")
        once = epochs is None or (
            isinstance(epochs.value, ast.Constant) and epochs.value.value == 1
        )
        unused = isinstance(source.parents.get(call), ast.Expr)
        if (
            x is None
            or y is None
            or not once
            or not unused
            or not isinstance(call.func, ast.Attribute)
        ):
            continue
        if not _arguments(call, _FIT_ALLOWED, 2):
            continue
        weight = keyword(call, "sample_weight")
        more = f", sample_weight={source.of(weight.value)}" if weight is not None else ""
        model = source.of(call.func.value)
        text = f"{model}.train_on_batch({source.of(x)}, {source.of(y)}{more})"
        changes.append(source.replace(call, text))
    return changes
