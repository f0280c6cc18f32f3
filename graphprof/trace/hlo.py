"""XLA modules as a trace holds them: instructions, and whose they are.

Only what labelling needs is declared of ``hlo.proto``. An executed instruction (a *thunk* on the CPU)
gets its label from, in this order: its own metadata (``direct``); the instructions inside it, where
it is a fusion (``inner``); its neighbours in the dataflow (``dataflow``). The last is needed for half
of the time: XLA's rewrites (layout copies, the parts of a scatter or of a pooling's gradient) come
without metadata.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError

from graphprof.errors import TraceError
from graphprof.trace import proto
from graphprof.trace.labels import UNLABELLED, Label
from graphprof.trace.opnames import Named

_classes = proto.build(
    "graphprof.hlo",
    {
        "HloProto": (("hlo_module", 1, "HloModuleProto"),),
        "HloModuleProto": (("name", 1, "bytes"), ("computations", 3, "HloComputationProto*")),
        "HloComputationProto": (
            ("name", 1, "bytes"),
            ("instructions", 2, "HloInstructionProto*"),
            ("id", 5, "int64"),
            ("root_id", 6, "int64"),
        ),
        "HloInstructionProto": (
            ("name", 1, "bytes"),
            ("opcode", 2, "bytes"),
            ("metadata", 7, "OpMetadata"),
            ("id", 35, "int64"),
            ("operand_ids", 36, "int64*"),
            ("called_computation_ids", 38, "int64*"),
        ),
        "OpMetadata": (("op_type", 1, "bytes"), ("op_name", 2, "bytes")),
    },
)

# XLA keeps one instruction of equal constants, and with it the metadata of whatever op came first:
# what only fills memory says nothing about whose it is.
_FILLERS = frozenset({"constant", "parameter", "broadcast", "iota"})

_NUMBERED = re.compile(r"(\.\d+|\.clone|_clone)+$")


@dataclass
class Instruction:
    """One HLO instruction.

    Attributes:
        name: unique in its module.
        opcode: as ``fusion``, ``convolution``.
        op_name: the TensorFlow op it stands for, or empty.
        op_type: that op's type, or empty.
        operands: what it reads.
        users: what reads it.
        inside: the instructions of the computations that it calls, the results first.
        caller: the instruction that calls its computation, or None.
    """

    name: str
    opcode: str
    op_name: str
    op_type: str
    operands: list[Instruction] = field(default_factory=list, repr=False)
    users: list[Instruction] = field(default_factory=list, repr=False)
    inside: list[Instruction] = field(default_factory=list, repr=False)
    caller: Instruction | None = field(default=None, repr=False)

    @property
    def implements(self) -> frozenset[str]:
        """The TensorFlow ops that it does the work of, as ``name:OpType``."""
        parts = (self, *(self.inside if self.opcode == "fusion" else ()))
        own = (part for part in parts if part.op_name and part.opcode not in _FILLERS)
        return frozenset(f"{part.op_name}:{part.op_type}" for part in own)


def kind(name: str) -> str:
    """Return an instruction's name without its number: ``wrapped_scatter.1`` -> ``wrapped_scatter``."""
    return _NUMBERED.sub("", name)


def parse(data: bytes) -> dict[str, Instruction]:
    """Read a serialised ``HloProto``: the module's instructions by name.

    Raises:
        TraceError: it is damaged.
    """
    try:
        module = _classes["HloProto"].FromString(data).hlo_module
    except DecodeError as error:
        raise TraceError("An XLA module in the trace is damaged", "Record it again") from error
    by_id: dict[int, Instruction] = {}
    bodies: dict[int, list[Instruction]] = {}
    for computation in module.computations:
        body = [_instruction(message) for message in computation.instructions]
        ids = [message.id for message in computation.instructions]
        by_id.update(zip(ids, body, strict=True))
        root = by_id.get(computation.root_id)
        # Results first: what a fusion ends in tells best what it is for.
        results_first = reversed(body)
        bodies[computation.id] = sorted(results_first, key=lambda part: part is not root)
    for computation in module.computations:
        for message in computation.instructions:
            _connect(by_id[message.id], message, by_id, bodies)
    return {instruction.name: instruction for instruction in by_id.values()}


