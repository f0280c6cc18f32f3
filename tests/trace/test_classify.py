"""Kinds that only the events around an event can tell."""

from __future__ import annotations

import builders
import pytest

from graphprof.trace import classify, nesting, pools, rules
from graphprof.trace.kinds import KIND_IDS

MARK = {"_r": 1, "step_num": 0}
KIND_NAMES = (*KIND_IDS, "waiting", "background", "unknown")


def classified(folder, lines):
    """``{line: {name: kind}}``; of an event that occurs twice, the kinds in order."""
    trace = builders.read(folder, builders.trace(lines), stats=(*classify.STATS, *pools.STATS))
    plane = trace.host
    classes = classify.classify(plane, nesting.nest(plane))
    found = {}
    for line in plane.lines:
        kinds = found.setdefault(line.name, {})
        for event in range(line.first, line.last):
            name = plane.names[plane.name_id[event]]
            kinds[name] = KIND_NAMES[classes.kind[event]]
    unknown = {plane.names[plane.name_id[event]] for event in classes.unknown.nonzero()[0]}
    return found, unknown


def eager_call(start, length, called, *inside):
    """From Python down to the kernel; ``inside`` is what the kernel holds."""
    end = start + length
    return [
        ("TFE_Py_FastPathExecute_C", start, length),
        ("EagerExecute", start + 1, length - 2),
        (f"EagerLocalExecute: {called}", start + 2, length - 4),
        ("EagerKernelExecute", start + 3, length - 6),
        ("KernelAndDeviceFunc::Run", start + 4, end - start - 8),
        *inside,
    ]


def kernel_kind(folder, called, *inside):
    lines = {"python": [("train", 0, 100, MARK), *eager_call(10, 80, called, *inside)]}
    return classified(folder, lines)[0]["python"]


def test_an_ordinary_ops_kernel_is_the_op(tmp_path):
    kinds = kernel_kind(tmp_path, "Conv2D", ("ParallelFor", 20, 30))
    assert kinds["KernelAndDeviceFunc::Run"] == "op"
    assert kinds["ParallelFor"] == "op"
    assert kinds["EagerExecute"] == "dispatch"
    assert kinds["train"] == "python"


def test_xla_compiling_in_the_node_of_a_lambda_is_compiling(tmp_path):
    node = "__inference_<lambda>_12:__inference_<lambda>_12"
    inside = [
        (node, 20, 50),
        ("HLO passes after layout assignment", 25, 10),
        ("dce", 36, 2),
        ("CpuCompiler::RunBackend", 40, 20),
    ]
    lines = {"python": [("train", 0, 100, MARK), *eager_call(10, 80, "f", *inside)]}
    kinds, unknown = classified(tmp_path, lines)
    assert {kinds["python"][name] for name in (node, "dce")} == {"compile"}
    assert not unknown


def test_a_functions_kernel_waits_though_everything_around_it_is_called_eager(tmp_path):
    kinds = kernel_kind(tmp_path, "__inference_step_181", ("FunctionRun", 20, 5, {"id": 7}))
    assert kinds["KernelAndDeviceFunc::Run"] == "waiting"
    assert kinds["FunctionRun"] == "runtime"


def test_a_function_waits_by_its_launch_whatever_it_is_called(tmp_path):
    kinds = kernel_kind(tmp_path, "my_function", ("FunctionRun", 20, 5, {"id": 7}))
    assert kinds["KernelAndDeviceFunc::Run"] == "waiting"


def test_a_function_waits_by_its_name_where_its_launch_is_missing(tmp_path):
    kinds = kernel_kind(tmp_path, "__inference_step_181")
    assert kinds["KernelAndDeviceFunc::Run"] == "waiting"


def test_next_is_input_and_so_is_all_that_runs_inside(tmp_path):
    inside = [
        ("IteratorGetNextOp::DoCompute", 20, 40, {"id": 5}),
        ("Iterator::Root::FlatMap[0]::Generator", 22, 30),
        ("PyFunc:PyFunc", 25, 20),
        ("what next() may call", 26, 5),
    ]
    kinds = kernel_kind(tmp_path, "IteratorGetNext", *inside)
    assert {kinds[name] for name, *_ in inside} == {"input"}
    assert kinds["KernelAndDeviceFunc::Run"] == "input"


def test_an_eager_py_function_owns_the_ops_that_it_calls(tmp_path):
    inside = eager_call(20, 30, "MatMul")
    lines = {"python": [("train", 0, 100, MARK), *eager_call(10, 80, "EagerPyFunc", *inside)]}
    kinds, _ = classified(tmp_path, lines)
    assert kinds["python"]["EagerLocalExecute: EagerPyFunc"] == "dispatch"
    assert kinds["python"]["EagerLocalExecute: MatMul"] == "py_function"
    assert kinds["python"]["KernelAndDeviceFunc::Run"] == "py_function"


