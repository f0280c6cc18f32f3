"""Graphs as columns for ``graphs.json``: their nodes, shapes, and what those cost by their shapes.

``built`` reads a graph as the user's code built it, with what it calls written out in place.
``exported`` reads one that TensorFlow has optimised. Floating point operations are those that
TensorFlow registers for its own profiler (``tf.compat.v1.profiler``), which knows about fifty types.
"""

from __future__ import annotations

import importlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from graphprof.capture.instrument import private
from graphprof.trace import graphs
from graphprof.trace.graphs import Nodes

# Attributes that name a function -> what TensorFlow calls its nodes when it inlines it.
_BODIES = {"body": "/body", "cond": "/cond", "then_branch": "/then", "else_branch": "/else"}
_PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_DEPTH = 20  # functions inside functions; a recursive one ends there


class _Node(NamedTuple):
    """A node on its way into columns; ``inputs`` are names of nodes with the number of an output."""

    name: str
    op: str
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[str, ...] | None = None
    flops: int | None = None
    fused: tuple[str, ...] = ()


def built(graph: Any) -> Nodes:
    """Return the nodes of a ``FuncGraph``, those of the functions that it calls included."""
    return _columns(list(_inside(graph, "", 0)))


def exported(graph_def: Any) -> Nodes:
    """Return the nodes of a ``GraphDef``; it knows no shapes but those of constants."""
    return _columns([_plain(node) for node in graph_def.node])


def _inside(graph: Any, prefix: str, depth: int) -> Iterable[_Node]:
    for op in graph.get_operations():
        inputs = tuple((f"{prefix}{one.op.name}", one.value_index) for one in op.inputs)
        outputs = tuple(tensor(output) for output in op.outputs)
        yield _Node(f"{prefix}{op.name}", op.type, inputs, outputs, _flops_of_op(op))
        if depth < _DEPTH:
            for folder, called in _called(graph, op):
                yield from _inside(called, f"{prefix}{op.name}{folder}/", depth + 1)


def _called(graph: Any, op: Any) -> Iterable[tuple[str, Any]]:
    """The graphs that an op runs, with the part of the name that stands for them."""
    names = {}
    if op.type in _CALLS:
        names[""] = op.get_attr("f").name
    elif "While" in op.type or "If" in op.type:
        attributes = op.node_def.attr
        names = {
            folder: attributes[name].func.name
            for name, folder in _BODIES.items()
            if attributes[name].func.name
        }
    elif "Case" in op.type:
        branches = op.node_def.attr["branches"].list.func
        names = {f"/branch{number}": branch.name for number, branch in enumerate(branches)}
    for folder, name in names.items():
        called = private.function_graph(graph, name)
        if called is not None:
            yield folder, called


def _plain(node: Any) -> _Node:
    inputs = []
    for text in node.input:
        if not text.startswith("^"):
            name, _, number = text.partition(":")
            inputs.append((name, int(number or 0)))
    fused = node.attr["fused_ops"].list.s if "fused_ops" in node.attr else ()
    return _Node(
        node.name,
        node.op,
        tuple(inputs),
        _constant(node),
        fused=tuple(text.decode("utf-8") for text in fused),
    )


def _constant(node: Any) -> tuple[str, ...] | None:
    if node.op != "Const":
        return None
    value = node.attr["value"].tensor
    sizes = ",".join(str(axis.size) for axis in value.tensor_shape.dim)
    return (f"{tf.dtypes.as_dtype(value.dtype).name}[{sizes}]",)


def _columns(nodes: Sequence[_Node]) -> Nodes:
    counts = dict(sorted(Counter(node.op for node in nodes).items()))
    if len(nodes) > graphs.MOST_NODES:
        return Nodes(counts)
    types = tuple(counts)
    type_at = {name: place for place, name in enumerate(types)}
    at = {node.name: place for place, node in enumerate(nodes)}
    texts = dict.fromkeys(text for node in nodes for text in node.outputs or ())
    tensor_at = {text: place for place, text in enumerate(texts)}
    return Nodes(
        counts,
        types,
        tuple(node.name for node in nodes),
        tuple(type_at[node.op] for node in nodes),
        tuple(
            tuple((at[name], number) for name, number in node.inputs if name in at)
            for node in nodes
        ),
        tuple(texts),
        tuple(tuple(tensor_at[text] for text in node.outputs or ()) for node in nodes),
        tuple(node.flops for node in nodes) if any(node.flops for node in nodes) else (),
        {place: node.fused for place, node in enumerate(nodes) if node.fused},
    )


