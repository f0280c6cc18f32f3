"""Which revision of the user's file was profiled."""

from __future__ import annotations

import subprocess
from pathlib import Path


def of_target(target: str) -> str | None:
    """Git revision of the file in ``file.py:factory``, with ``+changes`` when it was edited since.

    None for other targets, for a file outside a repository, and where there is no git.
    """
    file = Path(target.rpartition(":")[0])
    if file.suffix != ".py" or not file.is_file():
        return None
    folder = str(file.resolve().parent)
    revision = _git(folder, "rev-parse", "HEAD")
    if not revision:
        return None
    changed = _git(folder, "status", "--porcelain", "--", file.name)
    return f"{revision}+changes" if changed else revision


def _git(folder: str, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", folder, *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
