"""Workloads: what a factory may return, in which forms the data may come, and what fails how."""

import dataclasses
import itertools
import json
import sys
import textwrap

import numpy as np
import pytest

from graphprof.capture.instrument import private
from graphprof.capture.spec import WorkloadSpec
from graphprof.errors import StorageError, UsageError, WorkloadError

pytestmark = pytest.mark.tf

HEAD = """
import keras, numpy as np, tensorflow as tf
from keras import layers
random = np.random.default_rng(0)
X = random.standard_normal((10, 4)).astype("float32")
Y = random.standard_normal((10, 3)).astype("float32")
def net(**compiled):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)], name="net")
    if compiled:
        model.compile(**compiled)
    return model
"""


@pytest.fixture(autouse=True)
def _clean_process(monkeypatch):
    """Loading sets global things, as is right in a worker; here they are put back."""
    import keras

    monkeypatch.setattr(sys, "path", list(sys.path))
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
    yield
    keras.config.set_dtype_policy(policy)
    keras.config.set_floatx(floatx)
    for name in [name for name in sys.modules if name.startswith("graphprof_target_")]:
        del sys.modules[name]


@pytest.fixture
def program(tmp_path):
    """Writes a user's file and returns its path."""

    def write(text, name="models.py", head=HEAD):
        path = tmp_path / name
        path.write_text(head + textwrap.dedent(text))
        return path

    return write


def load(path, factory="build", **spec):
    from graphprof.capture.workloads.workload import load as load_workload

    return load_workload(WorkloadSpec(f"{path}:{factory}", **spec))


def first_batches(workload, number=3):
    return list(workload.dataset.take(number).as_numpy_iterator())


def equal(one, other):
    import keras

    keras.tree.assert_same_structure(one, other)
    return all(
        np.array_equal(a, b)
        for a, b in zip(keras.tree.flatten(one), keras.tree.flatten(other), strict=True)
    )


# --- what a factory may return --------------------------------------------------------------


@pytest.mark.parametrize(
    "returned",
    [
        'return net(optimizer="sgd", loss="mse"), (X, Y)',
        'return net(optimizer="sgd", loss="mse"), X, Y',
        'import graphprof; return graphprof.Workload(net(), (X, Y), optimizer="sgd", loss="mse")',
        'return net(optimizer="sgd", loss="mse"), tf.data.Dataset.from_tensor_slices((X, Y)).batch(5)',
    ],
)
def test_model_and_data(program, returned):
    workload = load(program(f"def build():\n    {returned}\n"), batch_size=5)
    assert workload.is_keras
    assert workload.model.compiled
    assert workload.batch == "float32 (5, 4), float32 (5, 3)"
    assert type(workload.optimizer).__name__ == "SGD"
    assert workload.name == "net"


@pytest.mark.parametrize(
    ("model", "batch"),
    [
        ("net()", "float32 (4, 4), float32 (4, 3)"),
        ("keras.Sequential([keras.Input((4,)), layers.Softmax()])", "float32 (4, 4), int32 (4,)"),
        ("net(loss='mse')", "float32 (4, 4), float32 (4, 3)"),
        ("net(loss='sparse_categorical_crossentropy')", "float32 (4, 4), int32 (4,)"),
        ("net(loss=keras.losses.CategoricalCrossentropy())", "float32 (4, 4), float32 (4, 3)"),
        ("net(loss='binary_crossentropy')", "float32 (4, 4), float32 (4, 3)"),
        (
            "keras.Sequential([keras.Input((None,), dtype='int32'), layers.Embedding(7, 2)])",
            "int32 (4, 64), float32 (4, 64, 2)",
        ),
    ],
)
def test_without_data_they_are_synthesised_and_that_is_said(program, model, batch):
    workload = load(program(f"def build():\n    return {model}\n"), batch_size=4)
    assert workload.batch == batch
    assert workload.data_origin == "synthesised"
    assert any("No data given" in note for note in workload.notes)
    assert any("No labels given" in note for note in workload.notes)


