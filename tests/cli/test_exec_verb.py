"""``graphprof exec`` leaves a program as it is, also where its own report cannot be shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
print(sys.argv[1:], sys.stdin.read(), flush=True)
sys.stdout.buffer.write(b"\\xff\\x00")
raise SystemExit(int(sys.argv[1]))
"""


def command(folder: Path, *arguments: str) -> list[str]:
    (folder / "program.py").write_text(PROGRAM)
    verb = [sys.executable, "-m", "graphprof", "exec", "--logdir", str(folder / "logs")]
    return [*verb, str(folder / "program.py"), *arguments]


def test_arguments_streams_and_exit_code_are_the_programs(tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path, "3", "--logdir", "-h"), input=b"typed", capture_output=True, check=False
    )
    assert done.returncode == 3
    said = done.stdout.replace(b"\r\n", b"\n")
    assert said == b"['3', '--logdir', '-h'] typed\n\xff\x00"
    assert b"program.py ended with 3" in done.stderr.replace(b"\n", b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_report_that_cannot_be_shown_leaves_the_exit_code(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command(tmp_path, "7"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=full,
            check=False,
        )
    assert done.returncode == 7
    assert list((tmp_path / "logs").glob("*/session.json"))
