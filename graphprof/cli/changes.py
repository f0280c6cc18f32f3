"""Changes of a program's source that come from the user, or go to the user as files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from graphprof.errors import SessionError, UsageError

if TYPE_CHECKING:
    from graphprof.analysis.findings.base import Finding
    from graphprof.session import Session
    from graphprof.trials import SourceTrial


OWN_CHANGE = "own_change"
"""What stands for a cause where the user tries a change that no finding asked for."""


def script_of(done: Session) -> Path:
    """The script of a watched program.

    Raises:
        UsageError: the session is none, or was started with ``-m``.
    """
    options = done.info.options
    if options.get("verb") != "exec" or options.get("kind", "script") != "script":
        raise UsageError(
            f"{done.path.name} is not the session of a script",
            "Use --with and --patch on sessions of `graphprof exec SCRIPT`",
        )
    return Path(str(options.get("cwd", "."))) / done.info.target


def with_copy(done: Session, copy: Path) -> SourceTrial:
    """The script's text replaced by that of the user's own copy.

    Raises:
        UsageError: the two are the same, or the copy is no Python.
        SessionError: a file cannot be read.
    """
    script = script_of(done)
    before, after = _text(script), _text(copy)
    return _trial(script, before, after, f"the user's own {copy.name}")


def with_patch(done: Session, patch: Path) -> SourceTrial:
    """The script with the user's own patch of it.

    Raises:
        UsageError: it does not fit the script, or changes other files too.
        SessionError: a file cannot be read.
    """
    from graphprof.analysis.trials import patching

    script, text = script_of(done), _text(patch)
    if text.count("\n@@ ") and sum(line.startswith("+++ ") for line in text.split("\n")) > 1:
        raise UsageError(f"{patch} changes several files", "Give a patch of the script alone")
    before = _text(script)
    try:
        after = patching.apply(before, text)
    except ValueError as error:
        raise UsageError(
            f"{patch} does not fit {script}: {error}", "Make it with `diff -u` or `git diff`"
        ) from error
    return _trial(script, before, after, f"the user's own {patch.name}")


def _trial(script: Path, before: str, after: str, does: str) -> SourceTrial:
    from graphprof.analysis.trials import patching
    from graphprof.trials import SourceTrial

    if before == after:
        raise UsageError(f"It changes nothing in {script}", "Give the changed script")
    try:
        compile(after, str(script), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"The changed script is no Python: {error}", "Correct it") from error
    file = os.path.abspath(script)
    patch = patching.diff(before, after, file.lstrip("/"))
    return SourceTrial(file, patch, patching.sha256(before.encode()), does)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise SessionError(f"Cannot read {path}: {error}", "Check the file") from error


def answering(finding: Finding | None, own: SourceTrial) -> Finding:
    """The finding that the user's own change answers, or a stand-in that promises nothing."""
    from graphprof import trials
    from graphprof.analysis.findings.base import Finding as Record
    from graphprof.analysis.findings.base import Gain

    if finding is not None:
        return replace(finding, trial=own)
    return Record(
        cause=OWN_CHANGE,
        severity="minor",
        sentence="A change of the user's own",
        location=None,
        evidence=(),
        expected_gain=Gain(1.0, 1.0, 1.0),
        confidence=1.0,
        change=own.does,
        refuted_by="",
        key=trials.key(OWN_CHANGE, own.patch),
        trial=own,
    )


def write_patches(done: Session, findings: Sequence[Finding], folder: Path) -> list[Path]:
    """Write the change of each finding as a patch, for ``git apply`` or ``patch -p1`` in the folder
    that the program ran in.

    Args:
        done: the session.
        findings: all of its findings, in the order of the report.
        folder: where to.

    Raises:
        StorageError: it cannot be written to.
    """
    from graphprof.session import write_atomically
    from graphprof.trials import SourceTrial

    cwd = str(done.info.options.get("cwd", "/"))
    written = []
    for number, finding in enumerate(findings, start=1):
        trial = finding.trial
        if isinstance(trial, SourceTrial):
            path = folder / f"{number}-{finding.cause}.patch"
            write_atomically(path, _relative(trial, cwd).encode())
            written.append(path)
    return written


def _relative(trial: SourceTrial, cwd: str) -> str:
    """The patch with the file named as seen from ``cwd``."""
    name = os.path.relpath(trial.file, cwd)
    if name.startswith(os.pardir):
        name = trial.file.lstrip("/")  # to be applied from the root
    body = "\n".join(trial.patch.split("\n")[2:])
    return f"--- a/{name}\n+++ b/{name}\n{body}"
