"""Watches ``tf.function``: calls, buildings, executions, and which line makes which op of a graph."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from graphprof.capture.instrument import private, signature, sites
from graphprof.capture.instrument.origins import origin
from graphprof.capture.instrument.sites import Site
from graphprof.capture.instrument.spans import STEPS
from graphprof.capture.instrument.watch import MOST_BUILDINGS, Watch

Wrap = Callable[[Any], Any]

_MOST_CHAINS = 4000
SLOW_RUN_S = 0.02
MOST_SLOW_RUNS = 24
MOST_SLOW_FUNCTIONS = 2000
MOST_FUNCTIONS_HELD = 500


def watch_functions(watch: Watch) -> dict[str, Wrap]:
    """The wrappers for the points that concern ``tf.function``."""
    return {
        "function_call": lambda original: _call(watch, original),
        "build": lambda original: _build(watch, original),
        "run": lambda original: _run(watch, original),
        "graph_op": lambda original: _graph_op(watch, original),
    }


def _call(watch: Watch, original: Any) -> Any:
    tree, buildings = watch.tree, watch.buildings
    ident = threading.get_ident

    def __call__(self: Any, *args: Any, **kwds: Any) -> Any:  # noqa: N807
        if watch.open_buildings or ident() != tree.thread:
            if ident() != tree.thread:
                watch.counted_elsewhere("calls of tf.functions")
            return original(self, *args, **kwds)
        eagerly = private.running_functions_eagerly()
        kind = "call_eagerly" if eagerly else "call"
        name = getattr(self, "_name", "function")
        quick = tree.current.kind in STEPS and private.called_by_keras_trainer(2)
        site = tree.loop_site if quick else sites.here(2)
        outermost = tree.current is tree.root
        built = len(buildings)
        token = tree.enter(kind, name, site)
        try:
            return original(self, *args, **kwds)
        finally:
            tree.leave(token)
            if outermost and (eagerly or len(buildings) != built):
                _note_step(watch, self, name, site, (args, kwds))

    return __call__


def _note_step(watch: Watch, function: Any, name: str, site: Site | None, arguments: Any) -> None:
    """Keep the Python function: a method's with its object, which might be gone at the end."""
    if watch.replays.lacks("function", site):
        watch.replays.function(private.python_of(function), name, site, arguments)


def _run(watch: Watch, original: Any) -> Any:
    tree, ident = watch.tree, threading.get_ident

    def call_function(self: Any, name: Any, tensor_inputs: Any, num_outputs: Any) -> Any:
        if ident() != tree.thread:
            return original(self, name, tensor_inputs, num_outputs)
        text = name if isinstance(name, str) else name.decode()
        token = tree.enter("run", text)
        try:
            return original(self, name, tensor_inputs, num_outputs)
        finally:
            seconds = tree.leave(token)
            if seconds > SLOW_RUN_S:
                _note_slow(watch, text, seconds, tensor_inputs)

    return call_function


def _note_slow(watch: Watch, name: str, seconds: float, inputs: Any) -> None:
    """Keep the inputs' shapes and small whole numbers: what XLA compiles anew for."""
    if name not in watch.slow_runs and len(watch.slow_runs) >= MOST_SLOW_FUNCTIONS:
        return
    seen = watch.slow_runs.setdefault(name, [])
    if len(seen) >= MOST_SLOW_RUNS:
        return
    shapes, values = [], []
    for tensor in list(inputs)[:40]:
        shape = getattr(tensor, "shape", None)
        dims = None if shape is None or shape.rank is None else shape.as_list()
        dtype = getattr(getattr(tensor, "dtype", None), "name", "")
        if dims is None or dtype == "resource":
            continue
        shapes.append(dims)
        if dtype.startswith(("int", "bool")) and len(dims) <= 1 and sum(dims) <= 4:
            values.append(str(tensor.numpy().tolist()))
    seen.append(
        {"at_s": watch.tree.now_s(), "seconds": seconds, "shapes": shapes, "values": values}
    )


def _build(watch: Watch, original: Any) -> Any:
    tree = watch.tree
    serials: dict[int, tuple[object, int]] = {}

    def _create_concrete_function(
        function_type: Any, type_context: Any, func_graph: Any, tracing_options: Any
    ) -> Any:
        def build() -> Any:
            return original(function_type, type_context, func_graph, tracing_options)

        if not tree.here():
            watch.counted_elsewhere("buildings of graphs")
            return build()
        record = _begin(watch, serials, function_type, tracing_options)
        token = tree.enter("build", record["name"], _as_site(record["called_from"]))
        watch.open_buildings.append(record)
        concrete = None
        try:
            concrete = build()
        finally:
            watch.open_buildings.pop()
            record["seconds"] = tree.leave(token)
            _end(watch, record, concrete)
        return concrete

    return _create_concrete_function


