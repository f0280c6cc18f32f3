"""What only more work can tell of a mode: outputs of its layers, gradients, what its step draws.

A function of the model is wrapped as the mode wraps its own (``resolved``) and run once, from the
initial weights on the first batch. It runs when nothing is timed any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphprof.capture.worker.sampling import Arrays, named, sampled
from graphprof.capture.workloads import matching
from graphprof.capture.workloads.batches import as_tuple

if TYPE_CHECKING:
    from graphprof.capture.workloads.workload import Workload

# Ops whose seeds TensorFlow hands out in the order in which a program asks: eager programs and
# graphs ask in another order. Stateless ones, which Keras's layers use, are not among them.
_RANDOM_OPS = frozenset(
    {
        "Multinomial",
        "ParameterizedTruncatedNormal",
        "RandomGamma",
        "RandomPoisson",
        "RandomPoissonV2",
        "RandomShuffle",
        "RandomStandardNormal",
        "RandomUniform",
        "RandomUniformInt",
        "TruncatedNormal",
    }
)
# Ops that may hold float32 in a step that computes in float64: they carry, and compute nothing.
_CARRYING_OPS = frozenset({"Arg", "Bitcast", "Cast", "Const", "Identity", "Placeholder", "Retval"})
_COARSE_TYPES = frozenset({"bfloat16", "float16", "float32"})


@dataclass(frozen=True)
class Probed:
    """What was found.

    Attributes:
        arrays: ``output``, ``layer`` and ``gradient``: name -> array, as far as there are any.
        random: ops in the step, as ``op RandomUniform``, that draw numbers which no seed makes equal.
        coarse: ops in the step that compute in less than float64, as ``MatMul in float32``; None
            where the step's graph cannot be built, so that nothing is known of its ops.
        evaluated: which of ``arrays`` come from the model as it is evaluated, without dropout.
    """

    arrays: dict[str, Arrays] = field(default_factory=dict)
    random: tuple[str, ...] = ()
    coarse: tuple[str, ...] | None = None
    evaluated: tuple[str, ...] = ()


def probe(workload: Workload, resolved: Mapping[str, Any], names: Mapping[int, str]) -> Probed:
    """Compute what ``Probed`` holds; the model's state is another afterwards.

    Args:
        workload: with its initial weights.
        resolved: how the mode wraps its function.
        names: names of the variables by ``id``.
    """
    nodes = _nodes(workload)
    drawn, coarse = _random_ops(nodes or ()), None if nodes is None else _coarse_ops(nodes)
    if not workload.is_keras or not _has_call(workload.model):
        return Probed(random=drawn, coarse=coarse)
    function = _wrapped(_forward_and_back(workload), resolved)
    found = function(workload.first)
    arrays = {
        # In `predict` the loop's own outputs are kept.
        "output": dict(named(found["output"])) if workload.phase != "predict" else {},
        "layer": dict(found["layer"]),
        "gradient": {
            names[id(variable)]: gradient
            for variable, gradient in zip(
                workload.model.trainable_variables, found["gradient"], strict=False
            )
            if gradient is not None and id(variable) in names
        },
    }
    kept = {kind: sampled(tensors) for kind, tensors in arrays.items() if tensors}
    return Probed(kept, drawn, coarse, ("layer", "output"))


def _has_call(model: Any) -> bool:
    return matching.has_own(model, "call") or not matching.has_own(model, "train_step")


def _wrapped(function: Callable[[Any], Any], resolved: Mapping[str, Any]) -> Callable[[Any], Any]:
    import tensorflow as tf

    if resolved.get("run_eagerly"):
        return function
    compiled: Callable[[Any], Any] = tf.function(
        function, autograph=False, jit_compile=bool(resolved.get("jit_compile"))
    )
    return compiled


def _forward_and_back(workload: Workload) -> Callable[[Any], Any]:
    """A function of a batch: outputs, outputs of layers, and the gradients of a training step."""
    import keras
    import tensorflow as tf

    model = workload.model
    names, inner = _layered(model)
    trains = workload.phase == "train" and not matching.has_own(model, "train_step")

    def outputs_of(x: Any) -> list[Any]:
        return [] if inner is None else keras.tree.flatten(inner(x, training=False))

    def compute(batch: Any) -> dict[str, Any]:
        x, y, weight = as_tuple(batch)
        gradients: Any = []
        if trains:
            variables = model.trainable_variables
            with tf.GradientTape() as tape:
                outputs = model(x, training=True)
                loss = model.compute_loss(x=x, y=y, y_pred=outputs, sample_weight=weight)
            gradients = [
                None if gradient is None else tf.convert_to_tensor(gradient)
                for gradient in tape.gradient(loss, variables)
            ]
        return {
            "output": model(x, training=False),
            "layer": dict(zip(names, outputs_of(x), strict=True)),
            "gradient": gradients,
        }

    return compute


def _layered(model: Any) -> tuple[list[str], Any]:
    """Names of the layers, and the model with their outputs; None where they form no graph."""
    import keras

    outputs: dict[str, Any] = {}
    for layer in getattr(model, "layers", ()):
        if isinstance(layer, keras.layers.InputLayer):
            continue
        try:
            outputs |= named(layer.output, layer.name)
        except (AttributeError, ValueError):  # never called, or called more than once
            continue
    try:
        # A list: Keras sorts the keys of a dict, and the order is the model's.
        return list(outputs), keras.Model(_symbolic_inputs(model), list(outputs.values()))
    except (AttributeError, ValueError, TypeError):  # a subclass, whose tensors are not symbolic
        return [], None


def _symbolic_inputs(model: Any) -> Any:
    try:
        return model.input  # with its structure, as the batches have it
    except (AttributeError, ValueError):
        return model.inputs


def _nodes(workload: Workload) -> tuple[Any, ...] | None:
    """Nodes of the graph of the step, which is built but not run."""
    import tensorflow as tf

    step = tf.function(workload.step_function(), autograph=not workload.is_keras)
    try:
        graph = step.get_concrete_function(workload.first).graph.as_graph_def()
    except Exception:  # a step that only Python can run
        return None
    return (*graph.node, *(node for f in graph.library.function for node in f.node_def))


def _random_ops(nodes: Iterable[Any]) -> tuple[str, ...]:
    return tuple(f"op {name}" for name in sorted({node.op for node in nodes} & _RANDOM_OPS))


def _coarse_ops(nodes: Iterable[Any]) -> tuple[str, ...]:
    found: set[str] = set()
    for node in nodes:
        if node.op not in _CARRYING_OPS:
            coarse = _COARSE_TYPES & {_type_name(value) for value in node.attr.values()}
            found.update(f"{node.op} in {name}" for name in coarse)
    return tuple(sorted(found))


def _type_name(value: Any) -> str:
    import tensorflow as tf

    return str(tf.as_dtype(value.type).name) if value.WhichOneof("value") == "type" else ""
