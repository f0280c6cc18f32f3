"""XLA's buffer plan: what a compiled module will hold in memory at each point of its schedule.

XLA decides about memory when it compiles: each result gets a place (an offset) in one of a few
allocations. Parameters (weights, inputs), constants and outputs have their own; everything in between
shares one, the *temporary* allocation, whose size is what a call takes from the allocator. The plan
stands in the trace beside the module (``hlo.proto``: ``BufferAssignmentProto``). It does not say until
when a result is needed: that follows from the schedule and from who reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from graphprof.errors import TraceError
from graphprof.trace import proto
from graphprof.trace.model import Int64

_classes = proto.build(
    "graphprof.buffers",
    {
        "HloProto": (
            ("hlo_module", 1, "HloModuleProto"),
            ("buffer_assignment", 3, "BufferAssignmentProto"),
        ),
        "HloModuleProto": (
            ("computations", 3, "HloComputationProto*"),
            ("entry_computation_id", 6, "int64"),
            ("schedule", 7, "HloScheduleProto"),
        ),
        "HloComputationProto": (
            ("instructions", 2, "HloInstructionProto*"),
            ("id", 5, "int64"),
            ("root_id", 6, "int64"),
        ),
        "HloInstructionProto": (
            ("name", 1, "bytes"),
            ("opcode", 2, "bytes"),
            ("id", 35, "int64"),
            ("operand_ids", 36, "int64*"),
            ("called_computation_ids", 38, "int64*"),
        ),
        "HloScheduleProto": (("sequences", 1, "SequenceEntry*"),),
        "SequenceEntry": (("key", 1, "int64"), ("value", 2, "InstructionSequence")),
        "InstructionSequence": (("instruction_ids", 1, "int64*"),),
        "BufferAssignmentProto": (
            ("logical_buffers", 1, "LogicalBufferProto*"),
            ("buffer_allocations", 3, "BufferAllocationProto*"),
        ),
        "LogicalBufferProto": (("id", 1, "int64"), ("defined_at", 3, "Location")),
        "Location": (("instruction_id", 4, "int64"),),
        "BufferAllocationProto": (
            ("size", 2, "int64"),
            ("is_thread_local", 3, "int64"),
            ("is_entry_computation_parameter", 5, "int64"),
            ("maybe_live_out", 7, "int64"),
            ("assigned", 9, "Assigned*"),
            ("is_constant", 12, "int64"),
        ),
        "Assigned": (
            ("logical_buffer_id", 1, "int64"),
            ("offset", 2, "int64"),
            ("size", 3, "int64"),
        ),
    },
)

# Their result is what they are given, in another form: it lives on in them.
_FORWARDING = frozenset(
    {
        *(b"bitcast", b"tuple", b"get-tuple-element", b"optimization-barrier"),
        *(b"while", b"conditional", b"call"),
    }
)
# What they call is scheduled as their own part of the program; a fusion's inside is one kernel.
_CALLING = frozenset({b"while", b"conditional", b"call"})


class Buffer(NamedTuple):
    """A result in the temporary allocation.

    Attributes:
        instruction: whose result.
        size: bytes.
        first: place in the schedule where it is made.
        last: place of its last reader.
    """

    instruction: str
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class BufferPlan:
    """The plan of one module; sizes in bytes.

    Attributes:
        temporary: size of the temporary allocations: what a call takes and gives back.
        parameters: weights, optimizer state and inputs that are handed in; results that are
            written in their place are counted here.
        outputs: results with a place of their own.
        constants: values that were known when it was compiled.
        buffers: the results in the temporary allocations, in the order in which they are made.
        schedule: names of the instructions in the order in which they run; those inside loops stand
            before the loop itself.
        levels: shape (len(schedule),), int64: bytes of temporaries that are needed while each
            instruction runs. At most ``temporary``: the rest is space between them.
    """

    temporary: int
    parameters: int
    outputs: int
    constants: int
    buffers: tuple[Buffer, ...]
    schedule: tuple[str, ...]
    levels: Int64

    @property
    def peak_at(self) -> int | None:
        """The first place in the schedule where most is needed; None for an empty schedule."""
        return int(np.argmax(self.levels)) if len(self.levels) else None

    @property
    def alive(self) -> tuple[Buffer, ...]:
        """The temporaries that are needed at the peak, the largest first."""
        at = self.peak_at
        if at is None:
            return ()
        found = (one for one in self.buffers if one.first <= at <= one.last)
        return tuple(sorted(found, key=lambda one: (-one.size, one.first)))


def parse(data: bytes) -> BufferPlan | None:
    """Read the plan in a serialised ``HloProto``; None when it holds none.

    Raises:
        TraceError: it is damaged.
    """
    try:
        message = _classes["HloProto"].FromString(data)
    except DecodeError as error:
        raise TraceError("An XLA module in the trace is damaged", "Record it again") from error
    plan = message.buffer_assignment
    if not plan.buffer_allocations:
        return None
    program = _Program(message.hlo_module)
    defined = {one.id: one.defined_at.instruction_id for one in plan.logical_buffers}
    sizes = dict.fromkeys(("temporary", "parameters", "outputs", "constants"), 0)
    buffers: list[Buffer] = []
    for allocation in plan.buffer_allocations:
        if allocation.is_thread_local:
            continue
        kind = _kind(allocation)
        sizes[kind] += allocation.size
        if kind == "temporary":
            buffers += _buffers(allocation.assigned, defined, program)
    buffers.sort(key=lambda one: (one.first, one.last, one.instruction))
    levels = _levels(buffers, len(program.order))
    names = tuple(program.name(one) for one in program.order)
    return BufferPlan(**sizes, buffers=tuple(buffers), schedule=names, levels=levels)


def _kind(allocation: Any) -> str:
    if allocation.is_entry_computation_parameter:
        return "parameters"
    if allocation.is_constant:
        return "constants"
    return "outputs" if allocation.maybe_live_out else "temporary"


class _Program:
    """A module's instructions in the order in which they run."""

    def __init__(self, module: Any) -> None:
        self._by_id = {one.id: one for part in module.computations for one in part.instructions}
        self._roots = {part.id: part.root_id for part in module.computations}
        self._sequences = {
            entry.key: list(entry.value.instruction_ids) for entry in module.schedule.sequences
        }
        self._users: dict[int, list[int]] = {}
        self._callers: dict[int, int] = {}
        for one in self._by_id.values():
            for operand in one.operand_ids:
                self._users.setdefault(operand, []).append(one.id)
            if one.opcode in _CALLING:
                for called in one.called_computation_ids:
                    self._callers.setdefault(self._roots.get(called, -1), one.id)
        self.order = list(self._flattened(module.entry_computation_id, 0))
        self.place = {one: at for at, one in enumerate(self.order)}

    def name(self, instruction: int) -> str:
        return str(self._by_id[instruction].name.decode("utf-8", "replace"))

    def _flattened(self, computation: int, depth: int) -> Iterator[int]:
        for instruction in self._sequences.get(computation, ()):
            message = self._by_id.get(instruction)
            if message is None:
                continue
            # Computations do not call themselves; a damaged file may say so.
            if message.opcode in _CALLING and depth < 100:
                for called in message.called_computation_ids:
                    yield from self._flattened(called, depth + 1)
            yield instruction

    def last_use(self, instruction: int) -> int:
        """Place of the last instruction that reads a result, under whatever name."""
        last, seen, waiting = self.place[instruction], {instruction}, [instruction]
        while waiting:
            here = waiting.pop()
            readers = self._users.get(here, [])
            caller = self._callers.get(here)
            for reader in (*readers, *(() if caller is None else (caller,))):
                last = max(last, self.place.get(reader, -1))
                forwards = reader == caller or self._by_id[reader].opcode in _FORWARDING
                if forwards and reader not in seen:
                    seen.add(reader)
                    waiting.append(reader)
        return last


