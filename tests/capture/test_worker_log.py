"""What is read from the log of a worker that died, and how large it may become."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from graphprof.capture.controller import log

# As a worker dies: chatter, the program's own words, then a dump of `faulthandler`.
DYING = """
import faulthandler, os, signal, threading, time
faulthandler.enable()
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("WARNING: All log messages before absl::InitializeLog() is called are written to STDERR")
print("I0000 00:00:1 port.cc:153] oneDNN custom operations are on", flush=True)

def build():
    os.kill(os.getpid(), signal.SIGSEGV)

build()
"""


def died(tmp_path: Path, source: str) -> tuple[Path, Path]:
    program, printed = tmp_path / "model.py", tmp_path / "worker.log"
    program.write_text(textwrap.dedent(source))
    with printed.open("ab") as output:
        command = [sys.executable, str(program)]
        subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    return program, printed


def test_a_dump_gives_the_line_of_the_users_code(tmp_path: Path) -> None:
    program, printed = died(tmp_path, DYING)
    line = DYING.splitlines().index("    os.kill(os.getpid(), signal.SIGSEGV)") + 1

    assert log.last_place(printed, 0) == f"{program}:{line} in build"
    assert log.last_line(printed, 0) == "Fatal Python error: Segmentation fault"


def test_chatter_is_no_last_line(tmp_path: Path) -> None:
    _, printed = died(tmp_path, DYING.split("def build")[0])
    assert log.last_line(printed, 0) == ""
    assert log.last_place(printed, 0) is None


def test_only_what_this_process_printed_is_read(tmp_path: Path) -> None:
    printed = tmp_path / "worker.log"
    printed.write_text("of an earlier process\n")
    assert log.last_line(printed, printed.stat().st_size) == ""
    assert log.last_line(tmp_path / "none", 0) == ""


def test_a_log_without_end_is_emptied_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "MOST_BYTES", 1 << 20)
    printed = tmp_path / "worker.log"
    with printed.open("ab", buffering=0) as output:
        output.write(b"an earlier process\n")
        start = output.tell()
        log.keep_small(printed)
        assert printed.read_text() == "an earlier process\n"
        output.write(b"spam\n" * (1 << 18))
        log.keep_small(printed)
        output.write(b"the last words\n")

    assert printed.stat().st_size < 1000
    assert "more than 1 MB" in printed.read_text()
    assert log.last_line(printed, start) == "the last words"
