"""Watches Keras: its loops step by step, callbacks, compile, optimizers, metrics, layers."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from graphprof.capture.instrument import private, sites
from graphprof.capture.instrument.origins import origin
from graphprof.capture.instrument.sites import Site
from graphprof.capture.instrument.spans import Token
from graphprof.capture.instrument.watch import MOST_CALLS, Watch

Wrap = Callable[[Any], Any]

_ENDS = ("on_train_end", "on_test_end", "on_predict_end")
LOOPS = ("fit", "evaluate", "predict")
ON_BATCH = ("train_on_batch", "test_on_batch", "predict_on_batch")


class Loop:
    """One call of ``fit``, ``evaluate`` or ``predict`` that is going on.

    What lies between two steps is a *gap*. It belongs to the step until an epoch ends or the call
    does (a validation counts as its epoch's end); what follows in it is the epoch's or the call's,
    which is known when it ends.
    """

    def __init__(self, watch: Watch, method: str) -> None:
        self.watch = watch
        self.method = method
        self.steps = 0
        self.epochs = 0
        self.between = False
        """Whether the gap that is open lies between two steps of an epoch, as far as is known."""
        self.first = True
        self.gap: Token | None = watch.tree.enter_apart("gap")

    def begin_step(self) -> bool:
        """The next step begins, the gap before it ends; say whether it is the first of an epoch."""
        gap = self.gap
        if gap is None:
            return False
        self.gap = None
        if self.between:
            self.watch.tree.leave(gap)
            return False
        self.watch.tree.leave_as(gap, "call" if self.first else "epoch")
        self.first = False
        return True

    def end_step(self) -> None:
        """A step has ended: a gap begins."""
        self.steps += 1
        self.between = True
        self.gap = self.watch.tree.enter("gap", "step")

    def edge(self) -> None:
        """An epoch, or the call, begins or ends here."""
        if self.between and self.gap is not None:
            self.watch.tree.leave(self.gap)
            self.between = False
            self.gap = self.watch.tree.enter_apart("gap")

    def end(self) -> None:
        """The call has ended."""
        if self.gap is not None:
            if self.between:
                self.watch.tree.leave(self.gap)
            else:
                self.watch.tree.leave_as(self.gap, "call")
            self.gap = None


class KerasWatch:
    """The wrappers for Keras, and the loops that are open."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.loops: list[Loop] = []
        self.timed_classes: set[type] = set()
        self.models: dict[int, int] = {}
        self.layer_keys: dict[int, Any] = {}

    def wrappers(self) -> dict[str, Wrap]:
        """The wrappers by point."""
        found: dict[str, Wrap] = {
            "make_step": self._make_step,
            "make_predict": self._make_predict,
            "compile": self._compile,
            "callbacks": self._callbacks,
            "optimizer": self._optimizer,
            "optimizer_made": self._optimizer_made,
            "metric": self._metric,
            "layer_call": self._layer_call,
            "rnn": self._rnn,
        }
        for method in LOOPS:
            found[method] = functools.partial(self._loop, method)
        for method in ON_BATCH:
            found[method] = functools.partial(self._on_batch, method)
        return found

    def _loop(self, method: str, original: Any) -> Any:
        watch, tree = self.watch, self.watch.tree

        def run(model: Any, *args: Any, **kwargs: Any) -> Any:
            if not tree.here():
                watch.counted_elsewhere(f"calls of {method}")
                return original(model, *args, **kwargs)
            site = sites.here(2)
            if self.loops:
                self.loops[-1].edge()
            record = self._record(method, model, site, args, kwargs)
            token = tree.enter("keras", method, site)
            loop = Loop(watch, method)
            self.loops.append(loop)
            around, tree.loop_site = tree.loop_site, site
            try:
                return original(model, *args, **kwargs)
            finally:
                tree.loop_site = around
                loop.end()
                self.loops.remove(loop)
                seconds = tree.leave(token)
                self._finish(record, model, loop, seconds)

        return run

    def _on_batch(self, method: str, original: Any) -> Any:
        tree = self.watch.tree

        def run(model: Any, *args: Any, **kwargs: Any) -> Any:
            if not tree.here():
                return original(model, *args, **kwargs)
            site = sites.here(2)
            record = self._record(method, model, site, args, kwargs)
            token = tree.enter("keras", method, site)
            try:
                return original(model, *args, **kwargs)
            finally:
                self._finish(record, model, None, tree.leave(token))

        return run

    def _record(
        self, method: str, model: Any, site: Site | None, args: Any, kwargs: Any
    ) -> dict[str, Any]:
        data = args[0] if args else kwargs.get("x")
        if not self.loops:
            with self.watch.aside():
                self.watch.replays.keras(method, model, site, args, kwargs)
        return {
            "method": method,
            "site": None if site is None else list(site),
            "model": self._model(model),
            "inside": self.loops[-1].method if self.loops else None,
            "at_s": self.watch.tree.now_s(),
            "data": type(data).__module__.split(".")[0] + "." + type(data).__name__,
            "rows": _rows(data),
            "batch_size": kwargs.get("batch_size"),
            "epochs": kwargs.get("epochs"),
            "validation": kwargs.get("validation_data") is not None
            or bool(kwargs.get("validation_split")),
            "validation_freq": kwargs.get("validation_freq"),
        }

    def _finish(
        self, record: dict[str, Any], model: Any, loop: Loop | None, seconds: float
    ) -> None:
        record.update(
            seconds=seconds,
            steps=1 if loop is None else loop.steps,
            epochs_run=0 if loop is None else loop.epochs,
            run_eagerly=_flag(model, "run_eagerly"),
            jit_compile=_flag(model, "jit_compile"),
            steps_per_execution=_flag(model, "steps_per_execution"),
        )
        if len(self.watch.keras_calls) < MOST_CALLS:
            self.watch.keras_calls.append(record)

    def _model(self, model: Any) -> int:
        return self.models.setdefault(id(model), len(self.models))

    def _make_step(self, original: Any) -> Any:
        def _make_function(model: Any, step_function: Any) -> Any:
            name = getattr(step_function, "__name__", "step")
            return self._stepping(original(model, step_function), name)

        return _make_function

    def _make_predict(self, original: Any) -> Any:
        def make_predict_function(model: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(model, *args, **kwargs)
            function = model.predict_function
            if function is not None and not hasattr(function, "graphprof_watched"):
                model.predict_function = self._stepping(function, "predict_step")
            return result

        return make_predict_function

    def _stepping(self, function: Any, name: str) -> Any:
        tree, loops = self.watch.tree, self.loops
        enter, leave, ident = tree.enter, tree.leave, threading.get_ident

        def step(*args: Any, **kwargs: Any) -> Any:
            if ident() != tree.thread:
                return function(*args, **kwargs)
            loop = loops[-1] if loops else None
            first = loop is not None and loop.begin_step()
            token = enter("first_step" if first else "step", name)
            try:
                return function(*args, **kwargs)
            finally:
                leave(token)
                if loop is not None:
                    loop.end_step()

        step.graphprof_watched = True  # type: ignore[attr-defined]
        return (
            functools.wraps(function, updated=())(step) if hasattr(function, "__name__") else step
        )

    def _compile(self, original: Any) -> Any:
        watch, tree = self.watch, self.watch.tree

        def compile(model: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: A001
            if not tree.here():
                return original(model, *args, **kwargs)
            site = sites.here(2)
            token = tree.enter("compile", type(model).__name__, site)
            try:
                return original(model, *args, **kwargs)
            finally:
                tree.leave(token)
                if len(watch.compiles) < MOST_CALLS:
                    watch.compiles.append(self._compiled(model, site, kwargs))

        return compile

    def _compiled(self, model: Any, site: Site | None, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {
            "site": None if site is None else list(site),
            "model": self._model(model),
            "at_s": self.watch.tree.now_s(),
            "run_eagerly": _flag(model, "run_eagerly"),
            "asked_run_eagerly": bool(kwargs.get("run_eagerly")),
            "jit_compile": _flag(model, "jit_compile"),
            "asked_jit_compile": kwargs.get("jit_compile", "auto"),
            "steps_per_execution": _flag(model, "steps_per_execution"),
            "optimizer": type(getattr(model, "optimizer", None)).__name__,
            "metrics": [_name(m) for m in _listed(kwargs.get("metrics"))],
        }

    def _callbacks(self, original: Any) -> Any:
        # The class itself is watched, so it is changed in place rather than replaced.
        for hook in ("on_epoch_begin", "on_epoch_end", *_ENDS):
            setattr(original, hook, self._edge(getattr(original, hook)))
        init = original.__init__

        def __init__(container: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            init(container, *args, **kwargs)
            for callback in getattr(container, "callbacks", []):
                self._time_callback(callback)

        original.__init__ = functools.wraps(init)(__init__)
        return original

    def _edge(self, original: Any) -> Any:
        begins = original.__name__ == "on_epoch_begin"

        def hook(container: Any, *args: Any, **kwargs: Any) -> Any:
            if self.loops and self.watch.tree.here():
                self.loops[-1].edge()
                self.loops[-1].epochs += begins
            return original(container, *args, **kwargs)

        return functools.wraps(original)(hook)

    def _time_callback(self, callback: Any) -> None:
        for klass in type(callback).__mro__:
            module = klass.__module__
            if klass in self.timed_classes or klass is object or klass.__name__ == "Callback":
                continue
            self.timed_classes.add(klass)
            for name, method in list(vars(klass).items()):
                if name.startswith("on_") and callable(method):
                    site = private.code_site(method)
                    setattr(
                        klass, name, self._timed(method, f"{klass.__name__}.{name}", site, module)
                    )
        for name, method in list(vars(callback).items()):
            if name.startswith("on_") and callable(method):
                label = f"{type(callback).__name__}.{name}"
                setattr(callback, name, self._timed(method, label, private.code_site(method), ""))

    def _timed(self, method: Any, name: str, site: Site | None, module: str) -> Any:
        tree, ident = self.watch.tree, threading.get_ident
        if hasattr(method, "graphprof_watched"):
            return method
        place = None if module.startswith("keras.") else site

        def hook(*args: Any, **kwargs: Any) -> Any:
            if ident() != tree.thread:
                return method(*args, **kwargs)
            token = tree.enter("callback", name, place)
            try:
                return method(*args, **kwargs)
            finally:
                tree.leave(token)

        hook.graphprof_watched = True  # type: ignore[attr-defined]
        return functools.wraps(method)(hook)

    def _optimizer(self, original: Any) -> Any:
        watch, tree = self.watch, self.watch.tree

        def apply(optimizer: Any, grads: Any, trainable_variables: Any = None) -> Any:
            if not tree.here():
                return original(optimizer, grads, trainable_variables)
            grads = list(grads)
            kind = "optimizer" if watch.open_buildings else "update"
            name = type(optimizer).__name__
            site = sites.here(2)
            self._note_optimizer(optimizer, grads, trainable_variables, site)
            watch.owners.append(("optimizer", name))
            token = tree.enter(kind, name, site)
            try:
                return original(optimizer, grads, trainable_variables)
            finally:
                tree.leave(token)
                watch.owners.pop()

        return apply

    def _optimizer_made(self, original: Any) -> Any:
        made = self.watch.optimizers_made

        def __init__(optimizer: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            original(optimizer, *args, **kwargs)
            name = type(optimizer).__name__
            site = sites.here(2)
            record = made.setdefault(name, {"name": name, "site": site and list(site), "count": 0})
            record["count"] += 1

        return __init__

    def _note_optimizer(
        self, optimizer: Any, grads: list[Any], variables: Any, site: Site | None
    ) -> None:
        name = type(optimizer).__name__
        if name in self.watch.optimizers:
            return
        variables = (
            list(variables)
            if variables is not None
            else list(getattr(optimizer, "_trainable_variables", []))
        )
        sparse = [
            {"rows": _dim(variable), "elements": _elements(variable)}
            for grad, variable in zip(grads, variables, strict=False)
            if type(grad).__name__ == "IndexedSlices"
        ]
        self.watch.optimizers[name] = {
            "name": name,
            "site": None if site is None else list(site),
            "variables": len(grads),
            "elements": sum(_elements(variable) for variable in variables),
            "sparse": sparse,
        }

    def _metric(self, original: Any) -> Any:
        watch = self.watch

        def __init__(metric: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            for klass in type(metric).__mro__:
                if klass in self.timed_classes or klass is object or klass.__name__ == "Metric":
                    continue
                self.timed_classes.add(klass)
                for name in ("update_state", "result"):
                    method = vars(klass).get(name)
                    if callable(method):
                        owner = ("metric", type(metric).__name__)
                        setattr(klass, name, _owned(watch, method, owner))
            original(metric, *args, **kwargs)

        return __init__

    def _layer_call(self, original: Any) -> Any:
        watch, tree = self.watch, self.watch.tree

        def __call__(layer: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            if watch.open_buildings and tree.here():
                layers = watch.open_buildings[-1]["layers"]
                found = layers.get(id(layer))
                if found is None:
                    layers[id(layer)] = [type(layer).__name__, 1, origin(3)[0]]
                else:
                    found[1] += 1
            return original(layer, *args, **kwargs)

        return __call__

    def _rnn(self, original: Any) -> Any:
        watch = self.watch

        def __init__(layer: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            original(layer, *args, **kwargs)
            if kwargs.get("unroll") and len(watch.unrolled) < MOST_CALLS:
                site = sites.here(2)
                watch.unrolled.append(
                    {"layer": type(layer).__name__, "site": None if site is None else list(site)}
                )

        return __init__


def _owned(watch: Watch, function: Any, owner: tuple[str, str]) -> Any:
    tree = watch.tree
    users = not (getattr(function, "__module__", "") or "").startswith("keras.")

    def method(*args: Any, **kwargs: Any) -> Any:
        if not tree.here():
            return function(*args, **kwargs)
        watch.owners.append(owner)
        token = tree.enter("metric", owner[1])
        try:
            if users and watch.open_buildings:
                return private.converted(function)(*args, **kwargs)
            return function(*args, **kwargs)
        finally:
            tree.leave(token)
            watch.owners.pop()

    method.graphprof_watched = True  # type: ignore[attr-defined]
    method.autograph_info__ = {}  # type: ignore[attr-defined]
    return functools.wraps(function)(method)


def _flag(model: Any, name: str) -> Any:
    try:
        value = getattr(model, name, None)
    except (AttributeError, ValueError):
        return None
    return value if isinstance(value, (bool, int, str)) else None


def _name(metric: Any) -> str:
    return metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, dict):
        return [item for one in value.values() for item in _listed(one)]
    if isinstance(value, (list, tuple)):
        return [item for one in value for item in _listed(one)]
    return [value]


def _rows(data: Any) -> int | None:
    if isinstance(data, (list, tuple)) and data and hasattr(data[0], "shape"):
        data = data[0]
    if isinstance(data, dict) and data:
        data = next(iter(data.values()))
    shape = getattr(data, "shape", None)
    try:
        return None if shape is None or len(shape) == 0 else int(shape[0])
    except (TypeError, ValueError):
        return None


def _dim(variable: Any) -> int:
    shape: Any = getattr(variable, "shape", ())
    return int(shape[0]) if len(shape) and shape[0] is not None else 0


def _elements(variable: Any) -> int:
    total = 1
    for size in getattr(variable, "shape", ()):
        total *= int(size or 0)
    return total
