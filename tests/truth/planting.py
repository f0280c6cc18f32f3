"""Record traces with known costs in them: ``python planting.py FOLDER PLAN.json``.

Run in a process of its own by ``test_breakdown_truth.py`` and by ``scripts/bench_truth``. Steps of
several cases alternate in each trace: plain ones, and ones in which a cost is planted:

=============== ==========================================================================
``python``      a busy loop in the step
``input``       the generator sleeps; its data are not prefetched
``py_function`` a busy loop in a ``tf.py_function`` of the model (XLA cannot compile one)
``matmul``      the model multiplies matrices, inside what the mode compiles
``sync``        a tensor is read back with ``.numpy()``, again and again
``retrace``     the ``tf.function`` of the step is built anew
``shape``       XLA compiles for another batch size, without a retrace
``value``       XLA compiles for another value that it needs as a constant
=============== ==========================================================================

What a step is planted with is measured inside, while the step runs (``spent``); where the cost is
within what runs as a whole, the step's own wall time tells (``wall``). ``truth.json`` holds by
recording the case of each step, and by step what was spent and the wall time.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

profiler = tf.profiler.experimental
BATCH = 8
WARM_UP = 12
FEATURES = 16
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# Seconds that are asked for, and repetitions; a plan may change them.
AMOUNTS = {
    "python": 2e-3,
    "input": 5e-3,
    "py_function": 2e-3,
    "matmul": 1,  # one large one: in eager mode each adds a dispatch, which is no kernel
    "sync": 10,
    "prefetched": 8e-3,
}


def busy(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


class Recording:
    """Marks the steps of one trace and keeps what was spent in each.

    Args:
        folder: where the trace goes.
        order: the case of each recorded step.
        amounts: how much is planted, by case.
        warm_up: calls before the recording.
        steps: steps in a call.
    """

    def __init__(self, folder, order, amounts, warm_up=WARM_UP, steps=None):
        self.folder, self.order, self.amounts, self.first = folder, order, amounts, warm_up
        self.more = {} if steps is None else {"steps": steps}
        self.step = -1
        self.spent, self.wall = {}, {}
        self.mark, self.began = None, 0.0
        self.flag = tf.Variable(0.0, trainable=False)
        self.dense = tf.Variable(np.eye(768, dtype="float32") * 0.99, trainable=False)
        self.read = tf.constant(np.ones((256, 1024), "float32"))

    @property
    def case(self):
        """That of the step which runs; every case occurs in the warm-up, too."""
        at = self.step - self.first
        return self.order[at % len(self.order)]

    def tick(self):
        """A call has ended and the next one begins; False at the end."""
        if self.mark is not None:
            self.wall[self.step] = time.perf_counter() - self.began
            self.mark.__exit__(None, None, None)
        self.step += 1
        if self.step == self.first:
            profiler.start(str(self.folder))
        if self.step == self.first + len(self.order):
            profiler.stop()
            return False
        if self.step >= self.first:
            self.mark = profiler.Trace("train", step_num=self.step, _r=1, **self.more)
            self.mark.__enter__()
        self.began = time.perf_counter()
        return True

    @contextlib.contextmanager
    def spending(self):
        step, begin = self.step, time.perf_counter()
        yield
        self.spent[step] = self.spent.get(step, 0.0) + time.perf_counter() - begin

    def before(self):
        """What the step does first in every case, so that the cases differ by what is planted."""
        self.flag.assign(1.0 if self.case == "matmul" else 0.0)

    def after(self):
        if self.case == "python":
            with self.spending():
                busy(self.amounts["python"])
        if self.case == "sync":
            with self.spending():
                for _ in range(self.amounts["sync"]):
                    self.read.numpy()

    def generator(self):
        while True:
            if self.case == "input":
                with self.spending():
                    time.sleep(self.amounts["input"])
            size = BATCH + 1 + self.step if self.case == "shape" else BATCH
            yield np.ones((size, FEATURES), "float32"), np.zeros(size, "int64")

    def in_graph(self, x):
        if self.case == "py_function":
            with self.spending():
                busy(self.amounts["py_function"])
        return x

    def data(self):
        shapes = (tf.TensorSpec((self.size, FEATURES)), tf.TensorSpec((self.size,), tf.int64))
        return unchanged(tf.data.Dataset.from_generator(self.generator, output_signature=shapes))

    @property
    def size(self):
        """Examples in a batch, None where that changes."""
        return None if "shape" in self.order else BATCH

    def truth(self):
        return {
            "order": {self.first + at: case for at, case in enumerate(self.order)},
            "spent": self.spent,
            "wall": self.wall,
        }


def unchanged(data):
    """Keep tf.data from adding a prefetch, which would hide the generator."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.inject_prefetch = False
    return data.with_options(options)


