"""The profiler's one owner, and the trace task, with a profiler of the tests' own."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from fake_profiler import FakeProfiler

from graphprof.capture.protocol import RecordTrace, Traced
from graphprof.capture.worker import recorder
from graphprof.capture.worker.pacing import Call
from graphprof.capture.worker.recorder import Recorder
from graphprof.errors import StorageError, TraceError


def run(
    profiler: FakeProfiler,
    request: RecordTrace,
    steps_per_call: int = 1,
    call_s: float = 0.01,
) -> Traced:
    """Drive the trace task as the pacer does."""
    task = recorder.tracer("train", steps_per_call, Recorder(profiler))(request)
    bracket = next(task)
    while True:
        with bracket() if bracket is not None else contextlib.nullcontext():
            pass
        try:
            bracket = task.send(Call(0, call_s * (2 if profiler.running else 1)))
        except StopIteration as ended:
            traced: Traced = ended.value
            return traced


def test_n_steps_asked_are_n_steps_marked_between_untraced_ones(tmp_path: Path) -> None:
    profiler = FakeProfiler()
    traced = run(profiler, RecordTrace(7, str(tmp_path), 10.0))

    probe, recording = profiler.recordings
    assert probe == []
    assert recording == [{"name": "train", "step_num": i, "_r": 1} for i in range(7)]
    record = traced.record
    assert record is not None
    assert record.step_nums == tuple(range(7))
    assert record.step_seconds == pytest.approx((0.02,) * 7)
    assert record.untraced_step_seconds == pytest.approx((0.01,) * 14)
    assert record.xplane == "plugins/profile/run2/host.xplane.pb"
    assert record.profile_run == "run2"
    assert traced.notes == ()
    assert [path.name for path in tmp_path.glob("plugins/profile/*")] == ["run2"]


def test_untraced_blocks_are_bounded_in_time(tmp_path: Path) -> None:
    traced = run(FakeProfiler(), RecordTrace(50, str(tmp_path)), call_s=0.2)

    assert traced.record is not None
    assert len(traced.record.step_seconds) == 50
    assert len(traced.record.untraced_step_seconds) == 2 * 5


@pytest.mark.parametrize(("asked", "wanted"), [(8, [None, None]), (7, [None, 3]), (3, [3])])
def test_calls_of_several_steps_say_how_many_were_asked_for(
    tmp_path: Path, asked: int, wanted: list[int | None]
) -> None:
    profiler = FakeProfiler()
    traced = run(profiler, RecordTrace(asked, str(tmp_path)), steps_per_call=4, call_s=0.04)

    assert [mark.get("wanted") for mark in profiler.recordings[1]] == wanted
    assert [mark["step_num"] for mark in profiler.recordings[1]] == [0, 4][: len(wanted)]
    assert {mark["steps"] for mark in profiler.recordings[1]} == {4}
    assert traced.record is not None
    assert traced.record.step_nums == tuple(range(asked))
    assert traced.record.step_seconds == pytest.approx((0.02,) * asked)
    assert traced.record.untraced_step_seconds == pytest.approx((0.01,) * 24)


@pytest.mark.parametrize(("at_most_s", "steps"), [(None, 20), (4.0, 8), (0.1, 3)])
def test_slow_steps_are_traced_less_and_it_is_said(
    tmp_path: Path, at_most_s: float | None, steps: int
) -> None:
    traced = run(FakeProfiler(), RecordTrace(20, str(tmp_path), at_most_s), call_s=0.5)

    assert traced.record is not None
    assert traced.record.steps_asked == 20
    assert len(traced.record.step_nums) == steps
    assert bool(traced.notes) == (steps < 20)


@pytest.mark.parametrize(("events", "steps"), [(100, 20), (200_000, 5), (3_000_000, 1)])
def test_the_event_budget_is_kept_and_it_is_said(events: int, steps: int) -> None:
    planned, notes = recorder.plan(RecordTrace(20, "folder"), 20, 1, 0.01, events)

    assert planned == steps
    assert planned == 1 or planned * events <= recorder.EVENT_BUDGET
    assert bool(notes) == (steps < 20)


@pytest.mark.parametrize(
    ("data", "busy", "message"),
    [
        (b"", False, "empty trace"),
        (None, True, "Another profiler is already recording"),
        (b"\xff\xff\xff", False, "holds no plane"),
    ],
)
def test_a_bad_recording_is_an_answer_not_a_picture(
    tmp_path: Path, data: bytes | None, busy: bool, message: str
) -> None:
    traced = run(FakeProfiler(data, busy), RecordTrace(3, str(tmp_path)))

    assert traced.record is None
    assert traced.error is not None
    assert message in traced.error.message
    assert traced.error.cure
    assert not list(tmp_path.rglob("*.pb"))


def test_a_profiler_that_cannot_save_is_an_error(tmp_path: Path) -> None:
    profiler = FakeProfiler()
    own = Recorder(profiler)
    own.start(tmp_path)
    profiler.fails_at_stop = OSError("No space left on device")

    with pytest.raises(TraceError, match="No space left on device"):
        own.stop()
    with pytest.raises(TraceError, match="Nothing is being recorded"):
        own.stop()


def test_an_older_trace_in_the_folder_is_not_mistaken_for_the_new_one(tmp_path: Path) -> None:
    older = tmp_path / "plugins" / "profile" / "zzz" / "host.xplane.pb"
    older.parent.mkdir(parents=True)
    older.write_bytes(b"older")
    own = Recorder(FakeProfiler())
    own.start(tmp_path)

    assert own.stop().parent.name == "run1"


def test_a_profiler_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    class Mute(FakeProfiler):
        def stop(self) -> None:
            self.running = None

    own = Recorder(Mute())
    own.start(tmp_path)
    with pytest.raises(TraceError, match="wrote no trace"):
        own.stop()


def test_what_cannot_be_written_beside_the_trace_does_not_cost_the_timings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> int:
        raise StorageError(f"Cannot write {path}: No space left on device", "Free some space")

    monkeypatch.setattr(recorder.amend, "amend", full)
    traced = run(FakeProfiler(), RecordTrace(4, str(tmp_path)), steps_per_call=2)

    assert traced.record is None
    assert traced.error is not None
    assert "No space left" in traced.error.message


@pytest.mark.parametrize("steps_per_call", [1, 4])
def test_every_trace_is_made_readable_for_xprof(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps_per_call: int
) -> None:
    """Loops inside a single step hide the steps from XProf just as calls of several steps do."""
    amended: list[Path] = []
    monkeypatch.setattr(recorder.amend, "amend", amended.append)
    run(FakeProfiler(), RecordTrace(4, str(tmp_path)), steps_per_call=steps_per_call)

    assert [path.name for path in amended] == ["host.xplane.pb"]
