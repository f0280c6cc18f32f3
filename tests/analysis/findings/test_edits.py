"""Each edit both ways: it changes what it should and nothing else, and declines what is not safe."""

from __future__ import annotations

import hashlib
import textwrap
from pathlib import Path
from typing import Any

import pytest
from recorded_programs import building, number, raw, tensor

from graphprof.analysis.findings import registry as rules
from graphprof.analysis.findings.base import Finding, Gain, Location
from graphprof.analysis.findings.edits import registry
from graphprof.analysis.findings.edits.base import Files, Subject
from graphprof.analysis.findings.evidence import Evidence
from graphprof.analysis.programs.recording import from_json
from graphprof.analysis.trials import patching
from graphprof.trials import SourceTrial

FILE = "train.py"


def edited(tmp_path: Path, cause: str, text: str, **facts: Any) -> str | None:
    """``text`` after the edit for ``cause`` at the line marked ``# <-``; None when it declines.

    In ``facts``, a place of the recording is written as the number of a marked line: ``"<-"`` for the
    first mark, ``"<2"`` for the line marked so.
    """
    text = textwrap.dedent(text).lstrip("\n")
    path = tmp_path / FILE
    path.write_text(text)
    lines = text.split("\n")

    def line(mark: str) -> int:
        return next(n for n, one in enumerate(lines, start=1) if f"# {mark}" in one)

    def placed(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("<"):
            return [str(path), line(value)]
        if isinstance(value, dict):
            return {key: placed(one) for key, one in value.items()}
        return [placed(one) for one in value] if isinstance(value, list) else value

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    recording = from_json(raw(files={str(path): digest}, **placed(facts)))
    where = Location(str(path), line("<-")) if "# <-" in text else None
    subject = Subject(finding(cause, where), Evidence(recording, None), Files(recording))
    trial = registry.make(subject)
    if trial is None:
        return None
    assert isinstance(trial, SourceTrial)
    assert path.read_text() == text
    return patching.patched(trial)


def finding(cause: str, where: Location | None) -> Finding:
    return Finding(cause, "major", "s", where, (), Gain(2, 1, 3), 0.9, "change", "r")


def built(*signatures: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        building(i, signature=one, defined_at="<def", called_from="<-")
        for i, one in enumerate(signatures)
    ]


FLOATS = built(*({"x": tensor(8, 4), "beta": number(i / 10)} for i in range(3)))
INTS = built(
    *(
        {"x": tensor(8, 4), "k": {"kind": "python", "type": "int", "value": str(i)}}
        for i in range(3)
    )
)
FLAGS = built(
    *(
        {"x": tensor(8, 4), "training": {"kind": "python", "type": "bool", "value": str(i)}}
        for i in (True, False)
    )
)
SHAPES = built(*({"x": tensor(n, 4), "y": tensor(n)} for n in (8, 7, 6)))
NESTED = built(
    *({"x": {"kind": "dict", "type": "dict", "items": {"a": tensor(n, 4)}}} for n in (8, 7))
)


def inside(kind: str, key: str) -> list[dict[str, Any]]:
    return built(
        *(
            {"x": tensor(8, 4), "k": {"kind": kind, "type": kind, "items": {key: number(i / 10)}}}
            for i in range(3)
        )
    )


FIT = {"method": "fit", "site": "<-", "model": 0, "steps": 100, "epochs_run": 1, "seconds": 5.0}
ONCE = {"method": "fit", "site": "<-", "model": 0, "steps": 1}
PREDICT = {"method": "predict", "site": "<-", "model": 0, "steps": 1}
COMPILED = {"site": "<2", "model": 0, "jit_compile": True}

# cause, facts, the text before, and what becomes of its lines (None: no edit).
CASES: dict[str, tuple[str, dict[str, Any], str, dict[str, str] | None]] = {
    "a float argument": (
        "retrace_python_scalar", {"buildings": FLOATS},
        """
        import tensorflow as tf
        @tf.function
        def step(x, beta):  # <def
            return x * beta
        for i in range(3):
            step(x, i / 10)  # <-
        """,
        {"step(x, i / 10)": "step(x, tf.constant(i / 10, tf.float32))"},
    ),
    "a float argument by name": (
        "retrace_python_scalar", {"buildings": FLOATS},
        """
        import tensorflow as tf
        @tf.function
        def step(x, beta):  # <def
            return x * beta
        step(x, beta=rate(1))  # <-
        """,
        {"beta=rate(1)": "beta=tf.constant(rate(1), tf.float32)"},
    ),
    "a float that the function prints": (
        "retrace_python_scalar", {"buildings": FLOATS},
        """
        import tensorflow as tf
        @tf.function
        def step(x, beta):  # <def
            print(f"{beta}")
            return x * beta
        step(x, 0.1)  # <-
        """,
        None,
    ),
    "a whole number in range()": (
        "retrace_python_scalar", {"buildings": INTS},
        """
        import tensorflow as tf
        @tf.function
        def step(x, k):  # <def
            for _ in range(k):
                x = x + 1.0
            return x
        step(x, i)  # <-
        """,
        {"step(x, i)": "step(x, tf.constant(i, tf.int32))"},
    ),
    "a whole number that is multiplied": (
        "retrace_python_scalar", {"buildings": INTS},
        """
        import tensorflow as tf
        @tf.function
        def step(x, k):  # <def
            return x * k
        step(x, i)  # <-
        """,
        None,
    ),
    "a flag": (
        "retrace_python_scalar", {"buildings": FLAGS},
        """
        import tensorflow as tf
        @tf.function
        def step(x, training):  # <def
            return x
        step(x, True)  # <-
        """,
        None,
    ),
    "a float in a dict": (
        "retrace_python_object", {"buildings": inside("dict", "lr")},
        """
        import tensorflow as tf
        @tf.function
        def step(x, k):  # <def
            return x
        step(x, {"lr": 0.1 / i, "scale": 2.0})  # <-
        """,
        {"0.1 / i": "tf.constant(0.1 / i, tf.float32)"},
    ),
    "a float in a named tuple": (
        "retrace_python_object", {"buildings": inside("list", "rate")},
        """
        import tensorflow as tf
        Pair = collections.namedtuple("Pair", "scale, rate")
        @tf.function
        def step(x, k):  # <def
            return x
        step(x, Pair(1.0, 0.1 / i))  # <-
        """,
        {"0.1 / i": "tf.constant(0.1 / i, tf.float32)"},
    ),
    "a float in an object made elsewhere": (
        "retrace_python_object", {"buildings": inside("list", "rate")},
        """
        import tensorflow as tf
        @tf.function
        def step(x, k):  # <def
            return x
        step(x, settings)  # <-
        """,
        None,
    ),
    "shapes of plain tensors": (
        "retrace_shape", {"buildings": SHAPES},
        """
        import tensorflow as tf
        @tf.function
        def step(x, y):  # <def
            return x
        step(x, y)  # <-
        """,
        {
            "@tf.function\n": "@tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32), "
            "tf.TensorSpec([None], tf.float32)])\n"
        },
    ),
    "shapes in a dict": (
        "retrace_shape", {"buildings": NESTED},
        """
        import tensorflow as tf
        @tf.function(autograph=False)
        def step(x):  # <def
            return x
        step({"a": x})  # <-
        """,
        {"(autograph=False)": "(autograph=False, reduce_retracing=True)"},
    ),
    "shapes of a function made by a call": (
        "retrace_shape", {"buildings": SHAPES},
        """
        import tensorflow as tf
        def step(x, y, more=None):  # <def
            return x
        fast = tf.function(step)
        fast(x, y)  # <-
        """,
        {"tf.function(step)": "tf.function(step, reduce_retracing=True)"},
    ),
    "shapes that XLA would compile for": (
        "retrace_shape", {"buildings": SHAPES},
        """
        import tensorflow as tf
        @tf.function(jit_compile=True)
        def step(x, y):  # <def
            return x
        step(x, y)  # <-
        """,
        None,
    ),
    "shapes that XLA compiles for": (
        "xla_recompile_shape", {"buildings": SHAPES},
        """
        import tensorflow as tf
        @tf.function(jit_compile=True)
        def step(x, y):  # <def
            return x
        step(x, y)  # <-
        """,
        {"jit_compile=True": "jit_compile=False, reduce_retracing=True"},
    ),
    "a function defined in a loop": (
        "function_recreated_in_loop", {},
        """
        import tensorflow as tf
        for i in range(9):

            @tf.function  # <-
            def step(x):
                loss = x * w
                return loss

            loss = step(x)
        """,
        {
            "for i in range(9):\n\n    @tf.function  # <-\n    def step(x):\n        loss = x * w\n"
            "        return loss\n": (
                "@tf.function  # <-\ndef step(x):\n    loss = x * w\n    return loss\n"
                "for i in range(9):\n\n"
            )
        },
    ),
    "a function that depends on its loop": (
        "function_recreated_in_loop", {},
        """
        import tensorflow as tf
        for i in range(9):
            @tf.function  # <-
            def step(x):
                return x * i
            step(x)
        """,
        None,
    ),
    "tf.function() called in a loop": (
        "function_recreated_in_loop", {},
        """
        import tensorflow as tf
        def loss(x):  # <-
            return x
        def main():
            for x in data:
                y = tf.function(loss)(x)
        """,
        {
            "    for x in data:\n        y = tf.function(loss)(x)": (
                "    loss_graph = tf.function(loss)\n    for x in data:\n        y = loss_graph(x)"
            )
        },
    ),
    "compile() in a loop": (
        "function_recreated_in_loop", {},
        """
        for i in range(9):
            model.compile("sgd", "mse")  # <-
            model.fit(x, y)
        """,
        {
            'for i in range(9):\n    model.compile("sgd", "mse")  # <-\n': (
                'model.compile("sgd", "mse")  # <-\nfor i in range(9):\n'
            )
        },
    ),
    "compile() after a change of trainable": (
        "function_recreated_in_loop", {},
        """
        for i in range(9):
            model.trainable = bool(i % 2)
            model.compile("sgd", "mse")  # <-
            model.fit(x, y)
        """,
        None,
    ),
    "compile() of a new model": (
        "function_recreated_in_loop", {},
        """
        for i in range(9):
            model = make(i)
            model.compile("sgd", "mse")  # <-
        """,
        None,
    ),
    "an iterator in each step": (
        "iterator_recreated_per_step", {},
        """
        for i in range(9):
            step(next(iter(data)))  # <-
        """,
        {
            "for i in range(9):\n    step(next(iter(data)))": (
                "batches = iter(data.repeat())\nfor i in range(9):\n    step(next(batches))"
            )
        },
    ),
    "an iterator of other data in each step": (
        "iterator_recreated_per_step", {},
        """
        for i in range(9):
            data = source.shuffle(i)
            step(next(iter(data)))  # <-
        """,
        None,
    ),
    "run_eagerly": (
        "run_eagerly_left_on", {},
        """
        model.compile("sgd",
                      loss="mse", run_eagerly=True)  # <-
        """,
        {', run_eagerly=True': ""},
    ),
    "run_eagerly first of many": (
        "run_eagerly_left_on", {},
        """
        model.compile(run_eagerly=True, loss="mse")  # <-
        """,
        {"run_eagerly=True, ": ""},
    ),
    "run_eagerly by a variable": (
        "run_eagerly_left_on", {},
        """
        model.compile("sgd", run_eagerly=DEBUG)  # <-
        """,
        {"run_eagerly=DEBUG": "run_eagerly=False"},
    ),
    "run_eagerly in **options": (
        "run_eagerly_left_on", {}, 'model.compile("sgd", **options)  # <-\n', None
    ),
    "run_functions_eagerly": (
        "run_eagerly_left_on", {},
        """
        import tensorflow as tf
        tf.config.run_functions_eagerly(True)  # <-
        x = 1
        """,
        {"tf.config.run_functions_eagerly(True)  # <-\n": ""},
    ),
    "run_functions_eagerly alone in a block": (
        "run_eagerly_left_on", {},
        """
        import tensorflow as tf
        if DEBUG:
            tf.config.run_functions_eagerly(True)  # <-
        """,
        {"tf.config.run_functions_eagerly(True)": "pass"},
    ),
    "a step in Python": (
        "dispatch_bound_eager_loop", {},
        """
        import tensorflow as tf
        def make():
            def step(x, y):  # <-
                with tf.GradientTape() as tape:
                    loss = model(x)
                return tape.gradient(loss, w)
            return step
        """,
        {"    def step": "    @tf.function\n    def step"},
    ),
    "a step that reads its loss": (
        "dispatch_bound_eager_loop", {},
        """
        import tensorflow as tf
        def step(x, y):  # <-
            loss = model(x)
            return float(loss)
        """,
        None,
    ),
    "a step that keeps its losses": (
        "dispatch_bound_eager_loop", {},
        """
        import tensorflow as tf
        def step(x, y):  # <-
            losses.append(model(x))
        """,
        None,
    ),
    "a step with random numbers of NumPy": (
        "dispatch_bound_eager_loop", {},
        """
        import tensorflow as tf
        def step(x):  # <-
            return x + np.random.rand()
        """,
        None,
    ),
    "an update in a loop": (
        "eager_optimizer_update", {},
        """
        import tensorflow as tf
        for i in range(9):
            loss, grads = gradients(x)
            optimizer.apply_gradients(zip(grads, model.trainable_variables))  # <-
        """,
        {
            "for i in": "update_weights = tf.function(lambda grads: optimizer.apply_gradients(zip(grads, "
            "model.trainable_variables)))\nfor i in",
            "    optimizer.apply_gradients(zip(grads, model.trainable_variables))": (
                "    update_weights(grads)"
            ),
        },
    ),
    "an update in a function": (
        "eager_optimizer_update", {},
        """
        import tensorflow as tf
        def train(x):
            loss, grads = gradients(x)
            optimizer.apply_gradients(zip(grads, weights))  # <-
            return loss
        """,
        {"def train": "@tf.function\ndef train"},
    ),
    "an update in a loop of a function that is called for each step": (
        "eager_optimizer_update", {},
        """
        import tensorflow as tf
        def fit():
            def update(grads):
                for name, part in parts.items():
                    optimizers[name].apply_gradients(zip(grads[name], part.weights))  # <-
            for x in data:
                update(gradients(x))
        """,
        {"    def update": "    @tf.function\n    def update"},
    ),
    "an update in a loop of such a function that needs Python": (
        "eager_optimizer_update", {},
        """
        import tensorflow as tf
        def update(grads):
            for name, part in parts.items():
                optimizers[name].apply_gradients(zip(grads[name], part.weights))  # <-
                print(name)
        for x in data:
            update(gradients(x))
        """,
        None,
    ),
    "an update whose result is used": (
        "eager_optimizer_update", {},
        """
        import tensorflow as tf
        for i in range(9):
            done = optimizer.apply_gradients(zip(grads, weights))  # <-
        """,
        None,
    ),
    "an unrolled layer": (
        "unrolled_loop_trace_time", {"unrolled": [{"site": "<-"}]},
        """
        layer = keras.layers.LSTM(8, unroll=True, return_sequences=True)  # <-
        """,
        {", unroll=True": ""},
    ),
    "an unrolled loop": (
        "unrolled_loop_trace_time", {},
        """
        import tensorflow as tf
        @tf.function
        def roll(x):
            for t in range(100):  # <-
                x = cell(x)
            return x
        """,
        {" range(100)": " tf.range(100)"},
    ),
    "an unrolled loop that grows a list": (
        "unrolled_loop_trace_time", {},
        """
        import tensorflow as tf
        @tf.function
        def roll(x):
            for t in range(100):  # <-
                out.append(cell(x))
        """,
        None,
    ),
    "map_fn": (
        "sequential_map_fn", {},
        """
        y = tf.map_fn(overlap, (a, b), fn_output_signature=tf.float32)  # <-
        """,
        {"tf.map_fn(overlap, (a, b), fn_output_signature=tf.float32)": (
            "tf.vectorized_map(overlap, (a, b))"
        )},
    ),
    "scan": ("sequential_map_fn", {}, "y = tf.scan(add, x)  # <-\n", None),
    "a loop of the graph": (
        "graph_loop_small_ops", {},
        """
        @tf.function
        def simulate(x):
            for _ in tf.range(3000):  # <-
                x = x + 1.0
        """,
        {"@tf.function": "@tf.function(jit_compile=True)"},
    ),
    "a loop of the graph without XLA by choice": (
        "graph_loop_small_ops", {},
        """
        @tf.function(jit_compile=False)
        def simulate(x):
            for _ in tf.range(3000):  # <-
                x = x + 1.0
        """,
        None,
    ),
    "jit_compile of a function": (
        "xla_compile_time", {},
        """
        @tf.function(jit_compile=True)  # <-
        def step(x):
            return x
        """,
        {"True": "False"},
    ),
    "jit_compile of a model": (
        "compile_dominates_short_run", {"compiles": [COMPILED]},
        """
        model.compile("adam", jit_compile=True)  # <2
        model.fit(x, y)  # <-
        """,
        {"True": "False"},
    ),
    "one prediction": (
        "compile_dominates_short_run", {"keras_calls": [PREDICT]},
        """
        score = model.predict(row, verbose=0)  # <-
        """,
        {"model.predict(row, verbose=0)": "model(row, training=False).numpy()"},
    ),
    "steps_per_execution": (
        "fit_per_step_overhead", {"keras_calls": [FIT], "compiles": [COMPILED]},
        """
        model.compile(optimizer="sgd",
                      loss="mse")  # <2
        model.fit(x, y)  # <-
        """,
        {'loss="mse")': 'loss="mse", steps_per_execution=32)'},
    ),
    "steps_per_execution in **options": (
        "fit_per_step_overhead", {"keras_calls": [FIT], "compiles": [COMPILED]},
        """
        model.compile("sgd", **options)  # <2
        model.fit(x, y)  # <-
        """,
        None,
    ),
    "epochs of one batch": (
        "fit_epoch_overhead", {"keras_calls": [{**FIT, "data": "numpy.ndarray", "rows": 24}]},
        """
        import keras
        model.fit(x, y, batch_size=24, epochs=EPOCHS, verbose=0)  # <-
        """,
        {
            "import keras\n": "import keras\nimport tensorflow as tf\n",
            "fit(x, y, batch_size=24, epochs=EPOCHS, verbose=0)": (
                "fit(tf.data.Dataset.from_tensors((x, y)).cache().repeat(EPOCHS), verbose=0)"
            ),
        },
    ),
    "epochs of several batches": (
        "fit_epoch_overhead", {"keras_calls": [{**FIT, "data": "numpy.ndarray", "rows": 64}]},
        """
        import tensorflow as tf
        model.fit(x, y, epochs=40)  # <-
        """,
        {
            "fit(x, y, epochs=40)": "fit(tf.data.Dataset.from_tensor_slices((x, y)).cache()"
            ".shuffle(64).batch(32).repeat(40))"
        },
    ),
    "epochs that callbacks wait for": (
        "fit_epoch_overhead", {"keras_calls": [{**FIT, "data": "numpy.ndarray", "rows": 24}]},
        """
        model.fit(x, y, epochs=40, callbacks=[stop])  # <-
        """,
        None,
    ),
    "validation": (
        "validation_every_epoch", {},
        """
        model.fit(x, y, validation_data=(a, b))  # <-
        """,
        {"(a, b))": "(a, b), validation_freq=5)"},
    ),
    "validation that callbacks wait for": (
        "validation_every_epoch", {},
        """
        model.fit(x, y, validation_data=(a, b), callbacks=[stop])  # <-
        """,
        None,
    ),
    "predict in a loop": (
        "predict_per_call_overhead", {"keras_calls": [PREDICT, {**PREDICT, "site": "<2"}]},
        """
        for row in rows:
            a = model.predict(row[None], verbose=0)[0]  # <-
            b = model.predict(x=row[None] + 1)  # <2
        """,
        {
            "model.predict(row[None], verbose=0)[0]": "model.predict_on_batch(row[None])[0]",
            "model.predict(x=row[None] + 1)": "model.predict_on_batch(row[None] + 1)",
        },
    ),
    "predict with callbacks": (
        "predict_per_call_overhead", {"keras_calls": [PREDICT]},
        """
        a = model.predict(row, callbacks=[log])  # <-
        """,
        None,
    ),
    "predict of several batches": (
        "predict_per_call_overhead", {"keras_calls": [{**PREDICT, "steps": 4}]},
        """
        a = model.predict(rows)  # <-
        """,
        None,
    ),
    "fit in a loop": (
        "fit_per_call_overhead", {"keras_calls": [ONCE]},
        """
        for x, y in data:
            model.fit(x, y, epochs=1, verbose=0)  # <-
        """,
        {"fit(x, y, epochs=1, verbose=0)": "train_on_batch(x, y)"},
    ),
    "fit whose history is used": (
        "fit_per_call_overhead", {"keras_calls": [ONCE]},
        """
        for x, y in data:
            history = model.fit(x, y, verbose=0)  # <-
        """,
        None,
    ),
    "a batch of eight": (
        "batch_too_small", {},
        """
        model.fit(x, y, batch_size=8)  # <-
        """,
        {"batch_size=8": "batch_size=128"},
    ),
    "a batch by a variable": (
        "batch_too_small", {},
        """
        model.fit(x, y, batch_size=size)  # <-
        """,
        None,
    ),
    "no prefetch": (
        "missing_prefetch",
        {"pipelines": [{"stages": [{"op": "BatchDatasetV2", "site": "<-"}]}]},
        """
        import tensorflow as tf
        data = data.map(read).batch(8)  # <-
        """,
        {".batch(8)": ".batch(8).prefetch(tf.data.AUTOTUNE)"},
    ),
    "prefetch there already": (
        "missing_prefetch",
        {"pipelines": [{"stages": [{"op": "PrefetchDataset", "site": "<-"}]}]},
        """
        import tensorflow as tf
        data = data.batch(8).prefetch(1)  # <-
        """,
        None,
    ),
    "a serial map": (
        "missing_parallel_map", {},
        """
        import tensorflow as tf
        data = data.map(read).batch(8)  # <-
        """,
        {".map(read)": ".map(read, num_parallel_calls=tf.data.AUTOTUNE)"},
    ),
    "a parallel map": (
        "missing_parallel_map", {},
        """
        import tensorflow as tf
        data = data.map(read, num_parallel_calls=4)  # <-
        """,
        None,
    ),
    "a map in many epochs": (
        "input_bound_map", {"keras_calls": [{**FIT, "epochs_run": 3}]},
        """
        import tensorflow as tf
        def read(x):
            return x
        data = data.map(read, num_parallel_calls=4).batch(8)  # <-
        """,
        {"=4).batch": "=4).cache().batch"},
    ),
    "a random map in many epochs": (
        "input_bound_map", {"keras_calls": [{**FIT, "epochs_run": 3}]},
        """
        import tensorflow as tf
        def read(x):
            return x + tf.random.normal(())
        data = data.map(read, num_parallel_calls=4).batch(8)  # <-
        """,
        None,
    ),
    "a map of rows": (
        "input_per_element_map", {},
        """
        import tensorflow as tf
        def read(x, y):
            return x, y
        data = data.shuffle(9).map(read).batch(64).prefetch(2)  # <-
        """,
        {".map(read).batch(64)": (
            ".batch(64).map(lambda *batch: tf.vectorized_map(lambda row: read(*row), batch))"
        )},
    ),
    "a map of rows that are not batched": (
        "input_per_element_map", {},
        """
        import tensorflow as tf
        def read(x, y):
            return x, y
        data = data.map(read).prefetch(2)  # <-
        """,
        None,
    ),
    "floatx": (
        "float64_compute", {},
        """
        keras.config.set_floatx("float64")  # <-
        """,
        {'"float64"': '"float32"'},
    ),
    "float64 of an array": ("float64_compute", {}, 'x = load().astype("float64")  # <-\n', None),
    "a list of arrays": (
        "host_conversion_per_step",
        {"conversions": [{"site": "<-", "type": "list of ndarray", "count": 60}]},
        """
        import numpy as np
        x = tf.convert_to_tensor([row[0] for row in batch])  # <-
        """,
        {"[row[0] for row in batch]": "np.stack([row[0] for row in batch])"},
    ),
    "a tensor read number by number": (
        "host_sync_per_step", {},
        """
        log.append([float(m) for m in means])  # <-
        """,
        {"[float(m) for m in means]": "means.numpy().tolist()"},
    ),
    "a number read in each step": (
        "host_sync_per_step", {}, "log.append(float(loss))  # <-\n", None
    ),
    "a list of numbers": (
        "host_conversion_per_step",
        {"conversions": [{"site": "<-", "type": "list of float", "count": 60}]},
        """
        import numpy as np
        x = tf.convert_to_tensor([row[0] for row in batch])  # <-
        """,
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_edit_changes_what_it_should_or_declines(name: str, tmp_path: Path) -> None:
    cause, facts, text, parts = CASES[name]
    after = edited(tmp_path, cause, text, **facts)
    if parts is None:
        assert after is None
        return
    expected = textwrap.dedent(text).lstrip("\n")
    for old, new in parts.items():
        assert expected.count(old) == 1, old
        expected = expected.replace(old, new)
    assert after == expected


def test_each_edit_is_tried_both_ways() -> None:
    made = {cause for cause, _, _, parts in CASES.values() if parts is not None}
    declined = {cause for cause, _, _, parts in CASES.values() if parts is None}
    several = {  # one edit, shown to decline under another of its causes
        "xla_recompile_shape", "xla_recompile_value", "float16_on_cpu", "xla_compile_time",
        "compile_dominates_short_run",
    }  # fmt: skip
    assert set(registry.EDITS) - made <= several
    assert set(registry.EDITS) - declined <= several


def test_each_cause_with_an_edit_is_one_that_a_rule_finds() -> None:
    assert set(registry.EDITS) <= {cause for rule in rules.RULES for cause in rule.causes}


def test_each_edit_is_documented() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "verify.md").read_text()
    assert [cause for cause in registry.EDITS if f"`{cause}`" not in text] == []


def test_a_file_that_has_changed_gets_no_diff_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text("model.compile(run_eagerly=True)\n")
    recording = from_json(raw(files={str(path): "0" * 64}))
    found = (finding("run_eagerly_left_on", Location(str(path), 1)),)
    (one,) = registry.attach(found, Evidence(recording, None), {})
    assert one.trial is None
    assert one.change == "change"
    assert "changed since" in one.details[-1]


def test_the_change_shows_the_lines_and_the_key_stays(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text("x = 1\nmodel.compile(run_eagerly=True)\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    evidence = Evidence(from_json(raw(files={str(path): digest})), None)
    found = (finding("run_eagerly_left_on", Location(str(path), 2)),)
    (one,) = registry.attach(found, evidence, {})
    assert one.change.split("\n")[1:] == [
        "-model.compile(run_eagerly=True)",
        "+model.compile()",
    ]
    assert one.key == registry.attach(found, evidence, {})[0].key