def _buffers(assigned: Sequence[Any], defined: dict[int, int], program: _Program) -> list[Buffer]:
    """The results of one allocation, each until it is last read or its place is used again."""
    rows = []
    for one in assigned:
        instruction = defined.get(one.logical_buffer_id, -1)
        if instruction in program.place and one.size:
            rows.append((program.place[instruction], one.offset, one.size, instruction))
    rows.sort()
    first, offset, size = (np.array([row[at] for row in rows], np.int64) for at in range(3))
    last: Int64 = np.array([program.last_use(row[3]) for row in rows], np.int64)
    end = offset + size
    for at in range(1, len(rows)):
        # A result that is written over is needed no more, or lives on in what was written.
        over = (offset[:at] < end[at]) & (offset[at] < end[:at]) & (last[:at] >= first[at])
        last[:at][over] = np.maximum(first[at] - 1, first[:at][over] - 1)
    return [
        Buffer(program.name(row[3]), row[2], row[0], int(until))
        for row, until in zip(rows, last.tolist(), strict=True)
        if until >= row[0]
    ]


def _levels(buffers: Sequence[Buffer], length: int) -> Int64:
    change = np.zeros(length + 1, np.int64)
    np.add.at(change, [one.first for one in buffers], [one.size for one in buffers])
    np.add.at(change, [one.last + 1 for one in buffers], [-one.size for one in buffers])
    levels: Int64 = np.cumsum(change[:-1])
    return levels
