"""XLA's buffer plan: what is needed when, found from places, schedule and readers."""

import gzip
from pathlib import Path

import pytest

from graphprof.errors import TraceError
from graphprof.trace import buffers, xspace

CONV = Path(__file__).parents[1] / "fixtures" / "conv" / "xla.xplane.pb.gz"


class Module:
    """A module that is being written; instructions run in the order in which they are added."""

    def __init__(self):
        self.message = buffers._classes["HloProto"]()
        self.ids = {}
        self.placed = []

    def computation(self, number, *instructions):
        """Add a computation of ``(name, opcode, operands, called)``; the last is its result."""
        module = self.message.hlo_module
        message = module.computations.add(id=number)
        entry = module.schedule.sequences.add(key=number)
        for name, opcode, operands, called in instructions:
            self.ids[name] = len(self.ids) + 1
            message.instructions.add(
                name=name.encode(),
                opcode=opcode.encode(),
                id=self.ids[name],
                operand_ids=[self.ids[operand] for operand in operands],
                called_computation_ids=called,
            )
            entry.value.instruction_ids.append(self.ids[name])
        message.root_id = self.ids[instructions[-1][0]]
        module.entry_computation_id = number
        return self

    def allocation(self, size, *placed, **flags):
        """Add an allocation that holds ``(instruction, offset, size)``."""
        plan = self.message.buffer_assignment
        allocation = plan.buffer_allocations.add(size=size, **flags)
        for name, offset, length in placed:
            number = len(plan.logical_buffers) + 1
            plan.logical_buffers.add(id=number).defined_at.instruction_id = self.ids[name]
            allocation.assigned.add(logical_buffer_id=number, offset=offset, size=length)
        return self

    def plan(self):
        return buffers.parse(self.message.SerializeToString())


def chain():
    """a -> b -> c -> d, where d also reads a."""
    return Module().computation(
        1,
        ("a", "add", [], []),
        ("b", "add", ["a"], []),
        ("c", "add", ["b"], []),
        ("d", "add", ["c", "a"], []),
    )


def needed(plan):
    return {one.instruction: (one.first, one.last) for one in plan.buffers}


def test_a_result_is_needed_until_its_last_reader():
    plan = chain().allocation(300, ("a", 0, 100), ("b", 100, 50), ("c", 200, 70)).plan()
    assert needed(plan) == {"a": (0, 3), "b": (1, 2), "c": (2, 3)}
    assert plan.levels.tolist() == [100, 150, 220, 170]
    assert (plan.temporary, plan.peak_at) == (300, 2)
    assert [one.instruction for one in plan.alive] == ["a", "c", "b"]


def test_what_is_written_over_is_needed_no_more():
    # c takes the place of b while it reads it: they are never both there.
    plan = chain().allocation(200, ("a", 0, 100), ("b", 100, 50), ("c", 100, 70)).plan()
    assert plan.levels.tolist() == [100, 150, 170, 170]
    assert needed(plan)["b"] == (1, 1)


def test_allocations_are_told_apart():
    module = chain().allocation(40, is_entry_computation_parameter=1, maybe_live_out=1)
    module.allocation(30, maybe_live_out=1).allocation(20, is_constant=1)
    module.allocation(10**6, ("b", 0, 10**6), is_thread_local=1)
    plan = module.allocation(8, ("a", 0, 8)).allocation(9, ("b", 0, 9)).plan()
    sizes = (plan.parameters, plan.outputs, plan.constants, plan.temporary)
    assert sizes == (40, 30, 20, 17)
    assert plan.levels.max() == 17


def test_a_result_lives_on_in_tuples_and_bitcasts():
    module = Module().computation(
        1,
        ("a", "add", [], []),
        ("as", "bitcast", ["a"], []),
        ("pair", "tuple", ["as"], []),
        ("b", "add", [], []),
        ("first", "get-tuple-element", ["pair"], []),
        ("end", "add", ["first"], []),
    )
    assert needed(module.allocation(100, ("a", 0, 100)).plan()) == {"a": (0, 5)}


def test_a_loop_s_inside_runs_in_its_place():
    module = Module().computation(1, ("x", "parameter", [], []), ("y", "add", ["x"], []))
    module.computation(
        2,
        ("a", "add", [], []),
        ("loop", "while", ["a"], [1]),
        ("after", "add", ["loop"], []),
        ("last", "add", ["after"], []),
    )
    plan = module.allocation(300, ("a", 0, 10), ("y", 100, 20), ("after", 200, 40)).plan()
    assert plan.schedule == ("a", "x", "y", "loop", "after", "last")
    # What goes in is needed until what comes out of the loop is read, and so is what the body makes.
    assert needed(plan) == {"a": (0, 4), "y": (2, 4), "after": (4, 5)}
    assert plan.levels.tolist() == [10, 10, 30, 30, 70, 40]


def test_a_module_without_a_plan_is_none():
    assert chain().plan() is None
    assert buffers.parse(b"") is None


def test_damage_is_an_error():
    with pytest.raises(TraceError, match="damaged"):
        buffers.parse(b"\xff\xff\xff")


def test_a_computation_that_calls_itself_ends():
    module = Module().computation(1, ("a", "call", [], [1]))
    assert module.allocation(4, ("a", 0, 4)).plan().levels.max() == 4


def test_the_plan_of_a_recorded_step_is_explained_to_the_last_percent(tmp_path):
    """XLA packs as tightly as its schedule allows: what we find needed at once is what it takes."""
    path = tmp_path / "host.xplane.pb"
    path.write_bytes(gzip.decompress(CONV.read_bytes()))
    (data,) = xspace.hlo_modules(path).values()
    plan = buffers.parse(data)
    assert 0.99 * plan.temporary < plan.levels.max() <= plan.temporary
    assert sum(one.size for one in plan.alive) == plan.levels.max()
