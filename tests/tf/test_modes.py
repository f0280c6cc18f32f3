"""Modes: the same work in each of them, as many steps as are asked for, and clear refusals."""

import sys
import textwrap

import numpy as np
import pytest

from graphprof.capture.modes import fit, registry
from graphprof.capture.spec import WorkloadSpec
from graphprof.errors import WorkloadError
from graphprof.session import PHASES

pytestmark = pytest.mark.tf

NAMES = ("eager", "graph", "xla", "fit", "fit-eager", "fit-xla", "fit-spe=2")
STEPS = 4

HEAD = """
import keras, numpy as np, tensorflow as tf
from keras import layers
random = np.random.default_rng(0)
X = random.standard_normal((12, 4)).astype("float32")
Y = random.standard_normal((12, 3)).astype("float32")
W = np.arange(12.0)
def data(*parts):
    return tf.data.Dataset.from_tensor_slices(parts).batch(3)
"""

PLAIN = """
def build():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3)])
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse", metrics=["mae"])
    return model, data(X, Y)
"""

WEIGHTED = """
def build():
    a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
    both = layers.Concatenate()([a, b])
    p = layers.Dense(3, name="p", kernel_regularizer="l2")(both)
    model = keras.Model({"a": a, "b": b}, {"p": p, "q": layers.Dense(1, name="q")(both)})
    model.compile(optimizer="sgd", loss={"p": "mse", "q": "mae"}, loss_weights={"p": 0.5, "q": 2.0},
                  metrics={"p": ["mae"]}, weighted_metrics={"q": ["mse"]})
    return model, data({"a": X, "b": X[:, :2]}, {"p": Y, "q": Y[:, :1]}, {"p": W, "q": W})
"""

SUBCLASS = """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)
    def call(self, x):
        self.add_loss(0.1 * keras.ops.mean(x ** 2))
        return self.dense(x)
def build():
    model = Net()
    model.compile(optimizer="sgd", loss=keras.losses.Huber())
    return model, data(X, Y)
"""

OWN_STEPS = """
class Pair(keras.Model):
    def __init__(self):
        super().__init__()
        self.one, self.two = layers.Dense(3), layers.Dense(3)
        self.steps = tf.Variable(0, trainable=False, name="steps")
    def compile(self, second, **kwargs):
        super().compile(**kwargs)
        self.second = second
    def build(self, shape):
        self.one.build(shape), self.two.build(shape)
    def loss_of(self, batch):
        x, y = batch
        return tf.reduce_mean((self.one(x) * self.two(x) - y) ** 2)
    def train_step(self, batch):
        for optimizer, layer in ((self.optimizer, self.one), (self.second, self.two)):
            with tf.GradientTape() as tape:
                loss = self.loss_of(batch)
            grads = tape.gradient(loss, layer.trainable_variables)
            optimizer.apply_gradients(zip(grads, layer.trainable_variables))
        self.steps.assign_add(1)
        return {"loss": loss}
    def test_step(self, batch):
        self.steps.assign_add(1)
        return {"loss": self.loss_of(batch)}
    def predict_step(self, batch):
        self.steps.assign_add(1)
        return self.one(batch[0])
def build():
    model = Pair()
    model.build((None, 4))
    model.compile(keras.optimizers.SGD(0.1), optimizer=keras.optimizers.SGD(0.1))
    return model, data(X, Y)
"""

STEP = """
def build():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build(model.trainable_variables)
    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - y) ** 2)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        return {"loss": loss}
    return step, data(X, Y)
"""


class FakePacer:
    """Lets ``calls`` calls pass and keeps what they returned."""

    def __init__(self, calls):
        self.calls = calls
        self.starts = 0
        self.outputs = []
        self.open = False

    def start(self):
        assert not self.open, "a call begins while another runs"
        self.starts += 1
        self.open = True

    def tick(self, outputs=None, *, anew=False, inputs=None):
        import keras

        assert self.open, "a call ends that never began"
        self.outputs.append(keras.tree.map_structure(np.asarray, outputs))
        self.open = not anew
        return len(self.outputs) < self.calls


