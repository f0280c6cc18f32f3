"""Memory against truth: the layer that was made big is found at the peak, by its size, in every mode."""

import json
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.tf

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from stepping import record_steps  # noqa: E402

from graphprof import session  # noqa: E402
from graphprof.analysis.memory import footprint  # noqa: E402
from graphprof.capture.worker.held import Accounts  # noqa: E402
from graphprof.session import Run, RunFolder, TraceRecord  # noqa: E402

STEPS = 3
BATCH, WIDTH = 512, 32768
BIG = BATCH * WIDTH * 4  # 64 MiB


def build(big):
    keras.utils.set_random_seed(0)
    parts = [
        keras.layers.Dense(WIDTH if place == big else 16, activation="tanh", name=f"layer_{place}")
        for place in range(3)
    ]
    ends = [keras.layers.Dense(1, name="end")]
    return compiled(keras.Sequential([keras.Input((16,)), *parts, *ends], name="net"))


def compiled(model, **options):
    model.compile(optimizer=keras.optimizers.SGD(), loss=keras.losses.MeanSquaredError(), **options)
    return model


def record(folder, model, mode, batch):
    """Record a few steps as the worker does; returns the run's memory."""
    record_steps(folder, model, mode, batch, STEPS, compiled)
    path = next(folder.rglob("*.xplane.pb")).relative_to(folder).as_posix()
    numbers = tuple(range(STEPS))
    record = TraceRecord(path, STEPS, numbers, (1.0,) * STEPS)
    return footprint.of_run(RunFolder(folder, Run(mode, mode, "complete", trace=record), None))


@pytest.mark.parametrize("big", [0, 2])
@pytest.mark.parametrize("mode", ["eager", "graph", "xla", "fit"])
def test_a_big_layer_is_found_at_the_peak(tmp_path, mode, big):
    batch = (tf.random.normal((BATCH, 16)), tf.random.normal((BATCH, 1)))
    found = record(tmp_path, build(big), mode, batch)
    held = {(row.owner, row.in_pass): row for row in found.rows}
    own = f"net/layer_{big}"
    # The activation is kept for the backward pass, whatever else is alive then.
    assert BIG <= held[own, "forward"].size < 1.6 * BIG
    assert held[own, "forward"].largest.size >= BIG
    # Nobody but the layer itself, and the one that hands it its gradient, holds anything like it.
    following = "net/end" if big == 2 else f"net/layer_{big + 1}"
    strangers = [row for row in found.rows if row.owner not in (own, following, "")]
    assert sum(row.size for row in strangers) < BIG / 2
    assert BIG <= found.needed_bytes <= found.step_bytes
    assert found.memory is not None
    assert sum(row.size for row in found.rows) == found.memory.peak - found.memory.unnamed
    if mode == "xla":
        assert found.plan.plan.levels.max() >= BIG
        assert found.plan.plan.temporary >= found.plan.plan.levels.max()
        assert max(level for _, level in found.planned) == found.plan.plan.levels.max()
    else:
        assert found.plan is None


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_what_a_step_leaves_behind_is_found_by_its_size(tmp_path, mode):
    kept = []

    class Keeping(keras.Sequential):
        def train_step(self, data):
            loss = super().train_step(data)["loss"]
            return {"kept": tf.fill((1 << 18,), loss)}  # 1 MiB

    parts = [keras.layers.Dense(16, name="dense"), keras.layers.Dense(1, name="end")]
    model = compiled(Keeping([keras.Input((16,)), *parts], name="net"))
    step = model.train_step if mode == "eager" else tf.function(model.train_step)
    model.train_step = lambda batch: kept.append(step(batch))
    batch = (tf.random.normal((BATCH, 16)), tf.random.normal((BATCH, 1)))
    found = record(tmp_path, model, "eager", batch)
    # The allocator gives up to twice what is asked for.
    assert 0.99 <= found.memory.left_behind / (1 << 20) <= 2.01


LEAKING = """
    import keras, numpy as np

    LEAKED = []

    class Leaking(keras.Sequential):
        def train_step(self, data):
            LEAKED.append(np.ones(1 << 17))  # 1 MiB a step
            return super().train_step(data)

    def build():
        keras.utils.set_random_seed(1)
        model = Leaking([keras.layers.Input((8,)), keras.layers.Dense(1)])
        model.compile(optimizer="sgd", loss="mse", run_eagerly=True)
        x = np.ones((64, 8), "float32")
        return model, (x, x[:, :1])
"""


@pytest.fixture(scope="module")
def profiled(tmp_path_factory):
    """A model that leaks, through the command line."""
    folder = tmp_path_factory.mktemp("leak")
    models = folder / "models.py"
    models.write_text(textwrap.dedent(LEAKING))
    arguments = [f"{models}:build", "--modes", "eager"]
    options = [
        "--quick",
        "--budget",
        "2",
        "--steps",
        "3",
        "--logdir",
        str(folder / "logs"),
        "--json",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "graphprof", "profile", *arguments, *options],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    (path,) = session.find(folder / "logs")
    return session.load(path), json.loads(done.stdout)


def test_a_leak_shows_in_the_resident_set_by_its_size(profiled):
    _, report = profiled
    growth = report["modes"][0]["memory"]["rss"]["growth"]
    assert growth["grows"]
    assert growth["bytes_per_step"] == pytest.approx(1 << 20, rel=0.15)
    assert growth["total_bytes"] == pytest.approx(growth["steps"] << 20, rel=0.15)


def test_the_process_is_followed_through_its_life_and_while_it_is_traced(profiled):
    recorded, report = profiled
    found = footprint.of_run(recorded.runs[0])
    stages = found.resident.stages
    assert list(stages) == ["imports", "loading", "first", "warmup", "block"]
    assert 1 << 20 < stages["imports"] < stages["first"]
    assert found.resident.peak >= max(stages.values())
    # One weight matrix and its bias, in float32.
    assert (found.weights, found.trainable) == (36, 36)
    assert found.optimizer > 0
    assert found.memory is None
    assert "256 KiB" in found.why_not
    assert report["modes"][0]["memory"]["step_bytes"] is None
    seconds = [at for at, _ in found.rss]
    assert seconds[0] == 0
    assert seconds == sorted(seconds)
    # Three traced steps leak three times; the curve is on their clock.
    assert found.rss[-1][1] - found.rss[0][1] > 2 << 20


def test_a_device_with_an_account_is_asked_for_it():
    class Experimental:
        def get_memory_info(self, device):
            if device != "GPU:0":
                raise ValueError("Allocator stats not available")
            return {"current": 100, "peak": 900}

        def reset_memory_stats(self, device):
            assert device == "GPU:0"

    class Device:
        def __init__(self, kind):
            self.device_type = kind
            self.name = f"/device:{kind}:0"

    class Config:
        experimental = Experimental()

        def list_logical_devices(self):
            return [Device("CPU"), Device("GPU")]

    (told,) = Accounts(Config()).close()
    assert (told.device, told.before, told.peak, told.after) == ("GPU:0", 100, 900, 100)
    assert told.reset
