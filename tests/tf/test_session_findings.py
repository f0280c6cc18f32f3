"""A cause planted in a real workload is found in its session, and trying the change confirms it."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphprof import session as sessions
from graphprof.analysis.trials.trying import verdict
from graphprof.capture.controller import schedule
from graphprof.capture.controller.options import Options
from graphprof.capture.controller.progress import Silent
from graphprof.capture.controller.stop import Stop
from graphprof.capture.spec import WorkloadSpec
from graphprof.capture.trials import registry
from graphprof.capture.trials.base import Request
from graphprof.report import derive
from graphprof.session import Session
from graphprof.trials import WorkloadTrial

pytestmark = pytest.mark.tf

MODELS = Path(__file__).with_name("advised_models.py")


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session of a workload whose generator sleeps for longer than a step takes."""
    spec = WorkloadSpec(f"{MODELS}:slow_generator")
    options = Options(
        budget_s=1.5, waves=1, trace_steps=12, parity=False, reference=False, aa=False
    )
    logdir = tmp_path_factory.mktemp("advised")
    return sessions.load(schedule.profile(spec, ("fit",), logdir, options))


def test_steps_that_wait_for_a_generator_are_told_and_nothing_else_is(waiting: Session) -> None:
    (found,) = derive.report(waiting).findings
    # A crowded machine lets the sleeper wake late, which looks like threads that fight for Python.
    assert found.cause in ("input_bound_python_generator", "input_bound_python_gil")
    assert found.trial == WorkloadTrial("fit", {"input.cache": 8})


def test_blocks_are_not_served_from_buffers_that_filled_in_between(waiting: Session) -> None:
    folder = waiting.run("fit")
    assert folder is not None
    assert folder.measurement is not None
    blocks = [block for process in folder.measurement.processes for block in process.blocks]
    per_step = sorted(sum(block.calls_s) / len(block.calls_s) for block in blocks)
    # A batch takes 4 ms of sleep at the least, so no block can be quicker a step for long.
    assert per_step[len(per_step) // 2] > 0.0035


def test_trying_batches_from_memory_confirms_it(waiting: Session) -> None:
    (finding, *_) = derive.report(waiting).findings
    assert finding.trial is not None
    outcome = registry.run(Request(waiting, finding.trial, None, 20.0, Silent(), Stop()))
    assert outcome.problem is None
    assert outcome.measured is not None
    assert outcome.measured.value > 1.2
    assert verdict(outcome) in ("confirmed", "inconclusive")
    assert outcome.session is not None
    tried = sessions.load(waiting.path / outcome.session)
    assert tried.info.modes == ("fit", "fit@input.cache=8")
    assert [run.run.resolved.get("input.cache") for run in tried.runs] == [None, 8]


@pytest.mark.parametrize(("name", "eagerly"), [("eagerly", True), ("healthy", False)])
def test_how_the_user_compiled_is_recorded(name: str, eagerly: bool) -> None:
    from graphprof.capture.workloads.workload import load

    described = load(WorkloadSpec(f"{MODELS}:{name}")).describe()
    assert described["compiled_run_eagerly"] is eagerly
    assert described["compiled_steps_per_execution"] == 1
