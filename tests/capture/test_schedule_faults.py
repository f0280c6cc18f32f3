"""What one mode's failure costs: itself, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from capture_faking import Heard, blocks, options, processes, profile

from graphprof import session
from graphprof.capture import environment
from graphprof.capture.controller import ledger, schedule
from graphprof.capture.controller.stop import Stop
from graphprof.capture.spec import WorkloadSpec
from graphprof.errors import StorageError, UsageError, WorkloadError
from graphprof.session import Failure
from graphprof.trace import memory_file

KINDS = {
    "raise": "failed",
    "cannot": "unavailable",
    "crash": "crashed",
    "quit": "crashed",
    "leave": "crashed",
    "babble": "crashed",
    "confuse": "crashed",
    "oom": "memory",
    "badalloc": "memory",
}


def failure(done: session.Session, mode: str) -> Failure:
    run = done.run(mode)
    assert run is not None
    assert run.run.status == "failed"
    assert run.run.error is not None
    return run.run.error


@pytest.mark.parametrize("what", KINDS)
def test_a_mode_that_fails_costs_only_itself(tmp_path: Path, what: str) -> None:
    heard = Heard()
    modes = [f"{what}-prepare", f"{what}-block", f"{what}-trace"]

    done = profile(tmp_path, "good", *modes, progress=heard)

    assert done.info.status == "complete"
    good = done.run("good")
    assert good is not None
    assert good.run.status == "complete"
    assert good.run.trace is not None
    assert len(processes(done, "good")[0].blocks) >= 3
    for mode in modes:
        error = failure(done, mode)
        assert error.kind == KINDS[what]
        assert error.message
        assert error.cure
        assert "\n" not in error.message
        assert any(line.startswith(mode) for line in heard.problems)
    # What was measured before the failure stays.
    assert not processes(done, f"{what}-prepare")
    assert not processes(done, f"{what}-block")[0].blocks
    assert processes(done, f"{what}-block")[0].first_call_s is not None
    assert processes(done, f"{what}-trace")[0].blocks


def test_the_message_of_a_crash_names_signal_moment_and_last_words(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "crash-first", "quit-warmup")

    assert failure(done, "crash-first").message == (
        "Its process ended with signal SIGSEGV while making the first call; "
        'its last line was: "about to crash"'
    )
    assert "exit code 3 while warming up" in failure(done, "quit-warmup").message
    assert "worker.log" in failure(done, "quit-warmup").cure


def test_a_worker_that_hangs_is_killed_with_all_it_started(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "hang-first", timeout_s=3.0)

    error = failure(done, "hang-first")
    assert error.kind == "timeout"
    assert error.message == "It gave no answer for 3 s while making the first call"
    assert "--timeout" in error.cure
    assert no_workers_left()


def test_children_that_a_worker_leaves_behind_are_killed(tmp_path: Path) -> None:
    before = {child.pid for child in psutil.process_iter() if child.name() == "sleep"}

    profile(tmp_path, "good", "leave-first")

    after = {child.pid for child in psutil.process_iter(["name"]) if child.info["name"] == "sleep"}
    assert not any(runs("sleep 600", pid) for pid in after - before)


def test_a_baseline_that_fails_is_replaced_and_the_new_one_is_doubled(tmp_path: Path) -> None:
    done = profile(tmp_path, "crash-first", "good", "better")

    assert done.info.baseline == "good"
    assert processes(done, "good", "aa")[0].blocks
    assert any("crash-first could not be measured" in note for note in done.info.notes)


def test_a_baseline_that_cannot_even_start_is_replaced(tmp_path: Path) -> None:
    done = profile(tmp_path, "cannot-prepare", "good", "better")

    assert done.info.baseline == "good"
    assert processes(done, "good", "aa")[0].blocks
    assert processes(done, "better")[0].blocks


def test_a_baseline_that_fails_among_groups_is_replaced_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "available_memory_bytes", lambda: 0)

    done = profile(tmp_path, "crash-block", "one", "two", "three", budget_s=0.5)

    assert done.info.baseline in ("one", "two", "three")
    for mode in ("one", "two", "three"):
        assert any(process.blocks for process in processes(done, mode)), mode
    waves = {process.wave for mode in done.info.modes for process in processes(done, mode)}
    assert len(waves) >= 2


def test_a_mode_lost_in_one_wave_is_not_started_in_the_next(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "raise-trace", waves=2)

    assert len(processes(done, "good")) == 2
    assert len(processes(done, "raise-trace")) == 1
    assert failure(done, "raise-trace").kind == "failed"


def test_a_trace_that_cannot_be_recorded_does_not_cost_the_timings(tmp_path: Path) -> None:
    done = profile(tmp_path, "good", "traceless", waves=2)

    assert failure(done, "traceless").message == "No trace"
    assert all(process.blocks for process in processes(done, "traceless"))
    assert len(processes(done, "traceless")) == 2


@pytest.mark.parametrize(
    ("modes", "code"),
    [
        (("raise-first",), 5),
        (("raise-prepare", "raise-first"), 5),
        (("raise-first", "crash-prepare"), 3),
        (("oom-first",), 3),
    ],
)
def test_nothing_measured_is_an_error(tmp_path: Path, modes: tuple[str, ...], code: int) -> None:
    with pytest.raises(schedule.NothingMeasuredError) as raised:
        profile(tmp_path, *modes)

    assert raised.value.exit_code == code
    assert str(raised.value).count("No mode could be measured") == 1
    done = session.load(raised.value.folder)
    assert done.info.status == "failed"
    assert done.info.error is not None
    assert all(run.run.error is not None for run in done.runs)


def test_a_workload_at_fault_ends_the_session_at_once(tmp_path: Path) -> None:
    heard = Heard()
    with pytest.raises(WorkloadError):
        profile(tmp_path, "workload-prepare", "good", progress=heard)

    assert not any(line.startswith("good") for line in heard.lines)
    (folder,) = session.find(tmp_path)
    done = session.load(folder)
    assert done.info.status == "failed"
    assert {run.run.error for run in done.runs} == {done.info.error}


def test_a_mistyped_name_leaves_no_session_behind(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        profile(tmp_path, "usage-prepare", "good")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("modes", "baseline"), [((), None), (("one", "one"), None), (("one", "two"), "three")]
)
def test_modes_that_make_no_sense_are_refused_before_anything_is_written(
    tmp_path: Path, modes: tuple[str, ...], baseline: str | None
) -> None:
    with pytest.raises(UsageError):
        profile(tmp_path, *modes, baseline=baseline)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_ctrl_c_keeps_what_is_measured(tmp_path: Path, sent: signal.Signals) -> None:
    def interrupt(number: int) -> None:
        if number == 4:
            os.kill(os.getpid(), sent)

    done = profile(tmp_path, "one", "two", budget_s=60.0, progress=Heard(interrupt))

    assert done.info.status == "interrupted"
    kept = session.graphprof_folder(done.path / "one") / memory_file.MEMORY_FILE
    assert memory_file.load(kept).processes
    assert {block.round for _, _, block in blocks(done)} <= set(range(5))
    assert len(processes(done, "two")[0].blocks) >= 4
    assert failure(done, "one").kind == "interrupted"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert no_workers_left()


def test_ctrl_c_does_not_wait_for_a_slow_request(tmp_path: Path) -> None:
    class Impatient(Heard):
        def doing(self, mode: str | None, what: str) -> None:
            if what.startswith("first call") and mode == "hang-first":
                os.kill(os.getpid(), signal.SIGINT)

    began = time.monotonic()
    done = profile(tmp_path, "hang-first", "one", timeout_s=500.0, progress=Impatient())

    assert time.monotonic() - began < 60
    assert done.info.status == "interrupted"


def test_a_second_ctrl_c_drops_everything_and_leaves_no_process(tmp_path: Path) -> None:
    def interrupt(number: int) -> None:
        if number == 2:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        profile(tmp_path, "one", "two", budget_s=60.0, progress=Heard(interrupt))

    (folder,) = session.find(tmp_path)
    assert session.load(folder).info.status == "interrupted"
    assert no_workers_left()


def test_stop_asks_first_and_insists_then() -> None:
    stop = Stop()
    stop.check()
    stop.request()
    assert stop.requested
    with pytest.raises(KeyboardInterrupt):
        stop.request()


def test_when_the_parent_is_killed_its_workers_end_and_the_session_is_readable(
    tmp_path: Path,
) -> None:
    program = (
        "import sys, capture_faking\n"
        "class Tell(capture_faking.Heard):\n"
        "    def measuring(self, number, left_s):\n"
        "        if number == 3: print('measuring', flush=True)\n"
        "capture_faking.profile(sys.argv[1], 'one', 'hang-trace', budget_s=600.0, progress=Tell())\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert parent.stdout is not None
    parent.stdout.readline()
    workers = [child.pid for child in psutil.Process(parent.pid).children()]
    assert len(workers) == 3

    parent.kill()
    parent.wait()
    parent.stdout.close()

    deadline = time.monotonic() + 30
    while any(runs("fake_worker.py", pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(runs("fake_worker.py", pid) for pid in workers)
    (folder,) = session.find(tmp_path)
    assert session.load(folder).info.status == "running"


def test_a_log_directory_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for logdir in (file, file / "logs"):
        with pytest.raises(StorageError, match=r"log directory .*file.*--logdir"):
            profile(logdir, "one")


def test_a_disk_that_fills_up_keeps_what_was_measured_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphprof.capture.controller.lockstep._SAVE_S", 0.0)
    written = []

    def full(path: Path, record: object) -> None:
        written.append(path)
        if len(written) > 8:
            raise StorageError(f"Cannot write {path}: No space left on device", "Free some space")

    monkeypatch.setattr(ledger.disk, "save", full)
    with pytest.raises(schedule.UnsavedError) as raised:
        schedule.profile(WorkloadSpec("fake"), ["one", "two"], tmp_path, options(budget_s=60.0))

    assert raised.value.exit_code == 6
    measured = raised.value.session
    assert measured.info.status == "interrupted"
    assert all(run.measurement is not None for run in measured.runs)
    assert processes(measured, "two")[0].blocks
    assert no_workers_left()


def no_workers_left() -> bool:
    children = psutil.Process().children(recursive=True)
    return not any(runs("fake_worker.py", child.pid) for child in children)


def runs(what: str, pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and what in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False
