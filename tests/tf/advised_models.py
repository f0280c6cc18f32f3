"""Workloads with a planted cause each, and one without: what the findings of sessions are held to.

Profile one as ``graphprof profile tests/tf/advised_models.py:slow_generator``.
"""

import time

import keras
import numpy as np
import tensorflow as tf

SIZE = 64


def data(rows: int = 2048):
    """Numbers and classes that fit ``dense``."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, SIZE)).astype("float32")
    return x, random.integers(0, 10, rows).astype("int32")


def dense(width: int = 256, depth: int = 3, **compiled):
    """A dense classifier."""
    layers = [keras.layers.Dense(width, activation="relu") for _ in range(depth)]
    model = keras.Sequential([keras.Input((SIZE,)), *layers, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, **compiled)
    return model


def busy(seconds: float) -> None:
    """Python at work."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def healthy(batch_size: int = 512):
    """Kernels take the step."""
    x, y = data()
    return dense(1024, 3), tf.data.Dataset.from_tensor_slices((x, y)).batch(
        batch_size, drop_remainder=True
    ).prefetch(2)


def slow_generator():
    """Batches from Python that take longer than the step, mostly waiting (as a disk would)."""
    x, y = data(256)

    def batches():
        for start in range(0, 256, 32):
            time.sleep(0.004)
            yield x[start : start + 32], y[start : start + 32]

    return dense(), batches


def busy_generator():
    """Batches that Python computes: it holds the interpreter's lock meanwhile."""
    x, y = data(256)

    def batches():
        for start in range(0, 256, 32):
            busy(0.006)
            yield x[start : start + 32], y[start : start + 32]

    return dense(), batches


def slow_map():
    """A map that is slower than the step, one element at a time."""
    x, y = data(1024)

    def stretched(row, label):
        wide = tf.random.stateless_normal((600, SIZE), (1, 2)) * row[None]
        return tf.reduce_mean(tf.sort(wide, axis=0), axis=0), label

    dataset = tf.data.Dataset.from_tensor_slices((x, y)).map(stretched, num_parallel_calls=1)
    return dense(), dataset.batch(32, drop_remainder=True)


def tiny_batch():
    """Four examples a step."""
    x, y = data(1024)
    return dense(64, 4), tf.data.Dataset.from_tensor_slices((x, y)).batch(4, drop_remainder=True)


def eagerly():
    """``run_eagerly=True`` was forgotten."""
    return dense(64, 4, run_eagerly=True), data()


def doubles():
    """Everything in float64."""
    layers = [keras.layers.Dense(512, activation="relu", dtype="float64") for _ in range(3)]
    head = keras.layers.Dense(10, dtype="float64")
    model = keras.Sequential([keras.Input((SIZE,), dtype="float64"), *layers, head])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    return model, data()


def python_inside():
    """A layer calls back into Python."""

    class Clip(keras.layers.Layer):
        def call(self, x):
            clipped = tf.py_function(slow_clip, [x], tf.float32)
            clipped.set_shape(x.shape)
            return tf.stop_gradient(clipped) + 0.0 * x

    def slow_clip(x):
        busy(0.002)
        return tf.clip_by_value(x, -1.0, 1.0)

    layers = [keras.layers.Dense(128, activation="relu"), Clip(), keras.layers.Dense(10)]
    model = keras.Sequential([keras.Input((SIZE,)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    return model, data()


def large_table():
    """A table of which a step reads a few rows, and Adam updates all."""
    words = keras.layers.Embedding(60_000, 32)
    layers = [keras.Input((16,), dtype="int32"), words, keras.layers.GlobalAveragePooling1D()]
    model = keras.Sequential([*layers, keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss)
    random = np.random.default_rng(0)
    x = random.integers(0, 60_000, (1024, 16)).astype("int32")
    return model, (x, random.integers(0, 10, 1024).astype("int32"))
