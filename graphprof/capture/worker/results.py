"""What a mode computed, kept so that the modes can be held against each other.

Nothing is computed twice while anything is timed. The first calls of a worker are steps from the
initial weights on the first batches anyway: what they return is noted between the calls, and the
weights are read when the last of them has ended, before the warm-up goes on. What only more work
can tell (outputs of layers, gradients, whether random numbers are drawn) is computed when all
timing and tracing is over, from the initial weights on the first batch, by a function that is
wrapped as the mode wraps its own.

The layout of the file is in ``graphprof.analysis.results.parity_file``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphprof.analysis.results import deviations, parity, parity_file
from graphprof.capture import blame, protocol
from graphprof.capture.worker import probing
from graphprof.capture.worker.pacing import Task, calls, scalar
from graphprof.capture.worker.sampling import (
    Arrays,
    fingerprint,
    named,
    plain,
    sampled,
    unique,
)
from graphprof.capture.workloads import layers, weights
from graphprof.session import graphprof_folder

if TYPE_CHECKING:
    from graphprof.capture.workloads.workload import Workload


class Results:
    """Keeps one worker's results.

    Make it before the mode is prepared: what precision was asked for is read now, so that a mode
    that lowers it without saying so is found out.

    Args:
        workload: what is run, with its initial weights.
        weights_path: file of the initial weights.
    """

    def __init__(self, workload: Workload, weights_path: str) -> None:
        self._workload = workload
        self._weights_path = weights_path
        self._variables = list(workload.variables)
        self._policy = workload.describe()["precision"]
        self._layer_precisions = _layer_precisions(workload)
        self._resolved: Mapping[str, Any] = {}
        self._steps_per_call = 1
        self._losses: dict[int, float] = {}
        self._outputs: Arrays = {}
        self._calls = 0
        self._done = False

    def prepared(self, resolved: Mapping[str, Any], steps_per_call: int) -> None:
        """The mode is prepared: how it resolved, and how many steps its calls hold."""
        self._resolved = resolved
        self._steps_per_call = steps_per_call

    def seen(self, outputs: Any) -> None:
        """A call has ended and returned ``outputs``; the clock stands still."""
        if self._done:
            return
        self._calls += 1
        predicts = self._workload.is_keras and self._workload.phase == "predict"
        if predicts or not self._workload.is_keras:
            self._keep_outputs(outputs)
        loss = None if predicts else scalar(outputs)
        if loss is not None:
            self._losses[self._calls * self._steps_per_call - 1] = loss

    def keep(self, request: protocol.KeepResults) -> Task:
        """The task that makes the steps that are left and writes what they computed."""
        seconds = yield from calls(request.steps // self._steps_per_call - self._calls)
        self._done = True
        try:
            self._write(request)
        except Exception as error:  # any of the user's objects may refuse: it costs parity alone
            return protocol.Kept(tuple(seconds), f"It could not be read: {blame.summary(error)}")
        self._losses, self._outputs = {}, {}
        return protocol.Kept(tuple(seconds))

    def examine(self, request: protocol.ExamineResults) -> Task:
        """The task that adds outputs, gradients and random ops; it makes no call of the loop."""
        try:
            if self._variables:
                weights.load(self._weights_path, self._variables)
            found = probing.probe(self._workload, self._resolved, self._names())
            path = _file(request.folder)
            with parity_file.opened(path) as kept:
                if kept is None:
                    return protocol.Kept(problem="What its first steps computed is gone")
                about = dict(kept.about)
                about["random"] = [*about.get("random", []), *found.random]
                about["evaluated"] = list(found.evaluated)
                if about["precision"] == "float64" and found.coarse is not None:
                    about["coarse_ops"] = list(found.coarse)
                arrays = {name: kept.arrays[name] for name in kept.arrays if name != "about"}
            more = parity_file.pack(about, arrays.pop("loss"), **found.arrays)
            parity_file.save(path, {**more, **arrays})
        except Exception as error:
            return protocol.Kept(
                problem=f"Its layers and gradients could not be computed: {blame.summary(error)}"
            )
        return protocol.Kept()
        yield  # a task is a generator, also one that makes no call

    def _keep_outputs(self, outputs: Any) -> None:
        """Those of the first batch."""
        if self._calls > 1 or outputs is None:
            return
        rows = self._workload.batch_size if self._steps_per_call > 1 else None
        first = {name: value[:rows] if rows else value for name, value in named(outputs)}
        self._outputs = sampled(first)

    def _write(self, request: protocol.KeepResults) -> None:
        names = self._names()
        initial = {}
        if self._variables:
            arrays = weights.read(self._weights_path)
            pairs = zip(self._variables, arrays, strict=True)
            initial = {names[id(v)]: array for v, array in pairs if id(v) in names}
        final = {names[id(v)]: v for v in self._recorded()}
        drawing = self._random_layers()
        declared = str(self._resolved.get("precision") or self._policy)
        about = {
            "steps": request.steps,
            "precision": parity.coarsest([declared, *self._layer_precisions]),
            "random": [f"layer {name} under XLA" for name in drawing if self._under_xla()],
            "random_layers": drawing,
            "loss_steps": list(self._losses),
            "batch": fingerprint(self._workload.first),
        }
        packed = parity_file.pack(
            about,
            list(self._losses.values()),
            output=self._outputs,
            initial=sampled(initial, len(names)),
            weight=sampled(final, len(names)),
            moment=sampled(self._moments(names), len(names)),
        )
        parity_file.save(_file(request.folder), packed)

    def _recorded(self) -> list[Any]:
        """The weights; no random seeds or metrics, which Keras counts among the variables."""
        if self._workload.is_keras:
            return list(self._workload.model.weights)
        return list(self._workload.variables)

    def _names(self) -> dict[int, str]:
        """Names of the weights by ``id``, in the order of the model."""
        found = self._recorded()
        names = unique(str(getattr(v, "path", None) or v.name).partition(":")[0] for v in found)
        return {id(variable): name for variable, name in zip(found, names, strict=True)}

    def _moments(self, names: Mapping[int, str]) -> dict[str, Any]:
        """How large the optimizer has seen each variable's gradients: it keeps them by path."""
        optimizer = self._workload.optimizer
        slots = {slot.path.rpartition("/")[2]: slot for slot in getattr(optimizer, "variables", ())}
        found = {}
        for variable in self._recorded():
            path = str(getattr(variable, "path", "")).replace("/", "_")
            momentum = slots.get(f"{path}_momentum")
            square = slots.get(f"{path}_velocity", slots.get(f"{path}_accumulator"))
            if momentum is not None:
                found[names[id(variable)]] = plain(momentum)
            elif square is not None:
                found[names[id(variable)]] = abs(plain(square)) ** 0.5
        return found

    def _random_layers(self) -> list[str]:
        """Layers that draw random numbers: other ones under XLA, and in another precision."""
        if self._workload.phase != "train":
            return []
        import keras

        models = [thing for thing in self._workload.captured if isinstance(thing, keras.Layer)]
        return [name for model in models for name in layers.random_layers(model)]

    def _under_xla(self) -> bool:
        return bool(self._resolved.get("jit_compile"))


def _layer_precisions(workload: Workload) -> list[str]:
    """In what a model's layers compute; text and whole numbers have no precision."""
    if not workload.is_keras:
        return []
    import keras

    found = (
        str(layer.compute_dtype)
        for layer in layers.walk(workload.model)
        if not isinstance(layer, keras.layers.InputLayer)  # it computes nothing
    )
    return [name for name in dict.fromkeys(found) if name in deviations.TOLERANCE]


def _file(folder: str) -> Path:
    return graphprof_folder(Path(folder)) / parity_file.PARITY_FILE
