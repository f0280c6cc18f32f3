"""Running a program as Python would: what ``graphprof exec`` and the runs of a trial share.

The program sees what it would see if Python had started it: ``sys.argv``, ``sys.path[0]``,
``__main__``, its own streams and exit code, tracebacks without frames of graphprof.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib.machinery
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path

Read = Callable[[str], bytes]
"""Path of a source file -> its bytes."""

_OURS = os.path.realpath(os.path.join(os.path.dirname(__file__), "..")) + os.sep


def read_file(path: str) -> bytes:
    """The bytes of the file at ``path``."""
    with open(path, "rb") as file:
        return file.read()


def load_script(
    target: str, args: list[str], read: Read = read_file
) -> tuple[types.CodeType, types.ModuleType]:
    """The code of a script file (or of a folder or zip file with a ``__main__.py``)."""
    sys.argv = [target, *args]
    path = Path(target)
    if path.is_dir() or path.suffix == ".zip":
        sys.path[0] = target
        return _code_of("__main__", target, True, read)
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(os.path.realpath(target))
    absolute = os.path.abspath(target)  # as Python does for its main script
    code = compile(read(absolute), absolute, "exec", dont_inherit=True)
    module = types.ModuleType("__main__")
    module.__file__ = absolute
    module.__builtins__ = builtins  # type: ignore[attr-defined]
    module.__loader__ = importlib.machinery.SourceFileLoader("__main__", absolute)
    return code, module


def load_module(
    target: str, args: list[str], read: Read = read_file
) -> tuple[types.CodeType, types.ModuleType]:
    """The code of a module, as ``python -m`` finds it."""
    sys.argv = [target, *args]
    return _code_of(target, target, False, read)


def _code_of(
    name: str, target: str, main_of: bool, read: Read
) -> tuple[types.CodeType, types.ModuleType]:
    import importlib.util

    spec = (
        importlib.util.find_spec(name)
        if not main_of
        else importlib.machinery.PathFinder.find_spec(name, [target])
    )
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{name}.__main__")
    loader = None if spec is None else spec.loader
    if spec is None or not isinstance(loader, importlib.machinery.SourceFileLoader):
        print(f"{sys.executable}: No module named {target}", file=sys.stderr)
        sys.exit(1)
    origin = str(spec.origin)
    code = compile(read(origin), origin, "exec", dont_inherit=True)
    module = types.ModuleType("__main__")
    module.__file__ = spec.origin
    module.__package__ = spec.parent
    module.__spec__ = spec
    module.__loader__ = loader
    module.__builtins__ = builtins  # type: ignore[attr-defined]
    if not main_of:
        sys.argv[0] = str(spec.origin)
    return code, module


def exit_code(stop: SystemExit) -> int:
    """The code that Python would exit with."""
    if stop.code is None:
        return 0
    return stop.code if isinstance(stop.code, int) else 1


def report(error: BaseException) -> None:
    """Print the traceback as Python would, through the program's own ``sys.excepthook``."""
    clean = without_us(error)
    sys.excepthook(type(clean), clean, clean.__traceback__)


def without_us(error: BaseException) -> BaseException:
    """``error`` with graphprof's frames taken out of its tracebacks, and out of its causes'."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        with contextlib.suppress(AttributeError, TypeError):  # exceptions of odd classes
            one.__traceback__ = _stripped(one.__traceback__)
        waiting += [one.__cause__, one.__context__]
    return error


def _stripped(traceback: types.TracebackType | None) -> types.TracebackType | None:
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    result = None
    for one in reversed(frames):
        filename = one.tb_frame.f_code.co_filename
        if not os.path.realpath(filename).startswith(_OURS):
            result = types.TracebackType(result, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return result
