"""XLA instructions get the right label, whichever way it has to be found."""

import pytest

from graphprof.errors import TraceError
from graphprof.trace import hlo
from graphprof.trace.labels import UNLABELLED, Label

FORWARD = Label("net/conv", "forward")
BACKWARD = Label("net/conv", "backward")
POOL = Label("net/pool", "backward")
ADAM = Label("adam", "optimizer")
KNOWN = {"conv": FORWARD, "grad": BACKWARD, "pool": POOL, "adam": ADAM}


def known(name):
    return KNOWN.get(name.partition("/")[0], UNLABELLED)


def module(*computations):
    """Computations as ``(id, [(name, opcode, op_name, operands, called)])``; the last is the root."""
    proto = hlo._classes["HloProto"]()
    ids = {}
    for number, instructions in computations:
        computation = proto.hlo_module.computations.add(id=number)
        for name, opcode, op_name, operands, called in instructions:
            ids[name] = len(ids) + 1
            message = computation.instructions.add(
                name=name.encode(), opcode=opcode.encode(), id=ids[name]
            )
            message.metadata.op_name = op_name.encode()
            message.metadata.op_type = op_name.rpartition("/")[2].encode()
            message.operand_ids.extend(ids[operand] for operand in operands)
            message.called_computation_ids.extend(called)
        computation.root_id = ids[instructions[-1][0]]
    return proto.SerializeToString()


def labelled(*computations):
    return hlo.label(hlo.parse(module(*computations)), known)


def test_metadata_speaks_first():
    found = labelled((1, [("dot.1", "dot", "conv/MatMul", [], [])]))
    assert found["dot.1"] == (FORWARD, "MatMul", "direct")


def test_a_fusion_without_metadata_is_what_it_holds():
    body = [("p", "parameter", "", [], []), ("x", "add", "grad/Add", ["p"], [])]
    found = labelled((1, body), (2, [("fusion.1", "fusion", "", [], [1])]))
    assert found["fusion.1"].label == BACKWARD
    assert found["fusion.1"].tag == "inner"


def test_a_shared_constant_says_nothing():
    """Of equal constants XLA keeps one, with the metadata of the op that came first."""
    zeros = [("zero", "constant", "conv/mean", [], []), ("fill", "broadcast", "", ["zero"], [])]
    body = [("c", "constant", "conv/mean", [], []), ("turn", "transpose", "", ["c"], [])]
    found = labelled(
        (1, zeros),
        (2, body),
        (
            3,
            [
                ("wrapped_broadcast", "fusion", "conv/mean", [], [1]),
                ("select_fusion", "fusion", "", ["wrapped_broadcast"], [2]),
                ("scatter", "fusion", "pool/MaxPoolGrad", ["select_fusion"], []),
            ],
        ),
    )
    assert found["wrapped_broadcast"] == (POOL, "mean", "dataflow")
    assert found["select_fusion"] == (POOL, "", "dataflow")


def test_what_prepares_belongs_to_its_reader():
    """The pieces of a pooling's gradient come without metadata; the scatter has it."""
    found = labelled(
        (
            1,
            [
                ("conv.1", "convolution", "conv/Conv2D", [], []),
                ("iota", "fusion", "", [], []),
                ("window", "fusion", "", ["conv.1", "iota"], []),
                ("scatter", "fusion", "pool/MaxPoolGrad", ["window"], []),
            ],
        )
    )
    assert found["iota"] == (POOL, "", "dataflow")
    assert found["window"] == (POOL, "", "dataflow")


def test_a_gradient_is_made_by_the_backward_pass_not_by_the_optimizer_that_reads_it():
    found = labelled(
        (
            1,
            [
                ("images", "parameter", "", [], []),
                ("turned", "copy", "", ["images"], []),
                ("relu_grad", "fusion", "grad/ReluGrad", [], []),
                ("filter", "convolution", "", ["turned", "relu_grad"], []),
                ("update", "fusion", "adam/AssignSub", ["filter"], []),
            ],
        )
    )
    assert found["filter"].label == BACKWARD
    assert found["turned"].label == BACKWARD  # it prepares what the gradient reads


def test_what_a_loop_holds_is_the_loops_at_least():
    body = [("copy.1", "copy", "", [], [])]
    found = labelled((1, body), (2, [("while.1", "while", "conv/while", [], [1])]))
    assert found["copy.1"] == (FORWARD, "", "dataflow")


def test_nothing_to_go_by_stays_without_label():
    found = labelled((1, [("copy.1", "copy", "", [], [])]))
    assert found["copy.1"].tag == "none"


def test_a_damaged_module_is_an_error():
    with pytest.raises(TraceError):
        hlo.parse(b"\x0a\xff\xff")


def test_names_without_numbers():
    assert hlo.kind("wrapped_scatter.1") == "wrapped_scatter"
    assert hlo.kind("while_body.clone.2.clone") == "while_body"
