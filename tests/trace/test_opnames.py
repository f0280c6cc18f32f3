"""Op names in all their coats: layer, pass and op type."""

import pytest

from graphprof.trace.labels import UNLABELLED, Label, Labels, LayerInfo
from graphprof.trace.opnames import Names, base_type, is_fused

# What TensorFlow calls the scopes of a model whose layers were built before: conv2d_1 is the second
# layer, and conv2d_1 is also the second scope that the first layer opened.
LABELS = Labels(
    layers=(LayerInfo("net", "Sequential", True), LayerInfo("net/conv2d", "Conv2D")),
    scopes={
        "net_1": Label("net", "forward"),
        "net_1/conv2d_1": Label("net/conv2d", "forward"),
        "net_1/conv2d_1_2": Label("net/conv2d_1", "forward"),
        "net_1/lstm_1": Label("net/lstm", "forward"),
        "net_1/lstm_1/while/lstm_cell_1": Label("net/lstm/lstm_cell", "forward"),
        "compile_loss": Label("compile_loss", "loss"),
        "adam": Label("adam", "optimizer"),
    },
    ops={"Sum": Label("loss", "metrics"), "Add": Label("loss", "metrics")},
)

CASES = [
    ("net_1/conv2d_1/Relu:_MklNativeFusedConv2D", "net/conv2d", "forward"),
    ("net_1/conv2d_1_2/Relu:Relu", "net/conv2d_1", "forward"),
    ("StatefulPartitionedCall/net_1/conv2d_1/BiasAdd:BiasAdd", "net/conv2d", "forward"),
    ("gradient_tape/net_1/conv2d_1/ReluGrad:ReluGrad", "net/conv2d", "backward"),
    (
        "StatefulPartitionedCall/gradient_tape/net_1/conv2d_1_2/c/F:_MklNativeConv2DBackpropFilterWithBias",
        "net/conv2d_1",
        "backward",
    ),
    (
        "net_1/lstm_1/while/body/_1/net_1/lstm_1/while/lstm_cell_1/MatMul_1:_MklMatMul",
        "net/lstm/lstm_cell",
        "forward",
    ),
    (
        "gradient_tape/net_1/lstm_1/while/net_1/lstm_1/while_grad/body/_94/gradient_tape/net_1/lstm_1/while/gradients/net_1/lstm_1/while/lstm_cell_1/MatMul_grad/MatMul:MatMul",
        "net/lstm/lstm_cell",
        "backward",
    ),
    ("gradient_tape/net_1/lstm_1/while/zeros:Fill", "net/lstm", "backward"),
    ("compile_loss/mean_squared_error/Mean:Mean", "compile_loss", "loss"),
    ("gradient_tape/compile_loss/mean_squared_error/mul:Mul", "compile_loss", "loss"),
    ("adam/AssignSubVariableOp_4:AssignSubVariableOp", "adam", "optimizer"),
    ("StatefulPartitionedCall/Sum:Sum", "loss", "metrics"),
    ("Add/ReadVariableOp:ReadVariableOp", "loss", "metrics"),
    ("ConstantFolding/net_1/conv2d_1/perm:Const", "net/conv2d", "forward"),
    ("AddN_3:AddN", "", "other"),
    ("gradient_tape/unknown/Mul:Mul", "", "backward"),
]


@pytest.mark.parametrize(("name", "owner", "in_pass"), CASES)
def test_a_node_is_its_layers(name, owner, in_pass):
    named = Names(LABELS).node(name)
    assert named.label == Label(owner, in_pass)
    assert named.op_type == name.rpartition(":")[2]
    assert named.tag == ("direct" if owner else "none")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("sequential/conv2d/Relu:Relu", Label("sequential/conv2d", "forward")),
        ("gradient_tape/sequential/conv2d/x/ReluGrad:R", Label("sequential/conv2d", "backward")),
        ("compile_loss/mse/Mean:Mean", Label("compile_loss", "loss")),
        ("adam_1/Mul:Mul", Label("adam_1", "optimizer")),
        ("MatMul:MatMul", UNLABELLED),
    ],
)
def test_without_labels_names_are_guessed_from(name, label):
    assert Names(Labels()).node(name).label == label


def test_hostile_names_are_nobodys():
    for name in ("", ":", "///", "a" * 10_000, "\x00:\x00", "gradient_tape", "body/_1", "日本:語"):
        assert Names(LABELS).node(name).label.owner == ""


@pytest.mark.parametrize(
    ("recorded", "plain"),
    [
        ("_MklNativeFusedConv2D", "Conv2D"),
        ("_FusedMatMul", "MatMul"),
        ("_MklMatMul", "MatMul"),
        ("_MklNativeConv2DBackpropFilterWithBias", "Conv2DBackpropFilter"),
        ("FusedBatchNormV3", "FusedBatchNormV3"),
        ("Relu", "Relu"),
        ("_EagerConst", "EagerConst"),
    ],
)
def test_op_types_are_comparable(recorded, plain):
    assert base_type(recorded) == plain


def test_what_does_the_work_of_several_ops():
    assert is_fused("_MklNativeFusedConv2D")
    assert not is_fused("Conv2D")
