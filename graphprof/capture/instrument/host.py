"""Watches what Python does with tensors: eager ops, conversions, reads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from graphprof.capture.instrument import sites
from graphprof.capture.instrument.spans import STEPS
from graphprof.capture.instrument.watch import Watch

Wrap = Callable[[Any], Any]

SAMPLE_EVERY = 16
"""One eager op in so many is asked which line of the user's code it comes from."""
_WORTH_A_SITE_S = 20e-6


def watch_host(watch: Watch) -> dict[str, Wrap]:
    """The wrappers for eager ops, conversions and reads."""
    return {
        "eager_op": lambda original: _eager_op(watch, original),
        "convert": lambda original: _convert(watch, original),
        "tensor_read": lambda original: _read(watch, original),
    }


def _eager_op(watch: Watch, original: Any) -> Any:
    tree = watch.tree
    ident = threading.get_ident
    clock = time.perf_counter
    count = 0

    def execute_fast(*args: Any) -> Any:
        nonlocal count
        if ident() != tree.thread:
            return original(*args)
        start = clock()
        try:
            result = original(*args)
        finally:
            end = clock()
            # ``Tree.op``, without the call: this is the hook that is called most.
            entry = tree.current.ops.get(args[1])
            if entry is None:
                tree.current.ops[args[1]] = [1, end - start]
            else:
                entry[0] += 1
                entry[1] += end - start
            if end >= tree.tick_at_s:
                tree.on_tick(end)
        count += 1
        if not count % SAMPLE_EVERY:
            _sample(watch, args[1], result, end - start)
        return result

    return execute_fast


def _sample(watch: Watch, op: str, result: Any, seconds: float) -> None:
    frame = sites.user_frame(3)
    if frame is not None:
        under = watch.owners[-1][0] if watch.owners else watch.tree.current.kind
        code = sites.function_around(frame).f_code
        key = (code.co_filename, frame.f_lineno, code.co_name, code.co_firstlineno, under)
        now_s = watch.tree.now_s()
        entry = watch.op_sites.setdefault(key, [0, 0, 0, now_s, now_s])
        entry[0] += 1
        entry[1] += entry[2] != id(frame)  # another frame: the function has been called again
        entry[2] = id(frame)
        entry[4] = now_s
    if isinstance(result, (list, tuple)):
        result = result[0] if result else None
    dtype = getattr(getattr(result, "dtype", None), "name", "")
    sampled = watch.op_dtypes.setdefault(f"{op}:{dtype}", [0, 0.0])
    sampled[0] += 1
    sampled[1] += seconds


def _convert(watch: Watch, original: Any) -> Any:
    tree = watch.tree
    clock = time.perf_counter

    def convert_to_eager_tensor(value: Any, ctx: Any, dtype: Any = None) -> Any:
        if watch.open_buildings or not tree.here():
            return original(value, ctx, dtype)
        start = clock()
        result = original(value, ctx, dtype)
        seconds = clock() - start
        tree.op("<convert>", seconds)
        site = sites.here(2) if seconds > _WORTH_A_SITE_S else None
        entry = watch.conversions.setdefault((_kind(value), site), [0, 0.0, 0])
        entry[0] += 1
        entry[1] += seconds
        if site is not None:
            entry[2] += _bytes(result)
        return result

    return convert_to_eager_tensor


def _read(watch: Watch, original: Any) -> Any:
    tree, ident = watch.tree, threading.get_ident
    clock = time.perf_counter

    def _numpy(self: Any) -> Any:
        if ident() != tree.thread:
            return original(self)
        start = clock()
        result = original(self)
        seconds = clock() - start
        tree.op("<read>", seconds)
        # Keras asks in each step whether there was a batch: a short read, not the user's.
        quick = seconds < _WORTH_A_SITE_S and tree.current.kind in STEPS
        site = tree.loop_site if quick else sites.here(2)
        entry = watch.reads.get(site)
        if entry is None:
            entry = watch.reads[site] = [0, 0.0, 0]
        entry[0] += 1
        entry[1] += seconds
        entry[2] += getattr(result, "nbytes", 0)
        return result

    return _numpy


def _kind(value: Any) -> str:
    """What is converted: ``list of ndarray``, ``list``, ``ndarray``, ``float`` ..."""
    if isinstance(value, (list, tuple)):
        inner = value
        for _ in range(4):
            if not isinstance(inner, (list, tuple)) or not inner:
                break
            inner = inner[0]
        name = type(inner).__name__
        return f"{type(value).__name__} of {name}" if inner is not value else type(value).__name__
    return type(value).__name__


def _bytes(tensor: Any) -> int:
    try:
        return int(tensor.shape.num_elements() or 0) * int(tensor.dtype.size)
    except (AttributeError, TypeError, ValueError):
        return 0
