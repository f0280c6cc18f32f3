"""What a graph's op names mean: layer, pass, op type.

A name comes in many coats: ``sequential/conv2d/Relu`` in ``tf.function``,
``StatefulPartitionedCall/sequential/conv2d/Relu`` inside Keras's loops,
``gradient_tape/sequential/conv2d/ReluGrad`` in the backward pass, ``.../while/body/_94/...`` inside
a loop, and all of it once more as ``op_name`` in XLA's metadata. ``Names`` takes the coats off and
looks up what is left in the run's labels (``graphprof.trace.labels``). Without labels (a trace taken by
others) it can only guess from the usual shapes, and says so by the tag.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from graphprof.trace.labels import UNLABELLED, Label, Labels, Tag

# Segments after which a name begins anew: a function that was inlined, the backward pass, the
# body of a loop or a branch (with the number that inlining gives it).
_BACKWARD = frozenset({"gradient_tape", "gradients"})
_INLINED = re.compile(r"(Stateful|Stateless)?PartitionedCall(_\d+)?")
_BODY = re.compile(r"(body|cond|then|else|true|false|branch\d*)(_\d+)?")
_NUMBER = re.compile(r"_\d+")

# What Grappler puts before and after the name of an op that it rewrites.
_GRAPPLER_FRONT = re.compile(r"(ConstantFolding|ArithmeticOptimizer|LayoutOptimizer|Func)/")
_GRAPPLER_TAIL = re.compile(r"-(folded|reduction)?(-\d+)?(-\d-)?(Transpose|Vec)?\w*Optimizer$")

# oneDNN's and Grappler's versions of an op keep its name at the end.
_VERSION = re.compile(r"_+(?:Mkl)?(?:Native)?(?:Fused)?(?=[A-Z])")

# Guesses for graphs without labels: scopes that Keras's own losses, metrics and optimizers open.
_LOSS = re.compile(
    r"compile_loss|.*(crossentropy|mean_squared_error|mean_absolute_error|_loss)(_\d+)?"
)
_METRICS = re.compile(r"compile_metrics|.*accuracy(_\d+)?")
_OPTIMIZER = re.compile(
    r"(adam|adamw|adamax|adagrad|adadelta|sgd|SGD|rmsprop|nadam|ftrl|lion|lamb|loss_scale_optimizer)(_\d+)?"
)


class Named(NamedTuple):
    """What a name means.

    Attributes:
        label: whose op it is.
        op_type: the op's type as recorded, as ``_MklNativeFusedConv2D``; empty when unknown.
        tag: where the label comes from: ``direct`` (its own name), ``inner`` (an op inside it),
            ``dataflow`` (an op beside it), ``none`` (it has none).
    """

    label: Label
    op_type: str
    tag: Tag


class Names:
    """Reads op names with the labels of a run."""

    def __init__(self, labels: Labels) -> None:
        self._known: dict[str, Label] = {**labels.ops}
        for scope, label in labels.scopes.items():
            self._known.setdefault(scope, label)
        self._ops = labels.ops
        self._scopes = labels.scopes
        self.label = functools.cache(self._label)

    def node(self, name: str) -> Named:
        """Read the event name of a graph's node, ``scope/name:OpType``."""
        path, _, op_type = name.rpartition(":")
        label = self.label(path)
        if not label.owner:
            return Named(label, op_type, "none")
        # A sum of gradients stands in no scope: its label is that of the op that receives it.
        return Named(label, op_type, "dataflow" if op_type == "AddN" else "direct")

    def _label(self, name: str) -> Label:
        """Return the label of the op called ``name``, ``UNLABELLED`` when it has none."""
        name = _GRAPPLER_TAIL.sub("", _GRAPPLER_FRONT.sub("", name))
        segments = name.split("/")
        backward = any(segment in _BACKWARD for segment in segments)
        found = UNLABELLED
        for rest in _names_inside(segments):
            label = self._look_up(rest) if self._known else _guess(rest)
            # The deepest layer that any part of the name speaks of is the one it is about.
            if label is not None and label.owner.count("/") >= found.owner.count("/"):
                found = label if label.owner or not found.owner else found
        if backward and found.in_pass in ("forward", "other"):
            return Label(found.owner, "backward")
        return found

    def _look_up(self, segments: list[str]) -> Label | None:
        whole = "/".join(segments)
        if whole in self._ops:
            return self._ops[whole]
        for length in range(len(segments) - 1, 0, -1):
            scope = "/".join(segments[:length])
            label = self._scopes.get(scope) or self._ops.get(scope)
            if label is not None:
                return label
        return None


def base_type(op_type: str) -> str:
    """The op type without the library's version of it: ``_MklNativeFusedConv2D`` -> ``Conv2D``."""
    return _VERSION.sub("", op_type, count=1).removesuffix("WithBias")


def is_fused(op_type: str) -> bool:
    """Whether the op does the work of several."""
    return "Fused" in op_type or op_type.endswith("WithBias")


def _names_inside(segments: list[str]) -> list[list[str]]:
    """Return the names that a name holds, the outer ones first."""
    starts = [0]
    for place, segment in enumerate(segments):
        if segment in _BACKWARD or _INLINED.fullmatch(segment) or _BODY.fullmatch(segment):
            after = place + 1
            if after < len(segments) and _NUMBER.fullmatch(segments[after]):
                after += 1
            starts.append(after)
    return [segments[start:] for start in starts if start < len(segments)]


def _guess(segments: list[str]) -> Label | None:
    """Guess a label from a name's shape: model, layer, then the op and what it is made of."""
    if len(segments) < 2 or segments[0] in _BACKWARD or _INLINED.fullmatch(segments[0]):
        return None
    for pattern, in_pass in ((_LOSS, "loss"), (_METRICS, "metrics"), (_OPTIMIZER, "optimizer")):
        if pattern.fullmatch(segments[0]):
            return Label(segments[0], in_pass)  # type: ignore[arg-type]
    return Label("/".join(segments[: min(2, len(segments) - 1)]), "forward")
