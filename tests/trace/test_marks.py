"""Steps found in traces: single, several in a call, odd ones; and traces amended for XProf."""

from __future__ import annotations

import os
import stat

import builders
import pytest

from graphprof.errors import StorageError, TraceError
from graphprof.trace import amend, marks, xspace

TAKE = "while/body/_1/while/cond/then/_147/while/cond/OptionalGetValue:OptionalGetValue"
ASK = "IteratorGetNextAsOptionalOp::DoCompute"
RUN = 77


def found(folder, lines):
    return marks.find(builders.read(folder, builders.trace(lines), marks.STATS))


def step(number, start, length, **more):
    return ("train", start, length, {"_r": 1, "step_num": number, **more})


def limits(steps):
    return [(mark.step_num, mark.start_ps // 10**6, mark.end_ps // 10**6) for mark in steps]


def call_of(begins, start=0, number=0, *, steps=4, inner=0, nodes=True):
    """Keras's loop as recorded, 100 us: iterations that begin at ``begins``.

    Args:
        inner: rounds of a loop inside each step.
        nodes: whether the nodes that take a batch are still recorded.
    """
    ends = [*begins[1:], 95]
    executed, taken, asked = [("ExecutorState::Process", start + 3, 4, 0)], [], [start + 3]
    for k, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        executed.append(("ExecutorState::Process", start + begin, end - begin, k))
        executed += [("ExecutorState::Process", start + begin + 3 + k, 1, k) for k in range(inner)]
        taken.append((TAKE, start + begin + 1, 1))
        if k + 1 < steps:
            asked.append(start + begin + 2)
    executed.append(("ExecutorState::Process", start + 95, 2, len(begins)))
    return {
        "python": [
            step(number, start, 100, steps=steps),
            ("FunctionRun", start + 2, 1, {"_r": 1, "id": RUN}),
        ],
        "tf_Compute/1": [
            (name, at, length, {"id": RUN, "iter_num": k}) for name, at, length, k in executed
        ],
        "tf_Compute/2": taken if nodes else [],
        "tf_data_iterator_get_next_as_optional/3": [
            (ASK, at, 1, {"id": RUN, "iter_num": max(0, place - 1)})
            for place, at in enumerate(asked)
        ],
    }


def joined(*traces):
    return {line: [event for trace in traces for event in trace[line]] for line in traces[0]}


def test_steps_are_root_events_with_a_number(tmp_path):
    steps = found(
        tmp_path,
        {
            "python": [
                step(3, 0, 10),
                ("FunctionRun", 2, 3, {"_r": 1, "id": 7}),
                step(4, 10, 10),
                ("train", 20, 10, {"step_num": 5}),
            ],
            "tf_Compute/1": [("ExecutorState::Process", 2, 5)],
        },
    )
    assert limits(steps) == [(3, 0, 10), (4, 10, 20)]
    assert {mark.line for mark in steps} == {0}
    assert all(mark.exact and mark.steps == 1 for mark in steps)


def test_no_plane_no_mark_no_steps(tmp_path):
    assert found(tmp_path, {"python": [("train", 0, 10)]}) == ()
    other = builders.trace({"python": [step(0, 0, 10)]}, plane="/device:GPU:0")
    assert marks.find(builders.read(tmp_path, other, marks.STATS)) == ()


BEGINS = (10, 30, 55, 80)


def test_a_call_of_several_steps_is_split_where_its_iterations_begin(tmp_path):
    steps = found(tmp_path, call_of(BEGINS, start=100, nodes=False))
    # The first begins with the call and the last ends with it: they tile it.
    assert limits(steps) == [(0, 100, 130), (1, 130, 155), (2, 155, 180), (3, 180, 200)]
    assert all(mark.exact and mark.steps == 1 and mark.call_steps == 4 for mark in steps)
    assert marks.notices(steps) == ()


def test_loops_inside_the_step_are_not_taken_for_its_iterations(tmp_path):
    """The executor's numbers count both loops; the nodes that take a batch are the outer one's."""
    steps = found(tmp_path, call_of(BEGINS, inner=4))
    assert limits(steps) == [(0, 0, 31), (1, 31, 56), (2, 56, 81), (3, 81, 100)]
    assert all(mark.exact for mark in steps)


def test_with_loops_inside_and_no_nodes_the_requests_for_batches_give_an_estimate(tmp_path):
    """The last iteration asks for nothing: the rest is halved."""
    steps = found(tmp_path, call_of(BEGINS, inner=4, nodes=False))
    assert limits(steps) == [(0, 0, 32), (1, 32, 57), (2, 57, 78), (3, 78, 100)]
    assert not any(mark.exact for mark in steps)
    assert "4 steps were not recorded one by one" in marks.notices(steps)[0]


def test_a_call_without_a_loop_is_divided_evenly_and_says_so(tmp_path):
    """``predict`` runs its batches side by side in one graph."""
    graph = [("ExecutorState::Process", 5, 90, {"id": RUN, "iter_num": 0})]
    lines = {"python": call_of(BEGINS)["python"], "tf_Compute/1": graph}
    steps = found(tmp_path, lines)
    assert limits(steps) == [(0, 0, 25), (1, 25, 50), (2, 50, 75), (3, 75, 100)]
    assert not any(mark.exact for mark in steps)


@pytest.mark.parametrize("inner", [0, 4])
def test_an_epochs_last_call_may_hold_fewer_steps(tmp_path, inner):
    steps = found(tmp_path, call_of((10, 50), inner=inner))
    assert [mark.step_num for mark in steps] == [0, 1]
    assert all(mark.exact for mark in steps)


def test_a_node_that_is_missing_from_an_iteration_tells_nothing(tmp_path):
    lines = call_of(BEGINS, inner=4)
    del lines["tf_Compute/2"][2]
    steps = found(tmp_path, lines)
    assert len(steps) == 4
    assert not any(mark.exact for mark in steps)


def test_optionals_of_the_model_are_not_taken_for_the_loops(tmp_path):
    lines = call_of(BEGINS, inner=4)
    own = [("model/OptionalGetValue:OptionalGetValue", 12 + 3 * k, 1) for k in range(9)]
    lines["tf_Compute/2"] = sorted(lines["tf_Compute/2"] + own, key=lambda event: event[1])
    assert [mark.start_ps // 10**6 for mark in found(tmp_path, lines)] == [0, 31, 56, 81]


def test_graphs_of_the_input_pipeline_do_not_count_iterations(tmp_path):
    lines = call_of(BEGINS, nodes=False)
    lines["tf_data_private_threadpool/4"] = [
        ("ExecutorState::Process", 2 * k, 1, {"id": -5, "iter_num": k}) for k in range(40)
    ]
    assert [mark.start_ps // 10**6 for mark in found(tmp_path, lines)] == [0, 30, 55, 80]


@pytest.mark.parametrize("numbers", [(0, 4, 8), (0, 1, 2)], ids=["by step", "by call"])
def test_steps_are_numbered_through_however_calls_are(tmp_path, numbers):
    calls = [
        call_of(BEGINS, start=200 * place, number=number) for place, number in enumerate(numbers)
    ]
    steps = found(tmp_path, joined(*calls))
    assert [mark.step_num for mark in steps] == list(range(12))


def test_a_mark_inside_a_mark_is_no_step(tmp_path):
    steps = found(tmp_path, {"python": [step(0, 0, 100), step(0, 10, 50), step(1, 100, 10)]})
    assert limits(steps) == [(0, 0, 100), (1, 100, 110)]


def test_marks_on_two_threads_are_all_steps_in_order_of_time(tmp_path):
    steps = found(
        tmp_path, {"python": [step(0, 0, 10), step(2, 20, 10)], "worker": [step(1, 5, 10)]}
    )
    assert [(mark.step_num, mark.line) for mark in steps] == [(0, 0), (1, 1), (2, 0)]


def test_numbers_that_repeat_or_are_missing_are_told(tmp_path):
    python = [step(number, 10 * place, 10) for place, number in enumerate((1, 2, 2, 4, 9))]
    said = marks.notices(found(tmp_path, {"python": python}))
    assert said == (
        "Step 2 is marked more than once",
        "Step 3 is missing",
        "Steps 5 to 8 are missing",
    )


def amended(folder, lines):
    path = builders.write(folder, builders.trace(lines))
    before = marks.find(xspace.read(path, marks.STATS))
    count = amend.amend(path)
    return path, before, count


def roots(path):
    """What a reader that knows nothing of graphprof counts: numbers of root events."""
    host = xspace.read(path, ("_r", "step_num")).host
    root = set(host.stats["_r"].owner.tolist())
    column = host.stats["step_num"]
    return [int(n) for n, event in zip(column.values, column.owner, strict=True) if event in root]


def two_calls():
    return joined(call_of(BEGINS, start=100), call_of(BEGINS, start=300, number=4))


def test_amending_gives_each_step_a_root_of_its_own(tmp_path):
    path, before, count = amended(tmp_path, two_calls())
    assert count == 8
    assert roots(path) == list(range(8))
    assert marks.find(xspace.read(path, marks.STATS)) == before
    host = xspace.read(path, ("derived", "steps")).host
    line = next(line for line in host.lines if line.name == amend.LINE)
    starts = sorted(set(host.start_ps[line.events].tolist()))
    assert starts == [mark.start_ps for mark in before]
    assert host.stats["steps"].values.tolist() == [4, 4], "the calls stay"


def test_amending_twice_changes_nothing_more(tmp_path):
    path, _, _ = amended(tmp_path, two_calls())
    data = path.read_bytes()
    assert amend.amend(path) == 0
    assert path.read_bytes() == data
    assert os.listdir(path.parent) == [path.name]


def test_a_trace_of_single_steps_stays_as_it_is(tmp_path):
    path, _, count = amended(
        tmp_path,
        {
            "python": [step(0, 0, 10)],
            "tf_Compute/1": [("ExecutorState::Process", 1, 5, {"id": 7, "iter_num": 0})],
        },
    )
    assert count == 0
    assert path.read_bytes() == builders.trace(
        {
            "python": [step(0, 0, 10)],
            "tf_Compute/1": [("ExecutorState::Process", 1, 5, {"id": 7, "iter_num": 0})],
        }
    )


def test_loops_in_a_graph_are_kept_from_being_taken_for_steps(tmp_path):
    rounds = [("ExecutorState::Process", k, 1, {"id": 7, "iter_num": k}) for k in range(5)]
    path, before, _ = amended(tmp_path, {"python": [step(0, 0, 10)], "tf_Compute/1": rounds})
    stats = xspace.read(path, None).host.stats
    assert "iter_num" not in stats
    assert stats["loop_iteration"].values.tolist() == list(range(5))
    assert marks.find(xspace.read(path, marks.STATS)) == before


def test_amending_keeps_the_files_rights(tmp_path):
    path = builders.write(tmp_path, builders.trace(two_calls()))
    path.chmod(0o640)
    amend.amend(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_amending_what_is_no_trace_is_an_error(tmp_path):
    with pytest.raises(TraceError):
        amend.amend(builders.write(tmp_path, b""))


def test_a_folder_that_cannot_be_written_is_told_and_the_trace_survives(tmp_path, monkeypatch):
    path = builders.write(tmp_path, builders.trace(two_calls()))
    data = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError, match="No space left"):
        amend.amend(path)
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == [path.name]
