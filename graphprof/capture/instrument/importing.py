"""Run something as soon as a package has been imported, before its importer goes on."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType


class AfterImport(importlib.abc.MetaPathFinder):
    """A finder in front of all others that lets them find, and adds a call after the loading.

    Args:
        actions: package name -> what to call when its import has ended.
        around: called with the package's name when its import begins; returns what to call when it
            has ended.
    """

    def __init__(
        self,
        actions: dict[str, Callable[[], None]],
        around: Callable[[str], Callable[[], None]],
    ) -> None:
        self.actions = actions
        self.around = around
        self._seen: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """Find as the other finders do; wrap the loader of a watched package."""
        if fullname not in self.actions or fullname in self._seen:
            return None
        self._seen.add(fullname)
        spec = None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                break
        if spec is None or spec.loader is None:
            return spec
        loader = spec.loader
        load = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            # Put the loader back first: code that looks at module.__spec__ must find the usual one.
            del loader.exec_module
            end = self.around(fullname)
            try:
                load(module)
            finally:
                end()
            self.actions[fullname]()

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
