"""Calls the user's factory and reads what it returned."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphprof.capture import blame
from graphprof.capture.spec import WorkloadSpec
from graphprof.capture.workloads import builtin, settings, targets
from graphprof.capture.workloads.declared import Workload as Declared
from graphprof.errors import UsageError, WorkloadError

_ACCEPTED = "Return a Keras model, (model, data), a graphprof.Workload or a step function"


@dataclass(frozen=True)
class Offer:
    """What a target offers, in the one form that the rest understands.

    Attributes:
        declared: model, step and data.
        data_origin: where the data come from when the target says so, else None.
        notes: sentences that a reader must know.
    """

    declared: Declared
    data_origin: str | None = None
    notes: tuple[str, ...] = ()


def read(spec: WorkloadSpec) -> Offer:
    """Find the target, call it, and put what it returns in one form.

    Raises:
        UsageError: the target or its arguments cannot be understood.
        WorkloadError: the factory is missing, raises, or returns something else.
    """
    found = targets.find(spec.target)
    if _is_model(found) or isinstance(found, Declared):
        if spec.settings:
            raise UsageError(
                f"{spec.target} is no factory and takes no arguments", "Leave --set away"
            )
        result = found
    elif callable(found):
        result = _call(found, f"Factory {_name(found)}()", spec)
    else:
        raise WorkloadError(
            f"{spec.target} is of type {type(found).__name__}, not a factory", _ACCEPTED
        )
    offer = Offer(Declared())
    if isinstance(result, builtin.Noted):
        offer = Offer(Declared(), result.data_origin, result.notes)
        result = result.result
    declared = normal(result, f"Factory {_name(found)}()")
    if spec.data is not None:
        return Offer(dataclasses.replace(declared, data=_data(spec)))
    return dataclasses.replace(offer, declared=declared)


def normal(result: Any, source: str) -> Declared:
    """Any accepted result as a ``graphprof.Workload``.

    Args:
        result: what the factory returned.
        source: the factory, for messages.

    Raises:
        WorkloadError: it is nothing that can be profiled.
    """
    if isinstance(result, Declared):
        if result.model is None and result.step is None:
            raise WorkloadError(
                f"{source} returned a Workload with neither model nor step", _ACCEPTED
            )
        if result.model is not None and not _is_model(result.model):
            raise WorkloadError(
                _wrong(f"The model of the Workload from {source}", result.model), _ACCEPTED
            )
        return result
    if _is_model(result):
        return Declared(model=result)
    if isinstance(result, tuple) and len(result) in {2, 3, 4}:
        head, *rest = result
        data = rest[0] if len(rest) == 1 else tuple(rest)
        if not any(_is_model(part) for part in rest):
            if _is_model(head):
                return Declared(model=head, data=data)
            if _is_step(head) and len(rest) == 1:
                return Declared(step=head, data=data)
    if _is_step(result):
        return Declared(step=result)
    raise WorkloadError(_wrong(source, result), _cure(result))


def _is_model(thing: Any) -> bool:
    import keras

    return isinstance(thing, keras.Model)


def _is_step(thing: Any) -> bool:
    import keras

    layer_or_class = isinstance(thing, keras.Layer) or inspect.isclass(thing)
    return callable(thing) and not layer_or_class and not _is_legacy(thing)


def _is_legacy(thing: Any) -> bool:
    return any(kind.__module__.startswith("tf_keras") for kind in type(thing).__mro__)


def _wrong(source: str, result: Any) -> str:
    if result is None:
        return f"{source} returned nothing"
    if isinstance(result, tuple):
        kinds = ", ".join(type(part).__name__ for part in result)
        return f"{source} returned a tuple of ({kinds})"
    return f"{source} returned a value of type {type(result).__name__}"


def _cure(result: Any) -> str:
    import keras

    if _is_legacy(result):
        return "Build the model with Keras 3 (import keras), not with tf_keras"
    if isinstance(result, keras.Layer):
        return "Wrap the layer in a keras.Model, or return a step function that calls it"
    return _ACCEPTED


def _call(function: Callable[..., Any], what: str, spec: WorkloadSpec) -> Any:
    arguments = settings.bind(function, _with_batch_size(function, spec))
    try:
        return function(**arguments)
    except (Exception, SystemExit) as error:
        raise blame.blame(error, what) from error


def _with_batch_size(function: Callable[..., Any], spec: WorkloadSpec) -> dict[str, str]:
    """The settings, with ``--batch-size`` for a factory that makes its own batches."""
    given = dict(spec.settings)
    try:
        names = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return given
    if spec.batch_size is not None and "batch_size" in names:
        given.setdefault("batch_size", str(spec.batch_size))
    return given


def _data(spec: WorkloadSpec) -> Any:
    """The data named by ``--data``; a bare name lies beside the factory."""
    name = spec.data or ""
    target = name if ":" in name else f"{spec.target.rpartition(':')[0]}:{name}"
    if target.startswith(":"):
        raise UsageError(
            f"Data {name!r} cannot belong to a built-in", "Write it as models.py:make_data"
        )
    found = targets.find(target)
    if not callable(found) or inspect.isgeneratorfunction(found):
        return found
    bare = dataclasses.replace(spec, settings={})
    return _call(found, f"Data factory {_name(found)}()", bare)


def _name(thing: Any) -> str:
    return str(getattr(thing, "__name__", type(thing).__name__))
