"""The streams that the command line writes to: they may be closed, full, or of few characters."""

from __future__ import annotations

import io
import os
import sys


def be_lenient() -> None:
    """Let characters that a stream's encoding has not come out as ``?`` instead of ending us."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def flush() -> None:
    """Write what standard output holds; there is none when it was closed before we began."""
    if sys.stdout is not None:
        sys.stdout.flush()


def give_up() -> None:
    """Send what Python writes to standard output at exit nowhere: there it would fail again."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
