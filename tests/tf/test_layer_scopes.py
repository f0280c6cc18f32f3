"""Labels against truth: the layer that was made slow shows as slow, in every mode, wherever it stands."""

import contextlib

import pytest

from graphprof.trace import labels as label_files

pytestmark = pytest.mark.tf

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from stepping import record_steps  # noqa: E402

from graphprof.analysis.work import attribution, layers  # noqa: E402
from graphprof.capture.instrument import naming, private, scopes  # noqa: E402
from graphprof.trace import xspace  # noqa: E402

STEPS = 3
PLACES = 3


def build():
    keras.utils.set_random_seed(0)
    parts = [keras.layers.Dense(8, name=f"layer_{place}") for place in range(PLACES)]
    return compiled(keras.Sequential([keras.Input((8,)), *parts], name="net"))


def compiled(model, **options):
    model.compile(
        optimizer=keras.optimizers.Adam(), loss=keras.losses.MeanSquaredError(), **options
    )
    return model


def record(folder, model, mode, batch):
    """Record a few steps as the worker does, and attribute them."""
    assert record_steps(folder, model, mode, batch, STEPS, compiled) == ()
    path = next(folder.rglob("*.xplane.pb"))
    known = label_files.load(folder / "plugins/graphprof/labels.json")
    trace = xspace.read(path, attribution.STATS)
    return layers.table(attribution.attribute(trace, known, xspace.hlo_modules(path)))


@pytest.mark.parametrize("mode", ["eager", "graph", "xla", "fit"])
def test_each_pass_has_its_owners(tmp_path, mode):
    batch = (tf.random.normal((16, 8)), tf.random.normal((16, 8)))
    table = record(tmp_path, build(), mode, batch)
    assert table.labelled > 0.95
    # XLA may fuse a loss this small into what comes after it.
    others = {"optimizer", "metrics"} if mode == "xla" else {"loss", "optimizer", "metrics"}
    assert {row.in_pass for row in table.rows} >= others | {"forward", "backward"}


class Block(keras.layers.Layer):
    """A custom layer that holds layers and calls one of them twice."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = keras.layers.Dense(6, name="inner")
        self.add = keras.layers.Add(name="add")

    def call(self, inputs):
        once = self.inner(inputs)
        return self.add([inputs, self.inner(once)])


class Subclassed(keras.Model):
    """A model by subclassing, with ops of its own and a model inside."""

    def __init__(self):
        super().__init__(name="net")
        self.block = Block(name="block")
        self.tower = keras.Sequential([keras.layers.Dense(6, name="deep")], name="tower")
        self.each = keras.layers.TimeDistributed(keras.layers.Dense(4, name="step"), name="each")
        self.lstm = keras.layers.LSTM(3, name="lstm")
        self.head = keras.layers.Dense(1, name="head")

    def call(self, inputs):
        values = self.block(inputs) + self.tower(inputs)
        return self.head(self.lstm(self.each(values)))


EXPECTED = {
    "net",
    "net/block",
    "net/block/inner",
    "net/block/add",
    "net/tower",
    "net/tower/deep",
    "net/each",  # TimeDistributed runs the inside of its layer without calling it
    "net/lstm",
    "net/lstm/lstm_cell",
    "net/head",
}


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_layers_of_every_kind_are_told_apart(tmp_path, mode):
    model = compiled(Subclassed())
    batch = (tf.random.normal((4, 5, 6)), tf.random.normal((4, 1)))
    model(batch[0])
    table = record(tmp_path, model, mode, batch)
    known = label_files.load(tmp_path / "plugins/graphprof/labels.json")
    assert {layer.path for layer in known.layers} == EXPECTED
    assert known.containers == {"net", "net/tower"}
    busy = {
        in_pass: {row.owner for row in table.rows if row.busy_s and row.in_pass == in_pass}
        for in_pass in ("forward", "backward")
    }
    trained = {
        "net/block/inner",
        "net/tower/deep",
        "net/each",
        "net/lstm/lstm_cell",
        "net/head",
    }
    assert trained <= busy["forward"]
    assert trained <= busy["backward"]
    assert busy["backward"] <= {*EXPECTED, ""}


def test_methods_are_put_back():
    methods = (keras.Layer.__call__, keras.Optimizer.apply, tf.GradientTape.gradient)
    with contextlib.suppress(ZeroDivisionError), scopes.layers(), naming.building():
        assert keras.Layer.__call__ is not methods[0]
        _ = 1 / 0
    assert (keras.Layer.__call__, keras.Optimizer.apply, tf.GradientTape.gradient) == methods


def test_scopes_change_no_result():
    def gradients():
        model = build()
        inputs = tf.reshape(tf.range(16.0), (2, 8))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(inputs) ** 2)
        return tape.gradient(loss, model.trainable_variables)

    plain = gradients()
    with scopes.layers() as seen:
        scoped = gradients()
    assert seen.lost == ()
    for one, other in zip(plain, scoped, strict=True):
        tf.debugging.assert_equal(one, other)


@pytest.mark.parametrize("point", private.SCOPE_POINTS, ids=lambda point: point.where)
def test_this_release_has_what_scopes_hang_on(point):
    point.resolve()
    assert private.tensor_id(tf.constant(1)) is not None


def test_without_it_the_backward_pass_is_said_to_be_lost(monkeypatch):
    gone = private.Point("tensorflow.python.eager.backprop:_gone", "something")
    monkeypatch.setattr(private, "GRADIENT_FUNCTION", gone)
    with scopes.layers() as seen:
        build()(tf.zeros((1, 8)))
    assert "without layers" in seen.lost[0]
    assert "net/layer_0" in seen.layers


def test_a_sum_of_gradients_in_a_graph_is_of_the_layer_that_receives_it():
    inputs = keras.Input((8,))
    shared = keras.layers.Dense(8, name="shared")(inputs)
    outputs = keras.layers.Add(name="sum")([shared, keras.layers.Dense(8, name="branch")(shared)])
    model = compiled(keras.Model(inputs, outputs, name="net"))
    with naming.building() as names:
        tf.function(model.train_step)((tf.zeros((4, 8)), tf.zeros((4, 8))))
    sums = {name: label for name, label in names.labels().ops.items() if name.startswith("AddN")}
    assert set(sums.values()) == {label_files.Label("net/shared", "backward")}


class Picky(keras.metrics.Metric):
    """A metric that only AutoGraph makes work in a graph."""

    def __init__(self):
        super().__init__(name="picky")
        self.total = self.add_weight(shape=(), initializer="zeros", name="total")

    def update_state(self, values):
        if tf.reduce_sum(values) > 0:
            self.total.assign_add(1.0)
        else:
            self.total.assign_add(2.0)

    def result(self):
        return self.total


def test_autograph_still_converts_the_users_methods():
    metric = Picky()

    @tf.function
    def step(values):
        metric.update_state(values)
        return metric.result()

    with naming.building() as names:
        assert float(step(tf.constant([-1.0]))) == 2.0
    assert label_files.Label("picky", "metrics") in names.labels().ops.values()