@pytest.fixture(autouse=True)
def _clean_process(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [name for name in sys.modules if name.startswith("graphprof_target_")]:
        del sys.modules[name]


@pytest.fixture
def load(tmp_path):
    """Loads the workload that a program builds."""
    from graphprof.capture.workloads.workload import load as load_workload

    def load_program(text, phase="train", **spec):
        path = tmp_path / "models.py"
        path.write_text(HEAD + textwrap.dedent(text))
        for name in [name for name in sys.modules if name.startswith("graphprof_target_")]:
            del sys.modules[name]
        return load_workload(WorkloadSpec(f"{path}:build", phase, **spec))

    return load_program


def run(workload, name, calls=STEPS):
    mode = registry.resolve(name, workload.phase)
    assert mode.why_unavailable(workload) is None
    loop = mode.prepare(workload)
    pacer = FakePacer(calls)
    loop.run(pacer)
    assert len(pacer.outputs) == calls
    return pacer, loop


def numbers(outputs):
    """The loss of a step, or the mean of what it returned."""
    import keras

    if isinstance(outputs, dict) and "loss" in outputs:
        return float(outputs["loss"])
    return float(np.mean([np.mean(leaf) for leaf in keras.tree.flatten(outputs)]))


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "program", [PLAIN, WEIGHTED, SUBCLASS], ids=["plain", "weighted", "subclass"]
)
def test_every_mode_does_the_same_work(load, program, phase):
    """N calls are N steps: same losses, same updates, same weights afterwards."""
    found = {}
    for name in NAMES:
        workload = load(program, phase, seed=5)
        pacer, loop = run(workload, name, calls=STEPS // 2 if "spe" in name else STEPS)
        assert loop.steps_per_call == (2 if "spe" in name else 1)
        if phase == "train":
            assert int(workload.optimizer.iterations) == STEPS, name
        weights = np.concatenate([w.ravel() for w in workload.model.get_weights()])
        found[name] = ([numbers(out) for out in pacer.outputs], weights)
    losses, weights = found["eager"]
    for name, (these, those) in found.items():
        # Two steps a call: Keras returns the loss after the second, or the outputs of both.
        per_call = losses[1::2] if phase != "predict" else np.reshape(losses, (-1, 2)).mean(1)
        wanted = per_call if "spe" in name else losses
        np.testing.assert_allclose(these, wanted, rtol=1e-4, err_msg=name)
        np.testing.assert_allclose(those, weights, rtol=1e-3, atol=1e-5, err_msg=name)
    assert len(set(np.round(losses, 6))) > 1, "the batches differ, so must the losses"


@pytest.mark.parametrize("phase", PHASES)
def test_the_models_own_steps_are_honoured(load, phase):
    results = {}
    for name in NAMES:
        workload = load(OWN_STEPS, phase)
        before = int(workload.model.steps.numpy())
        pacer, _ = run(workload, name, calls=2)
        steps = 4 if "spe" in name else 2
        assert int(workload.model.steps.numpy()) - before == steps, name
        if phase == "train":
            assert int(workload.model.second.iterations) == steps, name
        results[name] = numbers(pacer.outputs[0])
    alike = [value for name, value in results.items() if "spe" not in name]
    np.testing.assert_allclose(alike, alike[0], rtol=1e-4)


def test_a_step_function_runs_in_the_custom_modes_and_has_no_keras_loop(load):
    losses = {}
    for name in ("eager", "graph", "xla"):
        workload = load(STEP, batch_size=3)
        pacer, loop = run(workload, name)
        losses[name] = [numbers(out) for out in pacer.outputs]
        assert int(workload.optimizer.iterations) == STEPS
        assert loop.resolved["jit_compile"] is (name == "xla")
    np.testing.assert_allclose(losses["graph"], losses["eager"], rtol=1e-4)
    np.testing.assert_allclose(losses["xla"], losses["eager"], rtol=1e-4)
    reason = registry.resolve("fit", "train").why_unavailable(workload)
    assert reason == "A step function has no Keras loop fit()."


def test_a_step_without_data_is_called_without_arguments(load):
    program = """
        count = tf.Variable(0)
        def build():
            def step():
                return count.assign_add(1)
            return step
    """
    for name in ("eager", "graph"):
        pacer, _ = run(load(program), name, calls=3)
        assert [int(out) for out in pacer.outputs] == [1, 2, 3]


def test_eager_runs_functions_op_by_op_and_puts_that_back(load):
    import tensorflow as tf

    program = """
        EAGER = []
        class Inner(layers.Layer):
            @tf.function
            def call(self, x):
                EAGER.append(tf.executing_eagerly())
                return x
        def build():
            return keras.Sequential([keras.Input((4,)), Inner(), layers.Dense(3)]), data(X, Y)
    """
    for name, eagerly in (("eager", True), ("graph", False), ("fit-eager", False)):
        workload = load(program)
        seen = sys.modules["graphprof_target_models"].EAGER
        seen.clear()
        run(workload, name, calls=2)
        assert set(seen) <= {eagerly}
        assert not tf.config.functions_run_eagerly()


class Dismissed(BaseException):
    """As the worker's pacer raises it when nobody waits for it any more."""


@pytest.mark.parametrize("name", ["eager", "graph", "fit"])
def test_what_the_pacer_raises_passes_through_the_loop(load, monkeypatch, name):
    import tensorflow as tf

    def dismiss(self, outputs=None, **more):
        raise Dismissed

    monkeypatch.setattr(FakePacer, "tick", dismiss)
    with pytest.raises(Dismissed):
        run(load(PLAIN), name)
    assert not tf.config.functions_run_eagerly()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("eager", {"loop": "custom", "tf_function": False, "jit_compile": False}),
        ("graph", {"loop": "custom", "tf_function": True, "jit_compile": False}),
        ("xla", {"loop": "custom", "tf_function": True, "jit_compile": True}),
        ("fit", {"loop": "fit", "tf_function": True, "run_eagerly": False}),
        ("fit-eager", {"loop": "fit", "run_eagerly": True, "jit_compile": False}),
        ("fit-xla", {"loop": "fit", "run_eagerly": False, "jit_compile": True}),
        ("fit-spe=3", {"loop": "fit", "steps_per_execution": 3}),
    ],
)
def test_the_resolved_mode_is_recorded_whatever_the_user_compiled(load, name, wanted):
    import tensorflow as tf

    program = PLAIN.replace("metrics=", "jit_compile=True, steps_per_execution=5, metrics=")
    workload = load(program)
    assert any("gives way to the mode's" in note for note in workload.notes)
    resolved = registry.resolve(name, "train").prepare(workload).resolved
    assert wanted.items() <= resolved.items()
    if name == "fit" and not tf.config.list_physical_devices("GPU"):
        assert resolved["jit_compile"] is False, "Keras's auto is no XLA without an accelerator"
    assert resolved["precision"] == "float32"
    assert resolved["device"] in {"CPU", "GPU", "TPU"}
    assert isinstance(resolved["soft_device_placement"], bool)