class FromGraph(keras.layers.Layer):
    """Calls back into Python, where the graph allows it, before anything else can run."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def call(self, x):
        (out,) = tf.py_function(lambda x: [self.body(x)], [x], [tf.float32])
        return tf.ensure_shape(out, x.shape)


class Heavy(keras.layers.Layer):
    """Multiplies matrices when the recording says so."""

    def __init__(self, recording):
        super().__init__()
        self.planted = [recording]  # in a list: its variables are no weights of this layer

    def call(self, x):
        (planted,) = self.planted

        def multiplied():
            # Op by op, the clock can stand around the kernel alone: what else this branch does is
            # Python and dispatch there.
            alone = planted.spending() if tf.executing_eagerly() else contextlib.nullcontext()
            # Not before the batch: it must not begin while the step still waits for it.
            with tf.control_dependencies([x]):
                dense = tf.convert_to_tensor(planted.dense)
            product = dense
            with alone:
                for _ in range(planted.amounts["matmul"]):
                    product = tf.matmul(product, dense)
            return tf.reduce_sum(product)

        added = tf.cond(planted.flag > 0, multiplied, lambda: tf.constant(0.0))
        return x + 1e-30 * tf.stop_gradient(added)


def model(recording):
    front = []
    if "py_function" in recording.order or recording.more:
        front.append(FromGraph(recording.in_graph))
    if "matmul" in recording.order:
        front.append(Heavy(recording))
    return keras.Sequential(
        [
            keras.Input((FEATURES,), batch_size=recording.size),
            *front,
            keras.layers.Dense(32),
            keras.layers.Dense(4),
        ]
    )


def step_function(recording, mode):
    net = model(recording)
    optimizer = keras.optimizers.SGD(0.01)
    optimizer.build(net.trainable_variables)

    def step(x, y, build):  # another `build`, a number of Python's, is a retrace
        with tf.GradientTape() as tape:
            loss = LOSS(y, net(x, training=True))
        optimizer.apply_gradients(
            zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables, strict=True)
        )
        return loss

    if mode == "eager":
        return step
    if recording.size is None:  # one graph for all batch sizes: XLA compiles for each
        kinds = [tf.TensorSpec((None, FEATURES)), tf.TensorSpec((None,), tf.int64)]
        return tf.function(
            lambda x, y: step(x, y, 0), jit_compile=mode == "xla", input_signature=kinds
        )
    return tf.function(step, jit_compile=mode == "xla")


@tf.function(jit_compile=True)
def by_value(number):
    return tf.reduce_sum(tf.fill([number], 1.0))


class Drive(keras.callbacks.Callback):
    """Marks fit's steps; what is spent in Python is spent in here, inside the step."""

    def __init__(self, recording):
        super().__init__()
        self.recording = recording

    def on_train_begin(self, logs=None):
        self.recording.tick()
        self.recording.before()

    def on_train_batch_end(self, batch, logs=None):
        self.recording.after()
        if not self.recording.tick():
            self.model.stop_training = True
            return
        self.recording.before()
        if self.recording.case == "retrace":
            self.model.make_train_function(force=True)


