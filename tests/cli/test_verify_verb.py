"""``graphprof verify``: what can be tried is tried, what cannot is said, and verdicts are kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import recorded_programs
from click.testing import CliRunner, Result
from recorded_programs import span

from graphprof import session as sessions
from graphprof import trials
from graphprof.cli import verify
from graphprof.errors import UsageError
from graphprof.session import SESSION_FILE

SCRIPT = """import time
class model:
    def compile(**options):
        time.sleep(0.4 if options.get("run_eagerly") else 0.02)
model.compile(loss="mse", run_eagerly=True)
print("loss 0.25")
"""
LINE = 5


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """The session of a script whose steps ran eagerly; it imports no TensorFlow, to be quick."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    site = [str(script), LINE]
    step = span("step", "train_step", 7.0, 100, ops={"MatMul": [40_000, 6.0]})
    path = recorded_programs.session(
        tmp_path / "logs",
        span("import", "tensorflow", 1.0, at=0.0),
        span("keras", "fit", 8.0, 1, site=site, children=[step]),
        imports_end_s=1.0,
        compiles=[{"site": site, "model": 0, "run_eagerly": True}],
        keras_calls=[{"method": "fit", "site": site, "run_eagerly": True, "steps": 100}],
        files={str(script): hashlib.sha256(script.read_bytes()).hexdigest()},
    )
    info: dict[str, Any] = json.loads((path / SESSION_FILE).read_text())
    info["options"] |= {"cwd": str(tmp_path), "kind": "script", "flags": []}
    (path / SESSION_FILE).write_text(json.dumps(info))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(
        verify.command, [str(one) for one in arguments], standalone_mode=False
    )


def test_a_change_is_tried_confirmed_and_kept(session: Path) -> None:
    result = run(session, "-q")
    assert result.exception is None
    assert "confirmed" in result.output
    kept = trials.load(session)
    assert [one.verdict for one in kept] == ["confirmed"]
    assert kept[0].parity == "passed"
    (found,) = verify.findings_of(sessions.load(session))
    assert found.verified == kept[0]
    assert found.change.endswith(
        '-model.compile(loss="mse", run_eagerly=True)\n+model.compile(loss="mse")'
    )


def test_json_is_all_there_is_on_stdout(session: Path) -> None:
    result = run(session, "--json", "-q", "--finding", "1", "--budget", "0.1s")
    (tried,) = json.loads(result.stdout)["tried"]
    assert tried["cause"] == "run_eagerly_left_on"
    assert tried["trial"]["kind"] == "source"


def test_a_finding_that_is_not_there_is_a_usage_error(session: Path) -> None:
    assert isinstance(run(session, "--finding", "7").exception, UsageError)


def test_the_users_own_copy_is_measured(session: Path, tmp_path: Path) -> None:
    copy = tmp_path / "fixed.py"
    copy.write_text(SCRIPT.replace("0.4", "0.01"))
    result = run(session, "-q", "--with", copy)
    assert result.exception is None, result.output
    (tried,) = trials.load(session)
    assert (tried.cause, tried.predicted, tried.verdict) == ("own_change", None, "confirmed")
    copy.write_text(SCRIPT.replace("0.25", "0.75"))
    run(session, "-q", "--with", copy, "--finding", "run_eagerly_left_on")
    tried = trials.load(session)[-1]
    assert (tried.cause, tried.parity, tried.verdict) == (
        "run_eagerly_left_on",
        "failed",
        "refuted",
    )


@pytest.mark.parametrize("text", [SCRIPT, "def broken(:\n"])
def test_a_copy_that_changes_nothing_or_is_no_python_is_refused(
    session: Path, tmp_path: Path, text: str
) -> None:
    copy = tmp_path / "fixed.py"
    copy.write_text(text)
    assert isinstance(run(session, "--with", copy).exception, UsageError)


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
def test_patches_are_written_that_patch_takes_and_verify_too(session: Path, tmp_path: Path) -> None:
    assert run(session, "--write-patch", tmp_path / "patches").exception is None
    (patch,) = (tmp_path / "patches").iterdir()
    assert patch.name == "1-run_eagerly_left_on.patch"
    assert (tmp_path / "train.py").read_text() == SCRIPT
    assert not trials.load(session)
    run(session, "-q", "--patch", patch, "--budget", "0.1s")
    assert trials.load(session)[0].cause == "own_change"
    with patch.open() as given:
        subprocess.run(["patch", "-p1"], cwd=tmp_path, stdin=given, check=True)
    assert "run_eagerly=True" not in (tmp_path / "train.py").read_text()


def test_what_cannot_be_tried_says_what_to_do_by_hand(session: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT + "# changed since\n")
    result = run(session)
    assert "by hand: Remove run_eagerly=True" in result.output
    assert "Nothing here can be tried" in result.output
    assert not trials.load(session)
