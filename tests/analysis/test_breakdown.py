"""Steps divided: traces written by hand, one for each thing that can go wrong."""

from __future__ import annotations

import builders
import numpy as np
import pytest

from graphprof.analysis.work import breakdown
from graphprof.errors import TraceError
from graphprof.trace.kinds import KIND_IDS

CALLED = {"tf_function_call": "notTraced-nonXla"}


def mark(number=0, start=0, length=100, **more):
    return ("train", start, length, {"_r": 1, "step_num": number, **more})


def waiting(start, length, run=7):
    """The thread waits for a function that it has handed over (the launch takes no time)."""
    return [
        ("EagerLocalExecute: __inference_step_1", start, length),
        ("KernelAndDeviceFunc::Run", start, length),
        ("FunctionRun", start, 0, {"id": run, "_r": 1}),
    ]


def divided(folder, lines):
    result = breakdown.divide(builders.read(folder, builders.trace(lines), breakdown.STATS))
    result.self_check()
    return result


def parts(result, row=0):
    """``{kind: microseconds}`` of one step, without the kinds that it has none of."""
    return {
        kind: round(ps / 1e6, 6)
        for kind, ps in zip(KIND_IDS, result.parts_ps[row].tolist(), strict=True)
        if ps
    }


def names(result, kind):
    return {entry.name: entry for entry in result.evidence if entry.kind == kind}


def test_an_eager_step_is_divided_by_the_innermost_events(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [
                mark(),
                ("convert_to_tensor", 5, 5),
                ("TFE_Py_FastPathExecute_C", 20, 60),
                ("EagerExecute", 22, 56),
                ("EagerLocalExecute: Conv2D", 24, 52),
                ("EagerKernelExecute", 28, 44),
                ("KernelAndDeviceFunc::Run", 30, 40),
                ("MemoryAllocation", 35, 0),
            ]
        },
    )
    assert parts(result) == {"python": 35, "dispatch": 25, "op": 40}
    assert names(result, "op")["Conv2D"].seconds == pytest.approx(40e-6)
    assert names(result, "python")["between TensorFlow calls"].share == pytest.approx(0.35)


def test_a_wait_goes_to_what_the_other_threads_do_counted_once(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [
                mark(),
                ("step", 5, 90, CALLED),
                *waiting(10, 80),
            ],
            "tf_Compute/1": [
                ("ExecutorState::Process", 15, 60, {"id": 7}),
                ("a/MatMul:MatMul", 20, 30),
            ],
            "tf_Compute/2": [("b/MatMul:MatMul", 30, 30)],
        },
    )
    # 15-20 executor, 20-60 at least one op, 60-75 executor; 10-15 and 75-90 nobody.
    assert parts(result) == {
        "python": 10,
        "function_call": 10,
        "op": 40,
        "runtime": 20,
        "idle": 20,
    }
    assert result.op_busy_ps.tolist() == [60 * 10**6]
    assert result.op_wall_ps.tolist() == [40 * 10**6]
    assert result.parallelism == pytest.approx(1.5)


def test_ops_side_by_side_share_their_time_and_never_exceed_the_step(tmp_path):
    """Summed naively these ops come to 1.8 times the step."""
    lines = {"python": [mark(), *waiting(0, 100)]}
    lines |= {f"tf_Compute/{k}": [(f"op{k}/MatMul:MatMul", 0, 90)] for k in (1, 2)}
    result = divided(tmp_path, lines)
    assert parts(result) == {"op": 90, "idle": 10}
    assert result.parallelism == pytest.approx(2)
    found = names(result, "op")
    assert found["op1/MatMul:MatMul"].seconds == pytest.approx(45e-6)
    assert sum(entry.seconds for entry in found.values()) == pytest.approx(90e-6)


def test_work_on_other_threads_while_python_runs_is_no_part_of_the_step(tmp_path):
    result = divided(
        tmp_path, {"python": [mark()], "tf_Compute/1": [("late/MatMul:MatMul", 10, 50)]}
    )
    assert parts(result) == {"python": 100}


def test_handing_work_over_is_the_work_once_it_runs(tmp_path):
    """The launch may be preempted by the very threads that it has woken."""
    result = divided(
        tmp_path,
        {
            "python": [
                mark(),
                ("EagerLocalExecute: __inference_step_1", 0, 100),
                ("KernelAndDeviceFunc::Run", 0, 100),
                ("FunctionRun", 0, 60, {"id": 7, "_r": 1}),
            ],
            "tf_Compute/1": [("a/MatMul:MatMul", 10, 90)],
        },
    )
    assert parts(result) == {"runtime": 10, "op": 90}


