"""The recording is kept however a program ends, and it ends as it would have."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SLEEP = "import time; print('ready', flush=True); time.sleep(600)"
SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]


def watched(folder: Path, code: str, *arguments: str) -> list[str]:
    (folder / "program.py").write_text(code)
    verb = [sys.executable, "-m", "graphprof", "exec", "--logdir", str(folder / "logs")]
    return [*verb, "--json-file", str(folder / "out.json"), str(folder / "program.py"), *arguments]


def recording(folder: Path) -> dict[str, Any]:
    (path,) = (folder / "logs").glob("*/exec/plugins/graphprof/watch.json")
    return dict(json.loads(path.read_text()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_program_as_ever_and_the_recording_is_kept(
    number: signal.Signals, tmp_path: Path
) -> None:
    command = watched(tmp_path, SLEEP)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        process.communicate(timeout=100)
    assert process.returncode == -number
    assert recording(tmp_path)["ended"]["code"] == -number
    assert json.loads((tmp_path / "out.json").read_text())["session"]["status"] == "interrupted"


def test_a_handler_of_the_programs_own_is_obeyed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    done = subprocess.run(watched(tmp_path, code), capture_output=True, check=False)
    assert done.returncode == 5
    assert recording(tmp_path)["ended"]["how"] == "exit"


def test_being_killed_outright_is_told(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run(watched(tmp_path, code), capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert b"killed" in done.stderr


def test_becoming_another_program_keeps_what_was_seen(tmp_path: Path) -> None:
    code = "import os; os.execv('/bin/echo', ['echo', 'another'])"
    done = subprocess.run(watched(tmp_path, code), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"another\n")
    assert recording(tmp_path)["ended"]["how"] == "exec"
    assert b"replaced itself" in done.stderr.replace(b"\n", b" ")


def test_a_forked_child_writes_nothing_and_keeps_its_code(tmp_path: Path) -> None:
    code = (
        "import os\n"
        "pid = os.fork()\n"
        "if not pid:\n    os._exit(9)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    done = subprocess.run(watched(tmp_path, code), capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"9\n")
    assert recording(tmp_path)["ended"]["how"] == "end"


def test_options_of_this_python_reach_the_program(tmp_path: Path) -> None:
    code = "import sys; print(sys.flags.optimize, sys.stdout.write_through, 'a' in sys._xoptions)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}

    def said(*options: str) -> bytes:
        command = watched(tmp_path, code)
        command[1:1] = options
        done = subprocess.run(command, capture_output=True, check=False, env=environment)
        return done.stdout

    assert said("-O", "-u", "-X", "a=1") == b"1 True True\n"
    assert said() == b"0 False False\n"
