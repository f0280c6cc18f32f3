"""XLA for some layers of a model: what ``layer.call = tf.function(layer.call, jit_compile=True)`` does.

The rest of the step runs as its mode runs it. A layer's forward and backward pass become a program
of XLA each, and nothing is fused across its border.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphprof.capture.workloads import layers
from graphprof.errors import WorkloadError


def layers_with_xla(model: Any, names: Sequence[str]) -> tuple[str, ...]:
    """Have XLA compile the calls of some layers, in place.

    Args:
        model: Keras model; a layer inside another counts where no layer around it is named.
        names: the layers' names, without the path to them.

    Returns:
        A note for the reader, or nothing where no layer was asked for.

    Raises:
        WorkloadError: the model has no such layer.
    """
    if not names:
        return ()
    import tensorflow as tf

    found = {layer.name: layer for layer in layers.walk(model) if layer is not model}
    for name in names:
        if name not in found:
            raise WorkloadError(
                f"The model has no layer {name!r} to compile", f"Choose of {', '.join(found)}"
            )
        layer = found[name]
        layer.call = tf.function(layer.call, jit_compile=True, autograph=False)
    return (f"XLA compiles {', '.join(names)} alone.",)