def tensor(value: Any) -> str:
    """A tensor as ``float32[64,10]``; open dimensions are ``?``."""
    shape = value.shape
    sizes = "?" if shape.rank is None else ",".join("?" if s is None else str(s) for s in shape)
    return f"{value.dtype.base_dtype.name}[{sizes}]"


def _flops_of_op(op: Any) -> int | None:
    inputs = {f"{one.op.name}:{one.value_index}": one.shape for one in op.inputs}
    outputs = {f"{op.name}:{number}": out.shape for number, out in enumerate(op.outputs)}
    return flops(op.type, lambda: op.node_def, {**inputs, **outputs})


def eager_flops(op_type: str, inputs: Any, attributes: Any, outputs: Any) -> int | None:
    """Floating point operations of an op that has run, by what it was given.

    Args:
        op_type: its type.
        inputs: tensors that it read.
        attributes: names and values in turn, as TensorFlow hands them to callbacks.
        outputs: tensors that it made.
    """

    def node() -> Any:
        made = tf.compat.v1.NodeDef(name="op", op=op_type)
        made.input.extend(f"input_{number}" for number in range(len(inputs)))
        for name, value in zip(attributes[::2], attributes[1::2], strict=True):
            _set(made.attr[name], value)
        return made

    shapes = {f"input_{number}:0": one.shape for number, one in enumerate(inputs)}
    return flops(op_type, node, {**shapes, "op:0": outputs[0].shape} if len(outputs) else shapes)


def _set(attribute: Any, value: Any) -> None:
    """Write the attributes that formulas read: flags, sizes and layouts."""
    if isinstance(value, bool):
        attribute.b = value
    elif isinstance(value, (bytes, str)):
        attribute.s = value if isinstance(value, bytes) else value.encode("utf-8")
    elif isinstance(value, int):
        attribute.i = value
    elif isinstance(value, (list, tuple)) and all(type(one) is int for one in value):
        attribute.list.i.extend(value)


def flops(op_type: str, node: Callable[[], Any], shapes: dict[str, Any]) -> int | None:
    """Floating point operations of an op by its shapes; None when TensorFlow does not know them.

    Args:
        op_type: its type.
        node: makes its ``NodeDef``.
        shapes: the ``TensorShape`` of each tensor that it reads or makes, by name as ``x:0``.
    """
    if op_type in _PRODUCTS:
        return _product_flops(node(), shapes)
    if not _known(op_type):
        return None
    statistics = private.FLOP_STATISTICS.resolve()[2]
    try:
        found = statistics(_Shapes(shapes), node(), "flops").value
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        return None  # a layout or shape that the registered formula does not cover
    return None if found is None else int(found)


def _product_flops(node: Any, shapes: dict[str, Any]) -> int | None:
    """Two operations a multiply-add of a product of (batches of) matrices.

    TensorFlow's own formula looks for the flags of ``MatMul`` on ``BatchMatMul`` too, which calls them
    otherwise, and so miscounts products of transposed matrices.
    """
    first = node.input[0]
    try:
        sizes: list[int | None] = shapes[first if ":" in first else f"{first}:0"].as_list()
        result: list[int | None] = shapes[f"{node.name}:0"].as_list()
    except ValueError:  # the rank is open
        return None
    flipped = any(node.attr[flag].b for flag in ("transpose_a", "adj_x") if flag in node.attr)
    known = [one for one in (*result, sizes[-2 if flipped else -1]) if one is not None]
    return 2 * math.prod(known) if len(known) == len(result) + 1 else None


def _known(op_type: str) -> bool:
    """Whether there is a formula; registers all of them first."""
    try:
        importlib.import_module(private.FLOP_FORMULAS)
        registry = private.FLOP_REGISTRY.resolve()[2]
        registry.lookup(f"{op_type},flops")
    except (ImportError, AttributeError, LookupError):
        return False
    return True


class _Shape(NamedTuple):
    """A tensor of which only the shape is known."""

    shape: Any

    def get_shape(self) -> Any:
        """See ``tf.Tensor``."""
        return self.shape


class _Shapes:
    """What the registered formulas ask of a graph: a tensor by its name, for its shape."""

    def __init__(self, shapes: dict[str, Any]) -> None:
        self._shapes = shapes

    def get_tensor_by_name(self, name: str) -> _Shape:
        """See ``tf.Graph``."""
        return _Shape(self._shapes[name])

    def get_operation_by_name(self, name: str) -> Any:
        """See ``tf.Graph``."""
        raise KeyError(name)