def test_prepare_makes_no_call(load):
    for name in NAMES:
        workload = load(OWN_STEPS)
        before = int(workload.model.steps.numpy())
        registry.resolve(name, "train").prepare(workload)
        assert int(workload.model.steps.numpy()) == before


# --- what cannot run ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["xla", "fit-xla"])
def test_what_xla_cannot_compile_is_one_sentence_with_the_users_line(load, name):
    program = """
        def twice(x):
            return tf.ensure_shape(tf.numpy_function(lambda a: 2 * a, [x], tf.float32), (None, 4))
        class Twice(layers.Layer):
            def call(self, x):
                return twice(x)
        def build():
            return keras.Sequential([keras.Input((4,)), Twice(), layers.Dense(3)]), data(X, Y)
    """
    workload = load(program)
    with pytest.raises(WorkloadError) as caught:
        run(workload, name)
    assert caught.value.message.startswith("XLA cannot compile the op PyFunc")
    assert "models.py:" in caught.value.message
    assert "tf.numpy_function" in caught.value.cure
    assert "\n" not in str(caught.value)


def test_layers_that_keras_keeps_from_xla_are_named(load):
    program = """
        class Careful(layers.Dense):
            def __init__(self, *args):
                super().__init__(*args)
                self.supports_jit = False
        def build():
            return keras.Sequential([keras.Input((4,)), Careful(3)]), data(X, Y)
    """
    reason = registry.resolve("fit-xla", "train").why_unavailable(load(program))
    assert reason is not None
    assert reason.startswith("Keras does not compile careful")


