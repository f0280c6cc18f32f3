"""Parity of real modes: what is the same passes, what was planted is found, what is random is said."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from graphprof import session
from graphprof.analysis.results import comparable, parity, parity_file
from graphprof.analysis.results.parity import ModeParity
from graphprof.capture import protocol
from graphprof.capture.modes import registry
from graphprof.capture.spec import WorkloadSpec
from graphprof.capture.worker.pacing import Task, WorkerPacer
from graphprof.report import derive

pytestmark = pytest.mark.tf

HEAD = """
import keras, numpy as np, tensorflow as tf
from keras import layers
random = np.random.default_rng(0)
X = random.standard_normal((24, 4)).astype("float32")
Y = random.standard_normal((24, 3)).astype("float32")
"""

# A bias in front of a batch normalisation has a gradient of rounding errors, which Adam makes large.
BUILD = """
def build():
    model = keras.Sequential([
        keras.Input((4,)),
        layers.Dense(8, name="first"),
        layers.BatchNormalization(name="norm"),
        layers.Dense(8, activation="relu", name="second"),
        layers.Dense(3, name="last"),
    ])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    return model, (X, Y)
"""

DROPOUT = """
def build():
    model = keras.Sequential([
        keras.Input((4,)), layers.Dense(8), layers.Dropout(0.5), layers.Dense(3)])
    model.compile(optimizer="adam", loss="mse")
    return model, (X, Y)
"""

STEP = """
def build():
    kernel = tf.Variable(X[:4, :3], name="kernel")
    noise = {noise}
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ kernel - y) ** 2) + noise()
        kernel.assign_sub(0.1 * tape.gradient(loss, kernel))
        return {{"loss": loss, "kernel_sum": tf.reduce_sum(kernel)}}
    return step, tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(24).batch(4)
"""

# Ways to be fast by computing something else.
PLANTED = """
from graphprof.capture.modes.graph import Graph

class Half(Graph):
    name, title, summary = "half", "Half", "Layers compute in float16, and nobody says so."

    def prepare(self, workload):
        import keras
        for layer in workload.model.layers:
            layer.dtype_policy = keras.DTypePolicy("mixed_float16")
        return super().prepare(workload)

class Epsilon(Graph):
    name, title, summary = "epsilon", "Epsilon", "Adam with another epsilon."

    def prepare(self, workload):
        workload.model.optimizer.epsilon = 1e-3
        return super().prepare(workload)
"""
ENTRY_POINTS = """
[graphprof.modes]
half = planted:Half
epsilon = planted:Epsilon
"""


def test_real_modes_pass_and_planted_ones_fail(tmp_path: Path) -> None:
    """Through worker processes, as anybody runs it."""
    (tmp_path / "models.py").write_text(HEAD + BUILD)
    (tmp_path / "planted.py").write_text(PLANTED)
    package = tmp_path / "planted-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(ENTRY_POINTS)
    run = [sys.executable, "-m", "graphprof", "profile", f"{tmp_path}/models.py:build"]
    modes = ["--modes", "eager,graph,xla,fit,half,epsilon", "--batch-size", "8"]
    more = ["--quick", "--budget", "1s", "--steps", "2", "--logdir", f"{tmp_path}/logs"]
    done = subprocess.run(
        [*run, *modes, *more],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    (folder,) = session.find(tmp_path / "logs")
    report = derive.report(session.load(folder))
    found = {mode.mode: mode.parity for mode in report.modes}
    assert found["eager"] is None
    verdicts = {name: result.verdict for name, result in found.items() if result is not None}
    assert verdicts == {
        "graph": "passed",
        "xla": "passed",
        "fit": "passed",
        "half": "failed",
        "epsilon": "failed",
    }, found
    assert found["half"] is not None
    assert found["half"].first_layer == "first", found["half"]
    assert found["epsilon"] is not None
    assert found["epsilon"].worst is not None
    assert found["epsilon"].worst.kind in ("update", "weight")
    assert "half: results differ (≠) from eager" in " ".join(done.stdout.split())

    # The same steps in float64 say which side is off.
    assert report.parity is not None
    assert report.parity.reference == "float64, eager", report.parity.no_reference
    own = [one.reference.relative for one in report.parity.arrays if one.kind == "layer"]
    assert len(own) == 4
    assert 0 < max(own) < 1e-5
    assert found["xla"].times_baseline < 10
    assert found["half"].times_baseline > 30
    assert {one.kind for one in found["graph"].arrays if one.reference} == {
        "layer",
        "output",
        "loss",
        "gradient",
        "weight",
        "update",
    }


@pytest.fixture(autouse=True)
def _clean_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import keras

    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    for name in [name for name in sys.modules if name.startswith("graphprof_target_")]:
        del sys.modules[name]


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., dict[str, ModeParity]]:
    """Run a factory in some modes in this process; the first of them is the baseline."""

    def compared(source: str, *modes: str, phase: Any = "train") -> dict[str, ModeParity]:
        target = tmp_path / "models.py"
        target.write_text(HEAD + textwrap.dedent(source))
        for mode in modes:
            _keep(tmp_path, f"{target}:build", mode, phase)
        with parity_file.opened(_file(tmp_path, modes[0])) as base:
            assert base is not None
            found = {}
            for mode in modes[1:]:
                with parity_file.opened(_file(tmp_path, mode)) as recording:
                    found[mode] = parity.compare(mode, recording, base)
            return found

    return compared


def _file(folder: Path, mode: str) -> Path:
    return session.graphprof_folder(folder / mode) / parity_file.PARITY_FILE


def _keep(folder: Path, target: str, name: str, phase: Any, precision: str | None = None) -> None:
    import keras

    from graphprof.capture.worker.results import Results
    from graphprof.capture.workloads import workload as workloads

    for module in [module for module in sys.modules if module.startswith("graphprof_target_")]:
        del sys.modules[module]
    keras.backend.clear_session()  # names of layers count from 0 in every worker
    weights = folder / "weights.npz"
    path = str(weights) if weights.exists() else None
    spec = WorkloadSpec(target, phase=phase, precision=precision, weights_path=path, batch_size=4)
    workload = workloads.load(spec)
    if path is None:
        workload.save_weights(weights)
    results = Results(workload, str(weights))
    loop = registry.resolve(name, phase).prepare(workload)
    results.prepared(loop.resolved, loop.steps_per_call)
    ours, theirs = Pipe()
    run_folder = str(folder / name)
    for request in (
        protocol.FirstCall(),
        protocol.KeepResults(6, run_folder),
        protocol.WarmUp(1, 0.0, 1.0),
        protocol.ExamineResults(run_folder),
        protocol.Exit(),
    ):
        protocol.ask(ours, request)

    def no_trace(request: protocol.RecordTrace) -> Task:
        raise AssertionError(request)

    with ours, theirs:
        loop.run(WorkerPacer(theirs, no_trace, keeper=results))
        replies = [protocol.reply_from(ours) for _ in range(5)]
    kept = [reply for reply in replies if isinstance(reply, protocol.Kept)]
    assert [len(reply.seconds) for reply in kept] == [6 // loop.steps_per_call - 1, 0]
    assert [reply.problem for reply in kept] == [None, None]


FIXED = """
def build():
    model = keras.Sequential([keras.Input((4,)), {layers}])
    model.compile(optimizer="adam", loss="mse")
    return model, (X, Y)
