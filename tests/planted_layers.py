"""A net in which any one layer can be made slow while it runs, forward and backward.

Which one is in a variable, so that each mode is built once and all layers are tried in turn: nested,
shared, called twice, subclassed, custom, distributed over time, and the cell of a recurrent loop. The slow
work is a loop of matrix products, or sleep in a ``tf.py_function``; its gradient is as slow.
"""

import tempfile
import time
from pathlib import Path

import keras
import tensorflow as tf

from graphprof.analysis.work import attribution, layers
from graphprof.capture.worker.labelling import Labelling
from graphprof.trace import labels as label_files
from graphprof.trace import xspace

STEPS = 2
SIZE = 192  # of the matrices whose product is the slow work
TIMES = 30
NAP_S = 0.03
NOBODY = -1

PLACES = {
    "net/first": "Functional model's layer",
    "net/tower/deep": "in a model in the model",
    "net/shared": "called twice",
    "net/block": "ops of a layer that holds layers",
    "net/block/inner": "in a subclassed layer",
    "net/each": "distributed over time",
    "net/loop": "cell of a recurrent loop",
    "net/last": "just before the loss",
}
"""Path of each layer that can be slow (or the nearest that a mode can tell) -> what it is."""


class Slowness:
    """Which layer is slow, and how."""

    def __init__(self, how):
        self.how = how
        self.where = tf.Variable(NOBODY, dtype=tf.int32, trainable=False)
        self.places = list(PLACES)

    def at(self, place):
        """What a layer calls on its result."""
        number = self.places.index(place)

        @tf.custom_gradient
        def slowly(values, on):
            def gradient(upstream):
                return self._work(upstream, on), None

            return self._work(values, on), gradient

        # Whether it is on is handed in: gradients of loops cannot read variables.
        return lambda values: slowly(values, tf.equal(self.where, number))

    def _work(self, values, on):
        if self.how == "sleep":
            return self._nap(values, on)
        start = tf.fill((SIZE, SIZE), 1e-3 * tf.reduce_mean(values))
        _, result = tf.while_loop(
            lambda count, _: count < tf.where(on, TIMES, 0),
            lambda count, matrix: (count + 1, tf.tanh(tf.matmul(matrix, matrix))),
            (0, start),
        )
        return values + 1e-9 * tf.reduce_mean(result)

    def _nap(self, values, on):
        def nap(flag):
            if flag:
                time.sleep(NAP_S)
            return flag

        done = tf.py_function(nap, [on], tf.bool)
        done.set_shape(())
        return values + 0 * tf.cast(done, values.dtype)


class Planted(keras.layers.Layer):
    """A dense layer that may be slow."""

    def __init__(self, units, slowness, place, **options):
        super().__init__(**options)
        self.units = units
        self.slowly = slowness.at(place)

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

    def call(self, inputs):
        return self.slowly(keras.ops.tanh(keras.ops.matmul(inputs, self.kernel)))

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)


class Block(keras.layers.Layer):
    """A layer that holds one and has ops of its own."""

    def __init__(self, slowness, **options):
        super().__init__(**options)
        self.inner = Planted(8, slowness, "net/block/inner", name="inner")
        self.slowly = slowness.at("net/block")

    def call(self, inputs):
        return self.slowly(inputs + self.inner(inputs))

    def compute_output_shape(self, shape):
        return shape


class Cell(keras.layers.Layer):
    """One step of a recurrence."""

    def __init__(self, slowness, **options):
        super().__init__(**options)
        self.state_size = 8
        self.slowly = slowness.at("net/loop")

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 8), name="kernel")

    def call(self, inputs, states):
        result = self.slowly(keras.ops.tanh(keras.ops.matmul(inputs, self.kernel) + states[0]))
        return result, [result]


def build(slowness):
    """The net, compiled."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3, 8))
    values = Planted(8, slowness, "net/first", name="first")(inputs)
    deep = Planted(8, slowness, "net/tower/deep", name="deep")
    values = keras.Sequential([keras.Input((3, 8)), deep], name="tower")(values)
    shared = Planted(8, slowness, "net/shared", name="shared")
    values = shared(shared(values))
    values = Block(slowness, name="block")(values)
    each = Planted(8, slowness, "net/each", name="step")
    values = keras.layers.TimeDistributed(each, name="each")(values)
    values = keras.layers.RNN(Cell(slowness, name="cell"), name="loop")(values)
    outputs = Planted(1, slowness, "net/last", name="last")(values)
    model = keras.Model(inputs, outputs, name="net")
    model.compile(optimizer=keras.optimizers.Adam(), loss=keras.losses.MeanSquaredError())
    return model


BATCH = 4


class Runner:
    """The net in one mode, built, ready to record steps."""

    def __init__(self, mode, how):
        self._slowness = Slowness(how)
        model = build(self._slowness)
        batch = tf.random.normal((BATCH, 3, 8)), tf.random.normal((BATCH, 1))
        self._labelling = Labelling(op_by_op=mode == "eager")
        self._step = _stepper(model, mode, batch)
        with self._labelling.first_call():
            self._step()
        self._step()

    def record(self, slow):
        """Record steps in which one layer (by its path; None for none) is slow; its layer table."""
        place = NOBODY if slow is None else self._slowness.places.index(slow)
        self._slowness.where.assign(place)
        self._step()
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            tf.profiler.experimental.start(scratch)
            for number in range(STEPS):
                with (
                    self._labelling.traced_call(),
                    tf.profiler.experimental.Trace("train", step_num=number, _r=1),
                ):
                    self._step()
            tf.profiler.experimental.stop()
            assert self._labelling.save(folder) == ()
            path = next(folder.rglob("*.xplane.pb"))
            known = label_files.load(folder / "plugins/graphprof/labels.json")
            trace = xspace.read(path, attribution.STATS)
            return layers.table(attribution.attribute(trace, known, xspace.hlo_modules(path)))


def _stepper(model, mode, batch):
    if mode == "fit":
        model.jit_compile = False
        model.make_train_function()
        iterator = iter(tf.data.Dataset.from_tensors(batch).repeat())
        return lambda: model.train_function(iterator)
    if mode == "eager":
        return lambda: model.train_step(batch)
    step = tf.function(model.train_step, jit_compile=mode == "xla")
    return lambda: step(batch)


def slowest(table, in_pass):
    """The layer with most op time in a pass, and how much of that pass's it is."""
    sums = {}
    for row in table.rows:
        if row.in_pass == in_pass:
            sums[row.owner] = sums.get(row.owner, 0.0) + row.op_s
    best = max(sums, key=sums.get)
    return best, sums[best] / sum(sums.values())


def right(found, place):
    """Whether a label is the place, or a part of it (the cell of a loop)."""
    return found == place or (found.startswith(f"{place}/") and found not in PLACES)
