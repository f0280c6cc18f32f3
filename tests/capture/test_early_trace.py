"""The trace of a process's first calls, with a profiler of the tests' own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from capture_faking import processes, profile
from fake_profiler import FakeProfiler

from graphprof.analysis.timing import steps
from graphprof.capture.protocol import Called, FirstCall
from graphprof.capture.worker import early
from graphprof.capture.worker.labelling import Labelling
from graphprof.capture.worker.pacing import Call
from graphprof.capture.worker.recorder import Recorder

FILE = "plugins/graphprof/early.xplane.pb"


def run(
    profiler: FakeProfiler,
    request: FirstCall,
    steps_per_call: int = 1,
    call_s: Callable[[int], float] = lambda number: 0.5 if number == 0 else 0.01,
    during: Callable[[], None] = lambda: None,
) -> Called:
    """Drive the task as the pacer does."""
    labelling = Labelling(op_by_op=True)
    task = early.first_caller("train", steps_per_call, Recorder(profiler), labelling)(request)
    bracket = next(task)
    number = 0
    while True:
        with bracket() if bracket is not None else contextlib.nullcontext():
            during()
        try:
            bracket = task.send(Call(0, call_s(number)))
        except StopIteration as ended:
            called: Called = ended.value
            return called
        number += 1


@pytest.fixture(autouse=True)
def no_scopes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Labelling, "traced_call", lambda self: contextlib.nullcontext())


def test_the_first_call_and_the_next_ones_are_recorded_from_step_0(tmp_path: Path) -> None:
    profiler = FakeProfiler()
    called = run(profiler, FirstCall(str(tmp_path), 3))

    assert profiler.recordings == [[{"name": "train", "step_num": i, "_r": 1} for i in range(3)]]
    assert (called.seconds, called.later_s, called.traced) == (0.5, (0.01, 0.01), True)
    assert called.early is not None
    assert called.early.xplane == FILE
    assert called.early.step_nums == (0, 1, 2)
    assert called.early.step_seconds == (0.5, 0.01, 0.01)
    assert (tmp_path / FILE).read_bytes() == profiler.data
    assert not list(tmp_path.glob("plugins/profile"))


def test_calls_of_several_steps_share_their_time(tmp_path: Path) -> None:
    called = run(FakeProfiler(), FirstCall(str(tmp_path), 2), steps_per_call=2)

    assert called.early is not None
    assert called.early.step_nums == (0, 1, 2, 3)
    assert called.early.step_seconds == (0.25, 0.25, 0.005, 0.005)


def test_without_a_folder_nothing_is_recorded() -> None:
    profiler = FakeProfiler()
    called = run(profiler, FirstCall())

    assert profiler.recordings == []
    assert (called.seconds, called.traced, called.early) == (0.5, False, None)


def test_no_further_call_is_traced_after_a_long_one(tmp_path: Path) -> None:
    called = run(FakeProfiler(), FirstCall(str(tmp_path), 3), call_s=lambda _: 60.0)

    assert called.later_s == (60.0,)


@pytest.mark.parametrize(("data", "busy"), [(b"", False), (b"\xff\xff", False), (None, True)])
def test_a_trace_that_fails_costs_only_itself(
    tmp_path: Path, data: bytes | None, busy: bool
) -> None:
    called = run(FakeProfiler(data, busy), FirstCall(str(tmp_path), 3))

    assert called.early is None
    assert called.seconds == 0.5
    assert called.traced != busy
    assert called.notes[0].startswith("The first calls were not traced: ")
    assert not (tmp_path / FILE).exists()


def test_a_recording_that_takes_too_long_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "OP_BY_OP_S", 0.01)
    profiler = FakeProfiler()

    def until_cut_off() -> None:
        give_up = time.monotonic() + 10
        while profiler.running is not None and time.monotonic() < give_up:
            time.sleep(0.005)

    profiler.strict = False
    called = run(profiler, FirstCall(str(tmp_path), 3), during=until_cut_off)

    assert profiler.running is None
    assert called.early is None
    assert called.later_s == ()
    assert "took longer than 0 s" in called.notes[0]


def test_one_process_of_each_mode_traces_its_first_calls(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "other", "traceless", waves=2, budget_s=4.0)

    for mode in ("good", "other"):
        found = done.run(mode)
        assert found is not None
        assert found.run.early is not None
        assert found.early_xplane is not None
        assert found.early_xplane.is_file()
        assert [p.first_call_traced for p in processes(done, mode)] == [True, False]
        assert not any(p.first_call_traced for p in processes(done, mode, "aa"))
    traceless = done.run("traceless")
    assert traceless is not None
    assert traceless.run.early is None
    assert "not traced" in traceless.run.notes


def test_first_calls_with_the_profiler_on_count_only_where_there_are_no_others(
    tmp_path: Path,
) -> None:
    # A budget that the first wave cannot use up, however busy the machine is.
    done = profile(tmp_path, "good", "other", waves=2, budget_s=4.0)
    two = steps.summarise(done).mode("other")
    one = steps.summarise(profile(tmp_path, "good", "other", waves=1)).mode("other")

    assert two is not None
    assert (len(two.first_steps_s), two.first_step_traced) == (1, False)
    assert one is not None
    assert (len(one.first_steps_s), one.first_step_traced) == (1, True)


def test_without_traces_there_is_none_of_the_first_calls_either(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", trace=False)

    found = done.run("good")
    assert found is not None
    assert found.run.early is None
    assert not any(p.first_call_traced for p in processes(done, "good"))
