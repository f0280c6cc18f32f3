"""The float64 reference: computed once, bounded, and where it is missing the file says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from capture_faking import profile

from graphprof.analysis.results import parity_file
from graphprof.capture import environment
from graphprof.capture.controller import options, reference
from graphprof.session import Session


def about(done: Session) -> dict[str, Any]:
    with parity_file.opened(done.path / parity_file.REFERENCE_FILE) as found:
        return {} if found is None else dict(found.about)


def test_it_makes_the_same_steps_in_float64(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "spe", waves=2)
    assert about(done) == {"steps": 4, "precision": "float64"}
    assert not (done.path / "reference").exists()


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("crash-prepare", "ended with signal SIGSEGV while loading the model"),
        ("raise-first", "The step raised ValueError: no"),
        ("quit-results", "ended with exit code 3 while making its first steps"),
        ("secretive", "It could not be read"),
        ("opaque", "no graph"),
    ],
)
def test_one_that_fails_costs_itself_alone_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, reason: str
) -> None:
    monkeypatch.setattr(reference, "_MODE", mode)
    done = profile(tmp_path, "good", "other")
    assert done.info.status == "complete"
    assert all(run.run.error is None and run.measurement for run in done.runs)
    assert reason in about(done)["reason"]
    assert about(done)["reason"].startswith("The model could not be run in float64: ")


def test_one_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "_MODE", "hang-first")
    monkeypatch.setattr(options, "REFERENCE_S", 1.0)
    assert "gave no answer for 1 s" in about(profile(tmp_path, "good", "other"))["reason"]


def test_slow_models_go_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its first call takes 50 s, fifty times as long as the others.
    assert "took 50 s" in about(profile(tmp_path, "1000ms"))["reason"]
    monkeypatch.setattr(options, "REFERENCE_S", 0.1)
    assert "An eager step takes" in about(profile(tmp_path / "eager", "eager"))["reason"]


def test_full_memory_goes_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "available_memory_bytes", lambda: 0)
    assert "no memory" in about(profile(tmp_path, "good"))["reason"]


def test_nobody_asked_for_it(tmp_path: Path) -> None:
    assert about(profile(tmp_path, "good", "other", parity=False)) == {}
