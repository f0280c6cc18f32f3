"""``graphprof profile --advise``: what is measured is tried, and the report says what that showed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import builders
import pytest

from graphprof import session, trials
from graphprof.capture.controller import schedule
from graphprof.capture.trials import registry
from graphprof.cli.main import main
from graphprof.trials import Interval, Outcome


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """The requests that trials were made of; profiling gives a session written by hand."""
    requests: list[Any] = []

    def profile(*_: Any) -> Path:
        return builders.session(tmp_path, modes=("eager", "graph", "xla"))

    def trial(request: Any) -> Outcome:
        requests.append(request)
        return Outcome((2.0,), (1.0,), Interval(2.0, 1.9, 2.1), "passed")

    monkeypatch.setattr(schedule, "profile", profile)
    monkeypatch.setattr(registry, "run", trial)
    return requests


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_report_says_what_trying_showed(
    tried: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("profile", "digits_cnn", "--advise", "--json", "-q") == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    verdicts = {one["key"]: one["verified"]["verdict"] for one in findings if one["verified"]}
    assert len(tried) == len(verdicts) > 0
    assert set(verdicts.values()) == {"confirmed"}


def test_nothing_is_tried_unasked(tried: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("profile", "digits_cnn", "--json", "-q") == 0
    assert tried == []
    assert all(one["verified"] is None for one in json.loads(capsys.readouterr().out)["findings"])


def test_a_trial_that_is_interrupted_ends_as_interrupted(
    tried: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = Outcome((2.0,), (1.0,), Interval(2.0, 1.9, 2.1), "passed")
    stopped = dataclasses.replace(measured, interrupted=True)
    monkeypatch.setattr(registry, "run", lambda _: stopped)
    assert run("profile", "digits_cnn", "--advise", "--json", "-q") == 130
    path = Path(json.loads(capsys.readouterr().out)["session"]["path"])
    assert len(trials.load(path)) == 1
    assert session.load(path).info.status == "complete"