def _instruction(message: Any) -> Instruction:
    return Instruction(
        *(
            text.decode("utf-8", "replace")
            for text in (
                message.name,
                message.opcode,
                message.metadata.op_name,
                message.metadata.op_type,
            )
        )
    )


def _connect(
    instruction: Instruction,
    message: Any,
    by_id: dict[int, Instruction],
    bodies: dict[int, list[Instruction]],
) -> None:
    for operand in message.operand_ids:
        if operand in by_id:
            instruction.operands.append(by_id[operand])
            by_id[operand].users.append(instruction)
    for called in message.called_computation_ids:
        body = bodies.get(called, [])
        instruction.inside.extend(body)
        for part in body:
            part.caller = part.caller or instruction


def label(
    instructions: dict[str, Instruction], name_label: Callable[[str], Label]
) -> dict[str, Named]:
    """Return whose work each instruction is.

    Args:
        instructions: of one module, by name.
        name_label: the label of a TensorFlow op by its name.
    """
    sure = {name: _own_label(one, name_label) for name, one in instructions.items()}
    found = dict(sure)
    # Operands stand before what reads them: backwards, the readers' labels are known.
    for name, instruction in reversed(list(instructions.items())):
        if found[name].tag == "none":
            found[name] = _by_neighbours(instruction, found, sure)
    for name, instruction in instructions.items():
        if found[name].tag == "none":
            found[name] = _by_caller(instruction, found)
        if found[name].tag == "none" and instruction.op_name:
            last = name_label(instruction.op_name)
            found[name] = Named(last, instruction.op_type, "direct" if last.owner else "none")
    return found


def _own_label(instruction: Instruction, name_label: Callable[[str], Label]) -> Named:
    parts = [part for part in instruction.inside if part.opcode not in _FILLERS]
    if instruction.opcode in _FILLERS or (instruction.inside and not parts):
        return Named(UNLABELLED, instruction.op_type, "none")
    own = name_label(instruction.op_name) if instruction.op_name else UNLABELLED
    if own.owner:
        return Named(own, instruction.op_type, "direct")
    if instruction.opcode == "fusion":
        named = [name_label(part.op_name) for part in parts if part.op_name]
        named = [label for label in named if label.owner]
        if named:
            most = Counter(named).most_common(1)[0][0]
            return Named(most, instruction.op_type, "inner")
    return Named(own, instruction.op_type, "none")


def _by_neighbours(
    instruction: Instruction, found: dict[str, Named], sure: dict[str, Named]
) -> Named:
    """Label an instruction by what reads it: what it prepares belongs to the reader.

    But a gradient is made by the backward pass, although the optimizer reads it.
    """
    readers = (found[user.name].label for user in instruction.users)
    label = next((reader for reader in readers if reader.owner), None)
    if label is None or label.in_pass in ("optimizer", "metrics"):
        made_of = _nearest_operand(instruction, sure)
        if made_of is not None and (label is None or made_of.in_pass == "backward"):
            label = made_of
    if label is None:
        return found[instruction.name]
    return Named(label, instruction.op_type, "dataflow")


def _nearest_operand(instruction: Instruction, sure: dict[str, Named]) -> Label | None:
    """Return the label nearest up the dataflow, of the backward pass where there is one."""
    seen: set[str] = set()
    waiting = deque(instruction.operands)
    nearest: Label | None = None
    while waiting:
        here = waiting.popleft()
        if here.name in seen:
            continue
        seen.add(here.name)
        label = sure[here.name].label
        if not label.owner:
            waiting.extend(here.operands)
        elif label.in_pass == "backward":
            return label
        else:
            nearest = nearest or label
    return nearest


def _by_caller(instruction: Instruction, found: dict[str, Named]) -> Named:
    caller = instruction.caller
    while caller is not None:
        if found[caller.name].label.owner:
            return Named(found[caller.name].label, instruction.op_type, "dataflow")
        caller = caller.caller
    return found[instruction.name]
