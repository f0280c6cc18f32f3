"""Watches input pipelines: iterators made, batches waited for, and Python called from pipelines."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from graphprof.capture.instrument import private, sites
from graphprof.capture.instrument.origins import origin
from graphprof.capture.instrument.sites import Site
from graphprof.capture.instrument.watch import MOST_PRODUCERS, Watch

Wrap = Callable[[Any], Any]

STAGES = (
    "batch", "cache", "filter", "flat_map", "from_generator", "from_tensor_slices", "from_tensors",
    "interleave", "map", "padded_batch", "prefetch", "repeat", "shuffle", "window", "unbatch",
    "rebatch", "ragged_batch", "bucket_by_sequence_length", "concatenate", "take", "skip", "zip",
    "list_files", "range",
)  # fmt: skip
_SITE = "_graphprof_site"


def watch_inputs(watch: Watch) -> dict[str, Wrap]:
    """The wrappers for ``tf.data`` and ``tf.py_function``."""
    return {
        "iterator_create": lambda original: _create(watch, original),
        "iterator_next": lambda original: _next(watch, original),
        "dataset": lambda original: _stages(watch, original),
        "py_function_call": lambda original: _producer(watch, original),
        "py_function_made": lambda original: _made(watch, original),
        "map_fn": lambda original: _loop_function(watch, original, "map_fn"),
        "scan": lambda original: _loop_function(watch, original, "scan"),
        "foldl": lambda original: _loop_function(watch, original, "foldl"),
        "run_functions_eagerly": lambda original: watch_switch(
            watch, original, "run_functions_eagerly"
        ),
    }


def watch_keras_inputs(watch: Watch) -> dict[str, Wrap]:
    """The wrappers for Keras's data adapters."""
    return {
        "py_dataset": lambda original: _adapter(watch, original, "PyDataset"),
        "generator": lambda original: _adapter(watch, original, "generator"),
        "set_floatx": lambda original: watch_switch(watch, original, "dtype"),
        "set_policy": lambda original: watch_switch(watch, original, "dtype"),
    }


def _create(watch: Watch, original: Any) -> Any:
    tree = watch.tree

    def _create_iterator(self: Any, dataset: Any) -> Any:
        if watch.open_buildings or not tree.here():
            return original(self, dataset)
        site = sites.here(2)
        token = tree.enter("iterator", type(dataset).__name__, site)
        try:
            return original(self, dataset)
        finally:
            tree.leave(token)
            _note_pipeline(watch, dataset, site)

    return _create_iterator


def _next(watch: Watch, original: Any) -> Any:
    tree, ident = watch.tree, threading.get_ident

    def __next__(self: Any) -> Any:  # noqa: N807
        if watch.open_buildings or ident() != tree.thread:
            return original(self)
        first = "_graphprof_asked" not in self.__dict__
        if first:
            self._graphprof_asked = True
        token = tree.enter("first_next" if first else "next", "", sites.here(2))
        try:
            return original(self)
        finally:
            tree.leave(token)

    return __next__


def _note_pipeline(watch: Watch, dataset: Any, site: Site | None) -> None:
    under = watch.tree.current
    key = f"{under.kind}:{under.name}:{site}:{type(dataset).__name__}"
    known = watch.pipelines.get(key)
    if known is None:
        if len(watch.pipelines) > 200:
            return
        known = watch.pipelines[key] = {
            "site": None if site is None else list(site),
            "under": under.kind,
            "iterators": 0,
            "stages": _describe(dataset),
            "cardinality": _cardinality(dataset),
        }
    known["iterators"] += 1


def _describe(dataset: Any) -> list[dict[str, Any]]:
    """The stages from the last (nearest to the program) to the source."""
    found: list[dict[str, Any]] = []
    waiting = [dataset]
    while waiting and len(found) < 60:
        stage = waiting.pop(0)
        place = getattr(stage, _SITE, None)
        found.append(
            {
                "op": type(stage).__name__.strip("_"),
                "site": None if place is None else list(place),
                "parallel": type(stage).__name__.strip("_").startswith("Parallel"),
                "buffer": _number(getattr(stage, "_buffer_size", None)),
                "batch": _number(getattr(stage, "_batch_size", None)),
            }
        )
        waiting.extend(private.dataset_inputs(stage))
    return found


def _number(tensor: Any) -> int | None:
    try:
        return None if tensor is None else int(tensor)
    except (TypeError, ValueError):
        return None


def _cardinality(dataset: Any) -> int | None:
    try:
        return int(dataset.cardinality())
    except (AttributeError, TypeError, ValueError):
        return None


def _stages(watch: Watch, original: Any) -> Any:
    # DatasetV2 is changed in place: isinstance checks and subclasses must go on holding.
    for name in STAGES:
        method = vars(original).get(name)
        if isinstance(method, staticmethod):
            setattr(original, name, staticmethod(_placed(watch, method.__func__, name)))
        elif callable(method):
            setattr(original, name, _placed(watch, method, name))
    return original


