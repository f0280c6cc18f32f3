"""What an event's name says: the op, and the scope it stands in.

The same op is called differently in each mode: ``EagerLocalExecute: Conv2D`` eagerly,
``sequential/conv2d/Relu:_MklNativeFusedConv2D`` in a graph, ``convolution.4`` under XLA. The timeline
lights up what belongs together by the words that are made here. They are for finding, not for
counting: a fused op is filed under the op that gave it its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_EAGER = re.compile(r"EagerLocalExecute: (.+)")
_KERNEL = re.compile(r"(.+?):(\w+)")
_FUNCTION = re.compile(r"__inference_(.+?)_\d+")
_THUNK = re.compile(r"(?:end: )?([a-z][a-z0-9_-]*?)(?:\.\d+)?(?:\.clone)?")

# oneDNN's and Grappler's rewrites keep the op's name at the end: _MklNativeFusedConv2D.
_REWRITTEN = re.compile(r"_+(?:Mkl)?(?:Native)?(?:Fused)?(?=[A-Z])")

# XLA's own words for the ops of TensorFlow that have one counterpart.
_HLO = {"convolution": "Conv2D", "dot": "MatMul"}

# Scopes that say how a function is called or differentiated, not where in the model an op stands.
_WRAPPERS = frozenset({"StatefulPartitionedCall", "PartitionedCall", "gradient_tape"})


@dataclass(frozen=True)
class Label:
    """What belongs to an event's name.

    Attributes:
        op: the op's type, or the name itself where it names no op.
        scope: the name scope, as ``sequential/conv2d``; empty where the name has none.
    """

    op: str
    scope: str


def label(name: str) -> Label:
    """Read an event's name."""
    eager = _EAGER.fullmatch(name)
    if eager:
        return Label(_op(eager.group(1)), "")
    kernel = _KERNEL.fullmatch(name)
    if kernel and not kernel.group(1).endswith(":"):
        return Label(_op(kernel.group(2)), _scope(kernel.group(1)))
    thunk = _THUNK.fullmatch(name)
    if thunk:
        return Label(_HLO.get(thunk.group(1), thunk.group(1)), "")
    return Label(name, "")


def matches(name: str, query: str) -> bool:
    """Whether an event is meant by ``op:TYPE``, ``scope:PATH`` or a piece of its name."""
    word, _, rest = query.partition(":")
    if word == "op" and rest:
        return label(name).op == rest
    if word == "scope" and rest:
        scope = label(name).scope
        return scope == rest or scope.startswith(rest + "/")
    return query.casefold() in name.casefold()


def _op(text: str) -> str:
    function = _FUNCTION.fullmatch(text)
    return function.group(1) if function else _REWRITTEN.sub("", text, count=1)


def _scope(path: str) -> str:
    parts = [part for part in path.split("/")[:-1] if part not in _WRAPPERS]
    return "/".join(parts)
