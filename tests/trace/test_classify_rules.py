"""Names to kinds: the table by itself."""

from __future__ import annotations

import re

import pytest

from graphprof.trace import rules
from graphprof.trace.kinds import KIND_IDS
from graphprof.trace.rules import Pool

NAMES = {
    "TFE_Py_FastPathExecute_C": rules.DISPATCH,
    "TFE_DeleteTensorHandle": rules.DISPATCH,
    "EagerExecute": rules.DISPATCH,
    "EagerLocalExecute: Conv2D": rules.DISPATCH,
    "EagerLocalExecute: __inference_step_181": rules.DISPATCH,
    "EagerKernelExecute": rules.DISPATCH,
    "EagerCopyToDevice": rules.DISPATCH,
    "ValidateInputTypeAndPlacement": rules.DISPATCH,
    "convert_to_tensor": rules.DISPATCH,
    "tf.constant": rules.DISPATCH,
    "tf.function-graph_building": rules.BUILD,
    "KernelAndDeviceFunc::Run": rules.OP,
    "FunctionRun": rules.RUNTIME,
    "ExecutorState::Process": rules.RUNTIME,
    "ExecutorState::ProcessAsync::Start": rules.RUNTIME,
    "ExecutorDoneCallback": rules.RUNTIME,
    "IteratorGetNextOp::DoCompute": rules.INPUT,
    "IteratorGetNextAsOptionalOp::DoCompute": rules.INPUT,
    "Iterator::Root::Prefetch::ForeverRepeat[0]::BatchV2": rules.INPUT,
    "InstantiatedCapturedFunction::RunWithBorrowedArgs": rules.INPUT,
    "PrefetchConsume": rules.INPUT,
    "CpuExecutable::ExecuteAsyncOnStream": rules.RUNTIME,
    "PjRtCpuExecutable::Execute": rules.RUNTIME,
    "ThunkExecutor::Execute": rules.RUNTIME,
    "end: convolution.4": rules.RUNTIME,
    "BlockUntilReady": rules.WAITING,
    "CpuCompiler::RunBackend": rules.COMPILE,
    "JitCompiler::Compile": rules.COMPILE,
    "FusionCompiler::Compile": rules.COMPILE,
    "ThunkEmitter::EmitEntryComputation": rules.COMPILE,
    "TaskDispatcher::dispatch": rules.COMPILE,
    "HLO passes through layout assignment": rules.COMPILE,
    "sequential/conv2d/Relu:_MklNativeFusedConv2D": rules.OP,
    "while/body/_1/while/cond/then/_147/while/cond/OptionalGetValue:OptionalGetValue": rules.OP,
    "__inference_step_7509:__inference_step_7509": rules.RUNTIME,
    "StatefulPartitionedCall/l_5_1/EagerPyFunc:EagerPyFunc": rules.PY_FUNCTION,
    "PyFunc:PyFunc": rules.PY_FUNCTION,
    "cluster_0_1/xla_run:_XlaRun": rules.RUNTIME,
    "map/while:While": rules.RUNTIME,
    "ParallelFor": rules.OP,
}


@pytest.mark.parametrize(("name", "kind"), NAMES.items())
def test_recorded_names_are_known(name, kind):
    assert rules.rule(name).kind == kind


@pytest.mark.parametrize(
    "name", ["my scope", "train", "convolution.4", "", "wrapped_reduce-window"]
)
def test_names_that_are_the_users_or_the_compilers_own_are_not_guessed(name):
    assert rules.rule(name) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("EagerLocalExecute: Conv2D", rules.OP),
        ("EagerLocalExecute: __inference_step_181", rules.WAITING),
        ("EagerLocalExecute: __forward_step_181", rules.WAITING),
        ("EagerLocalExecute: StatefulPartitionedCall", rules.WAITING),
        ("EagerLocalExecute: IteratorGetNext", rules.INPUT),
        ("EagerLocalExecute: EagerPyFunc", rules.PY_FUNCTION),
    ],
)
def test_the_call_says_what_its_kernel_is(name, kind):
    assert rules.kernel_of(name) == kind


@pytest.mark.parametrize(
    ("line", "pool"),
    [
        ("python", Pool.PYTHON),
        ("pytest", Pool.PYTHON),
        ("graphprof", Pool.PYTHON),
        ("tf_Compute/-5628000072203535470", Pool.COMPUTE),
        ("tf_numa_-1_Eigen/3574069391854438395", Pool.INTRA_OP),
        ("tf_data_private_threadpool/12", Pool.INPUT),
        ("tf_data_iterator_get_next/12", Pool.INPUT),
        ("tf_xla-cpu-codegen/3", Pool.COMPILER),
    ],
)
def test_threads_are_known_by_their_names(line, pool):
    assert rules.pool(line) == pool


def test_every_rule_gives_a_kind_and_can_be_reached():
    """A rule that an earlier one always beats is dead: each must be first for some known name."""
    first = {id(rules.rule(name)) for name in (*NAMES, *EXAMPLES)}
    dead = [rule.pattern for rule in rules.RULES if id(rule) not in first]
    assert dead == []
    for rule in rules.RULES:
        re.compile(rule.pattern)
        assert 0 <= rule.kind <= len(KIND_IDS) + 1


EXAMPLES = (
    "ThreadpoolListener::Record",
    "MemoryAllocation",
    "BasicCPUAllocator::Alloc",
    "layer: model/conv2d",
    "EagerRemoteExecute: MatMul",
    "IteratorGetNextSync:IteratorGetNextSync",
)
