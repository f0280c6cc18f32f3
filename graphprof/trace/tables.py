"""Large traces, decoded once and kept: columns on disk that open in milliseconds.

Reading and preparing ten million events takes seconds; mapping their columns into memory does not.
What ``load`` makes of a trace is kept in the user's cache folder (never in the log directory), one
folder a trace, keyed by the file's path, size and time and by the code that made the columns. The
folders used last are kept up to ``LIMIT_BYTES``. A cache that cannot be written, or read, costs
time and nothing else.

Safe with several processes: a folder is made under another name and renamed, so it is there as a
whole or not at all; one that is removed stays readable for whoever has mapped it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path

import numpy as np
import platformdirs

from graphprof.errors import TraceError
from graphprof.trace import classify, devices, lod, nesting, stored, xspace
from graphprof.trace.stored import LoadedTrace

__all__ = ["LIMIT_BYTES", "WORTH_BYTES", "LoadedTrace", "load"]

LIMIT_BYTES = 4 << 30
"""Disk space that the cache may take."""

WORTH_BYTES = 1 << 20
"""A smaller trace file is read again in less time than a copy is worth."""

_log = logging.getLogger(__name__)
_UNFINISHED = ".tmp-"


def load(path: str | os.PathLike[str], stats: Collection[str] = ()) -> LoadedTrace:
    """Read a trace and prepare it for display, from the cache where it has been before.

    Args:
        path: the ``*.xplane.pb`` file.
        stats: names of the event stats that the trace is to hold.

    Raises:
        TraceError: it cannot be read, or holds no events of the host.
    """
    folder = _folder_of(Path(path))
    if folder is None:
        return _prepare(path, {*stats, *classify.STATS}).narrowed(stats)
    found = _open(folder, stats)
    if found is None:
        found = _prepare(path, None)
        _keep(folder, found)
    return found.narrowed(stats)


def _prepare(path: str | os.PathLike[str], stats: Collection[str] | None) -> LoadedTrace:
    trace = xspace.read(path, stats)
    host = trace.host
    if host is None or not len(host):
        raise TraceError(
            f"{path} holds no events of the host",
            "Record it again; the profiler was stopped before anything ran",
        )
    nested = nesting.nest(host)
    kinds = classify.kinds(host, nested)
    found = devices.of(trace)
    if found:
        trace = devices.joined(trace)
        host = trace.host or host
        nested = nesting.nest(host)
        kinds = np.concatenate((kinds, devices.kinds(found)))
    return LoadedTrace(trace, nested, kinds, lod.build(host, nested, kinds))


def _root() -> Path:
    return Path(platformdirs.user_cache_dir("graphprof", appauthor=False)) / "traces"


def _folder_of(path: Path) -> Path | None:
    """Return where a trace is kept, or None where it is not worth it."""
    try:
        status = path.stat()
    except OSError:
        return None  # reading it says what is wrong
    if status.st_size < WORTH_BYTES:
        return None
    identity = f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\0{_code()}"
    return _root() / hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:32]


@cache
def _code() -> str:
    """Return a mark of the code that makes the columns: another version keeps its own."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _open(folder: Path, stats: Collection[str]) -> LoadedTrace | None:
    if not folder.is_dir():
        return None
    try:
        found = stored.read(folder, stats)
        os.utime(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        _log.warning("The kept copy of a trace, %s, is unreadable and made anew: %s", folder, error)
        _remove(folder)
        return None
    return found


def _keep(folder: Path, loaded: LoadedTrace) -> None:
    """Keep a prepared trace, if the cache can be written."""
    temporary = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
        stored.write(temporary, loaded)
        _make_room(folder.parent)
        # Another process may have been faster; its copy is as good.
        if not folder.exists():
            os.replace(temporary, folder)
    except OSError as error:
        _say_once(f"Traces are read anew each time, the cache {folder.parent} fails: {error}")
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)


@cache
def _say_once(text: str) -> None:
    _log.warning("%s", text)


def _make_room(root: Path) -> None:
    """Remove the copies that were used longest ago, down to the limit."""
    copies = sorted(filter(None, (_age_and_size(folder) for folder in root.iterdir())))
    total = sum(size for _, size, _ in copies)
    # The newest is the one that is being written.
    for _, size, folder in copies[:-1]:
        if total > LIMIT_BYTES:
            _remove(folder)
            total -= size


def _age_and_size(folder: Path) -> tuple[float, int, Path] | None:
    try:
        size = sum(file.stat().st_size for file in folder.iterdir())
        return folder.stat().st_mtime, size, folder
    except OSError:
        return None  # removed meanwhile


def _remove(folder: Path) -> None:
    """Remove a copy; under another name first, so that nobody opens half of it."""
    try:
        doomed = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
        os.replace(folder, doomed / "copy")
        shutil.rmtree(doomed)
    except OSError as error:
        _say_once(f"A copy of a trace cannot be removed from {folder.parent}: {error}")
