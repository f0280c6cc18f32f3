"""``xla``: the same step compiled by XLA."""

from __future__ import annotations

from graphprof.capture.modes import resolved
from graphprof.capture.modes.graph import Graph


class Xla(Graph):
    """The step as one ``tf.function`` with ``jit_compile=True``."""

    name = "xla"
    title = "XLA"
    summary = "The same step under tf.function with jit_compile=True."
    jit_compile = True

    def why_not_here(self) -> str | None:
        """See ``Mode``."""
        return resolved.why_no_xla()