def test_synthesised_integers_stay_inside_an_embedding_in_a_custom_layer(program):
    path = program("""
        class Tokens(layers.Layer):
            def __init__(self):
                super().__init__()
                self.inner = {"table": layers.Embedding(5, 2)}
                self.small = layers.Embedding(3, 2)
            def build(self, shape):
                self.small.build(shape)
                self.inner["table"].build(shape)
            def call(self, x):
                return self.small(x)
        def build():
            return keras.Sequential([keras.Input((6,), dtype="int32"), Tokens()])
    """)
    x, _ = first_batches(load(path, batch_size=8), 1)[0]
    assert set(np.unique(x)) == {0, 1, 2}


@pytest.mark.parametrize(
    ("y", "last", "loss"),
    [
        ("Y", "None", "MeanSquaredError"),
        ("np.arange(10) % 3", "None", "SparseCategoricalCrossentropy on logits"),
        ("np.arange(10)[:, None] % 3", "'softmax'", "SparseCategoricalCrossentropy"),
        ("np.eye(3)[np.arange(10) % 3]", "'softmax'", "CategoricalCrossentropy"),
        ("(Y > 0)", "'sigmoid'", "BinaryCrossentropy"),
        ("(Y > 0)", "None", "BinaryCrossentropy on logits"),
    ],
)
def test_a_loss_is_chosen_for_a_model_that_was_not_compiled(program, y, last, loss):
    path = program(f"""
        def build():
            model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation={last})])
            return model, (X, {y})
    """)
    workload = load(path)
    assert workload.describe()["loss"] == loss
    assert any(f"chosen: loss {loss}, optimizer Adam" in note for note in workload.notes)


def test_a_subclassed_model_is_built_from_its_first_batch(program):
    path = program("""
        class Net(keras.Model):
            def __init__(self, width: int = 2):
                super().__init__()
                self.dense = layers.Dense(width)
            def call(self, x, training=False):
                return self.dense(x)
        def data():
            return X
        def called():
            model = Net()
            model(tf.zeros((1, 4)))
            return model
    """)
    workload = load(path, "Net", data="data", settings={"width": "5"})
    assert workload.describe()["parameters"] == 25
    assert load(path, "called").batch.startswith("float32 (32, 4)")
    with pytest.raises(WorkloadError, match="does not say the shape of its input") as caught:
        load(path, "Net")
    assert "(model, data)" in caught.value.cure


def test_many_inputs_and_outputs_by_name_with_weights(program):
    path = program("""
        def build():
            a, b = keras.Input((4,), name="a"), keras.Input((2,), name="b")
            both = layers.Concatenate()([a, b])
            out = {"p": layers.Dense(3, name="p")(both), "q": layers.Dense(1, name="q")(both)}
            model = keras.Model({"a": a, "b": b}, out)
            model.compile(optimizer="sgd", loss={"p": "mse", "q": "mae"}, loss_weights={"p": 2.0, "q": 1.0},
                          weighted_metrics={"p": ["mae"]})
            x = {"a": X, "b": X[:, :2]}
            y = {"p": Y, "q": Y[:, :1]}
            return model, (x, y, {"p": np.ones(10), "q": np.zeros(10)})
        def listed():
            model, (x, y, w) = build()
            return keras.Model(list(model.input.values()), list(model.output.values())), ([X, X[:, :2]], [Y, Y[:, :1]])
        def bare():
            model, _ = build()
            return model
    """)
    assert load(path).describe()["loss"] == "p: mse, q: mae"
    assert "(10, 4)" in load(path, "listed").batch
    assert load(path, "bare", batch_size=2).batch.count("(2,") == 4


@pytest.mark.parametrize("phase", ["evaluate", "predict"])
def test_other_phases_need_no_optimizer(program, phase):
    workload = load(program("def build():\n    return net(), X\n"), phase=phase)
    assert workload.model.compiled is (phase == "evaluate")
    workload.step_function()(first_batches(workload, 1)[0])


# --- forms of data --------------------------------------------------------------------------

