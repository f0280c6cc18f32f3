"""``graphprof modes``: the list, what can run here, and what is said when nothing can."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from graphprof.capture.modes import registry
from graphprof.capture.workloads import builtin
from graphprof.cli import modes
from graphprof.session import PHASES

DOCS = Path(__file__).resolve().parents[2] / "docs"


def run(*arguments):
    result = CliRunner().invoke(modes.command, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def probe_says(monkeypatch, returncode, stdout="", stderr=""):
    done = subprocess.CompletedProcess([], returncode, stdout, stderr)
    monkeypatch.setattr(modes.subprocess, "run", lambda *_, **__: done)


def test_json_holds_every_mode_and_built_in_model_and_nothing_else():
    document = json.loads(run("--no-probe", "--json"))
    names = [entry["mode"].partition("=")[0] for entry in document["modes"]]
    assert names == [mode.name for mode in registry.BUILT_IN]
    assert {entry["runs_here"] for entry in document["modes"]} == {None}
    assert {entry["name"] for entry in document["builtins"]} > {e.name for e in builtin.BUILTINS}


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_lists_its_own_modes(phase):
    document = json.loads(run("--no-probe", "--json", "--phase", phase))
    assert all(phase in entry["phases"] for entry in document["modes"])
    assert len(document["modes"]) == 7


def test_what_cannot_run_says_why(monkeypatch):
    probe_says(monkeypatch, 0, 'noise\n{"eager": null, "xla": "No XLA in this build."}\n')
    entries = {entry["mode"]: entry for entry in json.loads(run("--json"))["modes"]}
    assert entries["eager"]["runs_here"] is True
    assert (entries["xla"]["runs_here"], entries["xla"]["reason"]) == (
        False,
        "No XLA in this build.",
    )
    assert "No XLA in this build." in " ".join(run().split())


def test_a_tensorflow_that_does_not_start_is_said_for_every_mode(monkeypatch):
    probe_says(monkeypatch, 1, stderr="Traceback\nModuleNotFoundError: No module named 'jax'\n")
    entries = json.loads(run("--json"))["modes"]
    assert {entry["runs_here"] for entry in entries} == {False}
    assert "No module named 'jax'" in entries[0]["reason"]


def test_a_tensorflow_that_hangs_is_said(monkeypatch):
    def hang(*_, **__):
        raise subprocess.TimeoutExpired("python", 1)

    monkeypatch.setattr(modes.subprocess, "run", hang)
    assert "did not start within" in json.loads(run("--json"))["modes"][0]["reason"]


@pytest.mark.tf
def test_the_probe_asks_a_real_tensorflow():
    reasons, trouble = modes.probe()
    assert trouble is None
    assert list(reasons) == [mode.name for mode in registry.BUILT_IN]
    assert reasons["eager"] is None


def test_the_documentation_knows_every_mode_and_built_in_model():
    modes_page = (DOCS / "modes.md").read_text()
    for mode in registry.BUILT_IN:
        shown = f"{mode.name}={mode.parameter}" if mode.parameter else mode.name
        assert f"`{shown}`" in modes_page
    workloads_page = (DOCS / "workloads.md").read_text()
    for entry in builtin.BUILTINS:
        assert f"`{entry.name}`" in workloads_page
