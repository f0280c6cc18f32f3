"""Every touch of TensorFlow's and Keras's private parts, in one place.

The watch hangs on functions that are not public API. Each is a *point* here: where it is, and what
is lost when a release moves it. ``patch`` replaces one; a point that is gone is reported by
``Watch.lost`` and everything else goes on. A test walks all points against the installed release,
so an upgrade that moves one fails clearly. Written against TensorFlow 2.21 and Keras 3.10 to 3.15.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphprof.capture.instrument.sites import Site

_EAGER = "tensorflow.python.eager"
_SWITCH = f"{_EAGER}.polymorphic_function.eager_function_run"
_KERAS_TRAINER = "keras.src.backend.tensorflow.trainer:TensorFlowTrainer"


_PUBLIC = (
    "tensorflow",
    "tensorflow._api.v2.v2",
    "tensorflow._api.v2.config",
    "keras.config",
    "keras.backend",
    "keras.mixed_precision",
    "keras.dtype_policies",
    "keras._tf_keras.keras.config",
    "keras._tf_keras.keras.backend",
    "keras._tf_keras.keras.mixed_precision",
)
"""Modules that hand out private functions under public names."""


@dataclass(frozen=True)
class Point:
    """One private function that is watched.

    Attributes:
        where: ``module:attribute path``.
        lost: what the watch cannot see without it, one clause.
    """

    where: str
    lost: str

    def resolve(self) -> tuple[Any, str, Any]:
        """Its owner, its name there and itself.

        Raises:
            ImportError: the module is gone.
            AttributeError: the attribute is gone.
        """
        module, _, path = self.where.partition(":")
        owner: Any = importlib.import_module(module)
        *parents, name = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        return owner, name, getattr(owner, name)


TENSORFLOW: dict[str, Point] = {
    "function_call": Point(
        f"{_EAGER}.polymorphic_function.polymorphic_function:Function.__call__",
        "calls of tf.functions",
    ),
    "build": Point(
        f"{_EAGER}.polymorphic_function.tracing_compilation:_create_concrete_function",
        "the building of graphs, and why functions are built again",
    ),
    "run": Point(f"{_EAGER}.context:Context.call_function", "the execution of built functions"),
    "graph_op": Point(
        "tensorflow.python.framework.func_graph:FuncGraph._create_op_internal",
        "which line made which op of a graph",
    ),
    "eager_op": Point(
        "tensorflow.python.pywrap_tfe:TFE_Py_FastPathExecute", "the number of eager ops"
    ),
    "convert": Point(
        "tensorflow.python.framework.constant_op:convert_to_eager_tensor",
        "conversions of Python values to tensors",
    ),
    "tensor_read": Point(
        "tensorflow.python.framework.ops:_EagerTensorBase._numpy", "reads of tensors into Python"
    ),
    "iterator_create": Point(
        "tensorflow.python.data.ops.iterator_ops:OwnedIterator._create_iterator",
        "the creation of dataset iterators",
    ),
    "iterator_next": Point(
        "tensorflow.python.data.ops.iterator_ops:OwnedIterator.__next__",
        "the wait for batches in Python loops",
    ),
    "py_function_call": Point(
        "tensorflow.python.ops.script_ops:FuncRegistry.__call__",
        "time in py_function, numpy_function and generators",
    ),
    "py_function_made": Point(
        "tensorflow.python.ops.script_ops:FuncRegistry.insert",
        "which line made a py_function",
    ),
    "dataset": Point(
        "tensorflow.python.data.ops.dataset_ops:DatasetV2", "the stages of input pipelines"
    ),
    "map_fn": Point("tensorflow.python.ops.map_fn:map_fn_v2", "uses of tf.map_fn"),
    "scan": Point("tensorflow.python.ops.functional_ops:scan_v2", "uses of tf.scan"),
    "run_functions_eagerly": Point(
        f"{_EAGER}.polymorphic_function.eager_function_run:run_functions_eagerly",
        "which line made functions run eagerly",
    ),
    "foldl": Point("tensorflow.python.ops.functional_ops:foldl_v2", "uses of tf.foldl"),
}

KERAS: dict[str, Point] = {
    "fit": Point(f"{_KERAS_TRAINER}.fit", "calls of fit"),
    "evaluate": Point(f"{_KERAS_TRAINER}.evaluate", "calls of evaluate"),
    "predict": Point(f"{_KERAS_TRAINER}.predict", "calls of predict"),
    "train_on_batch": Point(f"{_KERAS_TRAINER}.train_on_batch", "calls of train_on_batch"),
    "test_on_batch": Point(f"{_KERAS_TRAINER}.test_on_batch", "calls of test_on_batch"),
    "predict_on_batch": Point(f"{_KERAS_TRAINER}.predict_on_batch", "calls of predict_on_batch"),
    "make_step": Point(f"{_KERAS_TRAINER}._make_function", "steps of fit and evaluate"),
    "make_predict": Point(f"{_KERAS_TRAINER}.make_predict_function", "steps of predict"),
    "set_floatx": Point("keras.src.backend.config:set_floatx", "which line set floatx"),
    "set_policy": Point(
        "keras.src.dtype_policies.dtype_policy:set_dtype_policy", "which line set the dtype policy"
    ),
    "compile": Point("keras.src.trainers.trainer:Trainer.compile", "how models were compiled"),
    "callbacks": Point("keras.src.callbacks.callback_list:CallbackList", "time in callbacks"),
    "optimizer": Point(
        "keras.src.optimizers.base_optimizer:BaseOptimizer.apply", "updates by optimizers"
    ),
    "optimizer_made": Point(
        "keras.src.optimizers.base_optimizer:BaseOptimizer.__init__", "which line made an optimizer"
    ),
    "metric": Point("keras.src.metrics.metric:Metric.__init__", "which ops metrics make"),
    "layer_call": Point("keras.src.layers.layer:Layer.__call__", "calls of layers"),
    "rnn": Point("keras.src.layers.rnn.rnn:RNN.__init__", "unrolled recurrent layers"),
    "py_dataset": Point(
        "keras.src.trainers.data_adapters.py_dataset_adapter:PyDatasetAdapter.__init__",
        "the user's PyDatasets",
    ),
    "generator": Point(
        "keras.src.trainers.data_adapters.generator_data_adapter:GeneratorDataAdapter.__init__",
        "the user's generators",
    ),
}


def patch(point: Point, wrap: Callable[[Any], Any]) -> str | None:
    """Replace ``point`` by ``wrap(original)``.

    Returns:
        None, or a sentence saying what cannot be seen because the point is gone.
    """
    try:
        owner, name, original = point.resolve()
    except (ImportError, AttributeError) as error:
        return f"This release has no {point.where} ({error}): {point.lost} cannot be seen."
    replacement = wrap(original)
    if replacement is original:  # a class that was changed in place
        return None
    functools.update_wrapper(replacement, original)
    # AutoGraph must call the wrapper as it is; what it wraps is converted as before.
    replacement.autograph_info__ = {}
    setattr(owner, name, replacement)
    for public in _PUBLIC:
        module = sys.modules.get(public)
        names = {} if module is None else vars(module)
        for alias in [key for key, value in names.items() if value is original]:
            setattr(module, alias, replacement)
    return None


def jit_compiled(options: Any) -> bool:
    """Whether tracing options ask for XLA."""
    attributes = getattr(options, "attributes", None) or {}
    return bool(attributes.get("_XlaMustCompile", False))


def python_function(options: Any) -> Callable[..., Any] | None:
    """The user's function behind tracing options, unwrapped as far as it goes."""
    function = getattr(options, "python_function", None)
    for _ in range(20):
        inner = getattr(function, "__wrapped__", None)
        if inner is None:
            inner = getattr(function, "__func__", None)
        if inner is None:  # ours around the user's (capture.workloads.step)
            inner = getattr(function, "graphprof_step", None)
        if inner is None:
            break
        function = inner
    return function