FORMS = {
    "arrays": "X, Y",
    "tensors": "tf.constant(X), tf.constant(Y)",
    "double arrays": "X.astype('float64'), Y.astype('float64')",
    "dataset": "tf.data.Dataset.from_tensor_slices((X, Y)).batch(5)",
    "endless dataset": "tf.data.Dataset.from_tensor_slices((X, Y)).batch(5).repeat()",
    "examples": "tf.data.Dataset.from_tensor_slices((X, Y))",
    "rebatched": "tf.data.Dataset.from_tensor_slices((X, Y)).batch(2)",
    "PyDataset": "Pages()",
    "endless PyDataset": "Pages(endless=True)",
    "PyDataset with workers": "Pages(workers=2)",
    "generator function": "pages",
    "generator": "pages()",
    "callable": "lambda: (X, Y)",
    "iterable": "Loader()",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_data_gives_the_same_batches_without_end(program, form):
    path = program(f"""
        def pages():
            for at in (0, 5) * 4:
                yield X[at:at + 5], Y[at:at + 5]
        class Loader:
            def __iter__(self):
                return iter([[X[:5], Y[:5]], [X[5:], Y[5:]]])
        class Pages(keras.utils.PyDataset):
            def __init__(self, endless=False, **kwargs):
                super().__init__(**kwargs)
                self.endless = endless
            @property
            def num_batches(self):
                return None if self.endless else 2
            def __getitem__(self, index):
                return X[index % 2 * 5:][:5], Y[index % 2 * 5:][:5]
        def build():
            return net(optimizer="sgd", loss="mse"), ({FORMS[form]})
    """)
    workload = load(path, batch_size=5)
    seen = first_batches(workload, 5)
    x, y = (sys.modules["graphprof_target_models"].X, sys.modules["graphprof_target_models"].Y)
    wanted = [(x[:5], y[:5]), (x[5:], y[5:])] * 3
    assert all(equal(batch, want) for batch, want in zip(seen, wanted, strict=False))
    assert len(seen) == 5
    assert seen[0][0].dtype == np.float32


@pytest.mark.parametrize("point", private.WORKLOAD_POINTS, ids=lambda point: point.where)
def test_the_private_parts_are_where_this_release_keeps_them(point):
    assert callable(point.resolve()[2]), f"moved by an upgrade; lost: {point.lost}"


def test_without_keras_private_adapter_the_batches_stay_and_the_loss_is_said(program, monkeypatch):
    gone = dataclasses.replace(private.PY_DATASET_ADAPTER, where="keras.src.no_such_module:Adapter")
    monkeypatch.setattr(private, "PY_DATASET_ADAPTER", gone)
    path = program("""
        class Pages(keras.utils.PyDataset):
            num_batches = 2
            def __getitem__(self, index):
                return X[index * 5:][:5], Y[index * 5:][:5]
        def build():
            return net(), Pages(workers=2)
    """)
    workload = load(path)
    assert equal(first_batches(workload, 4)[0], first_batches(workload, 4)[2])
    assert any("worker threads and processes of a PyDataset" in note for note in workload.notes)


def test_sample_weights_and_text(program):
    path = program("""
        def weighted():
            return net(optimizer="sgd", loss="mse"), (X, Y, np.arange(10.0))
        def text():
            words = tf.constant(["a b", "b c"] * 5)
            layer = layers.TextVectorization(output_sequence_length=4)
            layer.adapt(words)
            return keras.Sequential([layer, layers.Embedding(9, 2)]), words
    """)
    assert load(path, "weighted").batch.count("float32") == 3
    assert load(path, "text", phase="predict").batch == "string (10,)"


def test_a_shuffled_dataset_gives_the_same_order_in_every_process(program):
    path = program("""
        def build():
            return net(), tf.data.Dataset.range(50).shuffle(50).map(
                lambda i: (tf.fill((4,), float(i)), tf.zeros(3))).batch(5)
    """)
    one, other = first_batches(load(path, seed=3)), first_batches(load(path, seed=3))
    assert all(itertools.starmap(equal, zip(one, other, strict=True)))
    assert not equal(one[0], first_batches(load(path, seed=4))[0])


def test_ragged_batches_need_labels_of_their_own(program):
    path = program("""
        def build():
            rows = tf.ragged.constant([[1, 2], [3], [4, 5, 6]] * 4)
            model = keras.Sequential([layers.Embedding(9, 2)])
            return model, tf.data.Dataset.from_tensor_slices(rows).batch(4)
    """)
    assert load(path, phase="predict").batch == "int32 (4, None)"
    with pytest.raises(WorkloadError, match="No labels could be made up"):
        load(path)


def test_only_whole_batches_of_arrays(program):
    workload = load(program("def build():\n    return net(), (X, Y)\n"), batch_size=4)
    assert [batch[0].shape for batch in first_batches(workload, 5)] == [(4, 4)] * 5
    assert "The last 2 of 10 examples do not fill a batch and are left out." in workload.notes


# --- arguments, seeds, weights --------------------------------------------------------------


def test_a_factory_gets_its_arguments_and_the_batch_size(program):
    path = program("""
        def build(width: int, batch_size: int = 2):
            model = keras.Sequential([keras.Input((4,)), layers.Dense(width)])
            return model, tf.data.Dataset.from_tensor_slices((X, X)).batch(batch_size)
    """)
    workload = load(path, settings={"width": "4"}, batch_size=10)
    assert workload.batch == "float32 (10, 4), float32 (10, 4)"
    assert workload.name == "models.py:build"


def test_the_seed_decides_the_weights(program):
    path = program("def build():\n    return net(), (X, Y)\n")
    one, same, other = (load(path, seed=seed).model.get_weights() for seed in (1, 1, 2))
    assert equal(one, same)
    assert not equal(one, other)


@pytest.mark.parametrize("precision", [None, "mixed_bfloat16", "bfloat16", "float64"])
def test_weights_go_to_a_file_and_back(program, tmp_path, precision):
    path = program("""
        def build():
            return keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dropout(0.5)]), (X, Y)
    """)
    saved = load(path, seed=1, precision=precision)
    saved.save_weights(tmp_path / "w.npz")
    loaded = load(path, seed=2, precision=precision, weights_path=str(tmp_path / "w.npz"))
    assert loaded.describe()["precision"] == (precision or "float32")
    for one, other in zip(saved.variables, loaded.variables, strict=True):
        assert np.array_equal(one.numpy(), other.numpy())


def test_weights_of_another_model_or_a_broken_file(program, tmp_path):
    path = program("""
        def build(width: int = 3):
            return keras.Sequential([keras.Input((4,)), layers.Dense(width)])
    """)
    load(path).save_weights(tmp_path / "w.npz")
    with pytest.raises(WorkloadError, match="built another model"):
        load(path, settings={"width": "5"}, weights_path=str(tmp_path / "w.npz"))
    (tmp_path / "w.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(StorageError, match="Cannot read the initial weights"):
        load(path, weights_path=str(tmp_path / "w.npz"))
    with pytest.raises(StorageError, match="Cannot write the initial weights"):
        load(path).save_weights(tmp_path / "no" / "w.npz")


def test_a_workload_describes_itself_in_json(program):
    path = program("""
        def build():
            model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dropout(0.1)])
            model.compile(optimizer="adam", loss="mse", metrics=["mae"], steps_per_execution=4)
            return model, (X, Y)
    """)
    workload = load(path, batch_size=5, seed=7)
    described = json.loads(json.dumps(workload.describe()))
    assert described["kind"] == "Keras Sequential"
    assert described["parameters"] == described["trainable_parameters"] == 15
    assert (described["optimizer"], described["loss"]) == ("Adam", "mse")
    assert described["metrics"] == ["loss", "mae"]
    assert (described["batch_size"], described["seed"]) == (5, 7)
    assert described["data"] == "arrays of 10 examples"
    assert described["random_layers"] == ["dropout"] or described["random_layers"][0].startswith(
        "dropout_"
    )
    assert any("steps_per_execution=4 gives way" in note for note in workload.notes)
    assert any("under XLA" in note for note in workload.notes)


# --- targets --------------------------------------------------------------------------------


def test_a_file_is_run_as_a_module_beside_its_folder(program):
    program("WIDTH = 3\n", "sibling_of_models.py", head="")
    path = program("""
        import sibling_of_models
        def build():
            return keras.Sequential([keras.Input((4,)), layers.Dense(sibling_of_models.WIDTH)])
        if __name__ == "__main__":
            raise SystemExit("must not run")
    """)
    assert load(path).describe()["parameters"] == 15


def test_a_package_and_a_model_that_is_already_there(program, monkeypatch, tmp_path):
    program("READY = net()\ndef build():\n    return READY\n", "some_user_package.py")
    monkeypatch.chdir(tmp_path)
    assert load("some_user_package").name == "net"
    assert load("some_user_package", "READY").name == "net"


@pytest.mark.parametrize("name", ["digits_cnn", "digits_mlp", "digits_lstm", "digits_transformer"])
def test_the_built_in_models_load(name):
    from graphprof.capture.workloads.workload import load as load_workload

    workload = load_workload(WorkloadSpec(name, batch_size=16))
    assert workload.name == name
    assert workload.batch_size == 16
    assert "digits" in workload.data_origin


def test_an_architecture_of_keras_applications_loads_with_random_weights():
    from graphprof.capture.workloads.workload import load as load_workload

    settings = {"input_size": "32", "classes": "5"}
    spec = WorkloadSpec("applications.MobileNet", "predict", settings, batch_size=2)
    assert load_workload(spec).batch == "float32 (2, 32, 32, 3)"


def test_digits_without_scikit_learn_are_synthesised_and_that_is_said(monkeypatch):
    from graphprof.capture.workloads.workload import load as load_workload

    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    workload = load_workload(WorkloadSpec("digits_mlp", settings={"depth": "1"}))
    assert workload.data_origin == "synthesised digits"
    assert any("graphprof[digits]" in note for note in workload.notes)


# --- step functions -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        "def step(x, y): return tf.reduce_mean((x @ w - y) ** 2)",
        "def step(x, y=None): return tf.reduce_mean((x @ w - y) ** 2)",
        "def step(*parts): return tf.reduce_mean((parts[0] @ w - parts[1]) ** 2)",
        "def step(batch, training=True): return tf.reduce_mean((batch[0] @ w - batch[1]) ** 2)",
        "@tf.function\n    def step(x, y): return tf.reduce_mean((x @ w - y) ** 2)",
        "def step(): return tf.reduce_mean((X[:5] @ w - Y[:5]) ** 2)",
    ],
)
def test_a_step_takes_the_batch_as_its_parameters_say(program, step):
    path = program(f"""
def build():
    w = tf.Variable(tf.ones((4, 3)))
    {step}
    return step, (X, Y)
""")
    workload = load(path, batch_size=5)
    batch = None if workload.dataset is None else first_batches(workload, 1)[0]
    module = sys.modules["graphprof_target_models"]
    wanted = np.mean((module.X[:5] @ np.ones((4, 3)) - module.Y[:5]) ** 2)
    assert float(workload.step_function()(batch)) == pytest.approx(wanted, rel=1e-5)
    assert [tuple(variable.shape) for variable in workload.variables] == [(4, 3)]
    assert not workload.is_keras


