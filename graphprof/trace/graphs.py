"""The graphs of a run: as they were built, as Grappler left them, as they ran.

``graphs.json`` beside a trace. Modes that build graphs hold each graph's nodes in columns; what a
function calls (``while`` bodies, branches, inner functions) is written out in place, its nodes named
as TensorFlow names them once it inlines them (``lstm/while/body/MatMul``). The eager mode holds the ops
of one step with the shapes that they were given, which no trace has.

Format history
    1  first format.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from graphprof.errors import SessionError
from graphprof.trace.labels import Pass

FORMAT_VERSION = 1
GRAPHS_FILE = "graphs.json"

MOST_NODES = 40_000
"""Of larger graphs only the numbers of ops are kept."""

# TensorFlow numbers the bodies that it inlines: `while/body/_94/...`; the number means nothing.
_INLINED = re.compile(r"/(body|cond|then|else|branch\d+)/_\d+(?=/)")
_SIZES = {"bool": 1, "int8": 1, "uint8": 1, "float16": 2, "bfloat16": 2, "int16": 2, "uint16": 2}
_SIZES |= {"float32": 4, "int32": 4, "uint32": 4, "float64": 8, "int64": 8, "uint64": 8}
_SIZES |= {"complex64": 8, "complex128": 16}


@dataclass(frozen=True)
class Nodes:
    """The nodes of one graph, in columns.

    Attributes:
        counts: op type -> number of nodes; always complete.
        types: the op types that ``op`` points to.
        names: the name of each node; empty when there are more than ``MOST_NODES``, and the columns
            below with it.
        op: index in ``types``.
        inputs: for each node the data it reads, as pairs of node (index) and number of its output.
        tensors: the tensors that ``outputs`` points to, as ``float32[64,10]`` (``?``: not known).
        outputs: for each node its outputs; none where shapes are not known (of optimised graphs those
            of constants are).
        flops: for each node its floating point operations by TensorFlow's own statistics, None where
            those do not know it; empty where none are known.
        fused: node (index) -> the ops that it took in, as the op itself says.
    """

    counts: dict[str, int] = field(default_factory=dict)
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    op: tuple[int, ...] = ()
    inputs: tuple[tuple[tuple[int, int], ...], ...] = ()
    tensors: tuple[str, ...] = ()
    outputs: tuple[tuple[int, ...], ...] = ()
    flops: tuple[int | None, ...] = ()
    fused: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many nodes the graph has."""
        return sum(self.counts.values())

    def type_of(self, node: int) -> str:
        """The op type of a node."""
        return self.types[self.op[node]]


@dataclass(frozen=True)
class EagerOp:
    """Ops of one eager step that are alike.

    Attributes:
        owner: whose they are.
        in_pass: in which pass.
        op_type: their type.
        inputs: what they read, as ``float32[64,10]``.
        outputs: what they make.
        calls: how many there are in a step.
        flops: floating point operations of one of them, None when not known.
    """

    owner: str
    in_pass: Pass
    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    calls: int
    flops: int | None


@dataclass(frozen=True)
class Graphs:
    """The graphs of a run; what does not apply, or could not be recorded, is None.

    Attributes:
        before: as built.
        optimised: after Grappler; None for XLA, which has passes of its own.
        ran: what was executed, after the rewriting by oneDNN too.
        eager: the ops of a step that ran op by op.
        lost: what could not be recorded, one sentence each.
    """

    before: Nodes | None = None
    optimised: Nodes | None = None
    ran: Nodes | None = None
    eager: tuple[EagerOp, ...] | None = None
    lost: tuple[str, ...] = ()
    format_version: int = FORMAT_VERSION


_ADAPTER = TypeAdapter(Graphs)


def to_json(graphs: Graphs) -> bytes:
    """``graphs`` as the content of ``graphs.json``."""
    return _ADAPTER.dump_json(graphs)


def load(path: Path) -> Graphs | None:
    """Read ``graphs.json``; None when there is none.

    Raises:
        SessionError: it is damaged, from a newer version, or cannot be read.
    """
    try:
        found = _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise SessionError(
            f"Cannot read {path}: {error}", "Delete it to go on without it, or profile again"
        ) from error
    if found.format_version > FORMAT_VERSION:
        raise SessionError(
            f"{path} was written in format {found.format_version}, this version of graphprof reads "
            f"up to {FORMAT_VERSION}",
            "Update it: pip install --upgrade graphprof",
        )
    return found


def plain(name: str) -> str:
    """A node's name without the numbers that inlining gives: the same before and after it."""
    return _INLINED.sub(r"/\1", name)


@functools.cache
def size(tensor: str) -> int | None:
    """Bytes of a tensor written as ``float32[64,10]``; None when its shape or type has no size."""
    dtype, _, shape = tensor.rstrip("]").partition("[")
    sizes = shape.split(",") if shape else []
    if dtype not in _SIZES or not all(one.isdigit() for one in sizes):
        return None
    total = _SIZES[dtype]
    for one in sizes:
        total *= int(one)
    return total
