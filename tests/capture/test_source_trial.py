"""A program is run with and without a change, in pairs; it and its files stay as they are."""

from __future__ import annotations

import json
import py_compile
import textwrap
from pathlib import Path
from typing import Any

import pytest

from graphprof import session
from graphprof.analysis.trials import patching
from graphprof.capture.controller.progress import Silent
from graphprof.capture.controller.stop import Stop
from graphprof.capture.trials import source
from graphprof.capture.trials.base import Request
from graphprof.session import PROGRAM_RUN, SessionInfo
from graphprof.trials import Outcome, SourceTrial

SLEEPER = """
import sys, time
import helper
time.sleep(float(sys.argv[1]))
print("loss", helper.loss())
"""
HELPER = """
def loss():
    return 0.5
"""


def program(folder: Path, text: str = SLEEPER, arguments: tuple[str, ...] = ("0.3",)) -> Path:
    """A script and a module of it; the session that watched it."""
    (folder / "main.py").write_text(textwrap.dedent(text))
    (folder / "helper.py").write_text(HELPER)
    path = folder / "logs" / "main-1"
    info = SessionInfo(
        id=path.name,
        created="2025-01-01T12:00:00+00:00",
        graphprof_version="0",
        status="complete",
        phase="train",
        target="main.py",
        modes=(PROGRAM_RUN,),
        baseline=None,
        workload={"program": "main.py", "arguments": list(arguments)},
        options={"verb": "exec", "exit_code": 0, "cwd": str(folder), "kind": "script", "flags": []},
    )
    session.save(path / session.SESSION_FILE, info)
    return path


def change(file: Path, old: str, new: str, **more: Any) -> SourceTrial:
    before = file.read_text()
    assert before.count(old) == 1
    patch = patching.diff(before, before.replace(old, new), file.name)
    return SourceTrial(str(file), patch, patching.sha256(before.encode()), **more)


def tried(
    path: Path, trial: SourceTrial, budget_s: float = 30.0, stop: Stop | None = None
) -> Outcome:
    done = session.load(path)
    return source.run(Request(done, trial, None, budget_s, Silent(), stop or Stop()))


def test_a_quicker_program_is_measured_and_nothing_of_it_is_touched(tmp_path: Path) -> None:
    path = program(tmp_path)
    before = {file: file.read_text() for file in tmp_path.glob("*.py")}
    outcome = tried(path, change(tmp_path / "main.py", "sys.argv[1])", "sys.argv[1]) / 10"))
    assert outcome.problem is None
    assert outcome.parity == "passed"
    assert len(outcome.before_s) == len(outcome.after_s) >= 2
    assert min(outcome.before_s) >= 0.3
    assert outcome.measured is not None
    assert outcome.measured.low > 1.5
    assert {file: file.read_text() for file in tmp_path.glob("*.py")} == before


def test_a_module_is_changed_in_place_of_its_cached_file(tmp_path: Path) -> None:
    path = program(tmp_path, arguments=("0",))
    py_compile.compile(str(tmp_path / "helper.py"), doraise=True)
    outcome = tried(path, change(tmp_path / "helper.py", "0.5", "0.9"))
    assert outcome.parity == "failed"
    assert "33 %" in outcome.remarks[0]  # 0.9 and 0.5, printed with one figure behind the point


def test_the_source_that_python_shows_is_the_changed_one(tmp_path: Path) -> None:
    text = """
    import inspect
    def step():
        return 1.25
    print(inspect.getsource(step).count("1.25") * 1.5, step.__code__.co_filename, __file__)
    """
    path = program(tmp_path, text)
    outcome = tried(path, change(tmp_path / "main.py", "return 1.25", "x = 1\n    return x + 1.25"))
    assert outcome.parity == "passed", outcome


def test_what_a_change_alters_by_design_is_no_failure(tmp_path: Path) -> None:
    path = program(tmp_path, arguments=("0",))
    trial = change(tmp_path / "helper.py", "0.5", "0.9", alters="it draws other batches")
    outcome = tried(path, trial)
    assert outcome.parity == "unknown"
    assert "other batches" in outcome.remarks[0]


def test_a_change_that_breaks_the_program_fails_parity_and_says_how(tmp_path: Path) -> None:
    path = program(tmp_path, arguments=("0",))
    outcome = tried(path, change(tmp_path / "helper.py", "return 0.5", "raise KeyError('gone')"))
    assert outcome.parity == "failed"
    assert "KeyError" in outcome.remarks[0]


def test_a_program_that_no_longer_runs_is_a_problem_of_its_own(tmp_path: Path) -> None:
    path = program(tmp_path, "import sys\nx = 1\nsys.exit(0 if sys.stdin.read() else 3)\n")
    outcome = tried(path, change(tmp_path / "main.py", "x = 1", "x = 2"))
    assert outcome.problem is not None
    assert "ended with 3" in outcome.problem


def test_a_long_program_gets_one_pair_and_it_is_said(tmp_path: Path) -> None:
    path = program(tmp_path, arguments=("0.4",))
    trial = change(tmp_path / "main.py", "sys.argv[1])", "sys.argv[1]) / 10")
    outcome = tried(path, trial, budget_s=0.1)
    assert (len(outcome.before_s), len(outcome.after_s)) == (1, 1)
    assert outcome.measured is not None
    assert outcome.measured.high > 2 * outcome.measured.low
    assert "One pair" in " ".join(outcome.remarks)


def test_what_was_measured_before_a_wish_to_finish_is_kept(tmp_path: Path) -> None:
    path = program(tmp_path, arguments=("0",))
    stop = Stop()
    trial = change(tmp_path / "main.py", "import helper", "import helper as helper")

    class Impatient(Silent):
        def doing(self, mode: str | None, what: str) -> None:
            if what.startswith("run 3"):
                stop.request()

    request = Request(session.load(path), trial, None, 60.0, Impatient(), stop)
    outcome = source.run(request)
    assert outcome.interrupted
    assert len(outcome.before_s) >= 2


@pytest.mark.parametrize("missing", ["cwd", "file"])
def test_what_is_gone_is_said(tmp_path: Path, missing: str) -> None:
    path = program(tmp_path)
    trial = change(tmp_path / "helper.py", "0.5", "0.9")
    if missing == "file":
        (tmp_path / "helper.py").write_text("def loss(): return 0.7\n")
        expected = "changed since"
    else:
        info = json.loads((path / session.SESSION_FILE).read_text())
        info["options"]["cwd"] = str(tmp_path / "gone")
        (path / session.SESSION_FILE).write_text(json.dumps(info))
        expected = "folder"
    outcome = tried(path, trial)
    assert outcome.problem is not None
    assert expected in outcome.problem
