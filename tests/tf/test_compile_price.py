"""The price of compiling, with planted costs: real workers, small budgets."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from graphprof import session
from graphprof.trace import marks, xspace

pytestmark = pytest.mark.tf

# Python code of a graph runs when it is built, and never again.
PLANTED_S = 0.3
MODELS = f"""
    import time
    import keras, numpy as np, tensorflow as tf

    def varying():
        weights = tf.Variable(tf.ones((8, 8)) / 8)

        def step(x):  # <- here
            time.sleep({PLANTED_S})
            return tf.reduce_sum(tf.nn.relu(x @ weights) @ weights)

        def data():
            for number in range(10**9):
                yield np.ones((4 + number // 15, 8), np.float32)

        return step, data

    class Slow(keras.layers.Layer):
        def call(self, x):
            time.sleep({PLANTED_S})
            return x

    def build():
        model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(4), Slow()])
        model.compile(optimizer="sgd", loss="mse")
        x = np.ones((64, 8), np.float32)
        return model, (x, x[:, :4])
"""


def profile(folder: Path, factory: str, modes: str) -> tuple[session.Session, dict[str, Any]]:
    """A new session with its report by mode."""
    models = folder / "models.py"
    models.write_text(textwrap.dedent(MODELS))
    command = [sys.executable, "-m", "graphprof", "profile", f"{models}:{factory}", "--json"]
    quick = ["--quick", "--budget", "2s", "--steps", "4", "--logdir", str(folder / "logs")]
    done = subprocess.run(
        [*command, "--modes", modes, *quick],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (found,) = session.find(folder / "logs")
    return session.load(found), json.loads(done.stdout)


@pytest.fixture(scope="module")
def varying(tmp_path_factory: pytest.TempPathFactory) -> tuple[session.Session, dict[str, Any]]:
    return profile(tmp_path_factory.mktemp("varying"), "varying", "graph,xla")


@pytest.fixture(scope="module")
def keras_model(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    _, report = profile(tmp_path_factory.mktemp("keras"), "build", "graph,xla,fit")
    return {mode["mode"]: mode["compile"] for mode in report["modes"]}


def by_mode(varying: tuple[session.Session, dict[str, Any]]) -> dict[str, Any]:
    return {mode["mode"]: mode["compile"] for mode in varying[1]["modes"]}


def test_the_first_calls_are_traced_from_step_0(
    varying: tuple[session.Session, dict[str, Any]],
) -> None:
    for run in varying[0].runs:
        assert run.run.early is not None
        assert run.early_xplane == run.path / "plugins" / "graphprof" / "early.xplane.pb"
        steps = marks.find(xspace.read(run.early_xplane, stats=marks.STATS))
        assert [step.step_num for step in steps] == [0, 1, 2]
        first, *later = ((step.end_ps - step.start_ps) * 1e-12 for step in steps)
        assert first > PLANTED_S > max(later)


def test_a_changing_shape_is_named_with_its_argument_and_line(
    varying: tuple[session.Session, dict[str, Any]],
) -> None:
    lines = textwrap.dedent(MODELS).splitlines()
    here = next(number for number, line in enumerate(lines, 1) if line.endswith("# <- here"))
    found = by_mode(varying)
    (graph,) = found["graph"]["again"]
    recompiled, rebuilt = found["xla"]["again"]

    # Once in each process: the baseline has two.
    for one, processes in ((graph, 2), (rebuilt, 1)):
        assert (one["what"], one["function"], one["count"]) == ("building", "step", processes)
        assert (one["cause"], one["argument"]) == ("shape", "x")
        assert one["words"] == "`x`: shape (4, 8) → (None, 8)"
        assert one["building_s"] > PLANTED_S
        assert one["extra_s"] > PLANTED_S
    # The graph has an open dimension now, and XLA compiles it for each size.
    assert (recompiled["what"], recompiled["cause"], recompiled["argument"]) == (
        "compiling",
        "shape",
        "x",
    )
    assert recompiled["count"] > 2
    assert recompiled["building_s"] == 0
    assert recompiled["extra_s"] > 0
    for one in (graph, rebuilt, recompiled):
        assert one["defined_at"]["line"] == here
        assert one["defined_at"]["file"].endswith("models.py")


def test_calls_that_compile_are_flagged_and_left_out_of_the_step_time(
    varying: tuple[session.Session, dict[str, Any]],
) -> None:
    done, report = varying
    xla = done.run("xla")
    assert xla is not None
    assert xla.measurement is not None
    blocks = [block for process in xla.measurement.processes for block in process.blocks]
    built = [block.calls_s[call] for block in blocks for call in block.built]
    timed = next(one for one in by_mode(varying)["xla"]["again"] if one["what"] == "compiling")

    assert len(built) == timed["timed"] > 0
    assert any("compiled anew" in warning for warning in report["warnings"])
    median = next(mode for mode in report["modes"] if mode["mode"] == "xla")["step_time_s"]
    assert median["median"] < min(built)


@pytest.mark.parametrize("mode", ["graph", "xla", "fit"])
def test_the_parts_sum_to_the_first_call_and_hold_what_was_planted(
    keras_model: dict[str, Any], mode: str
) -> None:
    found = keras_model[mode]
    parts = {part["part"]: part["seconds"] for part in found["parts"]}

    assert sum(parts.values()) == pytest.approx(found["traced_first_call_s"])
    assert parts["building"] > PLANTED_S
    assert found["building_s"]["median"] > PLANTED_S
    # The baseline has a second process, whose first call is not traced.
    assert found["first_call_traced"] == (mode != "graph")
    if found["first_call_traced"]:
        assert found["traced_first_call_s"] == pytest.approx(
            found["first_call_s"]["median"], rel=0.05
        )
        # The watch and the trace see the same building, with clocks of their own.
        assert found["building_s"]["median"] == pytest.approx(parts["building"], rel=0.2)
    assert parts["optimising"] > 0
    assert parts["running"] > 0
    assert (parts["compiling"] > 0) == (mode == "xla")
    assert found["again"] == []
    names = {one["function"].rpartition(".")[2] for one in found["buildings"]}
    assert names & {"train_step", "one_step_on_data"}
    assert max(one["ops"] for one in found["buildings"]) > 5


def test_modes_are_held_against_each_other(keras_model: dict[str, Any]) -> None:
    against = {
        mode: [one["against"] for one in found["break_even"]] for mode, found in keras_model.items()
    }
    assert against == {"graph": ["xla", "fit"], "xla": ["graph", "fit"], "fit": ["graph", "xla"]}
    for found in keras_model.values():
        assert found["extra_s"] > PLANTED_S
        for one in found["break_even"]:
            assert (one["epochs"] is None) == (one["step"] is None and one["low"] is None)
