"""What XLA instructions compute and move, by the shapes in their module.

Floating point operations are counted as in XLA's ``HloCostAnalysis``: a product of matrices or a
convolution is two a multiply-add (of a convolution, padding counts as well), element-wise arithmetic one
an element of the result, a reduction one an element of the input; a fusion is the sum of what is in
it. Bytes are operands and result, each once. Field numbers are those of ``hlo.proto`` and
``xla_data.proto``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from graphprof.errors import TraceError
from graphprof.trace import proto
from graphprof.trace.graphs import size

_classes = proto.build(
    "graphprof.hlo_cost",
    {
        "HloProto": (("hlo_module", 1, "HloModuleProto"),),
        "HloModuleProto": (("computations", 3, "HloComputationProto*"),),
        "HloComputationProto": (("instructions", 2, "HloInstructionProto*"), ("id", 5, "int64")),
        "HloInstructionProto": (
            ("name", 1, "bytes"),
            ("opcode", 2, "bytes"),
            ("shape", 3, "ShapeProto"),
            ("convolution", 16, "ConvolutionDimensionNumbers"),
            ("dot", 30, "DotDimensionNumbers"),
            ("id", 35, "int64"),
            ("operand_ids", 36, "int64*"),
            ("called_computation_ids", 38, "int64*"),
        ),
        "ShapeProto": (
            ("element_type", 2, "int64"),
            ("dimensions", 3, "int64*"),
            ("tuple_shapes", 4, "ShapeProto*"),
        ),
        "DotDimensionNumbers": (("lhs_contracting", 1, "int64*"),),
        "ConvolutionDimensionNumbers": (("kernel_output_feature", 4, "int64"),),
    },
)

_TYPES = {1: "bool", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "uint8", 7: "uint16"}
_TYPES |= {8: "uint32", 9: "uint64", 10: "float16", 11: "float32", 12: "float64"}
_TYPES |= {15: "complex64", 16: "bfloat16", 18: "complex128"}
_ELEMENTWISE = frozenset(
    {
        *("abs", "add", "atan2", "cbrt", "ceil", "cosine", "divide", "erf", "exponential"),
        *("exponential-minus-one", "floor", "log", "log-plus-one", "logistic", "maximum"),
        *("minimum", "multiply", "negate", "power", "remainder", "round-nearest-afz"),
        *("round-nearest-even", "rsqrt", "sign", "sine", "sqrt", "subtract", "tan", "tanh"),
    }
)
_REDUCTIONS = frozenset({"reduce", "reduce-window", "select-and-scatter"})
_FREE = frozenset(
    {
        *("bitcast", "broadcast", "compare", "concatenate", "constant", "convert", "copy"),
        *("dynamic-slice", "dynamic-update-slice", "gather", "get-tuple-element", "iota"),
        *("pad", "parameter", "reshape", "reverse", "select", "slice", "transpose", "tuple"),
        *("and", "or", "not", "xor", "clamp", "is-finite", "optimization-barrier"),
    }
)


@dataclass(frozen=True)
class InstructionCost:
    """What one instruction computes and moves.

    Attributes:
        inputs: what it reads, as ``float32[64,10]``.
        outputs: what it makes.
        flops: floating point operations; None for calls and for what is not counted (sorting, random
            numbers, scatters, library calls).
        bytes: of inputs and outputs together, None where a type has no size.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    flops: int | None
    bytes: int | None


def of_module(data: bytes) -> dict[str, InstructionCost]:
    """Return the cost of each instruction of a serialised ``HloProto``, by its name.

    Raises:
        TraceError: it is damaged.
    """
    try:
        module = _classes["HloProto"].FromString(data).hlo_module
    except DecodeError as error:
        raise TraceError("An XLA module in the trace is damaged", "Record it again") from error
    by_id = {one.id: one for body in module.computations for one in body.instructions}
    bodies = {body.id: body for body in module.computations}
    found = {}
    for one in by_id.values():
        operands = [by_id[number] for number in one.operand_ids if number in by_id]
        inputs = tuple(text for operand in operands for text in _tensors(operand.shape))
        outputs = tuple(_tensors(one.shape))
        sizes = [size(text) for text in (*inputs, *outputs)]
        known = [bytes_ for bytes_ in sizes if bytes_ is not None]
        name = one.name.decode("utf-8", "replace")
        moved = sum(known) if len(known) == len(sizes) else None
        found[name] = InstructionCost(inputs, outputs, _flops(one, by_id, bodies), moved)
    return found


def _tensors(shape: Any) -> list[str]:
    if shape.tuple_shapes:
        return [text for part in shape.tuple_shapes for text in _tensors(part)]
    name = _TYPES.get(shape.element_type)
    return [] if name is None else [f"{name}[{','.join(map(str, shape.dimensions))}]"]


def _flops(one: Any, by_id: dict[int, Any], bodies: dict[int, Any]) -> int | None:
    opcode = one.opcode.decode("utf-8", "replace")
    if opcode in _FREE:
        return 0
    elements = math.prod(map(int, one.shape.dimensions))
    numbers = (number for number in one.operand_ids if number in by_id)
    operands = [[int(size) for size in by_id[number].shape.dimensions] for number in numbers]
    if opcode in _ELEMENTWISE:
        return elements
    if opcode == "dot" and operands:
        axes: list[int] = list(one.dot.lhs_contracting)
        return 2 * elements * math.prod(operands[0][axis] for axis in axes)
    if opcode == "convolution" and len(operands) == 2:
        axis = int(one.convolution.kernel_output_feature)
        outputs = operands[1][axis]
        return 2 * elements * (math.prod(operands[1]) // max(outputs, 1))
    if opcode in _REDUCTIONS and operands:
        return math.prod(operands[0])
    if opcode == "fusion":
        inside = [bodies[number] for number in one.called_computation_ids if number in bodies]
        parts = [_flops(part, by_id, bodies) for body in inside for part in body.instructions]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None
    return None
