"""What ops compute and move, against sums by hand; and how often they run."""

import dataclasses

import pytest
from conv_recording import attributed, modules

from graphprof.analysis.work import ops
from graphprof.analysis.work.costs import Costs
from graphprof.analysis.work.owners import Op
from graphprof.trace import hlo_cost
from graphprof.trace.graphs import EagerOp, Graphs, Nodes
from graphprof.trace.labels import Label, Labels

DENSE = Label("net/dense", "forward")
TENSORS = ("float32[64,8]", "float32[8,4]", "float32[4]", "float32[64,4]")


def graph(names, types, inputs, outputs, flops=(), fused=None):
    kinds = tuple(sorted(set(types)))
    op = tuple(kinds.index(one) for one in types)
    counts = {one: types.count(one) for one in kinds}
    pairs = tuple(tuple((one, 0) for one in reads) for reads in inputs)
    return Nodes(counts, kinds, names, op, pairs, TENSORS, outputs, flops, fused or {})


def dense():
    before = graph(
        ("x", "w", "b", "mat", "add", "act"),
        ("Placeholder", "ReadVariableOp", "ReadVariableOp", "MatMul", "BiasAdd", "Relu"),
        ((), (), (), (0, 1), (3, 2), (4,)),
        ((0,), (1,), (2,), (3,), (3,), (3,)),
        (None, None, None, 2 * 64 * 8 * 4, 64 * 4, None),
    )
    optimised = graph(
        ("x", "w", "b", "act"),
        ("_Arg", "ReadVariableOp", "ReadVariableOp", "_FusedMatMul"),
        ((), (), (), (0, 1, 2)),
        ((), (), (), ()),
        fused={3: ("BiasAdd", "Relu")},
    )
    ran = dataclasses.replace(optimised, types=("ReadVariableOp", "_Arg", "_MklNativeFusedMatMul"))
    ran = dataclasses.replace(ran, op=(1, 0, 0, 2))
    return Graphs(before, optimised, ran)


def test_a_fused_op_computes_what_its_parts_computed():
    cost = Costs(dense(), Labels(), {}).of(Op(DENSE, "_MklNativeFusedMatMul", "act", "direct"))
    assert cost.flops == 2 * 64 * 8 * 4 + 64 * 4
    assert cost.inputs == ("float32[64,8]", "float32[8,4]", "float32[4]")
    assert cost.outputs == ("float32[64,4]",)
    assert cost.bytes == 4 * (64 * 8 + 8 * 4 + 4 + 64 * 4)
    assert not cost.of_step


def test_eager_ops_that_a_trace_cannot_tell_apart_are_summed():
    two = [
        EagerOp("net/dense", "forward", "MatMul", TENSORS[:2], TENSORS[3:], 2, 4096),
        EagerOp("net/dense", "forward", "MatMul", TENSORS[2:3], TENSORS[2:3], 1, 10),
    ]
    cost = Costs(Graphs(eager=tuple(two)), Labels(), {}).of(Op(DENSE, "MatMul", "", "direct"))
    assert cost.of_step
    assert cost.flops == 2 * 4096 + 10
    assert cost.bytes == 2 * 4 * (512 + 32 + 256) + 32
    assert cost.inputs == ()  # there is no one shape


def test_one_unknown_part_makes_the_sum_unknown():
    known = EagerOp("a", "forward", "Relu", TENSORS[:1], TENSORS[:1], 1, 4)
    found = Graphs(eager=(known, dataclasses.replace(known, flops=None, inputs=("float32[?]",))))
    cost = Costs(found, Labels(), {}).of(Op(Label("a", "forward"), "Relu", "", "direct"))
    assert (cost.flops, cost.bytes) == (None, None)


def test_xlas_convolutions_and_products_by_their_shapes():
    (module,) = modules("xla").values()
    costs = hlo_cost.of_module(module)
    flops = {one.flops for name, one in costs.items() if name.startswith("convolution")}
    # Conv2D(16, 3) on 28 x 28 x 1 and Conv2D(32, 3) on 13 x 13 x 16, batch 32.
    assert 2 * 32 * 26 * 26 * 16 * 9 in flops
    assert 2 * 32 * 11 * 11 * 32 * (9 * 16) in flops
    products = {one.flops for name, one in costs.items() if name.startswith(("dot", "MatMul"))}
    assert 2 * 32 * 800 * 10 in products


def exact(counts):
    """The recorded graph with calls per step as if its first calls had been traced."""
    found = attributed("graph")
    chosen = {op: counts[op.op_type] for op in found.ops if op.op_type in counts}
    return found, dataclasses.replace(found, exact=chosen)


def test_calls_are_those_of_the_first_calls_and_times_those_of_the_steady_ones():
    plain, counted = exact({"_MklNativeMaxPool": 3.0})
    before = {row.name: row for row in ops.table(plain) if row.op_type == "_MklNativeMaxPool"}
    after = {row.name: row for row in ops.table(counted) if row.op_type == "_MklNativeMaxPool"}
    assert before.keys() == after.keys() != set()
    for name, row in after.items():
        assert row.calls == 3.0
        assert row.recorded == before[name].calls
        assert row.wall_s == before[name].wall_s


def test_an_op_that_is_not_recorded_has_its_count_and_no_time():
    found = attributed("graph")
    silent = Op(Label("conv/dense", "forward"), "Cast", "conv/dense/Cast", "direct", "Cast")
    rows = ops.table(dataclasses.replace(found, exact={silent: 2.0}))
    row = next(row for row in rows if row.name == "conv/dense/Cast")
    assert (row.calls, row.recorded) == (2.0, 0.0)
    times = (row.wall_s, row.share, row.busy_s, row.total_s, row.self_s, row.low_s, row.high_s)
    assert times == (None,) * 7
    assert row.flops_per_s is None
    # What is not recorded adds nothing, and takes nothing away.
    known = [one for one in rows if one.wall_s is not None]
    assert sum(one.wall_s for one in known) == pytest.approx(
        sum(one.wall_s for one in ops.table(found))
    )


def test_a_rate_counts_only_calls_that_were_recorded():
    row = ops.OpRow(
        *("MatMul", "a", "net/a", "forward", "direct"),
        *(4.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 0.5),
        recorded=1.0,
        flops=8e9,
    )
    assert row.flops_per_s == pytest.approx(8e9 / 4 / 0.5)
