"""Makes a Keras model, its data, loss and optimizer fit together, before anything is measured.

One forward pass (and for training one evaluation of the loss) on the first batch finds what does
not fit while the message can still name it; afterwards only building and compiling can fail.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from graphprof.capture import blame
from graphprof.capture.spec import WorkloadSpec
from graphprof.capture.workloads import data, defaults, synthesis
from graphprof.capture.workloads.batches import Batches, as_tuple
from graphprof.capture.workloads.declared import Workload as Declared
from graphprof.errors import GraphprofError, WorkloadError


@dataclass(frozen=True)
class Matched:
    """Batches that the model was tried on, and what was chosen for the user."""

    batches: Batches
    notes: tuple[str, ...]


def match(declared: Declared, spec: WorkloadSpec) -> Matched:
    """Try the model on its first batch; make up what is missing.

    Raises:
        WorkloadError: the model cannot be built, or model, data and loss do not fit.
    """
    model = declared.model
    batches, notes = _batches(declared, spec)
    _count_inputs(model, batches.first)
    notes += _overridden(model)
    outputs = _forward(model, batches.first)
    if spec.phase == "predict":
        return Matched(batches, batches.notes + notes)
    notes += _compile(declared, batches.first, outputs)
    if outputs is not None and _needs_labels(model, batches.first):
        batches = _labelled(model, batches, outputs, spec.seed)
    if spec.phase == "evaluate" or not has_own(model, "train_step"):
        _check_loss(model, batches.first)
    return Matched(batches, batches.notes + notes)


def has_own(model: Any, method: str) -> bool:
    """Whether the user's class overrides a method of ``keras.Model``."""
    return not getattr(type(model), method).__module__.startswith("keras.")


def describe(structure: Any) -> str:
    """Types and shapes in a structure, as ``float32 (64, 8, 8, 1), int32 (64,)``."""
    import keras

    return ", ".join(
        f"{keras.backend.standardize_dtype(leaf.dtype)} {tuple(leaf.shape)}"
        for leaf in keras.tree.flatten(structure)
        if leaf is not None
    )


def _batches(declared: Declared, spec: WorkloadSpec) -> tuple[Batches, tuple[str, ...]]:
    model = declared.model
    size = spec.batch_size or declared.batch_size
    if declared.data is not None:
        return data.batches(declared.data, size, _input_ranks(model)), ()
    size = size or data.DEFAULT_BATCH_SIZE
    arrays, notes = synthesis.inputs(model, size, spec.seed)
    made = data.batches(arrays, size)
    note = f"No data given: inputs synthesised ({describe(made.first)})."
    return replace(made, origin="synthesised", per_epoch=None, notes=(note,)), notes


def _input_ranks(model: Any) -> tuple[int, ...]:
    try:
        return tuple(len(tensor.shape) for tensor in model.inputs)
    except (AttributeError, TypeError, ValueError):  # not built yet
        return ()


def _count_inputs(model: Any, batch: Any) -> None:
    """Keras takes the first of too many inputs and says little; that would be other work."""
    import keras

    wanted = len(_input_ranks(model))
    given = len(keras.tree.flatten(as_tuple(batch)[0]))
    if wanted and given > wanted and not has_own(model, "train_step"):
        raise WorkloadError(
            f"Model {model.name!r} has {wanted} input{'s' * (wanted > 1)}, the data have {given}",
            "Return x as one array for each input; a list of batches is best a generator function",
        )


def _overridden(model: Any) -> tuple[str, ...]:
    """A note on how the user compiled the model, where the modes say otherwise."""
    if not model.compiled:
        return ()
    own = [
        f"{name}={value}"
        for name, value, default in (
            ("run_eagerly", model.run_eagerly, False),
            ("steps_per_execution", model.steps_per_execution, 1),
            ("jit_compile", model.jit_compile, _auto_jit(model)),
        )
        if value != default
    ]
    return (f"The model's own {', '.join(own)} gives way to the mode's.",) if own else ()


def _auto_jit(model: Any) -> bool:
    """What ``jit_compile="auto"`` means for this model here."""
    own = model.jit_compile
    model.jit_compile = None  # makes Keras resolve it anew
    resolved = bool(model.jit_compile)
    model.jit_compile = own
    return resolved


