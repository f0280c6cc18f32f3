"""Finds what the user named: ``file.py:factory``, ``package.module:factory`` or a built-in."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import operator
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from graphprof.capture import blame
from graphprof.capture.workloads import builtin
from graphprof.errors import UsageError, WorkloadError

REPLAY = "replay:"
"""Before the folder of what a watched program ran (``graphprof.capture.replay``)."""


def find(target: str) -> Any:
    """What ``target`` names: usually a factory, not yet called.

    Raises:
        UsageError: the target cannot be understood, or names no file, factory or built-in.
        WorkloadError: its file or module fails to import.
    """
    if target.startswith(REPLAY):
        from graphprof.capture.replay import loading

        folder = Path(target[len(REPLAY) :])
        return lambda: loading.load(folder)
    place, colon, name = target.rpartition(":")
    # A lone drive letter is the colon of C:\models.py, not ours.
    if not colon or (len(place) == 1 and name.startswith(("\\", "/"))):
        return _builtin(target)
    if not place or not name:
        raise UsageError(
            f"Target {target!r} names no factory",
            "Write it as models.py:build or package.module:build",
        )
    module = _from_file(Path(place)) if _is_file_name(place) else _from_package(place)
    return attribute(module, name)


def attribute(module: ModuleType, name: str) -> Any:
    """``module.name``, dots allowed.

    Raises:
        UsageError: there is no such name.
    """
    try:
        return operator.attrgetter(name)(module)
    except AttributeError:
        names = [key for key in vars(module) if not key.startswith("_")]
        near = difflib.get_close_matches(name, names, n=1)
        raise UsageError(
            f"{module.__file__} has no {name!r}",
            f"Did you mean {near[0]!r}?"
            if near
            else f"It has: {', '.join(_factories(names, module))}",
        ) from None


def _factories(names: list[str], module: ModuleType) -> list[str]:
    """Names of what the module itself defines and could be called; never empty."""
    own = [
        name
        for name in names
        if callable(vars(module)[name])
        and getattr(vars(module)[name], "__module__", None) == module.__name__
    ]
    return own[:8] or ["nothing that could be called"]


def _is_file_name(place: str) -> bool:
    return place.endswith(".py") or "/" in place or "\\" in place


def _builtin(target: str) -> Any:
    if _is_file_name(target):
        if not Path(target).exists():
            raise UsageError(
                f"{target} does not exist", "Write models.py:build for a file of yours"
            )
        raise UsageError(
            f"Target {target!r} names a file but no factory in it",
            f"Write {target}:{_first_factory(Path(target)) or 'build'}",
        )
    return builtin.find(target)


def _first_factory(path: Path) -> str | None:
    """Name of a function in a file that looks like a factory, found without running the file."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    likely = [name for name in names if "model" in name or "build" in name]
    return next(iter(likely + [name for name in names if name != "main"]), None)


def _from_file(path: Path) -> ModuleType:
    """Run a file as a module of its own name space, so that its ``__main__`` part stays asleep."""
    if not path.is_file():
        raise UsageError(
            f"{path} does not exist" if not path.exists() else f"{path} is no file",
            "Name an existing Python file, as models.py:build",
        )
    path = path.resolve()
    # The prefix keeps a user's `random.py` from replacing the module that others import.
    name = f"graphprof_target_{path.stem}"
    if name in sys.modules and sys.modules[name].__file__ == str(path):
        return sys.modules[name]
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise WorkloadError(f"{path} is not a Python file", "Name a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise blame.blame(error, f"Importing {path.name}", _import_cure(error)) from error
    return module


def _from_package(name: str) -> ModuleType:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise blame.blame(error, f"Importing {name}", _import_cure(error)) from error


def _import_cure(error: BaseException) -> str | None:
    if isinstance(error, ModuleNotFoundError):
        return f"Install {error.name!r} in this environment, or correct the name"
    if isinstance(error, SystemExit):
        return 'Move what runs at import under `if __name__ == "__main__":`'
    return None