def test_the_weights_of_a_step_are_found_where_it_keeps_them(program, tmp_path):
    path = program("""
        bias = tf.Variable([1.0, 2.0, 3.0])
        def helper(x):
            return x + bias
        class Trainer:
            def __init__(self):
                self.model = net()
                self.optimizer = keras.optimizers.SGD(0.1)
                self.optimizer.build(self.model.trainable_variables)
            def step(self, x):
                return helper(self.model(x))
        def build():
            return Trainer().step, X
        def hidden():
            return (lambda x: x), X
    """)
    workload = load(path, seed=1)
    assert sorted(tuple(v.shape) for v in workload.variables) == [(3,), (3,), (4, 3)]
    assert type(workload.optimizer).__name__ == "SGD"
    workload.save_weights(tmp_path / "w.npz")
    again = load(path, seed=2, weights_path=str(tmp_path / "w.npz"))
    assert equal([v.numpy() for v in workload.variables], [v.numpy() for v in again.variables])
    assert any("rest on the seed alone" in note for note in load(path, "hidden").notes)


def test_a_step_with_its_model_says_which_weights_begin_equal(program):
    path = program("""
        import graphprof
        def build():
            model = net()
            forward = {"it": model.call}
            return graphprof.Workload(model, X, step=lambda x: forward["it"](x), name="mine", batch_size=5)
    """)
    workload = load(path)
    assert workload.name == "mine"
    assert workload.batch == "float32 (5, 4)"
    assert [v.path for v in workload.variables] == [v.path for v in workload.model.variables]