@pytest.mark.parametrize(
    ("said", "call", "launch"),
    [("notTraced-nonXla", "function_call", "dispatch"), ("traced-nonXla", "build", "build")],
)
def test_a_call_that_built_its_function_is_build_with_the_optimising(tmp_path, said, call, launch):
    lines = {
        "python": [
            ("train", 0, 200, MARK),
            ("a name of the user's", 10, 180, {"tf_function_call": said}),
            ("tf.function-graph_building", 20, 50),
            ("convert_to_tensor", 30, 10),
            ("anything at all", 45, 10),
            *eager_call(100, 80, "__inference_step_1", ("FunctionRun", 120, 5, {"id": 3})),
        ]
    }
    kinds, unknown = classified(tmp_path, lines)
    python = kinds["python"]
    assert python["a name of the user's"] == call
    assert python["EagerLocalExecute: __inference_step_1"] == launch
    assert python["KernelAndDeviceFunc::Run"] == "waiting"
    assert {python[name] for name in ("convert_to_tensor", "anything at all")} == {"build"}
    assert not unknown


def test_graph_ops_executor_and_py_function_on_compute_threads(tmp_path):
    lines = {
        "python": [("train", 0, 100, MARK), ("FunctionRun", 5, 5, {"id": 7})],
        "tf_Compute/1": [
            ("ExecutorState::Process", 10, 80, {"id": 7}),
            ("sequential/conv2d/Relu:_MklNativeFusedConv2D", 12, 20),
            ("oneDNN primitive", 15, 10),
            ("EagerPyFunc:EagerPyFunc", 40, 30),
            ("TFE_Py_FastPathExecute_C", 45, 10),
        ],
    }
    kinds, unknown = classified(tmp_path, lines)
    compute = kinds["tf_Compute/1"]
    assert compute["ExecutorState::Process"] == "runtime"
    assert compute["sequential/conv2d/Relu:_MklNativeFusedConv2D"] == "op"
    assert compute["oneDNN primitive"] == "op", "what an op does inside is the op's"
    assert compute["EagerPyFunc:EagerPyFunc"] == "py_function"
    assert compute["TFE_Py_FastPathExecute_C"] == "py_function"
    assert not unknown


def test_the_generators_python_is_background_and_not_a_blocking_py_function(tmp_path):
    lines = {
        "python": [("train", 0, 100, MARK), ("FunctionRun", 5, 5, {"id": 7})],
        "tf_data_private_threadpool/2": [
            ("ExecutorState::Process", 10, 80, {"id": -42}),
            ("PyFunc:PyFunc", 12, 70),
        ],
        "tf_data_iterator_resource/3": [
            ("PrefetchProduce", 5, 90),
            ("InstantiatedCapturedFunction::RunWithBorrowedArgs", 6, 88, {"id": -42}),
        ],
    }
    kinds, _ = classified(tmp_path, lines)
    assert set(kinds["tf_data_private_threadpool/2"].values()) == {"background"}
    assert set(kinds["tf_data_iterator_resource/3"].values()) == {"background"}


def test_a_captured_function_is_the_pipelines_on_the_steps_threads_too(tmp_path):
    """With a private pool of size 0 the pipeline's functions run among the step's nodes."""
    lines = {
        "python": [("train", 0, 100, MARK), ("FunctionRun", 5, 5, {"id": 7})],
        "tf_Compute/1": [
            ("ExecutorState::Process", 10, 20, {"id": 7}),
            ("dense/MatMul:MatMul", 12, 10),
            ("ExecutorState::Process", 40, 50, {"id": -42}),
            ("MatMul:_MklMatMul", 42, 40),
        ],
        "tf_data_iterator_resource/3": [
            ("InstantiatedCapturedFunction::RunAsync", 35, 60, {"id": -42}),
        ],
    }
    kinds, _ = classified(tmp_path, lines)
    assert kinds["tf_Compute/1"]["dense/MatMul:MatMul"] == "op"
    assert kinds["tf_Compute/1"]["MatMul:_MklMatMul"] == "background"


def test_on_the_pipelines_threads_only_what_the_step_waits_for_or_launched_is_not_background(
    tmp_path,
):
    lines = {
        "python": [("train", 0, 100, MARK), ("FunctionRun", 5, 5, {"id": 7})],
        "tf_data_iterator_get_next/2": [
            ("IteratorGetNextOp::DoCompute", 10, 30, {"id": 7}),
            ("Iterator::Root", 12, 20),
            ("ExecutorState::ProcessAsync::Done", 45, 5, {"step_id": 7}),
            ("ExecutorState::Process", 55, 5, {"id": 99}),
        ],
    }
    kinds, _ = classified(tmp_path, lines)
    thread = kinds["tf_data_iterator_get_next/2"]
    assert thread["IteratorGetNextOp::DoCompute"] == "input"
    assert thread["Iterator::Root"] == "input"
    assert thread["ExecutorState::ProcessAsync::Done"] == "runtime"
    assert thread["ExecutorState::Process"] == "background", "a run that began before the trace"


