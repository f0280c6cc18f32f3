"""Keras's own loops: ``fit``, ``evaluate`` and ``predict`` as the user gets them, and variants.

One long call to ``model.fit`` (``evaluate``, ``predict``) over the endless dataset; a callback tells
the pacer where each call of the compiled function ends. Nothing is synchronised beyond what Keras
does by itself.

Whether Keras compiles is set through the model's public attributes ``run_eagerly``, ``jit_compile``
and ``steps_per_execution``, not by compiling the model again: loss, optimizer, metrics, and a
subclass's own ``compile`` stay as the user made them.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from graphprof.capture.modes import resolved
from graphprof.capture.modes.base import Loop, Mode
from graphprof.capture.modes.custom import exhausted, raise_told
from graphprof.capture.workloads import layers
from graphprof.errors import UsageError
from graphprof.session import PHASES, Phase

if TYPE_CHECKING:
    from graphprof.capture.pacer import Pacer
    from graphprof.capture.workloads.workload import Workload

# What Keras calls its loop, by phase; variants are named after it: ``predict-xla``.
LOOPS: dict[Phase, str] = {"train": "fit", "evaluate": "evaluate", "predict": "predict"}

# ``predict`` keeps the outputs of every batch until it returns: beyond this many bytes the call is
# ended and another begun (see ``Pacer.start``), or a long measurement would fill the memory.
KEPT_BYTES = 256 * 2**20


class KerasLoop(Mode):
    """Keras's loop for one phase, in one variant.

    Args:
        phase: ``train`` for ``fit``, else the loop of that name.
        variant: ``""`` as by default, ``eager``, ``xla``, or ``spe``.
    """

    def __init__(self, phase: Phase, variant: str = "") -> None:
        loop = LOOPS[phase]
        self.phase = phase
        self.variant = variant
        self.phases = (phase,)
        self.name = f"{loop}-{variant}" if variant else loop
        self.parameter = "N" if variant == "spe" else ""
        self.steps_per_execution = 1
        titles = {"": "", "eager": " eager", "xla": " XLA", "spe": " N steps/call"}
        self.title = f"Keras {loop}{titles[variant]}"
        summaries = {
            "": "as you get it by default",
            "eager": "with run_eagerly=True",
            "xla": "with jit_compile=True",
            "spe": "with steps_per_execution=N",
        }
        self.summary = f"Keras's own loop, model.{loop}(), {summaries[variant]}."

    def with_parameter(self, value: str) -> Mode:
        """See ``Mode``; for ``fit-spe=N``."""
        if self.variant != "spe":
            return super().with_parameter(value)
        if not value.isascii() or not value.isdigit() or int(value) < 1:
            raise UsageError(
                f"Mode {self.name}={value}: {value!r} is no number of steps", f"Write {self.name}=8"
            )
        mode = copy.copy(self)
        mode.steps_per_execution = int(value)
        mode.name = f"{self.name}={int(value)}"
        mode.title = self.title.replace("N steps", f"{int(value)} steps")
        return mode

    def why_not_here(self) -> str | None:
        """See ``Mode``."""
        return resolved.why_no_xla() if self.variant == "xla" else None

    def why_unavailable(self, workload: Workload) -> str | None:
        """See ``Mode``."""
        if not workload.is_keras:
            return f"A step function has no Keras loop {LOOPS[self.phase]}()."
        if self.variant == "spe" and not self.parameter_given:
            return f"Mode {self.name} needs a number of steps, as {self.name}=8."
        if self.variant == "xla":
            refused = layers.without_xla(workload.model)
            if refused:
                return f"Keras does not compile {', '.join(refused[:3])} with XLA."
        return self.why_not_here()

    @property
    def parameter_given(self) -> bool:
        """Whether ``=N`` was said."""
        return "=" in self.name

    def prepare(self, workload: Workload) -> Loop:
        """See ``Mode``."""
        model = workload.model
        # In this order: Keras checks each against the others as it is set.
        model.run_eagerly = self.variant == "eager"
        model.jit_compile = self._jit_compile(model)
        model.steps_per_execution = self.steps_per_execution
        # Functions made for an earlier mode in this process would be used again.
        model.train_function = model.test_function = model.predict_function = None

        def run(pacer: Pacer) -> None:
            try:
                _run(workload, self.phase, pacer)
            except Exception as error:
                raise_told(error, self.title, jit_compile=bool(model.jit_compile))

        values = resolved.common(workload) | {
            "loop": LOOPS[self.phase],
            "tf_function": not model.run_eagerly,
            "jit_compile": bool(model.jit_compile),
            "run_eagerly": bool(model.run_eagerly),
            "steps_per_execution": self.steps_per_execution,
        }
        return Loop(run=run, steps_per_call=self.steps_per_execution, resolved=values)

    def _jit_compile(self, model: Any) -> bool:
        if self.variant == "xla":
            return True
        if self.variant == "eager":
            return False
        # None makes Keras resolve "auto": XLA where there is an accelerator, else not.
        model.jit_compile = None
        return bool(model.jit_compile)


def modes() -> tuple[KerasLoop, ...]:
    """Every variant in every phase."""
    return tuple(
        KerasLoop(phase, variant) for phase in PHASES for variant in ("", "eager", "xla", "spe")
    )


def _run(workload: Workload, phase: Phase, pacer: Pacer) -> None:
    callback = _pacing_callback(phase, pacer)
    model = workload.model
    arguments = {"verbose": 0, "callbacks": [callback]}
    while True:
        if phase == "train":
            # An endless dataset makes one endless epoch; Keras shuffles nothing of a dataset.
            model.fit(workload.dataset, epochs=1, shuffle=False, **arguments)
        elif phase == "evaluate":
            model.evaluate(workload.dataset, **arguments)
        else:
            model.predict(workload.dataset, **arguments)
        if callback.finished:
            return
        if not callback.full:
            raise exhausted(callback.calls * model.steps_per_execution)


def _pacing_callback(phase: Phase, pacer: Pacer) -> Any:
    """A Keras callback that starts the pacer, ticks after each call and ends the loop."""
    import keras

    class Pacing(keras.callbacks.Callback):  # type: ignore[misc]
        """Keras calls it last of all its callbacks."""

        def __init__(self) -> None:
            super().__init__()
            self.finished = False
            self.full = False
            self.calls = 0
            self.kept_bytes = 0

        def _begin(self, logs: Any = None) -> None:  # noqa: ARG002 Keras gives it
            self.full, self.kept_bytes = False, 0
            pacer.start()

        def _end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 Keras gives it
            self.calls += 1
            self.finished = not pacer.tick(logs, anew=self.full)
            if self.finished:
                self.model.stop_training = True
                self.model.stop_evaluating = True
                self.model.stop_predicting = True

        def _end_predict(self, batch: int, logs: Any = None) -> None:
            # Keras flattens outputs that are a dict into the logs themselves.
            outputs = (logs or {}).get("outputs", logs)
            self.kept_bytes += sum(map(_bytes, keras.tree.flatten(outputs)))
            self.full = self.kept_bytes > KEPT_BYTES
            self._end(batch, outputs)
            if self.full:
                self.model.stop_predicting = True

    # Only the phase's own hooks: `fit` also calls those of `evaluate`, were it to validate.
    names = {
        "train": ("on_train_begin", "on_train_batch_end"),
        "evaluate": ("on_test_begin", "on_test_batch_end"),
        "predict": ("on_predict_begin", "on_predict_batch_end"),
    }[phase]
    callback = Pacing()
    ends = callback._end_predict if phase == "predict" else callback._end
    for name, hook in zip(names, (callback._begin, ends), strict=True):
        setattr(callback, name, hook)
    return callback


def _bytes(tensor: Any) -> int:
    size = int(getattr(tensor.dtype, "size", 4))
    for dim in tensor.shape:
        size *= int(dim or 1)
    return size
