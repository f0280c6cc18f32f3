"""Built-in workloads: real models on real data, to try the tool and to compare machines with.

The digits are scikit-learn's 1797 scanned 8 x 8 images, which ship inside that package; without it
images of the same shape are synthesised, and said so. Nothing is ever downloaded.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphprof.errors import UsageError, WorkloadError

APPLICATIONS = "applications."


@dataclass(frozen=True)
class Builtin:
    """A built-in workload.

    Attributes:
        name: as typed by the user.
        summary: one sentence for lists.
        factory: called with the user's settings; returns what any factory may return.
    """

    name: str
    summary: str
    factory: Callable[..., Any]


@dataclass(frozen=True)
class Noted:
    """A factory's result with what a reader must know about it.

    Attributes:
        result: what any factory may return.
        data_origin: where the data come from.
        notes: sentences.
    """

    result: Any
    data_origin: str
    notes: tuple[str, ...]


def digits_cnn(width: int = 32, batch_size: int = 64) -> Any:
    """Small conv net with max-pooling."""
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(width, 3, padding="same", activation="relu"),
            layers.Conv2D(width, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(2 * width, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(2 * width, activation="relu"),
            layers.Dense(10),
        ],
        name="digits_cnn",
    )
    return _classifier(model, (8, 8, 1), batch_size)


def digits_mlp(depth: int = 24, width: int = 32, batch_size: int = 64) -> Any:
    """Deep narrow MLP."""
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((64,)),
            *(layers.Dense(width, activation="relu") for _ in range(depth)),
            layers.Dense(10),
        ],
        name="digits_mlp",
    )
    return _classifier(model, (64,), batch_size)


def digits_lstm(units: int = 64, batch_size: int = 64) -> Any:
    """LSTM that reads an image row by row."""
    import keras
    from keras import layers

    model = keras.Sequential(
        [
            keras.Input((8, 8)),
            layers.LSTM(units, return_sequences=True),
            layers.LSTM(units),
            layers.Dense(10),
        ],
        name="digits_lstm",
    )
    return _classifier(model, (8, 8), batch_size)


def digits_transformer(width: int = 64, heads: int = 4, batch_size: int = 64) -> Any:
    """One transformer block over the rows of an image."""
    import keras
    from keras import layers

    rows = keras.Input((8, 8), name="rows")
    tokens = layers.Dense(width, name="embed")(rows)
    attended = layers.MultiHeadAttention(heads, width // heads, name="attention")(tokens, tokens)
    tokens = layers.LayerNormalization(name="norm_attention")(layers.Add()([tokens, attended]))
    hidden = layers.Dense(4 * width, activation="gelu", name="mlp_up")(tokens)
    hidden = layers.Dense(width, name="mlp_down")(hidden)
    tokens = layers.LayerNormalization(name="norm_mlp")(layers.Add()([tokens, hidden]))
    pooled = layers.GlobalAveragePooling1D(name="pool")(tokens)
    model = keras.Model(rows, layers.Dense(10, name="classes")(pooled), name="digits_transformer")
    return _classifier(model, (8, 8), batch_size)


BUILTINS: tuple[Builtin, ...] = (
    Builtin("digits_cnn", "Small conv net with max-pooling, 8 x 8 digits.", digits_cnn),
    Builtin("digits_mlp", "Deep narrow MLP (bound by dispatch), 8 x 8 digits.", digits_mlp),
    Builtin("digits_lstm", "Two LSTM layers over the rows of 8 x 8 digits.", digits_lstm),
    Builtin("digits_transformer", "One transformer block, 8 x 8 digits.", digits_transformer),
)

# Not an entry of its own kind: any architecture of keras.applications, looked up when asked for.
APPLICATIONS_SUMMARY = "Any architecture of keras.applications, random weights, synthesised images."


def find(name: str) -> Callable[..., Any]:
    """The factory of a built-in: one of ``BUILTINS`` or an architecture of ``keras.applications``.

    Raises:
        UsageError: no built-in has that name.
    """
    for entry in BUILTINS:
        if entry.name == name:
            return entry.factory
    architecture = name.removeprefix(APPLICATIONS)
    architectures = _architectures()
    if architecture in architectures:
        return _application(architecture)
    near = difflib.get_close_matches(
        architecture, [*(entry.name for entry in BUILTINS), *architectures], n=3
    )
    raise UsageError(
        f"There is no built-in workload {name!r}",
        f"Did you mean {' or '.join(near)}?"
        if near
        else "Name a factory as models.py:build, or one of "
        + ", ".join(entry.name for entry in BUILTINS),
    )


def _architectures() -> tuple[str, ...]:
    """Names of the architectures in ``keras.applications`` (functions with a capital letter)."""
    from keras import applications

    return tuple(
        name
        for name in dir(applications)
        if name[0].isupper() and callable(getattr(applications, name))
    )


def _application(name: str) -> Callable[..., Any]:
    def build(input_size: int | None = None, classes: int = 1000) -> Any:
        import keras

        build_architecture = getattr(keras.applications, name)
        arguments: dict[str, Any] = {"weights": None, "classes": classes}
        if input_size is not None:
            arguments["input_shape"] = (input_size, input_size, 3)
        try:
            model = build_architecture(**arguments, classifier_activation=None)
        except ValueError as error:
            raise WorkloadError(
                f"keras.applications.{name} cannot be built: {error}".split("\n")[0].rstrip("."),
                "Choose another --set input_size=PIXELS",
            ) from error
        model.compile(
            optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        return model

    build.__name__ = name
    return build


def _classifier(model: Any, shape: tuple[int, ...], batch_size: int) -> Any:
    """The compiled model with the digits, as ``graphprof.Workload``."""
    import keras

    from graphprof.capture.workloads.declared import Workload

    x, y, origin, notes = _digits(shape)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    return Noted(Workload(model=model, data=(x, y), batch_size=batch_size), origin, notes)


def _digits(shape: tuple[int, ...]) -> tuple[Any, Any, str, tuple[str, ...]]:
    """Images scaled to 0..1 in ``shape``, their classes, where they come from, and notes."""
    import numpy as np

    try:
        from sklearn.datasets import load_digits
    except ImportError:
        random = np.random.default_rng(0)
        images, classes = random.integers(0, 17, (1797, 64)), random.integers(0, 10, 1797)
        origin = "synthesised digits"
        notes = ["Digits synthesised: no scikit-learn here (pip install 'graphprof[digits]')."]
    else:
        images, classes = load_digits(return_X_y=True)
        origin, notes = "scikit-learn digits, 1797 images", []
    x = (images / 16).astype("float32").reshape(-1, *shape)
    return x, classes.astype("int32"), origin, tuple(notes)
