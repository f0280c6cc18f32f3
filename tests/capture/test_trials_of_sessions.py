"""Changes of mode and workload: what is run for them, and what is read out of what was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import builders
import pytest

from graphprof import session as sessions
from graphprof.capture import variants
from graphprof.capture.controller import schedule
from graphprof.capture.controller.progress import Silent
from graphprof.capture.controller.stop import Stop
from graphprof.capture.spec import WorkloadSpec
from graphprof.capture.trials import registry
from graphprof.capture.trials.base import Request
from graphprof.errors import UsageError, WorkloadError
from graphprof.trials import ModeTrial, Trial, WorkloadTrial

SPEC = WorkloadSpec("digits_cnn", batch_size=32)


@pytest.mark.parametrize(
    ("changes", "name", "spec"),
    [
        ({}, "fit", SPEC),
        ({"batch_size": 128}, "fit@batch_size=128", WorkloadSpec("digits_cnn", batch_size=128)),
        (
            {"input.cache": 8, "precision": "float32"},
            "fit@input.cache=8,precision=float32",
            WorkloadSpec("digits_cnn", batch_size=32, precision="float32", input={"cache": 8}),
        ),
        (
            {"input.prefetch": -1},
            "fit@input.prefetch=-1",
            WorkloadSpec("digits_cnn", batch_size=32, input={"prefetch": -1}),
        ),
        (
            {"xla_layers": "norm+dense"},
            "fit@xla_layers=norm+dense",
            WorkloadSpec("digits_cnn", batch_size=32, xla_layers=("norm", "dense")),
        ),
    ],
)
def test_a_variant_is_a_mode_on_the_changed_workload(changes, name, spec):
    assert variants.name("fit", changes) == name
    assert variants.mode_of(name) == "fit"
    assert variants.changes_of(name) == changes
    assert variants.spec_of(name, SPEC) == spec


def test_what_cannot_be_changed_from_outside_is_said():
    with pytest.raises(UsageError, match="'optimizer' cannot be changed"):
        variants.name("fit", {"optimizer": "sgd"})


def request_of(tmp_path: Path, trial: Trial, **workload) -> Request:
    folder = builders.session(tmp_path, modes=("graph", "fit"))
    info = sessions.load(folder).info
    options = {**info.options, "workload": SPEC.to_json()}
    changed = {**info.workload, **workload}
    record = sessions.SessionInfo(**{**vars(info), "options": options, "workload": changed})
    sessions.save(folder / sessions.SESSION_FILE, record)
    return Request(sessions.load(folder), trial, None, 60.0, Silent(), Stop())


@pytest.fixture
def measured(monkeypatch):
    """Let ``schedule.profile`` have measured the step times given; returns what it was asked."""

    def give(step_s, parity=None, **more):
        asked = {}

        def profile(spec, modes, logdir, options, progress):
            asked.update(spec=spec, modes=tuple(modes), options=options)
            folder = builders.session(
                Path(logdir), tuple(modes), baseline=modes[0], step_s=step_s, traces=False, **more
            )
            if parity is not None:
                builders.save_results(folder, {modes[1]: parity})
            return folder

        monkeypatch.setattr(schedule, "profile", profile)
        return asked

    return give


def test_a_mode_is_measured_beside_the_one_it_replaces(tmp_path, measured):
    asked = measured({"fit": 0.010, "fit-spe=16": 0.005}, parity={})
    outcome = registry.run(request_of(tmp_path, ModeTrial("fit-spe=16", "fit")))
    assert asked["modes"] == ("fit", "fit-spe=16")
    assert asked["spec"] == SPEC
    assert (asked["options"].baseline, asked["options"].trace) == ("fit", False)
    assert outcome.measured is not None
    assert outcome.measured.value == pytest.approx(2, rel=0.05)
    assert outcome.measured.low < outcome.measured.value < outcome.measured.high
    assert outcome.parity == "passed"
    assert len(outcome.before_s) == len(outcome.after_s) == 24
    assert sum(outcome.before_s) / 24 == pytest.approx(0.010, rel=0.05)
    assert outcome.session is not None
    assert outcome.session.startswith("trials/")


def test_results_that_differ_are_told(tmp_path, measured):
    measured({"graph": 0.01, "xla": 0.005}, parity={"output/output": 1.0, "layer/head": 1.0})
    outcome = registry.run(request_of(tmp_path, ModeTrial("xla", "graph")))
    assert outcome.parity == "failed"


def test_batches_of_other_sizes_are_compared_per_example(tmp_path, measured):
    changed = "fit@batch_size=128"
    asked = measured({"fit": 0.010, changed: 0.016})
    trial = WorkloadTrial("fit", {"batch_size": 128}, per="example")
    outcome = registry.run(request_of(tmp_path, trial, batch_size=32))
    assert asked["modes"] == ("fit", changed)
    assert outcome.measured is not None
    assert outcome.measured.value == pytest.approx(4 * 0.010 / 0.016, rel=0.05)
    assert outcome.parity == "unknown"
    assert any("per example" in remark for remark in outcome.remarks)


def test_a_workload_that_is_gone_is_a_problem_and_no_crash(tmp_path, monkeypatch):
    def profile(*_):
        raise WorkloadError("There is no file models.py", "Name another")

    monkeypatch.setattr(schedule, "profile", profile)
    outcome = registry.run(request_of(tmp_path, ModeTrial("xla", "graph")))
    assert outcome.measured is None
    assert outcome.problem == "There is no file models.py. Name another."


def test_a_session_without_its_workload_cannot_be_tried(tmp_path):
    folder = builders.session(tmp_path, modes=("graph", "fit"))
    request = Request(
        sessions.load(folder), ModeTrial("xla", "graph"), None, 60.0, Silent(), Stop()
    )
    assert "how to load its workload" in (registry.run(request).problem or "")


def test_a_model_that_was_edited_since_is_told(tmp_path, measured):
    measured({"graph": 0.01, "xla": 0.005})
    request = request_of(tmp_path, ModeTrial("xla", "graph"))
    environment = {**request.session.info.environment, "target_revision": "abc+changes"}
    info = replace(request.session.info, environment=environment)
    outcome = registry.run(replace(request, session=replace(request.session, info=info)))
    assert any("abc+changes" in remark for remark in outcome.remarks)
    assert registry.run(request).remarks == ()
