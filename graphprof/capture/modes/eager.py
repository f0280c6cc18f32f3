"""``eager``: the step, op by op."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from graphprof.capture.modes import custom
from graphprof.capture.modes.base import Loop, Mode

if TYPE_CHECKING:
    from graphprof.capture.pacer import Pacer
    from graphprof.capture.workloads.workload import Workload


class Eager(Mode):
    """The model's step called from Python, each op dispatched on its own.

    ``tf.function`` inside the user's code runs op by op as well while the loop runs
    (``tf.config.run_functions_eagerly``), or the mode would be graph in parts.
    """

    name = "eager"
    title = "Eager"
    summary = "The model's step (or model(x)) called from Python, op by op."

    def prepare(self, workload: Workload) -> Loop:
        """See ``Mode``."""
        made = custom.loop(
            workload, workload.step_function(), self.title, compiled=False, jit_compile=False
        )

        def run(pacer: Pacer) -> None:
            import tensorflow as tf

            before = tf.config.functions_run_eagerly()
            tf.config.run_functions_eagerly(True)
            try:
                made.run(pacer)
            finally:
                tf.config.run_functions_eagerly(before)

        return dataclasses.replace(made, run=run)