# --- bad input, one fault each --------------------------------------------------------------

BAD = {
    "return 1 / 0": ("build() failed at {path}:", "ZeroDivisionError"),
    "return None": ("returned nothing", ""),
    "return {'model': net()}": ("returned a value of type dict", ""),
    "return layers.Dense(3)": ("returned a value of type Dense", ""),
    "return net(), net()": ("returned a tuple of (Sequential, Sequential)", ""),
    "import graphprof; return graphprof.Workload(data=X)": ("neither model nor step", ""),
    "return net(), {1, 2}": ("Data of type set", ""),
    "return net(), 'text'": ("Data of type str", ""),
    "return net(), (X, Y[:5])": ("different numbers of examples: 5, 10", ""),
    "return net(), (X[:0], Y[:0])": ("empty: 0 examples", ""),
    "return net(), np.float32(3)": ("a single number", ""),
    "return net(), tf.data.Dataset.from_tensor_slices(X[:0]).batch(2)": ("dataset is empty", ""),
    "return net(), (x for x in ())": ("generator yields nothing", ""),
    "return net(), X[:, :3]": ("Running model 'net' on a batch of float32 (10, 3)", "float32"),
    "return net(), X.astype('S1')": ("Running model 'net' on a batch of string", ""),
    "return net(), [X, X, X]": ("has 1 input, the data have 3", ""),
    "return net(loss='mse'), (X, Y[:, :2])": ("Loss mse of model 'net' with labels float32", ""),
    "return net(loss='mse'), (X, Y, Y[:, :2])": ("Loss mse of model 'net'", "sample weights"),
    "return net(loss=lambda y, p: tf.no_such_op(p)), X": ("No labels could be made up", "no_such_op"),
    "return (lambda a, b, c: a), (X, Y)": ("does not fit a batch of 2 parts", ""),
    "return lambda batch: batch": ("takes a batch, and there are no data", ""),
    "return net(), np.array([[object()] * 8] * 10)": ("Reading the data failed", "Unsupported"),
    "return net(), broken": ("Reading the data failed at {path}:", "KeyError"),
    "raise SystemExit(3)": ("build() failed at {path}:", "SystemExit"),
}  # fmt: skip


