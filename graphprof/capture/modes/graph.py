"""``graph``: the same step under ``tf.function``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphprof.capture.modes import custom
from graphprof.capture.modes.base import Loop, Mode

if TYPE_CHECKING:
    from graphprof.capture.workloads.workload import Workload


class Graph(Mode):
    """The step as one ``tf.function``, called from Python once a batch."""

    name = "graph"
    title = "Graph"
    summary = "The same step under tf.function, called once a batch."
    jit_compile = False

    def prepare(self, workload: Workload) -> Loop:
        """See ``Mode``."""
        import tensorflow as tf

        # AutoGraph for a plain step, as its author wrote it; none for a model's step, as in Keras.
        step = tf.function(
            workload.step_function(),
            autograph=not workload.is_keras,
            jit_compile=self.jit_compile,
            reduce_retracing=True,
        )
        return custom.loop(workload, step, self.title, compiled=True, jit_compile=self.jit_compile)