def test_handing_work_over_is_the_wait_for_its_batch_once_that_has_begun(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [
                mark(),
                ("EagerLocalExecute: __inference_step_1", 0, 100),
                ("KernelAndDeviceFunc::Run", 0, 100),
                ("FunctionRun", 0, 60, {"id": 7, "_r": 1}),
            ],
            "tf_data_iterator_get_next/2": [("IteratorGetNextOp::DoCompute", 10, 30, {"id": 7})],
            "tf_Compute/1": [
                ("ExecutorState::Process", 5, 10, {"id": 7}),
                ("a/MatMul:MatMul", 45, 50),
            ],
        },
    )
    assert parts(result) == {"runtime": 10 + 5 + 5, "input": 25, "op": 50, "idle": 5}


def test_a_generator_that_sleeps_behind_compute_is_background_and_not_input(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [mark(), *waiting(0, 100)],
            "tf_Compute/1": [("a/MatMul:MatMul", 0, 95)],
            "tf_data_iterator_resource/2": [
                ("PrefetchProduce", 5, 80),
                ("InstantiatedCapturedFunction::RunWithBorrowedArgs", 5, 80, {"id": -4}),
            ],
            "tf_data_private_threadpool/3": [
                ("ExecutorState::Process", 6, 78, {"id": -4}),
                ("PyFunc:PyFunc", 7, 76),
            ],
        },
    )
    assert parts(result) == {"op": 95, "idle": 5}
    assert result.background_ps.tolist() == [80 * 10**6]


def test_a_generators_python_is_no_blocking_py_function_even_when_nothing_else_runs(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [mark(), *waiting(0, 100)],
            "tf_data_private_threadpool/3": [
                ("ExecutorState::Process", 0, 90, {"id": -4}),
                ("PyFunc:PyFunc", 0, 90),
            ],
        },
    )
    assert parts(result) == {"idle": 100}


def test_a_step_that_waits_for_its_batch_inside_the_graph_is_input(tmp_path):
    """Keras's loop fetches the batch in its graph, on a thread of the pipeline."""
    result = divided(
        tmp_path,
        {
            "python": [mark(), *waiting(0, 100)],
            "tf_data_iterator_get_next/2": [
                ("IteratorGetNextOp::DoCompute", 10, 50, {"id": 7}),
                ("Iterator::Root::FlatMap[0]::Generator", 12, 45),
            ],
            "tf_Compute/1": [("a/MatMul:MatMul", 40, 60)],
        },
    )
    assert parts(result) == {"idle": 10, "input": 30, "op": 60}


def test_next_called_from_python_is_input(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [
                mark(),
                ("TFE_Py_FastPathExecute_C", 10, 60),
                ("EagerLocalExecute: IteratorGetNext", 12, 56),
                ("KernelAndDeviceFunc::Run", 14, 52),
                ("IteratorGetNextOp::DoCompute", 15, 50, {"id": 3}),
                ("InstantiatedCapturedFunction::RunWithBorrowedArgs", 20, 40, {"id": -4}),
            ],
            "tf_data_private_threadpool/3": [("PyFunc:PyFunc", 20, 40)],
        },
    )
    assert parts(result) == {"python": 40, "dispatch": 8, "input": 52}


def test_a_py_function_in_the_graph_yields_to_ops_that_run_meanwhile(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [mark(), *waiting(0, 100)],
            "tf_Compute/1": [("EagerPyFunc:EagerPyFunc", 0, 80)],
            "tf_Compute/2": [("a/MatMul:MatMul", 60, 30)],
        },
    )
    assert parts(result) == {"py_function": 60, "op": 30, "idle": 10}


def test_unnamed_pool_work_is_op_and_goes_by_the_op_that_asked_for_it(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [mark(), *waiting(0, 100)],
            "tf_Compute/1": [
                ("conv:Conv2D", 0, 20),
                ("ThreadpoolListener::Record", 5, 0, {"_pt": 15, "_p": 1}),
            ],
            "tf_numa_-1_Eigen/2": [
                ("ThreadpoolListener::StartRegion", 10, 0, {"_ct": 15, "_c": 1}),
                ("ThreadpoolListener::StopRegion", 90, 0),
            ],
        },
    )
    assert parts(result) == {"op": 90, "idle": 10}
    assert list(names(result, "op")) == ["conv:Conv2D"]
    assert result.op_busy_ps.tolist() == [100 * 10**6]


