"""Record traces with known costs in them: ``python breakdown_recording.py FOLDER``.

Run by ``test_breakdown_truth.py`` in a process of its own. Steps of five cases alternate in each
trace: plain ones, and ones that spend a known time in Python, in the generator, in a
``tf.py_function`` or in an op. The time is measured inside what spends it, while the step runs;
``truth.json`` holds it by recording, case and step.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

profiler = tf.profiler.experimental
BATCH = 8
X = np.random.default_rng(0).normal(size=(BATCH, 16)).astype("float32")
Y = np.zeros(BATCH, "int64")
HEAVY = tf.constant(np.eye(512, dtype="float32"))
WARM_UP = 6
ROUNDS = 8


class Recording:
    """Marks the steps of one trace and keeps what was spent in each."""

    def __init__(self, folder, cases, calls, first=0, **more):
        self.folder, self.cases, self.calls, self.first, self.more = (
            folder,
            cases,
            calls,
            first,
            more,
        )
        self.step = -1
        self.spent = {case: {} for case in cases}
        self.mark = None

    @property
    def case(self):
        return self.cases[self.step % len(self.cases)]

    def tick(self):
        """A call has ended and the next one begins; False at the end."""
        if self.mark is not None:
            self.mark.__exit__(None, None, None)
        self.step += 1
        if self.step == self.first:
            profiler.start(str(self.folder))
        if self.step == self.first + self.calls:
            profiler.stop()
            return False
        if self.step >= self.first:
            self.mark = profiler.Trace("train", step_num=self.step, _r=1, **self.more)
            self.mark.__enter__()
        return True

    @contextlib.contextmanager
    def spending(self, case):
        step, begin = self.step, time.perf_counter()
        yield
        spent = self.spent[case]
        spent[step] = spent.get(step, 0.0) + time.perf_counter() - begin

    def python(self):
        if self.case == "python":
            with self.spending("python"):
                end = time.perf_counter() + 0.006
                while time.perf_counter() < end:
                    pass

    def op(self):
        if self.case == "op":
            with self.spending("op"):
                heavy().numpy()

    def generator(self):
        while True:
            if self.case == "input":
                with self.spending("input"):
                    time.sleep(0.008)
            yield X, Y

    def in_graph(self, x):
        if self.case == "py_function":
            with self.spending("py_function"):
                time.sleep(0.006)
        return x

    def data(self):
        shapes = (tf.TensorSpec((BATCH, 16)), tf.TensorSpec((BATCH,), tf.int64))
        made = tf.data.Dataset.from_generator(self.generator, output_signature=shapes)
        return unchanged(made)


def unchanged(data):
    """Keep tf.data from adding a prefetch, which would hide the generator."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.inject_prefetch = False
    return data.with_options(options)


@tf.function
def heavy():
    product = HEAVY
    for _ in range(8):
        product = tf.matmul(product, HEAVY)
    return tf.reduce_sum(product)


class FromGraph(keras.layers.Layer):
    """Calls back into Python, where the graph allows it, before anything else can run."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def call(self, x):
        (out,) = tf.py_function(lambda x: [self.body(x)], [x], [tf.float32])
        return tf.ensure_shape(out, x.shape)


def model(body=None):
    front = [FromGraph(body)] if body else []
    return keras.Sequential(
        [
            keras.Input((16,), batch_size=BATCH),
            *front,
            keras.layers.Dense(32),
            keras.layers.Dense(4),
        ]
    )


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def step_function(mode, net):
    optimizer = keras.optimizers.SGD(0.01)
    optimizer.build(net.trainable_variables)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = LOSS(y, net(x, training=True))
        optimizer.apply_gradients(
            zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables, strict=True)
        )
        return loss

    return step if mode == "eager" else tf.function(step, jit_compile=mode == "xla")


class Drive(keras.callbacks.Callback):
    """Marks fit's steps; what is spent in Python and ops is spent in here, inside the step."""

    def __init__(self, recording):
        super().__init__()
        self.recording = recording

    def on_train_begin(self, logs=None):
        self.recording.tick()

    def on_train_batch_end(self, batch, logs=None):
        self.recording.python()
        self.recording.op()
        if not self.recording.tick():
            self.model.stop_training = True


def run(recording, mode, data=None):
    """Run one recording in one mode until it has its steps."""
    body = None if "xla" in mode else recording.in_graph
    net, data = model(body), recording.data() if data is None else data
    if not mode.startswith("fit"):
        step, batches = step_function(mode, net), iter(data)
        going = recording.tick()
        while going:
            x, y = next(batches)
            recording.python()
            step(x, y).numpy()
            recording.op()
            going = recording.tick()
        return
    per_call = recording.more.get("steps", 1)
    net.compile("sgd", LOSS, jit_compile="xla" in mode, steps_per_execution=per_call)
    steps = (recording.first + recording.calls + 1) * per_call
    net.fit(data, steps_per_epoch=steps, verbose=0, callbacks=[Drive(recording)])


def alternating(folder, mode):
    cases = ["plain", "python", "input", "op", *([] if "xla" in mode else ["py_function"])]
    recording = Recording(folder, cases, ROUNDS * len(cases), WARM_UP)
    run(recording, mode)
    return recording.spent


def prefetching(folder, mode):
    """Every batch is slow to make, and every step is slower."""
    recording = Recording(folder, ["input"], 12, WARM_UP)
    recording.python = lambda: time.sleep(0.02)
    run(recording, mode, recording.data().prefetch(2))
    return recording.spent


def several_steps(folder, mode):
    """Every fourth step calls back into Python: the third of each call.

    After some 90 runs TensorFlow no longer records nodes that have proved cheap: the loop's own.
    """
    recording = Recording(folder, ["plain"], 8, 40, steps=4)
    runs = []

    def in_graph(x):
        runs.append(None)
        if len(runs) % 4 == 3:
            time.sleep(0.006 if recording.mark else 0)
        return x

    recording.in_graph = in_graph
    run(recording, mode)
    return {}


def first_call(folder, mode):
    recording = Recording(folder, ["plain"], 3)
    data = tf.data.Dataset.from_tensors((X, Y)).repeat()
    if mode == "fit-xla":
        run(recording, mode, data)
        return {}
    net = model()
    step, batches, spent = step_function(mode, net), iter(data), {"build": {}, "call": {}}
    going = recording.tick()
    while going:
        x, y = next(batches)
        number, begin = recording.step, time.perf_counter()
        if number == 0:
            step.get_concrete_function(x, y)
        built = time.perf_counter()
        step(x, y).numpy()
        spent["build"][number], spent["call"][number] = built - begin, time.perf_counter() - built
        going = recording.tick()
    return spent


PLAN = (
    *((alternating, mode) for mode in ("eager", "graph", "xla", "fit", "fit-xla")),
    *((prefetching, mode) for mode in ("graph", "fit")),
    (several_steps, "fit"),
    *((first_call, mode) for mode in ("graph", "xla", "fit-xla")),
)


def main(folder):
    heavy()
    truth = {}
    for record, mode in PLAN:
        name = f"{record.__name__}-{mode}"
        keras.utils.set_random_seed(0)
        truth[name] = record(folder / name, mode)
    (folder / "truth.json").write_text(json.dumps(truth))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
