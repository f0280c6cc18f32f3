"""A few results kept for as long as the files they came from do not change."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
Fingerprint = tuple[tuple[str, int, int], ...]


def fingerprint(path: Path) -> Fingerprint:
    """What changes when a recording changes: name, size and time of the file, or of a folder's files.

    XProf writes caches beside the traces; they are not counted.
    """
    if path.is_dir():
        files = sorted(file for end in ("*.json", "*.xplane.pb") for file in path.rglob(end))
    else:
        files = [path]
    return tuple(_identity(file) for file in files)


def _identity(file: Path) -> tuple[str, int, int]:
    try:
        status = os.stat(file)
    except OSError:
        return str(file), -1, -1  # gone since it was listed
    return str(file), status.st_size, status.st_mtime_ns


class Cache(Generic[T]):
    """The ``limit`` results that were used last. Not for several threads at once: hold a lock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[Hashable, tuple[Fingerprint, T]] = OrderedDict()

    def get(self, key: Hashable, state: Fingerprint, make: Callable[[], T]) -> T:
        """The result for ``key`` in this ``state``, made where it is not at hand."""
        kept = self._kept.pop(key, None)
        if kept is None or kept[0] != state:
            kept = (state, make())
        self._kept[key] = kept
        while len(self._kept) > self._limit:
            self._kept.popitem(last=False)
        return kept[1]
