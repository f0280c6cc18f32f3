"""Unified diffs of one file: made from two texts, and applied again.

The diffs name the file relative to a folder, as ``git apply`` and ``patch -p1`` expect.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import re
from pathlib import Path

from graphprof.errors import SessionError
from graphprof.trials import SourceTrial

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_NO_NEWLINE = "\\ No newline at end of file"


def sha256(data: bytes) -> str:
    """The hash that a ``SourceTrial`` knows its file by."""
    return hashlib.sha256(data).hexdigest()


def lines_of(text: str) -> list[str]:
    """The lines with their ends; a form feed or the like ends no line of a source file."""
    return list(io.StringIO(text, newline="\n"))


def diff(before: str, after: str, name: str) -> str:
    """Unified diff between two texts of the file ``name``."""
    lines = difflib.unified_diff(
        lines_of(before),
        lines_of(after),
        f"a/{name}",
        f"b/{name}",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}\n" for line in lines)


def short(patch: str, most: int = 12) -> str:
    """Only the lines of a diff that go and come, for people; ``...`` where there are more."""
    lines = [
        line
        for line in patch.split("\n")
        if line.startswith(("+", "-")) and not line.startswith(("+++ ", "--- "))
    ]
    return "\n".join([*lines[:most], *(["..."] if len(lines) > most else [])])


def apply(text: str, patch: str) -> str:
    """``text`` with a ``diff`` applied, exactly where it says.

    Raises:
        ValueError: the text is not the one that the diff was made from.
    """
    old = lines_of(text)
    result: list[str] = []
    at = 0
    for start, lines in _hunks(patch):
        if start < at:
            raise ValueError("the parts of the diff overlap")
        result += old[at:start]
        at = start
        for kind, line in lines:
            if kind in " -":
                if at >= len(old) or old[at] != line:
                    raise ValueError(f"line {at + 1} is not what the diff expects")
                at += 1
            if kind in " +":
                result.append(line)
    return "".join(result + old[at:])


def _hunks(patch: str) -> list[tuple[int, list[tuple[str, str]]]]:
    """Index of the first line of each part -> its lines, as (kind, text with line end)."""
    found: list[tuple[int, list[tuple[str, str]]]] = []
    for raw in patch.split("\n"):
        head = _HUNK.match(raw)
        if head is not None:
            empty = head[2] == "0"  # nothing goes: the number is that of the line before
            found.append((int(head[1]) - (0 if empty else 1), []))
        elif raw == _NO_NEWLINE and found:
            kind, line = found[-1][1].pop()
            found[-1][1].append((kind, line.removesuffix("\n")))
        elif found and raw[:1] in (" ", "-", "+") and raw:
            found[-1][1].append((raw[0], raw[1:] + "\n"))
    return found


def patched(trial: SourceTrial) -> str:
    """The text of the trial's file with its patch.

    Raises:
        SessionError: the file is gone, or is not the one that the patch was made from.
    """
    try:
        data = Path(trial.file).read_bytes()
    except OSError as error:
        raise SessionError(
            f"Cannot read {trial.file}: {error.strerror or error}", "Record the program again"
        ) from error
    if sha256(data) != trial.sha256:
        raise SessionError(
            f"{trial.file} has changed since the program was watched", "Record the program again"
        )
    try:
        return apply(data.decode(), trial.patch)
    except ValueError as error:
        raise SessionError(
            f"The patch does not fit {trial.file}: {error}", "Record the program again"
        ) from error