@pytest.mark.parametrize("body", BAD)
def test_bad_workloads_are_one_clear_error(program, body):
    path = program(f"""
def broken():
    yield X
    raise KeyError("label")
def build():
    {body}
""")
    wanted, also = BAD[body]
    with pytest.raises(WorkloadError) as caught:
        load(path)
    assert wanted.format(path=path) in caught.value.message
    assert also in caught.value.message
    assert caught.value.cure
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("target", "error", "message", "cure"),
    [
        ("{path}", UsageError, "no factory in it", ":build"),
        ("{path}:", UsageError, "names no factory", "models.py:build"),
        ("{path}:biuld", UsageError, "has no 'biuld'", "Did you mean 'build'?"),
        ("{path}:HEIGHT", WorkloadError, "is of type int, not a factory", "Return a Keras model"),
        ("{folder}/none.py", UsageError, "none.py does not exist", "models.py:build"),
        ("{folder}:build", UsageError, "is no file", "models.py:build"),
        ("{folder}/none.py:build", UsageError, "does not exist", "existing Python file"),
        ("{folder}/broken.py:build", WorkloadError, "SyntaxError", "Correct that line"),
        ("{folder}/needs.py:build", WorkloadError, "no_such_module", "Install 'no_such_module'"),
        ("{folder}/exits.py:build", WorkloadError, "SystemExit", "__main__"),
        ("no_such_package.models:build", WorkloadError, "no_such_package", "Install"),
        ("digits_cn", UsageError, "no built-in workload 'digits_cn'", "digits_cnn"),
        ("applications.MobileNetV9", UsageError, "no built-in", "MobileNetV"),
        ("", UsageError, "no built-in", "models.py:build"),
    ],
)
def test_bad_targets_are_one_clear_error(program, tmp_path, target, error, message, cure):
    from graphprof.capture.workloads.workload import load as load_workload

    path = program("HEIGHT = 3\ndef build():\n    return net()\n")
    program("def build(:\n", "broken.py", head="")
    program("import no_such_module\n", "needs.py", head="")
    program("import sys; sys.exit(2)\n", "exits.py", head="")
    with pytest.raises(error) as caught:
        load_workload(WorkloadSpec(target.format(path=path, folder=tmp_path)))
    assert message in caught.value.message
    assert cure in caught.value.cure