"""
FLOAT64 = 'layers.Dense(8), layers.Dropout(0.5, name="drop"), layers.Dense(3)'
FLOAT32 = 'layers.Dense(8, dtype="float32"), layers.Dense(3)'
CAST = 'layers.Dense(8), layers.Lambda(lambda x: tf.cast(tf.nn.relu(tf.cast(x, "float32")), "float64"))'


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (FLOAT64, None),
        (FLOAT32, "layers in float32"),
        (f"{CAST}, layers.Dense(3)", "Relu in float32"),
    ],
)
def test_a_reference_computes_in_float64_throughout(
    tmp_path: Path, source: str, reason: str | None
) -> None:
    target = tmp_path / "models.py"
    target.write_text(HEAD + FIXED.format(layers=source))
    _keep(tmp_path, f"{target}:build", "eager", "train", precision="float64")
    with parity_file.opened(_file(tmp_path, "eager")) as found:
        assert found is not None
        said = comparable.why_no_reference(found)
        if reason is not None:
            assert reason in str(said)
            return
        assert said is None
        kept = {
            found.arrays[f"{kind}/{name}"].dtype.name for kind in KEPT for name in found.names(kind)
        }
        assert kept == {"float64"}
        assert found.about["random_layers"] == ["drop"]
        assert found.about["evaluated"] == ["layer", "output"]


KEPT = ("layer", "output", "gradient", "weight")


def test_calls_of_several_steps_are_compared_after_the_same_steps(
    compared: Callable[..., dict[str, ModeParity]],
) -> None:
    (found,) = compared(BUILD, "fit", "fit-spe=3").values()
    assert found.verdict == "passed", found.reason
    kinds = {deviation.kind for deviation in found.deviations}
    assert kinds == {"layer", "output", "loss", "gradient", "weight", "update"}
    assert [d.name for d in found.deviations if d.kind == "loss"] == ["2", "5"]
    assert [d.name for d in found.deviations if d.kind == "layer"] == [
        "first",
        "norm",
        "second",
        "last",
    ]


def test_predictions_are_compared_as_the_loop_returns_them(
    compared: Callable[..., dict[str, ModeParity]],
) -> None:
    for mode, found in compared(
        BUILD, "eager", "predict", "predict-spe=2", phase="predict"
    ).items():
        assert found.verdict == "passed", mode
        assert "output" in {deviation.kind for deviation in found.deviations}


def test_dropout_is_controlled_but_under_xla(
    compared: Callable[..., dict[str, ModeParity]],
) -> None:
    found = compared(DROPOUT, "eager", "graph", "xla")
    assert found["graph"].verdict == "passed", found["graph"].reason
    assert found["xla"].verdict == "unknown"
    assert "layer dropout under XLA" in str(found["xla"].reason)
    # Evaluated, nothing is drawn.
    assert {d.kind for d in found["xla"].deviations} == {"layer", "output"}
    assert all(d.ok for d in found["xla"].deviations)


def test_a_step_function_is_compared_by_what_it_returns_and_its_variables(
    compared: Callable[..., dict[str, ModeParity]],
) -> None:
    found = compared(STEP.format(noise="lambda: 0.0"), "eager", "graph", "xla")
    assert {mode.verdict for mode in found.values()} == {"passed"}
    names = {(d.kind, d.name) for d in found["graph"].deviations}
    assert {("output", "loss"), ("weight", "kernel"), ("update", "kernel"), ("loss", "5")} <= names


def test_random_ops_of_a_step_are_said(compared: Callable[..., dict[str, ModeParity]]) -> None:
    noise = "lambda: tf.random.normal([])"
    (found,) = compared(STEP.format(noise=noise), "eager", "graph").values()
    assert found.verdict == "unknown"
    assert "op RandomStandardNormal" in str(found.reason)