def _placed(watch: Watch, method: Any, name: str) -> Any:
    def stage(*args: Any, **kwargs: Any) -> Any:
        if not watch.tree.here() or watch.open_buildings:
            return method(*args, **kwargs)
        site = sites.here(2)
        token = watch.tree.enter("dataset", name, site)
        try:
            dataset = method(*args, **kwargs)
        finally:
            watch.tree.leave(token)
        if site is not None and not hasattr(dataset, _SITE):
            _place(dataset, site)
        if name == "from_generator" and site is not None:
            generator = args[0] if args else kwargs.get("generator")
            watch.marks.setdefault("generators", 0)
            watch.marks["generators"] += 1
            _name_producer(watch, "from_generator", generator, site)
        return dataset

    return functools.wraps(method)(stage)


def _place(dataset: Any, site: Site) -> None:
    """Mark ``dataset`` and the helper datasets that the same call made below it."""
    for _ in range(6):
        if hasattr(dataset, _SITE):
            return
        try:
            setattr(dataset, _SITE, site)
        except AttributeError:
            return
        inputs = private.dataset_inputs(dataset)
        if len(inputs) != 1:
            return
        dataset = inputs[0]


def _name_producer(watch: Watch, kind: str, function: Any, site: Site | None) -> None:
    watch.setting(
        {
            "what": kind,
            "name": getattr(function, "__qualname__", type(function).__name__),
            "site": None if site is None else list(site),
            "defined_at": _listed(private.code_site(function)),
        }
    )


def _made(watch: Watch, original: Any) -> Any:
    def insert(self: Any, func: Any) -> Any:
        token = original(self, func)
        inner = getattr(func, "_func", func)
        record = watch.open_buildings[-1] if watch.open_buildings else None
        defined = private.code_site(inner)
        generator = bool(defined) and "from_generator_op" in defined[0]  # type: ignore[index]
        if len(watch.producers) >= MOST_PRODUCERS:
            return token
        watch.producers[str(token)] = {
            "token": str(token),
            "name": getattr(inner, "__qualname__", type(inner).__name__),
            "defined_at": _listed(defined),
            "site": _listed(_user_line()),
            "generator": generator,
            "building": None if record is None else record["index"],
            "for_data": any(one["for_data"] for one in watch.open_buildings),
            "count": 0,
            "total_s": 0.0,
            "cpu_s": 0.0,
            "during": {},
        }
        return token

    return insert


def _user_line() -> Site | None:
    return origin(4)[0]


def _producer(watch: Watch, original: Any) -> Any:
    clock = time.perf_counter

    def __call__(self: Any, token: Any, device: Any, args: Any) -> Any:  # noqa: N807
        if watch.tree.thread is None:
            return original(self, token, device, args)
        start, cpu = clock(), time.thread_time()
        under = watch.tree.current.kind
        try:
            return original(self, token, device, args)
        finally:
            seconds = clock() - start
            key = token.decode() if isinstance(token, bytes) else str(token)
            record = watch.producers.get(key)
            if record is not None:
                record["count"] += 1
                record["total_s"] += seconds
                record["cpu_s"] += time.thread_time() - cpu
                during = record["during"]
                during[under] = during.get(under, 0.0) + seconds

    return __call__


def _loop_function(watch: Watch, original: Any, name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        if not watch.tree.here():
            return original(*args, **kwargs)
        record = watch.open_buildings[-1] if watch.open_buildings else None
        if len(watch.loop_functions) < 200:
            elements = args[1] if len(args) > 1 else kwargs.get("elems")
            watch.loop_functions.append(
                {
                    "function": name,
                    "site": _listed(_user_line()),
                    "building": None if record is None else record["index"],
                    "for_data": any(one["for_data"] for one in watch.open_buildings),
                    "elements": _leading(elements),
                }
            )
        return original(*args, **kwargs)

    return function


def _leading(elements: Any) -> int | None:
    if isinstance(elements, (list, tuple)) and elements:
        elements = elements[0]
    shape = getattr(elements, "shape", None)
    try:
        return None if shape is None or shape[0] is None else int(shape[0])
    except (TypeError, ValueError, IndexError):
        return None


def _adapter(watch: Watch, original: Any, kind: str) -> Any:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        source = args[0] if args else next(iter(kwargs.values()), None)
        original(self, *args, **kwargs)
        if watch.tree.here():
            if kind == "generator":
                watch.replays.batches(private.first_batches(self))
            klass = type(source)
            method = vars(klass).get("__getitem__") if kind == "PyDataset" else None
            frame = getattr(source, "gi_code", None)
            defined = private.code_site(method) if method is not None else None
            if frame is not None:
                defined = (frame.co_filename, frame.co_firstlineno)
            watch.setting(
                {
                    "what": kind,
                    "name": getattr(frame, "co_name", klass.__name__),
                    "site": _listed(sites.here(2)),
                    "defined_at": _listed(defined),
                }
            )

    return __init__


def watch_switch(watch: Watch, original: Any, what: str) -> Any:
    """Keep which line turned a switch of the whole program, and to what."""

    def switch(*args: Any, **kwargs: Any) -> Any:
        value = args[0] if args else next(iter(kwargs.values()), None)
        site = sites.here(2)
        watch.setting(
            {"what": what, "name": str(getattr(value, "name", value)), "site": _listed(site)}
        )
        return original(*args, **kwargs)

    return switch


def _listed(site: Site | None) -> list[Any] | None:
    return None if site is None else list(site)
