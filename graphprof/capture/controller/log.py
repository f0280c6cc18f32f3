"""What a worker prints: kept from filling the disk, and read for why its process died."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from graphprof.capture import blame

MOST_BYTES = 64 << 20
"""A worker that prints more loses what came before."""

# A dump of `faulthandler` with all threads and extension modules takes some of it.
_TAIL_BYTES = 1 << 16
_LINE_LENGTH = 200

# Lines that do not say why a process died: absl's log below FATAL, and what stands around the reason
# in a dump of `faulthandler`.
_SAYS_NOTHING = re.compile(
    r"[IWE]\d{4} |WARNING: All log messages before absl|Extension modules: |Thread 0x|Current thread"
    r'|File "|<no Python frame>|Binary file "|\.\.\.$'
)
_FRAME = re.compile(r'  File "(?P<file>.+)", line (?P<line>\d+) in (?P<name>.+)')


def keep_small(path: Path) -> None:
    """Empty a log that has grown beyond ``MOST_BYTES``; its writer appends, and so goes on."""
    with contextlib.suppress(OSError):  # not there, or not ours any more: nothing to keep small
        if path.stat().st_size > MOST_BYTES:
            os.truncate(path, 0)
            with path.open("a") as log:
                log.write(f"graphprof: more than {MOST_BYTES >> 20} MB before this are left out.\n")


def last_line(path: Path, start: int) -> str:
    """The last line after byte ``start`` that may say why the process died; empty if there is none."""
    told = (line.strip() for line in reversed(_tail(path, start)))
    return next(
        (line[:_LINE_LENGTH] for line in told if line and not _SAYS_NOTHING.match(line)), ""
    )


def last_place(path: Path, start: int) -> str | None:
    """``file:line in function`` of the user's code where a signal met the process, or None."""
    lines = iter(_tail(path, start))
    for line in lines:
        if line.startswith("Current thread") and "most recent call first" in line:
            return _first_of_the_user(lines)
    return None


def _first_of_the_user(lines: Iterable[str]) -> str | None:
    for line in lines:
        frame = _FRAME.fullmatch(line)
        if frame is None:
            return None
        if blame.is_users(frame["file"]):
            return f"{frame['file']}:{frame['line']} in {frame['name']}"
    return None


def _tail(path: Path, start: int) -> list[str]:
    try:
        with path.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            # It is shorter than where it began when `keep_small` has emptied it.
            log.seek(max(start if start <= end else 0, end - _TAIL_BYTES))
            return log.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