def run(recording, mode, data=None):
    """Run one recording in one mode until it has its steps; returns the truth."""
    data = recording.data() if data is None else data
    if mode.startswith("fit"):
        per_call = recording.more.get("steps", 1)
        net = model(recording)
        net.compile("sgd", LOSS, jit_compile="xla" in mode, steps_per_execution=per_call)
        steps = (recording.first + len(recording.order) + 1) * per_call
        net.fit(data, steps_per_epoch=steps, verbose=0, callbacks=[Drive(recording)])
        return recording.truth()
    step, batches = step_function(recording, mode), iter(data)
    going = recording.tick()
    while going:
        recording.before()
        x, y = next(batches)
        if recording.size is None:
            step(x, y).numpy()
        else:
            step(x, y, recording.step if recording.case == "retrace" else -1).numpy()
        if "value" in recording.order:
            by_value(tf.constant(10 + recording.step if recording.case == "value" else 1)).numpy()
        recording.after()
        going = recording.tick()
    return recording.truth()


def shuffled(cases, rounds):
    """Every case once a round, in another order each time: what follows what must not matter."""
    chance = random.Random(0)
    return [case for _ in range(rounds) for case in chance.sample(cases, len(cases))]


def alternating(folder, mode, rounds, amounts):
    cases = ["plain", "plain", "python", "input", "matmul", "sync"]
    cases += [] if "xla" in mode else ["py_function"]
    return run(Recording(folder, shuffled(cases, rounds), amounts), mode)


def building(folder, mode, rounds, amounts):
    order = ["plain", "plain", "plain", "retrace", "plain"] * rounds
    return run(Recording(folder, order, amounts), mode)


def compiling(folder, mode, rounds, amounts):
    cases = ["plain", "plain", "shape", "plain", *([] if "fit" in mode else ["value", "plain"])]
    return run(Recording(folder, cases * rounds, amounts), mode)


def prefetching(folder, mode, rounds, amounts):
    """Every batch is slow to make, and every step is slower."""
    recording = Recording(folder, ["input"] * rounds, {**amounts, "input": amounts["prefetched"]})
    recording.after = lambda: time.sleep(2.5 * amounts["prefetched"])
    return run(recording, mode, recording.data().prefetch(2))


def several_steps(folder, mode, rounds, amounts):
    """Every fourth step calls back into Python: the third of each call.

    After some 90 runs TensorFlow no longer records nodes that have proved cheap: the loop's own.
    """
    recording = Recording(folder, ["plain"] * rounds, amounts, warm_up=40, steps=4)
    runs = []

    def in_graph(x):
        runs.append(None)
        if len(runs) % 4 == 3:
            time.sleep(0.006 if recording.mark else 0)
        return x

    recording.in_graph = in_graph
    return run(recording, mode)


def first_call(folder, mode, rounds, amounts):
    """The first calls, from nothing."""
    recording = Recording(folder, ["plain"] * rounds, amounts, warm_up=0)
    x, y = np.ones((BATCH, FEATURES), "float32"), np.zeros(BATCH, "int64")
    data = tf.data.Dataset.from_tensors((x, y)).repeat()
    if mode.startswith("fit"):
        return run(recording, mode, data)
    step, batches, spent = step_function(recording, mode), iter(data), {"build": {}, "call": {}}
    going = recording.tick()
    while going:
        x, y = next(batches)
        number, begin = recording.step, time.perf_counter()
        if number == 0:
            step.get_concrete_function(x, y, -1)
        built = time.perf_counter()
        step(x, y, -1).numpy()
        spent["build"][number], spent["call"][number] = built - begin, time.perf_counter() - built
        going = recording.tick()
    return {**recording.truth(), "spent": spent}


PLANS = {
    plan.__name__: plan
    for plan in (alternating, building, compiling, prefetching, several_steps, first_call)
}


def main(folder, plan):
    """Record ``plan``: [name of a plan, mode, rounds] each, and ``amounts`` for all of them."""
    amounts = {**AMOUNTS, **plan.get("amounts", {})}
    truth = {}
    for name, mode, rounds in plan["recordings"]:
        keras.utils.set_random_seed(0)
        truth[f"{name}-{mode}"] = PLANS[name](folder / f"{name}-{mode}", mode, rounds, amounts)
    (folder / "truth.json").write_text(json.dumps(truth))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))
