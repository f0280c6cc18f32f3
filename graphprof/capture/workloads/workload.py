"""What is run, loaded and ready for any mode: the same work in each of them.

``load`` finds the target, calls it, makes model, data, loss and optimizer fit together, and tries
them on one batch. A mode then asks for ``step_function()`` and ``dataset``, or for ``model``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from graphprof.capture.spec import WorkloadSpec
from graphprof.capture.workloads import (
    compiling,
    data,
    defaults,
    inputs,
    layers,
    matching,
    offer,
    step,
    weights,
)
from graphprof.capture.workloads.declared import Workload as Declared
from graphprof.errors import UsageError, WorkloadError
from graphprof.session import Phase

_STEP_METHODS: dict[Phase, str] = {
    "train": "train_step",
    "evaluate": "test_step",
    "predict": "predict_step",
}


@dataclass(frozen=True)
class Workload:
    """What is run.

    Attributes:
        spec: what it was loaded from.
        name: what people read.
        model: the Keras model, compiled and (where it can be) built; None for a plain step alone.
        plain_step: the user's own step as a function of one batch, or None.
        dataset: ``tf.data.Dataset`` of batches, endless where the data can begin again; None for a
            step that takes none.
        batch_size: examples in a batch, or None where there are no batches.
        data_origin: where the batches come from.
        batch: types and shapes of one batch.
        first: one batch, the same in every mode; None for a step that takes none.
        captured: models, layers, variables and optimizers that a plain step works on.
        notes: sentences that a reader must know: what was chosen or made up.
        steps_per_epoch: batches in one pass over the data, or None where that is not known.
        compiled: how the user compiled the model, as modes set it otherwise: ``run_eagerly``,
            ``jit_compile``, ``steps_per_execution``.
    """

    spec: WorkloadSpec
    name: str
    model: Any
    plain_step: Callable[[Any], Any] | None
    dataset: Any
    batch_size: int | None
    data_origin: str
    batch: str
    first: Any
    captured: tuple[Any, ...]
    notes: tuple[str, ...]
    steps_per_epoch: int | None = None
    compiled: Mapping[str, Any] = field(default_factory=dict)

    @property
    def phase(self) -> Phase:
        """What is run of it."""
        return self.spec.phase

    @property
    def is_keras(self) -> bool:
        """Whether a step is Keras's own (or the model's override of it)."""
        return self.plain_step is None

    @property
    def optimizer(self) -> Any:
        """The optimizer whose ``iterations`` count the training steps, or None."""
        import keras

        if self.is_keras:
            return self.model.optimizer if self.model.compiled else None
        found = [thing for thing in self.captured if isinstance(thing, keras.optimizers.Optimizer)]
        return found[0] if found else None

    @property
    def variables(self) -> list[Any]:
        """The weights that must begin equal, in a fixed order; no optimizer state."""
        if self.model is not None and self.is_keras:
            return list(self.model.variables)
        return step.variables(self.captured)

    def step_function(self) -> Callable[[Any], Any]:
        """One step of the phase as a Python function of a batch, not compiled in any way."""
        if self.plain_step is not None:
            return self.plain_step
        function: Callable[[Any], Any] = getattr(self.model, _STEP_METHODS[self.phase])
        return function

    def save_weights(self, path: str | Path) -> None:
        """Write the initial weights; every worker loads them (``WorkloadSpec.weights_path``)."""
        weights.save(path, self.variables)

    def load_weights(self, path: str | Path) -> None:
        """Begin from weights that ``save_weights`` wrote for the same target."""
        weights.load(path, self.variables)

    def describe(self) -> dict[str, Any]:
        """The workload as flat name -> JSON value, for ``session.json``."""
        optimizer = self.optimizer
        values: dict[str, Any] = {
            "name": self.name,
            "kind": f"Keras {type(self.model).__name__}" if self.is_keras else "step function",
            "phase": self.phase,
            "batch_size": self.batch_size,
            "batch": self.batch or None,
            "data": self.data_origin,
            "steps_per_epoch": self.steps_per_epoch,
            "seed": self.spec.seed,
            "precision": self._precision(),
            "parameters": sum(_size(variable) for variable in self.variables),
            "optimizer": defaults.describe(optimizer) if optimizer is not None else None,
        }
        if self.is_keras:
            values["parameters"] = sum(map(_size, self.model.weights))  # without random seeds
            values["trainable_parameters"] = sum(map(_size, self.model.trainable_variables))
            values |= {f"compiled_{name}": value for name, value in self.compiled.items()}
            values["layers"] = len(getattr(self.model, "layers", ()))
            values["random_layers"] = layers.random_layers(self.model)
            if self.phase != "predict":
                values["loss"] = defaults.describe(self.model.loss) if self.model.loss else None
                values["metrics"] = _metric_names(self.model)
        return values

    def _precision(self) -> str:
        import keras

        if self.is_keras:
            return str(self.model.dtype_policy.name)
        return str(keras.config.dtype_policy().name)


def load(spec: WorkloadSpec) -> Workload:
    """Load a workload in this process.

    Raises:
        UsageError: the target or its arguments cannot be understood.
        WorkloadError: the user's code fails, or model, data and loss do not fit together.
        StorageError: the initial weights cannot be read.
    """
    import keras

    _prepare_keras(spec)
    offered = offer.read(spec)
    declared, notes = offered.declared, offered.notes + _target_notes(spec)
    if declared.step is not None:
        loaded = _load_step(declared, spec, notes)
    else:
        matched = matching.match(declared, spec)
        notes += compiling.layers_with_xla(declared.model, spec.xla_layers)
        loaded = Workload(
            spec=spec,
            name=declared.name or _model_name(declared.model, spec),
            model=declared.model,
            plain_step=None,
            dataset=inputs.changed(matched.batches.dataset, spec.input),
            batch_size=matched.batches.batch_size,
            data_origin=offered.data_origin or matched.batches.origin,
            batch=matching.describe(matched.batches.first),
            first=matched.batches.first,
            captured=(declared.model,),
            notes=notes + matched.notes + _random_note(declared.model, spec.phase),
            steps_per_epoch=matched.batches.per_epoch,
            compiled=_compiled(declared.model),
        )
    if not loaded.variables:
        note = (
            "No variables were found before the first step: equal weights rest on the seed alone."
        )
        loaded = replace(loaded, notes=(*loaded.notes, note))
    if spec.weights_path is not None:
        loaded.load_weights(spec.weights_path)
    # Trying the model drew from the random generators: every mode begins from the seed again.
    keras.utils.set_random_seed(spec.seed)
    return loaded


def _prepare_keras(spec: WorkloadSpec) -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        raise WorkloadError(
            f"Keras runs on {keras.backend.backend()!r} here", "Set KERAS_BACKEND=tensorflow"
        )
    if spec.precision is not None:
        try:
            keras.config.set_dtype_policy(spec.precision)
        except ValueError as error:
            raise UsageError(
                f"Keras knows no precision {spec.precision!r}",
                "Use float32, mixed_bfloat16, mixed_float16, bfloat16 or float64",
            ) from error
    if spec.precision == "float64":
        keras.config.set_floatx("float64")  # losses and metrics follow it, not the policy
    keras.utils.set_random_seed(spec.seed)


def _load_step(declared: Declared, spec: WorkloadSpec, notes: tuple[str, ...]) -> Workload:
    """A plain step: it is not tried, since trying it would already train."""
    assert declared.step is not None
    function = step.python_function(declared.step)
    batches = None
    if declared.data is not None and step.takes_batch(function):
        batches = data.batches(declared.data, spec.batch_size or declared.batch_size)
        notes += batches.notes
    elif declared.data is not None:
        notes += ("The step takes no arguments: the data are not used.",)
    captured = step.captured(function)
    if spec.xla_layers:
        raise WorkloadError(
            "A step function has no layers that graphprof can compile from outside",
            "Put tf.function(jit_compile=True) around a part of it",
        )
    if declared.model is not None and all(declared.model is not thing for thing in captured):
        captured.insert(0, declared.model)
    if spec.phase != "train":
        notes += (f"A step function is run as it is in phase {spec.phase}.",)
    first = batches.first if batches else None
    return Workload(
        spec=spec,
        name=declared.name or str(getattr(function, "__name__", type(function).__name__)),
        model=declared.model,
        plain_step=step.adapt(function, first),
        dataset=inputs.changed(batches.dataset, spec.input) if batches else None,
        batch_size=batches.batch_size if batches else None,
        data_origin=batches.origin if batches else "none",
        batch=matching.describe(first) if batches else "",
        first=first,
        captured=tuple(captured),
        notes=notes,
        steps_per_epoch=batches.per_epoch if batches else None,
    )


def _target_notes(spec: WorkloadSpec) -> tuple[str, ...]:
    return (f"Precision set to {spec.precision}.",) if spec.precision else ()


def _model_name(model: Any, spec: WorkloadSpec) -> str:
    """The model's name; a name that Keras made up says nothing, the target does."""
    made_up = re.fullmatch(r"(sequential|functional|model)(_\d+)?", model.name)
    return Path(spec.target).name if made_up else str(model.name)


def _random_note(model: Any, phase: Phase) -> tuple[str, ...]:
    names = layers.random_layers(model) if phase == "train" else []
    if not names:
        return ()
    named = ", ".join(names[:3])
    return (f"{named}: random numbers are other ones under XLA, so losses will differ there.",)


def _compiled(model: Any) -> dict[str, Any]:
    names = ("run_eagerly", "jit_compile", "steps_per_execution")
    return {name: getattr(model, name, None) for name in names} if model.compiled else {}


def _metric_names(model: Any) -> list[str]:
    """Names as the user compiled them; the loss is always first."""
    try:
        return list(model.get_metrics_result())
    except ValueError:  # a model with its own train_step: they are made by its first step
        return [metric.name for metric in model.metrics]


def _size(variable: Any) -> int:
    size = 1
    for dim in variable.shape:
        size *= int(dim)
    return size
