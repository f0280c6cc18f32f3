"""What event names say, and which events a query means."""

import pytest
from tensorboard_plugin_graphprof.words import Label, label, matches


@pytest.mark.parametrize(
    ("name", "op", "scope"),
    [
        ("EagerLocalExecute: Conv2D", "Conv2D", ""),
        ("EagerLocalExecute: __inference_step_7509", "step", ""),
        ("EagerLocalExecute: _EagerConst", "EagerConst", ""),
        ("sequential/conv2d/Relu:_MklNativeFusedConv2D", "Conv2D", "sequential/conv2d"),
        ("StatefulPartitionedCall/adam/Sub_6/ReadVariableOp:ReadVariableOp", "ReadVariableOp", "adam/Sub_6"),
        ("gradient_tape/a/conv2d/Conv2DBackpropInput:Conv2DBackpropInput", "Conv2DBackpropInput", "a/conv2d"),
        ("Add:AddV2", "AddV2", ""),
        ("convolution.4", "Conv2D", ""),
        ("end: convolution.4", "Conv2D", ""),
        ("maximum_bitcast_fusion", "maximum_bitcast_fusion", ""),
        ("ThreadpoolListener::Record", "ThreadpoolListener::Record", ""),
        ("Iterator::Root::Prefetch::ForeverRepeat[0]::BatchV2", "Iterator::Root::Prefetch::ForeverRepeat[0]::BatchV2", ""),
        ("train", "train", ""),
        ("", "", ""),
        ("::", "::", ""),
    ],
)  # fmt: skip
def test_label(name, op, scope):
    assert label(name) == Label(op, scope)


@pytest.mark.parametrize(
    ("query", "name", "meant"),
    [
        ("op:Conv2D", "EagerLocalExecute: Conv2D", True),
        ("op:Conv2D", "EagerLocalExecute: Conv2DBackpropInput", False),
        ("scope:a/b", "a/b/Relu:Relu", True),
        ("scope:a/b", "a/b/c/Relu:Relu", True),
        ("scope:a/b", "a/bc/Relu:Relu", False),
        ("conv", "EagerLocalExecute: Conv2D", True),
        ("op:", "a shop: open", True),
        ("STRASSE", "straße", True),
    ],
)
def test_matches(query, name, meant):
    assert matches(name, query) is meant
