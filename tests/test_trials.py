"""What was tried is kept as it was, and damage is said."""

import dataclasses
from pathlib import Path

import pytest

from graphprof import trials
from graphprof.errors import SessionError
from graphprof.trials import Interval, ModeTrial, SourceTrial, Tried, WorkloadTrial

TRIALS = [
    ModeTrial("fit-spe=8", "fit"),
    WorkloadTrial("fit", {"batch_size": 256, "input.prefetch": True}, per="example"),
    SourceTrial("/tmp/train.py", "--- a\n+++ b\n", "00"),
]


def tried(trial, finding="cause-1"):
    return Tried(
        finding=finding,
        cause="cause",
        trial=trial,
        verdict="confirmed",
        sentence="It helps.",
        predicted=Interval(1.5, 1.2, 2.0),
        measured=None,
        parity="unknown",
        before_s=(1.0, 1.1),
        after_s=(0.5, 0.6),
        at="2026-01-01T00:00:00+00:00",
    )


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.kind)
def test_what_was_tried_is_read_back_as_it_was(trial, tmp_path):
    first, second = tried(trial), tried(trial, "cause-2")
    trials.add(tmp_path, first)
    trials.add(tmp_path, second)
    assert trials.load(tmp_path) == (first, second)
    assert trials.latest(tmp_path) == {"cause-1": first, "cause-2": second}


def test_nothing_tried_is_no_error(tmp_path):
    assert trials.load(tmp_path) == ()


@pytest.mark.parametrize("content", ["", "[]", '{"format_version": 99}', '{"tried": [{}]}'])
def test_a_damaged_file_is_said(content, tmp_path):
    (tmp_path / trials.TRIALS_FILE).write_text(content)
    with pytest.raises(SessionError):
        trials.load(tmp_path)


def test_a_key_stays_and_tells_subjects_apart():
    assert trials.key("cause", "a.py:3") == trials.key("cause", "a.py:3")
    assert trials.key("cause", "a.py:3") != trials.key("cause", "a.py:4")


def test_each_field_is_documented():
    page = (Path(__file__).parents[1] / "docs" / "session-format.md").read_text()
    section = page.partition("## trials.json")[2]
    names = {field.name for one in (Tried, *map(type, TRIALS)) for field in dataclasses.fields(one)}
    assert [name for name in names - {"kind"} if f"`{name}`" not in section] == []
