"""Which ops took whose place."""

import pytest
from conv_recording import attributed

from graphprof.analysis.work import align, ops
from graphprof.analysis.work.ops import OpRow


def row(op_type, tf_type="", calls=1.0, wall_s=1e-3, name="", implements=(), owner="net/conv"):
    times = (wall_s, 0.1, wall_s, wall_s, wall_s, wall_s, wall_s)
    return OpRow(op_type, name, owner, "forward", "direct", calls, *times, tf_type, implements)


def eager(*types):
    return [row(op_type, op_type) for op_type in types]


def shape(matches):
    return {
        (match.how, *(frozenset(side.op_type for side in one) for one in (match.left, match.right)))
        for match in matches
    }


def test_a_fused_op_takes_in_what_has_no_other_place():
    found = align.align(
        eager("Conv2D", "BiasAdd", "Relu", "Shape"), [row("_MklNativeFusedConv2D", "Conv2D")]
    )
    assert shape(found.matches) == {
        ("fused", frozenset({"Conv2D", "BiasAdd", "Relu"}), frozenset({"_MklNativeFusedConv2D"})),
        ("vanished", frozenset({"Shape"}), frozenset()),
    }
    assert (found.left_mapped, found.left_vanished, found.right_mapped) == (0.75, 0.25, 1)


def test_graph_and_xla_are_matched_by_name():
    graph = [row("MatMul", "MatMul", name="d/MatMul"), row("Relu", "Relu", name="d/Relu")]
    xla = [row("fusion", "Relu", name="fusion", implements=("d/MatMul:MatMul", "d/Relu:Relu"))]
    (match,) = align.align(graph, xla).matches
    assert match.how == "fused"
    assert [side.op_type for side in match.left] == ["MatMul", "Relu"]


def test_pieces_without_a_name_belong_to_what_was_rewritten():
    grad = [row("MaxPoolGrad", "MaxPoolGrad")]
    pieces = [row("wrapped_iota"), row("wrapped_reduce-window")]
    (match,) = align.align(grad, [*pieces, row("wrapped_scatter", "MaxPoolGrad")]).matches
    assert match.how == "rewritten"
    assert len(match.right) == 3


def test_other_layers_are_other_work():
    found = align.align(eager("Relu"), [row("Relu", "Relu", owner="net/other")])
    assert {match.how for match in found.matches} == {"vanished", "appeared"}


def test_what_is_nobodys_is_said_to_be_so():
    found = align.align([*eager("Relu"), row("AddN", "AddN", owner="")], eager("Relu"))
    assert found.left_unlabelled == 0.5
    assert align.align([], []).left_mapped is None


@pytest.mark.parametrize(("one", "other"), [("eager", "graph"), ("eager", "xla"), ("graph", "xla")])
def test_the_recorded_ops_are_mapped_or_gone(one, other):
    found = align.align(ops.table(attributed(one)), ops.table(attributed(other)))
    assert found.left_mapped + found.left_vanished >= 0.9
    assert found.left_mapped_time >= 0.8
    assert found.right_mapped_time >= 0.9


def test_the_recorded_convolution_was_fused():
    found = align.align(ops.table(attributed("eager")), ops.table(attributed("graph")))
    fused = next(
        match
        for match in found.matches
        if (match.owner, match.in_pass) == ("conv/conv2d", "forward") and match.how == "fused"
    )
    assert {"Conv2D", "BiasAdd", "Relu"} <= {side.op_type for side in fused.left}
    assert [side.op_type for side in fused.right] == ["_MklNativeFusedConv2D"]