def _begin(
    watch: Watch, serials: dict[int, tuple[object, int]], function_type: Any, options: Any
) -> dict[str, Any]:
    same = private.call_again(options)
    known = serials.get(id(same))
    if known is None:
        # Kept alive, so that ids stay unique; the oldest go when a program makes ever new ones.
        watch.functions_seen += 1
        known = serials[id(same)] = (same, watch.functions_seen - 1)
        if len(serials) > MOST_FUNCTIONS_HELD:
            del serials[next(iter(serials))]
    function = private.python_function(options)
    outer = watch.open_buildings[-1] if watch.open_buildings else None
    return {
        "index": len(watch.buildings) + watch.buildings_left_out + len(watch.open_buildings),
        "inside": None if outer is None else outer["index"],
        "function": known[1],
        "name": getattr(function, "__qualname__", None) or str(getattr(options, "name", "")),
        "defined_at": _list(private.code_site(function)),
        "called_from": _list(sites.here(3)),
        "chain": [list(site) for site in sites.chain(3, 6)],
        "under": watch.tree.current.kind,
        "for_data": _from_data(),
        "signature": signature.named(
            signature.describe(function_type), private.step_names(options)
        ),
        "jit_compile": private.jit_compiled(options),
        "reduce_retracing": bool(getattr(options, "reduce_retracing", False)),
        "input_signature": getattr(options, "input_signature", None) is not None,
        "at_s": watch.tree.now_s(),
        "seconds": 0.0,
        "ops": {},
        "op_count": 0,
        "places": {},
        "layers": {},
    }


def _end(watch: Watch, record: dict[str, Any], concrete: Any) -> None:
    record["failed"] = concrete is None
    name = getattr(concrete, "name", b"")
    record["concrete"] = name.decode() if isinstance(name, bytes) else str(name)
    record["op_count"] = record["op_count"] or private.op_count(concrete)
    places: dict[tuple[Any, ...], list[Any]] = record.pop("places")
    record["places"] = [
        {
            "type": key[0],
            "dtype": key[1],
            "owner": key[2],
            "site": _list(key[3]),
            "direct": key[4],
            "chain": [list(site) for site in key[5]],
            "count": len(names),
            "names": names[:2000],
        }
        for key, names in places.items()
    ]
    layers: dict[Any, list[Any]] = record.pop("layers")
    record["layers"] = [
        {"layer": found[0], "calls": found[1], "site": _list(found[2])}
        for found in layers.values()
        if found[1] > 3
    ]
    if len(watch.buildings) >= MOST_BUILDINGS:
        watch.buildings_left_out += 1
    else:
        watch.buildings.append(record)


def _graph_op(watch: Watch, original: Any) -> Any:
    def _create_op_internal(
        self: Any, op_type: str, inputs: Any, dtypes: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        op = original(self, op_type, inputs, dtypes, *args, **kwargs)
        if watch.open_buildings and watch.tree.here():
            _note_op(watch, watch.open_buildings[-1], op, op_type)
        return op

    return _create_op_internal


def _note_op(watch: Watch, record: dict[str, Any], op: Any, op_type: str) -> None:
    record["op_count"] += 1
    if op_type in ("Placeholder", "Const", "Identity", "NoOp"):
        return
    if watch.graph_ops_left <= 0:
        return
    watch.graph_ops_left -= 1
    outputs = op.outputs
    dtype = outputs[0].dtype.name if outputs else ""
    owner = ":".join(watch.owners[-1]) if watch.owners else ""
    site, direct, chain = origin(4)
    places = record["places"]
    key = (op_type, dtype, owner, site, direct, chain)
    names = places.get(key)
    if names is None:
        if len(places) > _MOST_CHAINS:
            return
        names = places[key] = []
    names.append(op.name)


def _from_data() -> bool:
    """Whether tf.data is building one of its own functions (a map, a generator ...)."""
    frame = sys._getframe(3)
    depth = 0
    while frame is not None and depth < 60:
        filename = frame.f_code.co_filename
        if filename.endswith("structured_function.py"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
        depth += 1
    return False


def _list(site: Site | None) -> list[Any] | None:
    return None if site is None else list(site)


def _as_site(value: list[Any] | None) -> Site | None:
    return None if value is None else (value[0], value[1])