def test_hlo_instructions_have_any_name_and_loops_only_hold_others(tmp_path):
    lines = {
        "python": [
            ("train", 0, 100, MARK),
            ("__inference_step_9:__inference_step_9", 5, 90),
            ("CpuExecutable::ExecuteAsyncOnStream", 10, 80),
            ("ThunkExecutor::Execute", 12, 40),
            ("while.10", 15, 30),
            ("ThunkExecutor::Execute", 16, 25),
            ("convolution.4", 18, 20),
            ("end: convolution.4", 37, 0.5),
            ("BlockUntilReady", 60, 20),
        ],
        "tf_numa_-1_Eigen/3": [("maximum_bitcast_fusion", 60, 15), ("end: maximum.2", 80, 1)],
    }
    kinds, unknown = classified(tmp_path, lines)
    python = kinds["python"]
    assert python["convolution.4"] == "op"
    assert python["while.10"] == "runtime"
    assert python["end: convolution.4"] == "runtime"
    assert python["BlockUntilReady"] == "waiting"
    assert python["__inference_step_9:__inference_step_9"] == "runtime"
    assert kinds["tf_numa_-1_Eigen/3"]["maximum_bitcast_fusion"] == "op"
    assert not unknown


def test_xla_compiling_holds_its_passes_and_the_rest_of_the_launch_that_compiles(tmp_path):
    lines = {
        "python": [
            ("train", 0, 400, MARK),
            ("__inference_step_9:__inference_step_9", 5, 390),
            ("sharding-removal", 10, 5),
            ("CpuCompiler::RunBackend", 20, 200),
            ("algsimp", 30, 10),
            ("CpuExecutable::ExecuteAsyncOnStream", 300, 80),
        ],
        "tf_xla-cpu-codegen/3": [("Canonicalizer", 60, 15)],
    }
    kinds, unknown = classified(tmp_path, lines)
    python = kinds["python"]
    names = ("__inference_step_9:__inference_step_9", "sharding-removal", "algsimp")
    assert {python[name] for name in names} == {"compile"}
    assert python["CpuExecutable::ExecuteAsyncOnStream"] == "runtime"
    assert kinds["tf_xla-cpu-codegen/3"] == {"Canonicalizer": "compile"}
    assert not unknown


def test_instructions_of_a_small_xla_module_stand_in_no_executor(tmp_path):
    lines = {
        "python": [
            ("train", 0, 100, MARK),
            ("__inference_step_9:__inference_step_9", 5, 90),
            ("CpuExecutable::ExecuteAsyncOnStream", 10, 80),
            ("MatMul.12", 20, 10),
            ("wrapped_add", 40, 5),
        ],
    }
    kinds, unknown = classified(tmp_path, lines)
    python = kinds["python"]
    assert {python["MatMul.12"], python["wrapped_add"]} == {"op"}
    assert python["CpuExecutable::ExecuteAsyncOnStream"] == "runtime"
    assert not unknown


def test_unknown_names_take_the_kind_around_them_and_are_told(tmp_path):
    lines = {
        "python": [
            ("train", 0, 100, MARK),
            ("a scope of the user's", 5, 20),
            ("EagerExecute", 30, 20),
            ("brand new thing", 32, 10),
        ],
        "tf_Compute/1": [("no idea", 10, 5)],
    }
    kinds, unknown = classified(tmp_path, lines)
    assert kinds["python"]["a scope of the user's"] == "python"
    assert kinds["python"]["brand new thing"] == "dispatch"
    assert kinds["tf_Compute/1"]["no idea"] == "unknown"
    assert unknown == {"a scope of the user's", "brand new thing", "no idea"}


def test_the_steps_thread_is_known_by_its_marks_whatever_the_process_is_called(tmp_path):
    lines = {"tf_training_job": [("train", 0, 100, MARK)], "tf_Compute/1": [("x:NoOp", 1, 1)]}
    trace = builders.read(tmp_path, builders.trace(lines))
    classes = classify.classify(trace.host, nesting.nest(trace.host))
    assert classes.pool == (rules.Pool.PYTHON, rules.Pool.COMPUTE)


def test_hostile_names_are_just_unknown(tmp_path):
    lines = {"python": [("train", 0, 100, MARK), *((name, 10, 1) for name in builders.HOSTILE)]}
    _, unknown = classified(tmp_path, lines)
    assert len(unknown) == len(set(builders.HOSTILE))


def test_an_empty_plane_has_no_kinds(tmp_path):
    trace = builders.read(tmp_path, builders.trace({"python": []}))
    assert len(classify.kinds(trace.host, nesting.nest(trace.host))) == 0