def step_names(options: Any) -> list[str]:
    """What the user calls the parts of a step's batch (``capture.workloads.step``); else empty."""
    function = getattr(options, "python_function", None)
    for _ in range(20):
        names = getattr(function, "graphprof_names", None)
        if names is not None:
            return list(names)
        function = getattr(function, "__wrapped__", None) or getattr(function, "__func__", None)
        if function is None:
            break
    return []


def code_site(function: Any) -> Site | None:
    """Where ``function`` is defined, or None for what has no code of its own."""
    for _ in range(20):
        code = getattr(function, "__code__", None)
        inner = getattr(function, "__wrapped__", None) or getattr(function, "__func__", None)
        if inner is None:
            inner = getattr(function, "func", None)  # functools.partial
        if inner is None or inner is function:
            return None if code is None else (code.co_filename, code.co_firstlineno)
        function = inner
    return None


def op_count(concrete: Any) -> int:
    """Ops in the graph of a concrete function, without those of functions that it calls."""
    operations = getattr(getattr(concrete, "graph", None), "get_operations", None)
    return len(operations()) if callable(operations) else 0


def call_again(options: Any) -> object:
    """An object that is the same for all buildings of one ``tf.function``."""
    cache = getattr(options, "function_cache", None)
    return options if cache is None else cache


