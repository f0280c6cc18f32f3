"""`graphprof exec` end to end: the program notices nothing, and the report says what happened."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.tf

PLAIN = """
import atexit, os, sys
atexit.register(lambda: print("bye"))
print(__name__, __file__, sys.argv, sys.path[0] == os.path.dirname(os.path.abspath(__file__)))
print("to stderr", file=sys.stderr)
print(input())
import json as j
sys.modules["__main__"].__dict__["j"]
def fail(kind):
    if kind == "raise":
        raise ValueError("the user's own error")
    sys.exit({"code": 7, "text": "words"}.get(kind, 0))
fail(sys.argv[1])
"""


def run(command: list[str], cwd: Path, text: str = "typed\n") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, input=text, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("kind", ["none", "code", "text", "raise"])
def test_program_without_tensorflow_runs_as_ever(tmp_path: Path, kind: str) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    program = ["plain.py", kind, "--json-file", "x"]
    plain = run(program, tmp_path)
    watched = run(["-m", "graphprof", "exec", "--json-file", "out.json", *program], tmp_path)
    assert watched.stdout == plain.stdout
    assert watched.returncode == plain.returncode
    assert watched.stderr.startswith(plain.stderr)
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["schema"] == "graphprof.report/1"
    assert report["program"]["exit_code"] == plain.returncode
    assert report["findings"] == []


def test_module_runs_as_with_python_m(tmp_path: Path) -> None:
    package = tmp_path / "tool"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("import sys; print(__package__, sys.argv[1:], __name__)")
    watched = run(["-m", "graphprof", "exec", "-m", "tool", "a", "-b"], tmp_path)
    plain = run(["-m", "tool", "a", "-b"], tmp_path)
    assert (watched.stdout, watched.returncode) == (plain.stdout, plain.returncode)


def test_missing_script_is_a_usage_error(tmp_path: Path) -> None:
    done = run(["-m", "graphprof", "exec", "no.py"], tmp_path)
    assert done.returncode == 2
    assert "There is no script no.py" in done.stderr


def test_interrupt_reaches_the_program_and_is_reported(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\nprint('ready', flush=True)\n"
        "try:\n    time.sleep(600)\nexcept KeyboardInterrupt:\n    print('caught', flush=True)\n    raise\n"
    )
    command = [sys.executable, "-m", "graphprof", "exec", "--json-file", "out.json", "slow.py"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.2)
        # A terminal sends Ctrl-C to the whole group.
        import os

        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert out == "caught\n"
    assert "KeyboardInterrupt" in err
    assert process.returncode in (130, -signal.SIGINT)
    assert json.loads((tmp_path / "out.json").read_text())["session"]["status"] == "interrupted"


def without_log(text: str) -> list[str]:
    """Its lines without those of TensorFlow's native log: where in the text these fall is chance."""
    native = re.compile(r"[IWEF]\d{4} [\d:.]+\s+\d+ \S+:\d+\] ")
    return [line for line in text.strip().splitlines() if not native.match(line)]


TRAINING = """
import keras, numpy as np, tensorflow as tf

class Count(keras.callbacks.Callback):
    calls = 0
    def on_train_batch_end(self, batch, logs=None):
        Count.calls += 1

class Odd(keras.metrics.Metric):
    def __init__(self):
        super().__init__(name="odd")
        self.total = self.add_variable((), "zeros")
    def update_state(self, y, p, sample_weight=None):
        self.total.assign_add(tf.reduce_sum(y))
    def result(self):
        return self.total.value

@tf.function
def branch(x):
    if tf.reduce_sum(x) > 0:  # AutoGraph must go on converting the user's code
        return x
    return -x

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=[Odd(), "mae"])
x = np.ones((64, 4), "float32")
model.fit(x, x[:, :1], batch_size=8, epochs=2, verbose=0, callbacks=[Count()], validation_data=(x, x[:, :1]))
print(model.evaluate(x, x[:, :1], verbose=0)[1], model.predict(x, verbose=0).shape, Count.calls)
print(branch(tf.constant([-1.0])).numpy(), float(tf.constant(2.0)))
for batch in tf.data.Dataset.range(6).map(lambda v: v + 1).batch(4):
    print(int(tf.reduce_sum(batch)))
try:
    branch(tf.ones((2,)), 3)
except TypeError as error:
    print(type(error).__name__)
raise RuntimeError("at the end")
"""


def test_training_program_is_unchanged_and_seen(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINING)
    plain = run(["train.py"], tmp_path)
    watched = run(["-m", "graphprof", "exec", "--json-file", "out.json", "train.py"], tmp_path)
    assert watched.stdout == plain.stdout
    assert watched.returncode == plain.returncode == 1
    traceback = watched.stderr.partition("Traceback")[2].partition("graphprof:")[0]
    assert without_log(traceback) == without_log(plain.stderr.partition("Traceback")[2])
    report = json.loads((tmp_path / "out.json").read_text())
    seen = " ".join(report["program"]["seen"])
    assert "1 x fit" in seen
    assert "3 x evaluate" in seen
    assert "1 x predict" in seen
    assert sum(part["seconds"] for part in report["program"]["division"]) == pytest.approx(
        report["program"]["wall_s"], rel=0.05
    )
    assert report["program"]["not_seen"] == [] or "traced" in report["program"]["not_seen"][0]


def test_private_points_are_where_this_release_has_them() -> None:
    code = (
        "import keras, tensorflow\n"
        "from graphprof.capture.instrument import private\n"
        "for name, point in {**private.TENSORFLOW, **private.KERAS}.items():\n"
        "    point.resolve()\n"
        "options = type('O', (), {'attributes': {'_XlaMustCompile': True}})\n"
        "assert private.jit_compiled(options)\n"
        "from tensorflow.python.eager.polymorphic_function import attributes, eager_function_run\n"
        "assert attributes.XLA_COMPILE == '_XlaMustCompile'\n"
        "assert eager_function_run.RUN_FUNCTIONS_EAGERLY is False\n"
        "from tensorflow.python.util import tf_stack\n"
        "assert hasattr(tf_stack, '_source_mapper_stacks')\n"
        "from tensorflow.python.profiler import profiler_v2\n"
        "assert profiler_v2._profiler is None\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
