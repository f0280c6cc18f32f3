"""Layers of traces that came without labels."""

import builders
import pytest

from graphprof.importing import contents, layers, steps
from graphprof.trace.labels import Label
from graphprof.trace.opnames import Names


def host(tmp_path, names, line="tf_Compute/7"):
    events = [(name, 10 * place, 5) for place, name in enumerate(names)]
    return builders.read(tmp_path, builders.trace({line: events}), layers.STATS).host


def test_the_same_model_has_the_same_layers_whatever_was_made_before(tmp_path):
    def labels(model, first):
        scope = f"{model}/conv2d_{first}_1/Relu"
        other = f"{model}/conv2d_{first + 1}_1/Relu"
        grad = f"gradient_tape/{scope}Grad"
        plane = host(tmp_path, [f"{scope}:Relu", f"{other}:Relu", f"{grad}:ReluGrad"])
        names = Names(layers.guess(plane, {}))
        return [names.label(name) for name in (scope, other, grad)]

    expected = [
        Label("sequential/conv2d", "forward"),
        Label("sequential/conv2d_1", "forward"),
        Label("sequential/conv2d", "backward"),
    ]
    assert labels("sequential_6_1", 8) == expected
    assert labels("sequential_12", 98) == expected


def test_names_that_are_no_op_names_are_no_layers(tmp_path):
    assert layers.guess(host(tmp_path, builders.HOSTILE), {}).scopes == {}


def test_layers_with_unlike_names_stay_apart(tmp_path):
    plane = host(tmp_path, ["m/dense/MatMul:MatMul", "m/dense_b/MatMul:MatMul"])
    owners = {label.owner for label in layers.guess(plane, {}).scopes.values()}
    assert owners == {"m/dense", "m/dense_b"}


@pytest.mark.parametrize(
    ("names", "mode"),
    [
        (["EagerLocalExecute: Conv2D"], "eager"),
        (["EagerLocalExecute: Conv2D", "Profiled batch"], "fit-eager"),
        (["EagerLocalExecute: __inference_step_1"], "graph"),
        (["EagerLocalExecute: __inference_multi_step_on_iterator_1"], "fit"),
        (["EagerLocalExecute: __inference_train_function_1"], "fit"),
        # Waiting for data is no op of the model's.
        (
            ["EagerLocalExecute: IteratorGetNext"] * 3 + ["EagerLocalExecute: __inference_f_1"],
            "graph",
        ),
        (["a/b:Conv2D"], "trace"),
    ],
)
def test_the_mode_is_guessed_from_what_python_calls(tmp_path, names, mode):
    events = [(name, 10 * place, 5) for place, name in enumerate(names)]
    trace = builders.read(tmp_path, builders.trace({"python": events}), steps.STATS)
    assert contents.guess(trace.host, {}, steps.find(trace).spans).mode == mode


@pytest.mark.parametrize(
    ("name", "phase"),
    [("gradient_tape/m/conv/ReluGrad:ReluGrad", "train"), ("m/conv/Relu:Relu", "predict")],
)
def test_the_phase_is_guessed_from_the_backward_pass(tmp_path, name, phase):
    plane = host(tmp_path, [name], "python")
    trace = builders.read(tmp_path, builders.trace({"python": [(name, 0, 5)]}), steps.STATS)
    assert contents.guess(plane, {}, steps.find(trace).spans).phase == phase