def test_regions_on_compute_threads_are_the_executors_closures_and_no_ops(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [mark(), *waiting(0, 100)],
            "tf_Compute/1": [
                ("ThreadpoolListener::StartRegion", 10, 0, {"_ct": 15, "_c": 1}),
                ("ExecutorState::Process", 10, 80, {"id": 7}),
                ("ThreadpoolListener::StopRegion", 90, 0),
            ],
        },
    )
    assert parts(result) == {"runtime": 80, "idle": 20}
    assert result.parallelism is None


def test_pool_work_of_the_input_pipeline_is_background(tmp_path):
    """A heavy map() keeps the pool busy while the step waits for its batch."""
    result = divided(
        tmp_path,
        {
            "python": [mark(), *waiting(0, 100)],
            "tf_data_private_threadpool/3": [
                ("ExecutorState::Process", 0, 80, {"id": -4}),
                ("MatMul:_MklMatMul", 0, 80),
                ("ThreadpoolListener::Record", 5, 0, {"_pt": 15, "_p": 1}),
            ],
            "tf_numa_-1_Eigen/2": [
                ("ThreadpoolListener::StartRegion", 10, 0, {"_ct": 15, "_c": 1}),
                ("ThreadpoolListener::StopRegion", 70, 0),
            ],
            "tf_data_iterator_get_next/4": [("IteratorGetNextOp::DoCompute", 0, 90, {"id": 7})],
        },
    )
    assert parts(result) == {"input": 90, "idle": 10}
    assert result.op_wall_ps.tolist() == [0]
    assert result.background_ps.tolist() == [80 * 10**6]


def xla_step():
    return {
        "python": [
            mark(),
            ("__inference_step_9:__inference_step_9", 0, 100),
            ("CpuExecutable::ExecuteAsyncOnStream", 5, 90),
            ("ThunkExecutor::Execute", 10, 20),
            ("wrapped_iota", 15, 10),
            ("end: wrapped_iota", 25, 0),
            ("BlockUntilReady", 30, 60),
        ],
        "tf_numa_-1_Eigen/2": [
            ("ThreadpoolListener::StartRegion", 28, 0, {"_ct": 15, "_c": 1}),
            ("ThunkExecutor::Execute", 35, 30),
            ("convolution.4", 40, 20),
            ("ThreadpoolListener::StopRegion", 80, 0),
        ],
    }


def test_an_asynchronous_instruction_counts_by_the_pool_work_that_it_started(tmp_path):
    """Its event covers the launch alone; named kernels come to half of what runs here."""
    result = divided(tmp_path, xla_step())
    # Pool: 28-35 and 65-80 unnamed work, 35-40 and 60-65 XLA's executor, 40-60 the instruction.
    assert parts(result) == {"op": 10 + 7 + 20 + 15, "runtime": 15 + 8 + 10 + 5, "idle": 10}


def test_compiling_is_compile_on_whichever_thread(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [mark(), *waiting(0, 100)],
            "tf_Compute/1": [
                ("ExecutorState::Process", 0, 100, {"id": 7}),
                ("ExecutorState::ProcessAsync::Start", 5, 90, {"step_id": 7}),
                ("CpuCompiler::RunBackend", 10, 50),
            ],
            "tf_xla-cpu-codegen/2": [("FusionCompiler::Compile", 20, 30)],
        },
    )
    assert parts(result) == {"compile": 90, "runtime": 10}


def test_building_is_build(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [
                mark(),
                ("step", 10, 85, {"tf_function_call": "traced-nonXla"}),
                ("tf.function-graph_building", 15, 50),
                ("EagerLocalExecute: __inference_step_1", 70, 20),
                ("EagerKernelExecute", 85, 5),
            ]
        },
    )
    assert parts(result) == {"python": 15, "build": 80, "dispatch": 5}