def autograph_origin(filename: str, line: int) -> Site | None:
    """The user's line that AutoGraph's generated line stands for, or None."""
    stack_module = sys.modules.get("tensorflow.python.util.tf_stack")
    try:
        import threading

        mappers = stack_module._source_mapper_stacks[threading.get_ident()]  # type: ignore[union-attr]
        source_map = mappers[-1].get_effective_source_map()
        origin = source_map.get((filename, line))
    except (AttributeError, LookupError, TypeError):
        return None
    return None if origin is None else (origin[0], origin[1])


def converted(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` as AutoGraph would have called it here, were there no wrapper around it."""
    try:
        api = importlib.import_module("tensorflow.python.autograph.impl.api")
        context = importlib.import_module("tensorflow.python.autograph.core.ag_ctx")
        status = context.control_status_ctx()
        if status.status == context.Status.ENABLED:
            result: Callable[..., Any] = api.tf_convert(function, status)
            return result
    except (ImportError, AttributeError):
        return function
    return function


def running_functions_eagerly() -> bool:
    """Whether ``tf.config.run_functions_eagerly(True)`` is in force."""
    module = sys.modules.get(_SWITCH)
    return bool(getattr(module, "RUN_FUNCTIONS_EAGERLY", False))


_TRAINER_FILE = os.path.join("keras", "src", "backend", "tensorflow", "trainer.py")


def called_by_keras_trainer(skip: int) -> bool:
    """Whether the frame ``skip`` above is Keras's own loop, and not code of the user's in it."""
    return sys._getframe(skip).f_code.co_filename.endswith(_TRAINER_FILE)


def dataset_inputs(dataset: Any) -> list[Any]:
    """The datasets that ``dataset`` reads from."""
    inputs = getattr(dataset, "_inputs", None)
    return list(inputs()) if callable(inputs) else []


def profiler_active() -> bool:
    """Whether somebody has started a profiler session in this process."""
    module = sys.modules.get("tensorflow.python.profiler.profiler_v2")
    return getattr(module, "_profiler", None) is not None


# Layer scopes (``scopes.py``): how TensorFlow numbers tensors and calls gradient functions.

GRADIENT_FUNCTION = Point(
    f"{_EAGER}.backprop:_gradient_function", "which layer an eager backward op belongs to"
)
REGISTER_GRADIENT_FUNCTION = Point(
    "tensorflow.python.pywrap_tfe:TFE_Py_RegisterGradientFunction",
    "which layer an eager backward op belongs to",
)
TENSOR_CLOCK = Point(
    "tensorflow.python.framework.ops:uid", "which layer an eager backward op belongs to"
)
RECORD_OPERATION = Point(
    f"{_EAGER}.record:record_operation", "which layer a gradient of the user's own belongs to"
)
SCOPE_POINTS = (GRADIENT_FUNCTION, REGISTER_GRADIENT_FUNCTION, TENSOR_CLOCK, RECORD_OPERATION)


def tensor_id(tensor: Any) -> int | None:
    """The number of an eager tensor, drawn from ``TENSOR_CLOCK`` as it was made, or None."""
    number = getattr(tensor, "_id", None)
    return number if isinstance(number, int) else None


# Replaying (``capture.replay``): what live objects hold that means nothing in another process.

TRACKED_CONTAINERS = Point(
    "keras.src.utils.tracking:TrackedList", "models that hold lists of layers, when replayed"
)
KERAS_SAVEABLE = Point(
    "keras.src.saving.keras_saveable:KerasSaveable", "models of the program, when replayed"
)
GENERATOR_BATCHES = Point(
    "keras.src.trainers.data_adapters.generator_data_adapter:peek_and_restore",
    "the data of generators, when replayed",
)
REPLAY_POINTS = (TRACKED_CONTAINERS, KERAS_SAVEABLE, GENERATOR_BATCHES)


def is_keras_saveable(thing: Any) -> bool:
    """Whether ``thing`` is a layer, model, metric, loss or optimizer: Keras pickles those its way."""
    return any(kind.__name__ == "KerasSaveable" for kind in type(thing).__mro__)


def is_tracked_container(thing: Any) -> bool:
    """Whether ``thing`` is a list, dict or set that Keras watches for layers."""
    kind = type(thing)
    return kind.__name__.startswith("Tracked") and kind.__module__ == "keras.src.utils.tracking"


def renew_identities(thing: Any) -> None:
    """Bring up to date what a Keras object knows by ``id()``, after it came from another process."""
    tracker = getattr(thing, "_tracker", None)
    for name, (_, store) in getattr(tracker, "config", {}).items():
        tracker.stored_ids[name] = {id(one) for one in store}  # type: ignore[union-attr]
    if hasattr(thing, "_trainable_variables_indices"):
        known = getattr(thing, "_trainable_variables", [])
        thing._trainable_variables_indices = {
            thing._var_key(variable): number for number, variable in enumerate(known)
        }


def python_of(function: Any) -> Callable[..., Any]:
    """The Python function of a ``tf.function``; of a method's, bound to its object."""
    inner: Any = function.python_function
    for _ in range(20):
        owner = getattr(inner, "__self__", None)
        target = getattr(owner, "weakrefself_target__", None)
        if target is not None:
            original: Any = owner.weakrefself_func__()  # type: ignore[union-attr]
            return types.MethodType(original, target())
        wrapped = getattr(inner, "__wrapped__", None)
        if wrapped is None:
            break
        inner = wrapped
    result: Callable[..., Any] = function.python_function
    return result


def function_arguments(function: Any) -> tuple[Callable[..., Any], dict[str, Any]]:
    """What ``tf.function`` was called with to make ``function``."""
    return python_of(function), {
        "input_signature": getattr(function, "input_signature", None),
        "autograph": getattr(function, "_autograph", True),
        "jit_compile": getattr(function, "_jit_compile", None),
        "reduce_retracing": getattr(function, "_reduce_retracing", False),
    }


def first_batches(adapter: Any) -> list[Any]:
    """The batches that Keras read of a generator to learn their shapes."""
    return list(getattr(adapter, "_first_batches", None) or [])


# Workloads and modes (``capture.data``, ``capture.modes.resolved``): what has no public name.

PY_DATASET_ADAPTER = Point(
    "keras.src.trainers.data_adapters.py_dataset_adapter:PyDatasetAdapter",
    "the worker threads and processes of a PyDataset",
)
ONE_DNN = Point(
    "tensorflow.python.util._pywrap_util_port:IsMklEnabled", "whether oneDNN's kernels are in use"
)
WORKLOAD_POINTS = (PY_DATASET_ADAPTER, ONE_DNN)


# Graphs and what they cost (``graphs.py``): the functions inside a graph, TensorFlow's own formulas for
# floating point operations, and the graphs that were optimised and ran.

FLOP_FORMULAS = "tensorflow.python.profiler.internal.flops_registry"
FLOP_REGISTRY = Point(
    "tensorflow.python.framework.ops:_stats_registry", "the floating point operations of ops"
)
FLOP_STATISTICS = Point(
    "tensorflow.python.framework.ops:get_stats_for_node_def", "the floating point operations of ops"
)
OP_CALLBACK = Point(
    "tensorflow.python.framework.op_callbacks:add_op_callback", "the shapes of eager ops"
)
OP_CALLBACK_GONE = Point(
    "tensorflow.python.framework.op_callbacks:remove_op_callback", "the shapes of eager ops"
)
EAGER_CONTEXT = Point(f"{_EAGER}.context:context", "what became of graphs when they were optimised")
FORGET_KERNELS = Point(
    f"{_EAGER}.context:Context.clear_kernel_cache", "what became of graphs when they were optimised"
)
COLLECT_GRAPHS = Point(
    f"{_EAGER}.context:Context.enable_run_metadata",
    "what became of graphs when they were optimised",
)
COLLECTED_GRAPHS = Point(
    f"{_EAGER}.context:Context.export_run_metadata",
    "what became of graphs when they were optimised",
)
GRAPH_POINTS = (
    FLOP_REGISTRY,
    FLOP_STATISTICS,
    OP_CALLBACK,
    OP_CALLBACK_GONE,
    EAGER_CONTEXT,
    FORGET_KERNELS,
    COLLECT_GRAPHS,
    COLLECTED_GRAPHS,
)


def function_graph(graph: Any, name: str) -> Any | None:
    """The graph of the function that ``graph`` calls by ``name``, or None."""
    look_up = getattr(graph, "_get_function", None)
    function = look_up(name) if callable(look_up) else None
    return getattr(function, "graph", None)


def outermost(graph: Any) -> Any:
    """The graph that a ``FuncGraph`` was built inside of, as far out as graphs go."""
    while True:
        outer = getattr(graph, "outer_graph", None)
        if not hasattr(outer, "outer_graph"):
            return graph
        graph = outer
