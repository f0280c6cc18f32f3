"""What a watched program ran comes back in another process: the very model, step, loss and data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.tf

PROGRAM = """
import sys
import keras, numpy as np, tensorflow as tf

class Block(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.inner = keras.layers.Dense(units, "relu")
    def call(self, x):
        return self.inner(x) + SHIFT

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [Block(8) for _ in range(3)]
        self.out = keras.layers.Dense(1)
    def call(self, x, training=False):
        for block in self.blocks:
            x = block(x)
        return self.out(x)

class Largest(keras.metrics.Metric):
    def __init__(self):
        super().__init__(name="largest")
        self.value = self.add_variable((), "zeros")
    def update_state(self, y, p, sample_weight=None):
        self.value.assign(tf.maximum(self.value, tf.reduce_max(y)))
    def result(self):
        return self.value.value

SHIFT = 0.25

def loss(y, p):
    return tf.reduce_mean(tf.abs(y - p)) + SHIFT

class Trainer:
    def __init__(self):
        self.net = Net()
        self.optimizer = keras.optimizers.SGD(0.0)
        self.lock = __import__("threading").Lock()
    @tf.function
    def step(self, x, y, weight=1.0):
        with tf.GradientTape() as tape:
            value = weight * loss(y, self.net(x, training=True))
        found = tape.gradient(value, self.net.trainable_variables)
        self.optimizer.apply_gradients(zip(found, self.net.trainable_variables))
        return value

def main():
    x = np.arange(400, dtype="float32").reshape(100, 4) / 400
    if sys.argv[1] == "fit":
        net = Net()
        net.compile(keras.optimizers.SGD(0.0), loss, metrics=[Largest()])
        net.fit(x, x[:, :1], batch_size=10, epochs=3, verbose=0, shuffle=False)
        print(float(loss(x[:10, :1], net(x[:10]))))
    elif sys.argv[1] == "step":
        trainer = Trainer()
        for _ in range(10):
            value = trainer.step(tf.constant(x[:10]), tf.constant(x[:10, :1]), weight=2.0)
        print(float(value))
    elif sys.argv[1] == "iterator":
        batches = iter(tf.data.Dataset.from_tensor_slices(x).repeat().batch(5))
        @tf.function
        def step():
            return tf.reduce_sum(next(batches))
        for _ in range(5):
            step()

main()
"""

LOAD = """
import sys, json
from graphprof.capture.spec import WorkloadSpec
from graphprof.capture.workloads import workload
loaded = workload.load(WorkloadSpec(target="replay:" + sys.argv[1]))
result = loaded.step_function()(loaded.first)
value = result["loss"] if isinstance(result, dict) else result
print(json.dumps({"value": float(value), "names": sorted(result) if isinstance(result, dict) else [],
                  "facts": loaded.describe(), "notes": loaded.notes}))
"""


def watched(folder: Path, kind: str) -> tuple[float | None, dict[str, Any], Path]:
    """What the program printed, what was recovered of it, and where that lies."""
    (folder / "program.py").write_text(PROGRAM)
    # A replay of a second is never expected to fit: it is recovered, and not measured here.
    options = ["--logdir", "logs", "--json-file", "out.json", "--window", "0", "--budget", "1s"]
    done = subprocess.run(
        [sys.executable, "-m", "graphprof", "exec", *options, "program.py", kind],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    report = json.loads((folder / "out.json").read_text())
    run = Path(report["session"]["path"]) / "exec" / "plugins" / "graphprof"
    about = json.loads((run / "watch.json").read_text())["replay"]
    assert report["program"]["replay"]["why_not"]
    said = done.stdout.strip()
    return (float(said) if said else None), about, run / "replay"


def loaded(folder: Path, elsewhere: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder)],
        cwd=elsewhere, capture_output=True, text=True, check=False,
        env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL="3"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_a_model_comes_back_with_its_weights_loss_metrics_and_data(tmp_path: Path) -> None:
    expected, about, folder = watched(tmp_path, "fit")
    assert (about["method"], about["batch_size"]) == ("fit", 10)
    found = loaded(folder, tmp_path)
    assert found["value"] == pytest.approx(expected, rel=1e-5)
    assert found["names"] == ["largest", "loss"]
    assert found["facts"]["optimizer"] == "SGD"
    assert found["facts"]["kind"] == "Keras Net"


def test_a_step_comes_back_with_what_it_refers_to_and_its_arguments(tmp_path: Path) -> None:
    expected, about, folder = watched(tmp_path, "step")
    assert (about["method"], about["name"]) == ("function", "step")
    found = loaded(folder, tmp_path)
    assert found["value"] == pytest.approx(expected, rel=1e-5)
    assert found["facts"]["kind"] == "step function"
    assert found["facts"]["parameters"] == 4 * 8 + 8 + 2 * (8 * 8 + 8) + 8 + 1


def test_what_cannot_be_carried_over_is_said_with_its_reason(tmp_path: Path) -> None:
    _, about, folder = watched(tmp_path, "iterator")
    assert "reads a tf.data dataset or iterator by itself" in about["why_not"]
    assert about["cure"]
    assert not folder.exists()