def _forward(model: Any, batch: Any) -> Any:
    """Outputs for one batch, or None for a model that only its own ``train_step`` can run."""
    try:
        return model.predict_step(batch)
    except Exception as error:
        if has_own(model, "train_step") and not has_own(model, "call"):
            return None
        x, y, _ = as_tuple(batch)
        taken = _expected(model)
        cure = (
            f"The model takes {taken}; return data of that shape and type"
            if taken
            else "Make the data fit the model's input"
        )
        if blame.where(error) is not None:
            cure = f"Correct that line, or: {cure[0].lower()}{cure[1:]}"
        shown = describe(x) if y is not None or isinstance(batch, tuple) else describe(batch)
        raise blame.blame(
            error, f"Running model {model.name!r} on a batch of {shown}", cure
        ) from error


def _expected(model: Any) -> str | None:
    try:
        return describe(model.inputs) or None
    except (AttributeError, TypeError, ValueError):
        return None


def _compile(declared: Declared, batch: Any, outputs: Any) -> tuple[str, ...]:
    """Compile the model where the user did not, or said otherwise in a ``Workload``."""
    model = declared.model
    given = {
        key: value
        for key in ("optimizer", "loss", "metrics")
        if (value := getattr(declared, key)) is not None
    }
    if model.compiled and not given:
        return ()
    loss, text = given.get("loss") or (model.loss if model.compiled else None), ""
    if loss is None and outputs is not None and _wants_loss(model):
        loss, text = defaults.loss_for(as_tuple(batch)[1], outputs)
    optimizer = given.get("optimizer") or (model.optimizer if model.compiled else None)
    try:
        model.compile(
            optimizer=optimizer or defaults.OPTIMIZER, loss=loss, metrics=given.get("metrics")
        )
    except Exception as error:
        raise blame.blame(
            error, f"Compiling model {model.name!r}", "Compile it in the factory"
        ) from error
    chosen = [f"loss {text}"] if text else []
    chosen += [] if optimizer else [f"optimizer {defaults.describe(model.optimizer)}"]
    return (f"The model was not compiled; chosen: {', '.join(chosen)}.",) if chosen else ()


def _wants_loss(model: Any) -> bool:
    """Whether the loss comes from ``compile`` and not from the model itself."""
    return not (has_own(model, "train_step") or has_own(model, "compute_loss") or model.losses)


def _needs_labels(model: Any, batch: Any) -> bool:
    return (
        as_tuple(batch)[1] is None
        and model.loss is not None
        and not has_own(model, "train_step")
        and not has_own(model, "compute_loss")
    )


def _labelled(model: Any, batches: Batches, outputs: Any, seed: int) -> Batches:
    """The same batches with made-up labels that the loss accepts."""
    x = as_tuple(batches.first)[0]
    failure: GraphprofError | None = None
    for y in synthesis.labels(model.loss, outputs, seed):
        try:
            _check_loss(model, (x, y))
        except WorkloadError as error:
            failure = failure or error
            continue
        note = f"No labels given: synthesised ({describe(y)})."
        dataset = _with_labels(batches.dataset, y)
        first = next(iter(dataset.take(1)))
        return replace(batches, dataset=dataset, first=first, notes=(*batches.notes, note))
    raise WorkloadError(
        f"No labels could be made up for loss {defaults.describe(model.loss)}"
        + (f": {failure.message}" if failure else ""),
        "Return (model, (x, y)) from the factory",
    )


def _with_labels(dataset: Any, y: Any) -> Any:
    import keras
    import tensorflow as tf

    constants = keras.tree.map_structure(tf.convert_to_tensor, y)

    def label(*parts: Any) -> Any:
        x = parts[0] if len(parts) == 1 else parts
        # The last batch of a pass may be smaller than the first.
        count = tf.shape(keras.tree.flatten(x)[0])[0]
        return x, keras.tree.map_structure(lambda leaf: leaf[:count], constants)

    return dataset.map(label).prefetch(tf.data.AUTOTUNE)


def _check_loss(model: Any, batch: Any) -> None:
    try:
        model.test_step(batch)
    except Exception as error:
        _, y, weight = as_tuple(batch)
        labels = f"labels {describe(y)}" if y is not None else "no labels"
        weights = f", sample weights {describe(weight)}" if weight is not None else ""
        raise blame.blame(
            error,
            f"Loss {defaults.describe(model.loss)} of model {model.name!r} with {labels}{weights}",
            "Make the labels fit the model's output and the loss",
        ) from error
    finally:
        model.reset_metrics()
