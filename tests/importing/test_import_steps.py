"""Where the steps of a trace are that was taken by others."""

import builders
import numpy as np
import pytest

from graphprof.errors import TraceError, UsageError
from graphprof.importing import steps


def found(tmp_path, lines, step_event=None):
    trace = builders.read(tmp_path, builders.trace(lines), steps.STATS)
    return steps.find(trace, step_event)


def call(name, start, length):
    return (f"EagerLocalExecute: {name}", start, length)


def spans_us(of):
    return (of.spans // 10**6).tolist()


def test_marks_are_believed(tmp_path):
    of = found(tmp_path, {"python": [("train", 0, 9, {"_r": 1, "step_num": 3}), ("x", 1, 2)]})
    assert (of.origin, of.sentence) == ("marked", "")


def test_keras_numbers_its_batches_without_the_mark(tmp_path):
    batches = [("Profiled batch", 10 * n, 8, {"step_num": 4 + n}) for n in range(5)]
    # The graph executor's launches carry the mark, but no number.
    launches = [("FunctionRun", 10 * n + 1, 1, {"_r": 1}) for n in range(5)]
    of = found(tmp_path, {"python": batches + launches})
    assert (of.origin, of.name, of.held) == ("numbered", "Profiled batch", 1)
    assert spans_us(of) == [[10 * n, 10 * n + 8] for n in range(5)]


def test_keras_numbers_batches_not_calls(tmp_path):
    calls = [("Profiled batch", 10 * n, 8, {"step_num": 5 * n}) for n in range(4)]
    assert found(tmp_path, {"python": calls}).held == 5


def test_a_loop_goes_from_one_beginning_to_the_next(tmp_path):
    events = []
    for n in range(4):
        events += [call("IteratorGetNext", 100 * n, 5), ("TFE_DeleteTensorHandle", 100 * n + 6, 1)]
        events += [
            ("step", 100 * n + 10, 60),
            call(f"__inference_step_{181 + n}", 100 * n + 12, 50),
        ]
    of = found(tmp_path, {"python": events, "tf_Compute/7": [("a/b:Conv2D", 0, 9)]})
    assert of.origin == "repeated"
    assert "next(iterator) and step" in of.sentence
    # Three of four: the last has no next one to end it.
    assert spans_us(of) == [[0, 100], [100, 200], [200, 300]]


def test_a_loop_begins_where_python_does(tmp_path):
    events = []
    for n in range(4):
        events += [("my_train_step", 100 * n, 80), call(f"__inference_f_{n}", 100 * n + 20, 30)]
    of = found(tmp_path, {"python": [("whole epoch", 0, 400), *events]})
    assert spans_us(of) == [[0, 100], [100, 200], [200, 300]]


def test_two_functions_in_turn_are_one_step(tmp_path):
    events = []
    for n in range(4):
        events += [
            call("__inference_generator_1", 100 * n, 30),
            call("__inference_critic_2", 100 * n + 40, 30),
        ]
    assert spans_us(found(tmp_path, {"python": events}))[0] == [0, 100]


def test_functions_in_no_order_leave_a_choice(tmp_path):
    order = "aabab" + "ab"
    events = [call(f"__inference_{name}_1", 10 * n, 5) for n, name in enumerate(order)]
    of = found(tmp_path, {"python": events})
    assert of.origin == "whole"
    assert spans_us(of) == [[0, 65]]
    assert "--step-event" in of.sentence


def test_what_is_built_is_not_called(tmp_path):
    events = [("tf.function-graph_building", 0, 50)]
    events += [call("__inference_inner_1", 10 * n + 1, 5) for n in range(4)]
    assert found(tmp_path, {"python": events}).origin == "whole"


def test_too_few_calls_are_no_loop(tmp_path):
    events = [call("__inference_f_1", 10 * n, 5) for n in range(2)]
    assert found(tmp_path, {"python": events}).origin == "whole"


def test_a_step_can_be_named(tmp_path):
    events = [call(f"__inference_f_{n}", 10 * n, 5) for n in range(2)] + [("mine", 50, 7)]
    assert spans_us(found(tmp_path, {"python": events}, "mine")) == [[50, 57]]
    assert spans_us(found(tmp_path, {"python": events}, "f")) == [[0, 5], [10, 15]]


def test_a_named_step_inside_another_is_part_of_it(tmp_path):
    of = found(tmp_path, {"python": [("f", 0, 50), ("g", 5, 30), ("f", 10, 9), ("f", 60, 9)]}, "f")
    assert spans_us(of) == [[0, 50], [60, 69]]


def test_an_unknown_name_is_answered_with_near_ones(tmp_path):
    with pytest.raises(UsageError) as refused:
        found(tmp_path, {"python": [("train_step", 0, 5)]}, "train_stop")
    assert "train_step" in refused.value.cure


def test_a_trace_without_python_is_one_step(tmp_path):
    of = found(tmp_path, {"tf_Compute/7": [("a/b:Conv2D", 3, 9), ("a/c:Relu", 20, 4)]})
    assert of.origin == "whole"
    assert spans_us(of) == [[3, 24]]


@pytest.mark.parametrize("name", builders.HOSTILE)
def test_hostile_names_repeat_like_others(tmp_path, name):
    function = f"__inference_{name}_7"
    events = [call(function, 10 * n, 5) for n in range(4)]
    of = found(tmp_path, {"python": events})
    assert of.origin in ("repeated", "whole")
    assert (np.diff(of.spans) > 0).all()


def test_a_trace_of_devices_alone_has_no_steps(tmp_path):
    trace = builders.read(tmp_path, builders.trace({"Stream #1": [("k", 0, 5)]}, "/device:GPU:0"))
    with pytest.raises(TraceError, match="host"):
        steps.find(trace)
