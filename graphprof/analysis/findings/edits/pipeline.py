"""Stages of ``tf.data`` pipelines: running ahead, in parallel, on whole batches, kept."""

from __future__ import annotations

import ast
from typing import Any

from graphprof.analysis.findings.edits.base import Edit, Subject
from graphprof.analysis.findings.edits.source import Change, Source, keyword

_STAGES = {
    "batch", "map", "shuffle", "repeat", "prefetch", "cache", "filter", "take", "skip", "padded_batch",
    "from_tensor_slices", "from_generator", "range", "with_options", "interleave", "unbatch",
    "ragged_batch", "zip", "enumerate", "flat_map", "from_tensors", "apply", "window", "rebatch",
}  # fmt: skip
_RANDOM = ("random", "uniform", "normal", "shuffle", "dropout")


def prefetch(subject: Subject) -> Edit | None:
    """``.prefetch(tf.data.AUTOTUNE)`` behind the last stage that the user's code makes."""
    last = _last_stage(subject)
    if last is None:
        return None
    file, source, call, tf = last
    end = source.end(call)
    change = Change(end, end, f".prefetch({tf}.data.AUTOTUNE)")
    return Edit(file, (change,), "Let the pipeline run ahead of the steps")


def parallel_map(subject: Subject) -> Edit | None:
    """``num_parallel_calls=tf.data.AUTOTUNE`` for the map at the finding's line."""
    found = _map(subject)
    if found is None:
        return None
    file, source, call, tf = found
    if keyword(call, "num_parallel_calls") is not None or len(call.args) > 1:
        return None
    change = source.add_argument(call, f"num_parallel_calls={tf}.data.AUTOTUNE")
    return Edit(file, (change,), "Map several elements at a time")


def cache(subject: Subject) -> Edit | None:
    """``.cache()`` behind the map, where it gives the same in each epoch and no shuffle precedes."""
    found = _map(subject)
    if found is None or not _several_epochs(subject):
        return parallel_map(subject)
    file, source, call, _ = found
    if _stage_names_before(call) & {"shuffle", "cache", "repeat"} or _is_random(source, call):
        return parallel_map(subject)
    end = source.end(call)
    return Edit(file, (Change(end, end, ".cache()"),), "Keep what the map gives in memory")


def batch_first(subject: Subject) -> Edit | None:
    """``.map(f).batch(n)`` becomes ``.batch(n)`` and a map of ``tf.vectorized_map(f)``."""
    found = _map(subject)
    if found is None:
        return None
    file, source, call, tf = found
    batch = _next_stage(source, call)
    if batch is None or batch[0] != "batch" or not call.args or len(call.args) > 1:
        return None
    function, batching = call.args[0], batch[1]
    if not isinstance(function, (ast.Name, ast.Attribute)) or _is_random(source, call):
        return None
    assert isinstance(call.func, ast.Attribute)
    head = source.end(call.func.value)
    tail = source.data[source.end(call) : source.end(batching)].decode()
    more = "".join(f", {source.of(one)}" for one in call.keywords)
    name = source.of(function)
    rows = f"lambda *batch: {tf}.vectorized_map(lambda row: {name}(*row), batch)"
    text = f"{tail.lstrip() if tail.strip().startswith('.') else tail}.map({rows}{more})"
    change = Change(head, source.end(batching), text)
    return Edit(file, (change,), "Batch first, and map whole batches")


def larger_batch(subject: Subject) -> Edit | None:
    """``batch_size=8`` (or ``.batch(8)``) becomes 128."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    alters = "each step sees more rows: other losses, and a learning rate that may need to grow"
    for call in source.calls_at(line, "fit"):
        given = keyword(call, "batch_size")
        if given is not None and _is_small(given.value):
            change = source.replace(given.value, "128")
            return Edit(file, (change,), "Take 128 rows in a step", alters)
    for pipe in _stages(subject):
        at = subject.at(pipe.get("site")) if "Batch" in pipe["op"] else None
        for call in at[2].calls_at(at[1], "batch") if at is not None else ():
            if at is not None and call.args and _is_small(call.args[0]):
                change = at[2].replace(call.args[0], "128")
                return Edit(at[0], (change,), "Take 128 rows in a step", alters)
    return None


def _is_small(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, int) and value.value <= 16


def _stages(subject: Subject) -> list[dict[str, Any]]:
    """Stages that lines of the user's made, last first, of the pipeline with the most of them."""
    found = [
        [stage for stage in pipe.get("stages", []) if stage.get("site")]
        for pipe in subject.evidence.recording.many("pipelines")
    ]
    return max(found, key=len, default=[])


def _last_stage(subject: Subject) -> tuple[str, Source, ast.Call, str] | None:
    for stage in _stages(subject):
        at = subject.at(stage["site"])
        if at is None:
            continue
        file, line, source = at
        tf = source.module_name("tensorflow")
        calls = [call for call in source.calls_at(line, *_STAGES) if _is_method(call)]
        if tf is None or not calls:
            continue
        call = calls[-1]  # the outermost: the last stage of the chain on this line
        if call.func.attr == "prefetch":  # type: ignore[attr-defined]
            return None
        return file, source, call, tf
    return None


def _map(subject: Subject) -> tuple[str, Source, ast.Call, str] | None:
    """The ``map`` at the finding's line."""
    here = subject.here()
    if here is None:
        return None
    file, line, source = here
    tf = source.module_name("tensorflow")
    calls = [call for call in source.calls_at(line, "map") if _is_method(call)]
    return (file, source, calls[0], tf) if tf is not None and len(calls) == 1 else None


def _is_method(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute)


def _next_stage(source: Source, call: ast.Call) -> tuple[str, ast.Call] | None:
    """The stage that is chained to ``call``, if one is."""
    attribute = source.parents.get(call)
    outer = source.parents.get(attribute) if isinstance(attribute, ast.Attribute) else None
    if isinstance(attribute, ast.Attribute) and isinstance(outer, ast.Call):
        return attribute.attr, outer
    return None


def _stage_names_before(call: ast.Call) -> set[str]:
    """Methods in the chain before ``call``."""
    found = set()
    value: ast.AST = call.func
    while isinstance(value, (ast.Attribute, ast.Call)):
        if isinstance(value, ast.Attribute) and value is not call.func:
            found.add(value.attr)
        value = value.func if isinstance(value, ast.Call) else value.value
    return found


def _several_epochs(subject: Subject) -> bool:
    calls = subject.evidence.recording.many("keras_calls")
    return any(int(call.get("epochs_run") or 1) > 1 for call in calls) or any(
        int(pipe.get("iterators") or 1) > 1 for pipe in subject.evidence.recording.many("pipelines")
    )


def _is_random(source: Source, call: ast.Call) -> bool:
    """Whether the mapped function draws random numbers: kept, they would stay the same."""
    function = call.args[0] if call.args else None
    if isinstance(function, ast.Lambda):
        return any(word in source.of(function) for word in _RANDOM)
    name = function.id if isinstance(function, ast.Name) else ""
    for one in source.all(ast.FunctionDef):
        if one.name == name:
            return any(word in source.of(one) for word in _RANDOM)
    return True  # it is not in this file: it cannot be told
