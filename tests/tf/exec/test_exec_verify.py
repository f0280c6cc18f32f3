"""A program is watched, its finding's change is made and tried, and the report shows what came out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from graphprof import trials

# The edit moves the function up, so that its lines are others than those of the file on disk:
# AutoGraph must read the changed text.
PROGRAM = """
import tensorflow as tf

w = [tf.Variable(tf.ones((8, 8)) * 0.1) for _ in range(12)]
x = tf.ones((4, 8))
for i in range(12):

    @tf.function
    def step(x):
        y = x
        for v in w:
            y = tf.nn.tanh(y @ v)
        if tf.reduce_sum(y) > 0.0:
            y = y + 1.0
        return tf.reduce_mean(y)

    print("mean", step(x).numpy())
"""


def graphprof(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "graphprof", *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.tf
def test_a_finding_is_tried_and_the_report_shows_it(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(PROGRAM)
    graphprof(tmp_path, "exec", "--no-replay", "train.py")
    said = graphprof(
        tmp_path,
        "verify",
        "logs",
        "--finding",
        "function_recreated_in_loop",
        "--json",
        "--budget",
        "1s",
    )
    (tried,) = json.loads(said)["tried"]
    assert tried["problem"] is None
    assert tried["parity"] == "passed", tried["sentence"]
    assert tried["trial"]["patch"].count("\n-") > 5
    assert len(tried["before_s"]) == len(tried["after_s"]) >= 1
    # Twelve buildings against one; the factor depends on the machine, that it is quicker does not.
    assert min(tried["after_s"]) < min(tried["before_s"])
    assert script.read_text() == PROGRAM

    (session,) = (tmp_path / "logs").iterdir()
    assert trials.load(session)[0].verdict == tried["verdict"]
    report = json.loads(graphprof(tmp_path, "report", "logs", "--json"))
    found = next(one for one in report["findings"] if one["cause"] == "function_recreated_in_loop")
    assert found["verified"]["verdict"] == tried["verdict"]
    assert found["change"].count("\n+") > 5

    graphprof(tmp_path, "verify", "logs", "--write-patch", "patches")
    (patch,) = (tmp_path / "patches").glob("*function_recreated*.patch")
    subprocess.run(["git", "apply", str(patch)], cwd=tmp_path, check=True)
    assert script.read_text().index("def step") < script.read_text().index("for i in range(12)")
