"""What became of a graph's nodes, on graphs small enough to see it."""

import pytest

from graphprof.analysis.work import graphs, vanishing
from graphprof.trace.graphs import Graphs, Nodes, load, plain, size, to_json
from graphprof.trace.labels import Label, Labels
from graphprof.trace.opnames import Names


def nodes(*rows, fused=()):
    """Nodes from ``(name, op type, what it reads...)``."""
    names = [name for name, *_ in rows]
    types = sorted({op for _, op, *_ in rows})
    counts = {one: sum(op == one for _, op, *_ in rows) for one in types}
    return Nodes(
        counts,
        tuple(types),
        tuple(names),
        tuple(types.index(op) for _, op, *_ in rows),
        tuple(tuple((names.index(one), 0) for one in reads) for _, _, *reads in rows),
        fused={names.index(name): tuple(parts) for name, *parts in fused},
    )


def fate(before, after, name):
    found = graphs.fates(before, after)
    return found.get(before.names.index(name))


def test_what_stays_has_no_fate():
    one = nodes(("x", "Placeholder"), ("y", "Relu", "x"))
    assert graphs.fates(one, one) == {}


def test_a_node_whose_reader_reads_a_new_constant_was_folded():
    before = nodes(("x", "Placeholder"), ("s", "Shape", "x"), ("y", "Reshape", "x", "s"))
    after = nodes(("x", "_Arg"), ("ConstantFolding/s-0", "Const"), ("y", "Reshape", "x", "ConstantFolding/s-0"))  # fmt: skip
    assert fate(before, after, "s").why == "constant folding"


def test_a_node_that_became_a_constant_in_its_place_was_folded_and_what_it_read_with_it():
    before = nodes(("one", "Const"), ("two", "Neg", "one"), ("x", "Placeholder"), ("y", "Mul", "x", "two"))  # fmt: skip
    after = nodes(("x", "_Arg"), ("two", "Const"), ("y", "Mul", "x", "two"))
    assert fate(before, after, "two").why == "constant folding"
    assert fate(before, after, "one").why == "constant folding"


def test_a_node_whose_reader_reads_its_like_was_a_duplicate():
    before = nodes(("x", "Placeholder"), ("a", "Exp", "x"), ("b", "Exp", "x"), ("y", "Mul", "a", "b"))  # fmt: skip
    after = nodes(("x", "_Arg"), ("a", "Exp", "x"), ("y", "Mul", "a", "a"))
    assert fate(before, after, "b") == graphs.Fate("common subexpression", "Exp")
    wide = nodes(("x", "Placeholder"), ("a", "Exp", "x"), ("b", "Exp", "x"), ("y", "Neg", "b"))
    kept = nodes(("x", "_Arg"), ("a", "Exp", "x"), ("y", "Neg", "a"))
    assert fate(wide, kept, "b") == graphs.Fate("common subexpression", "Exp")


def test_a_fused_op_takes_in_what_it_says_and_what_it_names():
    before = nodes(("x", "Placeholder"), ("w", "ReadVariableOp"), ("c", "Conv2D", "x", "w"), ("b", "BiasAdd", "c"), ("r", "Relu", "b"))  # fmt: skip
    after = nodes(("x", "_Arg"), ("w", "ReadVariableOp"), ("r", "_FusedConv2D", "x", "w"), fused=[("r", "BiasAdd", "Relu")])  # fmt: skip
    found = {name: fate(before, after, name) for name in "cbr"}
    assert {one.why for one in found.values()} == {"fused"}
    assert {one.into for one in found.values()} == {"_FusedConv2D"}
    assert {one.host for one in found.values()} == {2}


def test_an_output_of_a_fused_op_did_the_work_before():
    before = nodes(("g", "Placeholder"), ("f", "Conv2DBackpropFilter", "g"), ("b", "BiasAddGrad", "g"), ("u", "Mul", "b"))  # fmt: skip
    after = nodes(("g", "_Arg"), ("f", "_MklNativeConv2DBackpropFilterWithBias", "g"), ("u", "Mul", "f"))  # fmt: skip
    assert fate(before, after, "b").why == "fused"
    assert fate(before, after, "b").into == "_MklNativeConv2DBackpropFilterWithBias"


def test_a_node_whose_input_is_read_instead_did_nothing():
    before = nodes(("x", "Placeholder"), ("i", "Identity", "x"), ("y", "Neg", "i"))
    after = nodes(("x", "_Arg"), ("y", "Neg", "x"))
    assert fate(before, after, "i").why == "bypassed"


