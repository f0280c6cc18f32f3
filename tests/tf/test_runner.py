"""A real model through the command line, worker processes and all, with small budgets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from graphprof import session
from graphprof.session import Session
from graphprof.trace import marks, xspace

pytestmark = pytest.mark.tf

MODELS = """
    import os, signal
    import keras, numpy as np, tensorflow as tf

    def build(width: int = 16):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([
            keras.layers.Input((8,)),
            keras.layers.Dense(width, activation="relu"),
            keras.layers.Dense(1),
        ])
        model.compile(optimizer="sgd", loss="mse")
        x = np.linspace(0, 1, 64 * 8, dtype="float32").reshape(64, 8)
        return model, (x, x.sum(axis=1, keepdims=True))

    class KilledInGraphs(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            if not tf.executing_eagerly():
                os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory is short
            return super().train_step(data)

    def killed():
        model = KilledInGraphs()
        model.compile(optimizer="sgd", loss="mse", run_eagerly=True)
        x = np.ones((64, 8), "float32")
        return model, (x, x[:, :1])
"""

# The verb itself, and the proof that this process has loaded no TensorFlow.
PROGRAM = """
import sys
from graphprof.cli.main import main
try:
    main(sys.argv[1:])
finally:
    loaded = {name.partition(".")[0] for name in sys.modules} & {"tensorflow", "keras"}
    print("loaded in the parent:", sorted(loaded), file=sys.stderr)
"""


def command(folder: Path, factory: str, *arguments: str) -> list[str]:
    models = folder / "models.py"
    models.write_text(textwrap.dedent(MODELS))
    target = f"{models}:{factory}"
    logdir = str(folder / "logs")
    return [sys.executable, "-c", PROGRAM, "profile", target, "--logdir", logdir, *arguments]


def only_session(folder: Path) -> Session:
    (found,) = session.find(folder / "logs")
    return session.load(found)


@pytest.fixture(scope="module")
def profiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Session, Any, str]:
    """Session, JSON and stderr of five modes with six traced steps."""
    folder = tmp_path_factory.mktemp("profiled")
    modes = ["--modes", "eager,graph,xla,fit,fit-spe=4"]
    more = ["--quick", "--budget", "2s", "--steps", "6", "--batch-size", "16", "--json"]
    done = subprocess.run(
        command(folder, "build", *modes, *more), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return only_session(folder), json.loads(done.stdout), done.stderr


def test_the_parent_loads_no_tensorflow(profiled: tuple[Session, Any, str]) -> None:
    assert "loaded in the parent: []" in profiled[2]


def test_n_steps_asked_are_n_steps_in_every_trace(profiled: tuple[Session, Any, str]) -> None:
    done, report, _ = profiled
    assert len(done.runs) == 5
    for run in done.runs:
        assert run.run.trace is not None
        assert run.xplane is not None
        trace = xspace.read(run.xplane, stats=marks.STATS)
        steps = marks.find(trace)
        assert [step.step_num for step in steps] == list(range(6)), run.run.mode
        assert run.run.trace.step_nums == tuple(range(6))
        host = trace.host
        assert host is not None
        assert {host.lines[step.line].name for step in steps} == {"python"}
        # The mark is around the clock: it cannot be shorter, nor much longer.
        if run.run.mode != "fit-spe=4":
            for step, seconds in zip(steps, run.run.trace.step_seconds, strict=True):
                assert 0 <= (step.end_ps - step.start_ps) * 1e-12 - seconds + 2e-6 < 2e-3
        assert len(run.run.trace.untraced_step_seconds) >= 6
    assert [mode["steps"] for mode in report["modes"]] == [{"asked": 6, "shown": 6}] * 5


def test_xprof_sees_the_same_steps(profiled: tuple[Session, Any, str]) -> None:
    """It counts events with _r=1 and a number; a call of several steps must not count as one."""
    for run in profiled[0].runs:
        assert run.xplane is not None
        host = xspace.read(run.xplane, stats=("_r", "step_num")).host
        assert host is not None
        roots = {
            int(owner)
            for owner, value in zip(host.stats["_r"].owner, host.stats["_r"].values, strict=True)
            if value == 1
        }
        assert len(roots & set(host.stats["step_num"].owner.tolist())) == 6, run.run.mode


def test_every_mode_is_timed_from_the_same_weights(profiled: tuple[Session, Any, str]) -> None:
    done, _, _ = profiled
    first_losses = []
    for run in done.runs:
        assert run.run.status == "complete"
        assert run.measurement is not None
        arms = [process.arm for process in run.measurement.processes]
        assert arms == (["mode", "aa"] if run.run.mode == "eager" else ["mode"])
        for process in run.measurement.processes:
            assert process.startup_s is not None
            assert process.first_call_s is not None
            assert process.startup_s > 0
            assert process.peak_rss_bytes is not None
            assert len(process.blocks) >= 3
            assert all(len(block.calls_s) >= 1 for block in process.blocks)
            if run.measurement.steps_per_call == 1:
                first_losses.append(process.losses[:3])
    assert len(first_losses) == 5
    for losses in first_losses[1:]:
        assert losses == pytest.approx(first_losses[0], rel=1e-3)


def test_what_ran_is_recorded(profiled: tuple[Session, Any, str]) -> None:
    done, report, _ = profiled
    assert done.info.status == "complete"
    assert done.info.environment["devices"]
    assert done.info.environment["gc_enabled"] is True
    assert done.info.workload["batch_size"] == 16
    assert report["schema"] == "graphprof.report/1"
    resolved = {run.run.mode: run.run.resolved for run in done.runs}
    assert resolved["xla"]["jit_compile"] is True
    assert resolved["fit-spe=4"]["steps_per_execution"] == 4
    for run in done.runs:
        assert (run.path / "plugins" / "graphprof" / "worker.log").is_file()


def test_a_killed_worker_costs_its_own_mode(tmp_path: Path) -> None:
    done = subprocess.run(
        command(
            tmp_path, "killed", "--modes", "eager,graph", "--quick", "--budget", "1s", "--json"
        ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 4, done.stderr
    eager, graph = json.loads(done.stdout)["modes"]
    assert eager["error"] is None
    assert eager["step_time_s"]["median"] > 0
    assert graph["step_time_s"]["median"] is None
    error = only_session(tmp_path).runs[1].run.error
    assert error is not None
    assert error.kind == "memory"
    assert "first call" in error.message


def test_ctrl_c_keeps_what_is_measured(tmp_path: Path) -> None:
    modes = ("--modes", "graph,fit", "--budget", "10m", "--json")
    running = subprocess.Popen(
        command(tmp_path, "build", *modes),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "timing blocks" in line:
            break
    # Some rounds must pass; how many does not matter.
    log = tmp_path / "logs"
    while not any(log.glob("*/*/plugins/graphprof/measurement.json")):
        assert running.poll() is None
        time.sleep(0.2)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=120)

    assert running.returncode == 130, err
    assert only_session(tmp_path).info.status == "interrupted"
    for mode in json.loads(out)["modes"]:
        assert mode["step_time_s"]["median"] > 0


def test_a_log_directory_that_cannot_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file, not a folder")
    done = subprocess.run(
        command(tmp_path, "build", "--modes", "eager"), capture_output=True, text=True, check=False
    )

    assert done.returncode == 6
    assert done.stdout == ""
    assert "--logdir" in done.stderr
