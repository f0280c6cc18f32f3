"""A plain step function: how it is called with a batch, and the variables that it works on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from graphprof.errors import WorkloadError

_DEPTH = 4  # helper functions inside helper functions that are looked into


def python_function(step: Callable[..., Any]) -> Callable[..., Any]:
    """The Python under a ``tf.function``: each mode wraps it anew, or not at all."""
    inner: Callable[..., Any] = getattr(step, "python_function", step)
    return inner


def takes_batch(step: Callable[..., Any]) -> bool:
    """Whether the step takes any argument."""
    return bool(_parameters(step))


def adapt(step: Callable[..., Any], first: Any) -> Callable[[Any], Any]:
    """The step as a function of one batch.

    ``step(batch)``, ``step(x, y)`` and ``step()`` are told apart by the parameters.

    Args:
        step: the user's function, not a ``tf.function``.
        first: one batch, or None when there are no data.

    Raises:
        WorkloadError: the parameters do not fit the batch.
    """
    adapted = _adapted(step, first)
    # Say whose building it is when it is built, and what the parts of its argument are called.
    adapted.graphprof_step = step  # type: ignore[attr-defined]
    adapted.graphprof_names = [p.name for p in _parameters(step)]  # type: ignore[attr-defined]
    return adapted


def _adapted(step: Callable[..., Any], first: Any) -> Callable[[Any], Any]:
    parameters = _parameters(step)
    if not parameters:
        return lambda _: step()
    parts = first if isinstance(first, tuple) else (first,)
    required = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    name = getattr(step, "__name__", type(step).__name__)
    if first is None:
        if required:
            raise WorkloadError(
                f"Step {name}({', '.join(p.name for p in required)}) takes a batch, and there are no data",
                "Return (step, data) from the factory",
            )
        return lambda _: step()
    if _spreads(parameters, required, len(parts)):
        return lambda batch: step(*batch) if isinstance(batch, tuple) else step(batch)
    if len(required) <= 1:
        return lambda batch: step(batch)
    raise WorkloadError(
        f"Step {name}({', '.join(p.name for p in required)}) does not fit a batch of {len(parts)} parts",
        "Let the step take the parts of a batch, or the batch as one argument",
    )


def _spreads(parameters: list[inspect.Parameter], required: list[Any], parts: int) -> bool:
    """Whether a batch is spread over the parameters rather than passed as one."""
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) or len(required) == parts:
        return True
    # `step(x, y=None)` takes the parts, `step(batch, training=True)` does not.
    extra = parameters[len(required) : parts]
    return len(required) < parts <= len(parameters) and all(p.default is None for p in extra)


def _parameters(step: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        parameters = inspect.signature(step).parameters.values()
    except (TypeError, ValueError):
        return []
    return [
        p
        for p in parameters
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)
    ]


def captured(step: Callable[..., Any]) -> list[Any]:
    """What the step works on: the models, layers, variables and optimizers that it can reach.

    They are found where Python keeps them: in the closure, among the globals that are used, and in
    the object that a method belongs to; helper functions are looked into.
    """
    found: dict[int, Any] = {}
    _collect([step], found, 0, set())
    return list(found.values())


def variables(things: Iterable[Any]) -> list[Any]:
    """The weights in models, layers and variables, without optimizers' state, each once."""
    import keras

    weights: dict[int, Any] = {}
    for thing in things:
        if isinstance(thing, keras.optimizers.Optimizer):
            continue
        inner = [thing] if hasattr(thing, "assign") else getattr(thing, "variables", ())
        for variable in inner:
            weights.setdefault(id(variable), variable)
    return list(weights.values())


def _collect(values: Iterable[Any], found: dict[int, Any], depth: int, seen: set[int]) -> None:
    import keras
    import tensorflow as tf

    wanted = (keras.Layer, keras.optimizers.Optimizer, keras.Variable, tf.Variable, tf.Module)
    for value in values:
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, wanted):
            found[id(value)] = value
        elif isinstance(value, (list, tuple)):
            _collect(value, found, depth, seen)
        elif isinstance(value, dict):
            _collect(value.values(), found, depth, seen)
        elif callable(value) and depth < _DEPTH:
            _collect(_reachable(value), found, depth + 1, seen)


def _reachable(function: Any) -> list[Any]:
    """Values that a function or method refers to."""
    function = python_function(function)
    owner = getattr(function, "__self__", None)
    values = [] if owner is None else [owner, *getattr(owner, "__dict__", {}).values()]
    plain = inspect.unwrap(getattr(function, "__func__", function))
    if inspect.isfunction(plain) and not plain.__module__.startswith(("keras.", "tensorflow.")):
        names = inspect.getclosurevars(plain)
        values += [*names.nonlocals.values(), *names.globals.values()]
    elif not inspect.isclass(function) and not inspect.ismodule(function):
        values += list(getattr(function, "__dict__", {}).values())
    return values