def test_a_node_that_nothing_reads_was_dead_and_what_only_it_read_with_it():
    before = nodes(("x", "Placeholder"), ("a", "Exp", "x"), ("b", "Neg", "a"), ("y", "Relu", "x"))
    after = nodes(("x", "_Arg"), ("y", "Relu", "x"))
    assert fate(before, after, "b").why == "dead code"
    assert fate(before, after, "a").why == "dead code"


def test_turning_operands_round_hides_nothing():
    before = nodes(("x", "Placeholder"), ("c", "Const"), ("k", "Const"), ("a", "Neg", "x"), ("y", "Mul", "k", "a"), ("z", "Add", "y", "c"))  # fmt: skip
    after = nodes(("x", "_Arg"), ("c", "Const"), ("a", "Neg", "x"), ("y", "Mul", "a", "c"), ("z", "Add", "y", "c"))  # fmt: skip
    assert fate(before, after, "k").why == "common subexpression"


def test_calls_and_loops_are_inlined():
    before = nodes(("x", "Placeholder"), ("call", "PartitionedCall", "x"), ("call/y", "Neg", "x"), ("loop", "While", "x"))  # fmt: skip
    after = nodes(("x", "_Arg"), ("call", "NoOp"), ("call/y", "Neg", "x"))
    assert fate(before, after, "call").why == "inlined"
    assert fate(before, after, "loop").why == "inlined"


def test_names_lose_the_numbers_of_inlining():
    assert plain("a/while/body/_94/b/then/_1/c") == "a/while/body/b/then/c"
    before = nodes(("l/while/body/y", "Neg"))
    after = nodes(("l/while/body/_7/y", "Neg"))
    assert graphs.fates(before, after) == {}


def changed():
    before = nodes(("x", "Placeholder"), ("net/dense/s", "Shape", "x"), ("net/dense/r", "Reshape", "x", "net/dense/s"), ("net/dense/dead", "Exp", "x"))  # fmt: skip
    after = nodes(("x", "_Arg"), ("c", "Const"), ("net/dense/r", "Reshape", "x", "c"), ("t", "Transpose", "x"))  # fmt: skip
    known = Labels(scopes={"net/dense": Label("net/dense", "forward")})
    return graphs.changes(Graphs(before, after, after), Names(known), {})


def test_changes_are_told_by_layer_and_stride():
    found = changed()
    (grappler, kernels) = found.strides
    assert (grappler.name, grappler.before, grappler.after) == ("grappler", 4, 4)
    assert {(one.owner, one.op_type, one.why) for one in grappler.removed} == {
        ("net/dense", "Shape", "constant folding"),
        ("net/dense", "Exp", "dead code"),
    }
    assert ("Transpose", "layout") in {(one.op_type, one.why) for one in grappler.added}
    assert kernels.removed == ()
    count = next(one for one in found.nodes if one.op_type == "Reshape")
    assert (count.owner, count.before, count.optimised, count.ran) == ("net/dense", 1, 1, 1)


@pytest.mark.parametrize(
    ("op_type", "why"),
    [
        ("Shape", "constant folding"),
        ("Exp", "dead code"),
        ("Reshape", "runs, but is not recorded"),
        ("Tile", "never built into the graph"),
        ("EagerConst", "held by the graph as a constant"),
    ],
)
def test_ops_without_a_counterpart_are_explained(op_type, why):
    explain = vanishing.gone(changed())
    assert explain("net/dense", "forward", op_type) == why


def test_without_graphs_nothing_is_explained():
    assert vanishing.gone(None) is None
    assert vanishing.new(None, None) is None


def test_the_file_is_read_as_it_was_written(tmp_path):
    written = Graphs(before=nodes(("x", "Placeholder"), ("y", "Neg", "x")), lost=("a reason",))
    (tmp_path / "graphs.json").write_bytes(to_json(written))
    assert load(tmp_path / "graphs.json") == written
    assert load(tmp_path / "none.json") is None


@pytest.mark.parametrize(
    ("tensor", "bytes_"),
    [("float32[64,10]", 2560), ("bool[]", 1), ("int64[3]", 24), ("float32[?,10]", None), ("resource[]", None), ("float32[?]", None)],
)  # fmt: skip
def test_sizes_of_tensors(tensor, bytes_):
    assert size(tensor) == bytes_
