"""Walks a model's layers, those inside custom layers included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

# Settings that make a layer draw random numbers when they are above zero.
_RATES = ("rate", "dropout", "recurrent_dropout", "stddev", "factor")


def walk(layer: Any, seen: set[int] | None = None) -> Iterator[Any]:
    """A layer and all layers inside it, each once; custom layers keep theirs as attributes."""
    import keras

    seen = set() if seen is None else seen
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield layer
    for value in (getattr(layer, "layers", ()), *vars(layer).values()):
        inner = value.values() if isinstance(value, dict) else value
        for part in inner if isinstance(value, (list, tuple, dict)) else (value,):
            if isinstance(part, keras.Layer):
                yield from walk(part, seen)


def random_layers(model: Any) -> list[str]:
    """Names of the layers that draw random numbers while training, such as dropout."""
    import keras

    return [
        layer.name
        for layer in walk(model)
        if isinstance(getattr(layer, "seed_generator", None), keras.random.SeedGenerator)
        and (type(layer).__name__.startswith("Random") or any(map(_positive, _rates(layer))))
    ]


def without_xla(model: Any) -> list[str]:
    """Layers that Keras will not compile with XLA, as ``name (Class)``."""
    return [
        f"{layer.name} ({type(layer).__name__})" for layer in walk(model) if not layer.supports_jit
    ]


def _rates(layer: Any) -> list[Any]:
    return [getattr(layer, name, 0) for name in _RATES]


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and value > 0
