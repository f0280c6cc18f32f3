"""Traces as people take them, imported: Keras's TensorBoard callback, and tf.profiler around a loop."""

import subprocess
import sys

import pytest

from graphprof import session as sessions
from graphprof.importing import session as importing
from graphprof.report import answer, comparison
from graphprof.trace import marks, xspace

pytestmark = pytest.mark.tf

# Nothing of graphprof in it.
PROGRAM = """
import sys
import keras, numpy as np, tensorflow as tf

folder = sys.argv[1]
x, y = np.random.rand(256, 12, 12, 1).astype("float32"), np.random.randint(0, 10, 256)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def build():
    return keras.Sequential([
        keras.Input((12, 12, 1)),
        keras.layers.Conv2D(8, 3, activation="relu", name="stem"),
        keras.layers.Flatten(),
        keras.layers.Dense(10, name="head"),
    ])


model = build()
model.compile("sgd", loss)
board = keras.callbacks.TensorBoard(f"{folder}/keras", profile_batch=(3, 8), write_graph=False)
model.fit(x, y, batch_size=16, verbose=0, callbacks=[board])


def loop(name, steps, mark, **options):
    model, optimizer = build(), keras.optimizers.SGD()

    @tf.function(**options)
    def train_step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return value

    batches = iter(tf.data.Dataset.from_tensor_slices((x, y)).batch(16).repeat())
    train_step(*next(batches))
    tf.profiler.experimental.start(f"{folder}/{name}")
    for step in range(steps):
        if mark:
            with tf.profiler.experimental.Trace("train", step_num=step, _r=1):
                float(train_step(*next(batches)))
        else:
            float(train_step(*next(batches)))
    tf.profiler.experimental.stop()


loop("graph", 6, False)
loop("xla", 5, True, jit_compile=True)
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("others")
    subprocess.run([sys.executable, "-c", PROGRAM, str(folder / "logs")], check=True, timeout=300)
    done = importing.run([str(folder / "logs")], folder / "ours")
    assert done.refused == ()
    return sessions.load(done.folder)


def test_modes_and_phase_are_guessed(session):
    assert session.info.modes == ("graph", "fit", "xla")
    assert session.info.phase == "train"


@pytest.mark.parametrize(
    ("mode", "origin", "steps"),
    [("fit", "numbered", 6), ("graph", "repeated", 5), ("xla", "marked", 5)],
)
def test_steps_are_found(session, mode, origin, steps):
    run = session.run(mode)
    assert run.run.resolved["steps"] == origin
    assert len(marks.find(xspace.read(run.xplane, marks.STATS))) == steps
    assert run.run.trace.steps_asked == steps


def test_steps_divide_and_sum(session):
    for mode in answer.build(session).modes:
        assert mode.steps.shown == mode.steps.asked
        assert sum(part.seconds for part in mode.breakdown) == pytest.approx(mode.traced_step_s)
        assert mode.trace.unknown_names == ()


def test_the_layers_of_one_model_meet_across_modes(session):
    for other in ("fit", "xla"):
        found = comparison.build(session, "graph", other, "layer")
        owners = {part.owner: part for part in found.difference.parts if part.in_pass == "backward"}
        stem = next(part for owner, part in owners.items() if owner.endswith("/stem"))
        assert stem.baseline_s > 0 < stem.mode_s
        assert min(share for share in found.labelled.values()) > 0.8
        assert sum(part.gap_s for part in found.difference.parts) == pytest.approx(
            found.difference.gap_s
        )
