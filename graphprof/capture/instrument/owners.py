"""Who owns ops: Keras's layers, losses, metrics and optimizers, and the methods in which they work.

The one place that replaces those methods, and puts them back. All of them are public; classes that
override one are found among the subclasses. ``functools.wraps`` keeps Keras's module on the
replacements, by which AutoGraph knows that it must not convert them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from graphprof.capture.instrument import private
from graphprof.trace.labels import Label, LayerInfo, Pass

Method = Callable[..., Any]


@dataclass(frozen=True)
class Owner:
    """A kind of object that owns ops.

    Attributes:
        base: its base class.
        methods: where it works.
        in_pass: the pass that this work belongs to.
        family: whether subclasses override the methods without calling the base's.
    """

    base: type
    methods: tuple[str, ...]
    in_pass: Pass
    family: bool = True

    def label(self, instance: Any, around: Sequence[Label]) -> Label:
        """The label of ``instance``, called inside the scopes ``around``."""
        name = str(getattr(instance, "name", None) or type(instance).__name__)
        innermost = around[-1]
        if innermost.in_pass == self.in_pass and innermost.owner:
            # A layer in a layer is a path; a metric or loss inside another is still that one's.
            return Label(f"{innermost.owner}/{name}", "forward") if self._nests else innermost
        return Label(name, self.in_pass)

    @property
    def _nests(self) -> bool:
        return self.in_pass == "forward"


OWNERS = (
    Owner(keras.Layer, ("__call__",), "forward", family=False),
    Owner(keras.losses.Loss, ("__call__",), "loss"),
    Owner(keras.Metric, ("update_state", "result"), "metrics"),
    Owner(keras.Optimizer, ("apply",), "optimizer"),
)


def describe(layer: Any, path: str) -> LayerInfo:
    """What ``labels.json`` says about a layer."""
    return LayerInfo(path, type(layer).__name__, isinstance(layer, keras.Model))


@contextmanager
def replaced(
    wrap: Callable[[Owner, Method], Method], tape: Callable[[Method], Method] | None = None
) -> Iterator[None]:
    """Replace the owners' methods, and ``GradientTape.gradient``, for as long as it is open.

    Args:
        wrap: makes the replacement of an owner's method.
        tape: makes the replacement of ``GradientTape.gradient``; None leaves it.
    """
    before: list[tuple[type, str, Method]] = []

    def replace(holder: type, name: str, replacement: Method) -> None:
        original = holder.__dict__[name]
        before.append((holder, name, original))
        setattr(holder, name, functools.wraps(original)(replacement))

    try:
        for owner in OWNERS:
            for holder, name in _places(owner):
                replace(holder, name, wrap(owner, holder.__dict__[name]))
        if tape is not None:
            replace(tf.GradientTape, "gradient", tape(tf.GradientTape.gradient))
        yield
    finally:
        for holder, name, original in reversed(before):
            setattr(holder, name, original)


@contextmanager
def gradients_replaced(wrap: Callable[[Method, Sequence[Any]], Method]) -> Iterator[str | None]:
    """Replace the gradients that users give themselves (``tf.custom_gradient``) as they are recorded.

    Args:
        wrap: makes the replacement of a gradient function, given the tensors that its op read.

    Yields:
        None, or a sentence: what cannot be labelled with this release of TensorFlow.
    """
    try:
        holder, name, original = private.RECORD_OPERATION.resolve()
    except (ImportError, AttributeError) as error:
        yield f"This release of TensorFlow has no such function ({error}): gradients of custom functions stay without layers."
        return

    @functools.wraps(original)
    def record(
        op_type: str,
        output_tensors: Any,
        input_tensors: Sequence[Any],
        backward_function: Method,
        *more: Any,
        **named: Any,
    ) -> Any:
        if op_type != "ReadVariableOp":  # it hands gradients on, and makes no op
            backward_function = wrap(backward_function, input_tensors)
        return original(op_type, output_tensors, input_tensors, backward_function, *more, **named)

    setattr(holder, name, record)
    try:
        yield None
    finally:
        setattr(holder, name, original)


def _places(owner: Owner) -> list[tuple[type, str]]:
    """The classes that define the owner's methods themselves."""
    classes = [owner.base]
    if owner.family:
        classes = [*owner.base.__mro__, *_subclasses(owner.base)]
    return [(found, name) for found in classes for name in owner.methods if name in found.__dict__]


def _subclasses(base: type) -> list[type]:
    found: dict[type, None] = {}
    children: list[type] = type.__subclasses__(base)
    for child in children:
        found[child] = None
        found.update(dict.fromkeys(_subclasses(child)))
    return list(found)
