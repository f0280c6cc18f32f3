"""``graphprof doctor``: what it finds and says; TensorFlow's process is faked."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from graphprof.analysis.timing import noise
from graphprof.capture.controller import machine
from graphprof.cli import doctor


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, stdout='chatter\n{"devices": ["CPU:0"], "gc_enabled": true}\n')
    alike = machine.Alike((1.0, 1.01, 0.99, 1.0) * 20, (1.0, 1.0, 1.01, 0.99) * 20, 8.0)
    monkeypatch.setattr(machine, "time_alike", lambda budget_s: alike)
    tabs = [SimpleNamespace(name="profile"), SimpleNamespace(name="graphprof")]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: tabs)


def answer(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    """What the process with TensorFlow says; git is asked as ever."""
    done = {"returncode": 0, "stdout": "", "stderr": "", **values}
    monkeypatch.setattr(doctor.subprocess, "run", lambda *_, **__: SimpleNamespace(**done))


def examined(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(doctor.command, list(arguments), standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.stdout


@pytest.mark.usefixtures("healthy")
def test_a_healthy_machine_is_described_in_words_and_in_json() -> None:
    code, out = examined()
    assert code == 0
    assert "Python version" in out
    assert "CPU:0" in out
    assert "found" in out
    assert "told apart four times out of five" in " ".join(out.split())

    code, out = examined("--json")
    values = json.loads(out)
    assert code == 0
    assert values["schema"] == doctor.SCHEMA
    assert values["environment"]["devices"] == ["CPU:0"]
    assert values["tabs"] == {"profile": True, "graphprof": True}
    assert 0 < values["noise"]["detectable_here"] < values["noise"]["detectable"]
    assert values["problems"] == []


@pytest.mark.usefixtures("healthy")
def test_noise_can_be_left_out() -> None:
    code, out = examined("--no-noise", "--json")
    assert (code, json.loads(out)["noise"]) == (0, None)


@pytest.mark.usefixtures("healthy")
@pytest.mark.parametrize("what", ["broken", "hangs", "no tab"])
def test_what_is_missing_is_said_with_its_cure(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    if what == "broken":
        answer(monkeypatch, returncode=1, stderr="Traceback\nImportError: no libtensorflow")
        expected = ("ImportError: no libtensorflow", "pip install")
    elif what == "hangs":

        def hang(*_: Any, **__: Any) -> None:
            raise subprocess.TimeoutExpired("python", 1)

        monkeypatch.setattr(doctor.subprocess, "run", hang)
        expected = ("did not load within", "see what holds it up")
    else:
        tabs = [SimpleNamespace(name="graphprof")]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: tabs)
        expected = ("tab PROFILE", "pip install tensorboard-plugin-profile")

    code, out = examined("--no-noise")

    assert code == 3
    for words in expected:
        assert words in " ".join(out.split())


def test_too_little_noise_measured_is_said() -> None:
    few = noise.resolution([1.0], [1.0], 1.0)
    assert any("--seconds" in sentence for sentence in doctor.noise_sentences(few))
    assert doctor.noise_sentences(None) == []


@pytest.mark.tf
def test_the_process_with_tensorflow_answers() -> None:
    found, problem = doctor._of_tensorflow()
    assert problem is None
    assert any(device.startswith("CPU") for device in found["devices"])
    assert found["keras_backend"] == "tensorflow"
