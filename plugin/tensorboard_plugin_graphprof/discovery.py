"""Which sessions there are below the log directory.

TensorBoard's own lists know only folders with event files, so the folders are walked here. The walk
runs in the background and its result is kept: TensorBoard asks every plugin whether it is active
each time that a page is opened, and waits for the answer.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from graphprof import session as sessions

logger = logging.getLogger(__name__)

# The first page waits this long for the first walk; a log directory that takes longer shows up on
# the next one.
FIRST_WALK_S = 1.0
STALE_S = 5.0

_NAMED_FOLDER = re.compile(r"([^:/\\]+):(?!//)(.+)")


class Context(Protocol):
    """The part of ``tensorboard.plugins.base_plugin.TBContext`` that says where the logs are."""

    logdir: str | None
    flags: object | None


def roots(context: Context) -> dict[str, Path]:
    """Log directories by name: one without a name, or those of ``--logdir_spec``.

    Remote log directories are left out with a logged reason.
    """
    spec = getattr(context.flags, "logdir_spec", None) or ""
    named = _named_folders(spec) if not context.logdir else {"": context.logdir}
    found = {}
    for name, folder in named.items():
        if "://" in folder and not folder.startswith("file://"):
            logger.warning("GRAPHPROF reads local log directories only, not %s.", folder)
            continue
        found[name] = Path(folder.removeprefix("file://")).expanduser()
    return found


def _named_folders(spec: str) -> dict[str, str]:
    """``a:/x,b:/y`` -> {"a": "/x", "b": "/y"}; a folder without a name is called by its number."""
    named = {}
    for number, part in enumerate(filter(None, (text.strip() for text in spec.split(",")))):
        match = _NAMED_FOLDER.fullmatch(part)
        named[match.group(1) if match else f"log{number}"] = match.group(2) if match else part
    return named


class Discovery:
    """The sessions below some log directories: id -> folder.

    An id is the folder's path below its log directory (``.`` for the directory itself), with the
    directory's name in front where there are several. It is only ever looked up, never opened.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = dict(folders)
        self._found: dict[str, Path] = {}
        self._walked_at = float("-inf")
        self._first_walk = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """The log directories that are searched."""
        return tuple(self._folders.values())

    def start(self) -> None:
        """Walk in the background, unless a walk is under way or was done a moment ago."""
        with self._lock:
            running = self._thread is not None and self._thread.is_alive()
            if running or time.monotonic() - self._walked_at < STALE_S:
                return
            self._thread = threading.Thread(
                target=self.refresh, name="graphprof-discovery", daemon=True
            )
            self._thread.start()

    def any(self) -> bool:
        """Whether there are sessions, as far as is known without a long wait."""
        self.start()
        self._first_walk.wait(FIRST_WALK_S)
        return bool(self._found)

    def refresh(self) -> dict[str, Path]:
        """Walk now and return all sessions."""
        found: dict[str, Path] = {}
        try:
            for name, folder in self._folders.items():
                for path in sessions.find(folder):
                    if _inside(path, folder):
                        found[_id(name, path, folder)] = path
            self._found = found
        finally:
            self._walked_at = time.monotonic()
            self._first_walk.set()
        return found

    def path(self, session_id: str) -> Path | None:
        """The folder of a session that was found, or None."""
        found = self._found.get(session_id)
        return found if found is not None else self.refresh().get(session_id)


def _id(name: str, path: Path, folder: Path) -> str:
    below = path.relative_to(folder).as_posix()
    # A folder name need not be text at all; an id travels in addresses and JSON, so it must be.
    below = os.fsencode(below).decode("utf-8", "replace")
    return f"{name}/{below}" if name else below


def _inside(path: Path, folder: Path) -> bool:
    """A session file that is a link must not lead out of the log directory."""
    root = os.path.realpath(folder)
    return os.path.realpath(path / sessions.SESSION_FILE).startswith(root.rstrip(os.sep) + os.sep)