def test_a_tensorflow_without_xla_says_so(load, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.test, "is_built_with_xla", lambda: False)
    workload = load(PLAIN)
    for name in ("xla", "fit-xla"):
        reason = registry.resolve(name, "train").why_unavailable(workload)
        assert reason == "This TensorFlow was built without XLA."
    assert registry.resolve("graph", "train").why_unavailable(workload) is None


@pytest.mark.parametrize("name", ["eager", "graph", "fit", "fit-spe=2"])
def test_a_generator_that_is_used_up_says_after_how_many_steps(load, name):
    program = PLAIN.replace("data(X, Y)", "((X[:3], Y[:3]) for _ in range(4))")
    with pytest.raises(WorkloadError, match="The data ended after 4 steps"):
        run(load(program), name, calls=9)


@pytest.mark.parametrize("name", ["eager", "graph", "fit", "fit-eager"])
def test_a_step_that_fails_points_at_the_users_line(load, name):
    program = """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(3)
            def call(self, x, training=False):
                if training:
                    raise RuntimeError("only when training")
                return self.dense(x)
        def build():
            return Net(), data(X, Y)
    """
    with pytest.raises(WorkloadError) as caught:
        run(load(program), name)
    assert "models.py:17 in call" in caught.value.message
    assert "RuntimeError: only when training" in caught.value.message


@pytest.mark.parametrize("name", ["eager", "fit-eager"])
def test_out_of_memory_stays_what_it_is(load, name):
    program = PLAIN.replace("return model, data(X, Y)", """
    def no_memory(*_, **__):
        raise MemoryError
    model.train_step = no_memory
    return model, data(X, Y)
""")  # fmt: skip
    with pytest.raises(MemoryError):
        run(load(program), name)


# --- Keras's loops --------------------------------------------------------------------------


@pytest.mark.parametrize("phase", PHASES)
def test_keras_loops_are_one_call_with_one_start(load, phase, monkeypatch):
    workload = load(PLAIN, phase)
    called = []
    loop_name = fit.LOOPS[phase]
    own = getattr(workload.model, loop_name)
    monkeypatch.setattr(workload.model, loop_name, lambda *a, **k: called.append(k) or own(*a, **k))
    pacer, _ = run(workload, loop_name, calls=9)
    assert len(called) == 1
    assert called[0]["verbose"] == 0
    assert pacer.starts == 1


def test_predict_begins_anew_before_its_kept_outputs_fill_the_memory(load, monkeypatch):
    workload = load(PLAIN, "predict")
    output_bytes = 3 * 3 * 4
    monkeypatch.setattr(fit, "KEPT_BYTES", 2 * output_bytes)
    pacer, _ = run(workload, "predict", calls=8)
    assert pacer.starts == 3, "calls 1-3, 4-6 and 7-8"


def test_modes_in_one_process_do_not_inherit_from_each_other(load):
    workload = load(PLAIN)
    for name in ("fit-eager", "fit-xla", "fit-spe=2", "fit"):
        _, loop = run(workload, name, calls=2)
    assert loop.resolved["run_eagerly"] is False
    assert workload.model.steps_per_execution == 1
    assert int(workload.optimizer.iterations) == 2 + 2 + 4 + 2