def test_bad_settings_of_the_run(program):
    path = program("def build():\n    return net(), (X, Y)\ndef model():\n    return net()\n")
    with pytest.raises(WorkloadError, match="batch of 64 was asked for but the data hold 10"):
        load(path, batch_size=64)
    with pytest.raises(UsageError, match="no precision 'float99'"):
        load(path, precision="float99")
    with pytest.raises(UsageError, match="no argument 'width'"):
        load(path, settings={"width": "3"})
    with pytest.raises(UsageError, match="has no 'make_data'"):
        load(path, "model", data="make_data")


def test_keras_on_another_backend_is_refused(program, monkeypatch):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(WorkloadError, match="Keras runs on 'jax'") as caught:
        load(program("def build():\n    return net()\n"))
    assert "KERAS_BACKEND=tensorflow" in caught.value.cure


def test_single_layers_are_compiled_and_compute_the_same(program):
    import tensorflow as tf

    path = program("""
        def build():
            model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="head")])
            model.compile(optimizer="sgd", loss="mse")
            return model, (X, Y)
    """)
    plain, partly = load(path), load(path, xla_layers=("head",))
    assert "XLA compiles head alone." in partly.notes
    partly.model.set_weights([weight.numpy() for weight in plain.model.weights])
    losses = []
    for workload in (partly, plain):
        step = tf.function(workload.step_function(), autograph=False)
        operations = step.get_concrete_function(workload.first).graph.get_operations()
        compiled = any("_XlaMustCompile" in str(operation.node_def) for operation in operations)
        assert compiled == (workload is partly)
        losses.append(float(step(workload.first)["loss"]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for one, other in zip(partly.model.weights, plain.model.weights, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-6)


def test_a_layer_to_compile_that_is_not_there_is_said(program):
    with pytest.raises(WorkloadError, match="no layer 'nine'"):
        load(
            program("def build(): return net(optimizer='sgd', loss='mse'), (X, Y)"),
            xla_layers=("nine",),
        )


def test_parallel_maps_give_the_same_batches():
    import tensorflow as tf

    from graphprof.capture.workloads import inputs

    data = tf.data.Dataset.range(6).map(lambda n: n * n).batch(2)
    changed = inputs.changed(data, {"parallel": 1})
    assert changed.options().experimental_optimization.map_parallelization is True
    assert [b.tolist() for b in changed.as_numpy_iterator()] == [[0, 1], [4, 9], [16, 25]]
