"""The source files of a program: what they were when it ran, and other texts in their place."""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.machinery
import linecache
import os
import sys
from collections.abc import Mapping, Sequence
from types import CodeType, ModuleType
from typing import Any

from graphprof.capture.instrument.sites import is_user_file
from graphprof.capture.launching import read_file


def hashes(began_s: float) -> dict[str, str | None]:
    """SHA-256 of the user's files that are loaded now, by path.

    Args:
        began_s: when the program was started, seconds since the epoch. A file that was written to
            since then need not be what was loaded: its hash is None.
    """
    found: dict[str, str | None] = {}
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or not path.endswith(".py") or not is_user_file(path):
            continue
        try:
            data = read_file(path)
            changed = os.stat(path).st_mtime > began_s
        except OSError:
            continue  # it is gone: nothing can be said of it
        found[path] = None if changed else hashlib.sha256(data).hexdigest()
    return found


class Overlay(importlib.abc.MetaPathFinder):
    """Serves other texts in place of the user's files, which stay as they are.

    Args:
        texts: path of a file -> the text to run in its place.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = {os.path.realpath(path): text for path, text in texts.items()}
        self._searching = False

    def install(self) -> None:
        """From now on, imports and readers of source lines are served from here."""
        sys.meta_path.insert(0, self)
        from_disk = linecache.updatecache

        def updatecache(filename: str, module_globals: dict[str, Any] | None = None) -> list[str]:
            # AutoGraph has the lines of a function read again before it converts it.
            text = self.texts.get(os.path.realpath(filename))
            return from_disk(filename, module_globals) if text is None else _show(filename, text)

        linecache.updatecache = updatecache

    def read(self, path: str) -> bytes:
        """The bytes of ``path``, or of the text in its place."""
        text = self.texts.get(os.path.realpath(path))
        if text is None:
            return read_file(path)
        _show(path, text)
        return text.encode()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a module whose file is replaced; None leaves it to the other finders."""
        if self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        finally:
            self._searching = False
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            return None
        if os.path.realpath(str(spec.origin)) not in self.texts:
            return None
        spec.loader = _Loader(self, spec.loader.name, spec.loader.path)
        return spec


def _show(path: str, text: str) -> list[str]:
    """Let ``linecache`` give the lines of ``text``; without a time, it does not compare the file."""
    lines = text.splitlines(keepends=True)
    linecache.cache[path] = (len(text), None, lines, path)
    return lines


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, overlay: Overlay, name: str, path: str) -> None:
        super().__init__(name, path)
        self._overlay = overlay

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        """Compile the text itself: a cached file is that of the text on disk."""
        return compile(self._overlay.read(self.path), self.path, "exec", dont_inherit=True)