def test_steps_of_one_call_tile_it(tmp_path):
    take = "while/body/_1/while/cond/OptionalGetValue:OptionalGetValue"
    result = divided(
        tmp_path,
        {
            "python": [
                mark(steps=2),
                ("multi_step_on_iterator", 5, 90, CALLED),
                *waiting(10, 80),
            ],
            "tf_Compute/1": [
                ("ExecutorState::Process", 10, 80, {"id": 7}),
                (take, 15, 1),
                ("a/MatMul:MatMul", 20, 25),
                (take, 50, 1),
                ("a/MatMul:MatMul", 60, 25),
            ],
        },
    )
    assert result.step_nums.tolist() == [0, 1]
    assert result.steps.tolist() == [2, 2]
    assert result.wall_ps.tolist() == [50 * 10**6, 50 * 10**6]
    assert parts(result, 0) == {"python": 5, "function_call": 5, "op": 26, "runtime": 14}
    assert parts(result, 1) == {"op": 26, "runtime": 14, "function_call": 5, "python": 5}


def test_unknown_names_are_shown_with_their_time_and_what_they_count_as(tmp_path):
    result = divided(
        tmp_path,
        {
            "python": [mark(0), ("my scope", 10, 20), mark(1, 100), *waiting(110, 50)],
            "tf_Compute/77": [("no idea", 120, 10)],
        },
    )
    assert parts(result, 0) == {"python": 100}
    assert parts(result, 1) == {"python": 50, "idle": 50}
    shown = [(entry.name, entry.line, entry.counted_as) for entry in result.unknown]
    assert shown == [("my scope", "python", "python"), ("no idea", "tf_Compute", None)]
    # Of the mean step, and there are two.
    assert [entry.seconds for entry in result.unknown] == pytest.approx([10e-6, 5e-6])


def test_means_and_shares_sum_to_the_step(tmp_path):
    lines = {"python": [mark(0, 0, 100), ("tf.constant", 10, 60), mark(1, 100, 300)]}
    result = divided(tmp_path, lines)
    assert result.step_s == pytest.approx(200e-6)
    assert result.mean_s("dispatch") == pytest.approx(30e-6)
    assert result.share("dispatch") == pytest.approx(60 / 400)
    assert sum(result.mean_s(kind) for kind in KIND_IDS) == pytest.approx(result.step_s)


def test_other_threads_of_pythons_are_not_the_steps(tmp_path):
    """A loader's thread runs ops of its own; the step does not wait for them."""
    loader = [("EagerLocalExecute: DecodeJpeg", 0, 90), ("KernelAndDeviceFunc::Run", 0, 90)]
    result = divided(tmp_path, {"python": [mark(), *waiting(0, 100)], "loader": loader})
    assert parts(result) == {"idle": 100}


def test_steps_made_by_two_threads_stand_in_order_of_time(tmp_path):
    lines = {
        "python": [mark(0, 0, 10), mark(2, 20, 10)],
        "worker": [mark(1, 5, 20), ("tf.constant", 6, 10)],
    }
    result = divided(tmp_path, lines)
    assert result.step_nums.tolist() == [0, 1, 2]
    assert parts(result, 1) == {"dispatch": 10, "python": 10}


@pytest.mark.parametrize(
    ("lines", "plane"),
    [({"python": [("train", 0, 10)]}, "/host:CPU"), ({"python": [mark()]}, "/device:GPU:0")],
    ids=["no mark", "no host"],
)
def test_a_trace_without_steps_is_an_error_with_a_cure(tmp_path, lines, plane):
    trace = builders.read(tmp_path, builders.trace(lines, plane=plane), breakdown.STATS)
    with pytest.raises(TraceError) as caught:
        breakdown.divide(trace)
    assert "Record it" in caught.value.cure


def test_self_check_notices_what_must_never_be(tmp_path):
    sound = divided(tmp_path, {"python": [mark()]})
    for change in ("parts_ps", "wall_ps", "op_wall_ps"):
        broken = breakdown.Breakdown(**{**vars(sound), change: getattr(sound, change) + 1})
        with pytest.raises(AssertionError):
            broken.self_check()


@pytest.mark.parametrize("mode", ["eager", "graph", "xla", "fit", "fit-spe=4"])
def test_every_modes_steps_divide_exactly(tmp_path, mode):
    path = builders.write(tmp_path, builders.mode_trace(mode, steps=8))
    result = breakdown.read(path)
    result.self_check()
    assert len(result) == 8
    assert np.all(np.diff(result.step_nums) == 1)
    assert result.share("op") > 0.2
    assert not result.unknown
