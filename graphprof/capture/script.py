"""``graphprof exec``, the child: an unmodified program, run under the watch.

``python -m graphprof.capture.script FOLDER WINDOW MODULE? TARGET ARGS...``. The program sees what it
would see if Python had started it: ``sys.argv``, ``sys.path[0]``, ``__main__``, its own streams and
exit code, tracebacks without frames of graphprof. The recording is written when the program ends,
however it ends.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import importlib.machinery
import json
import os
import sys
import types
from pathlib import Path
from typing import Any, NoReturn

from graphprof.capture.instrument.install import install
from graphprof.capture.instrument.watch import Watch
from graphprof.capture.instrument.window import Windows
from graphprof.errors import StorageError
from graphprof.session import write_atomically

WATCH_FILE = "watch.json"
_OURS = os.path.realpath(os.path.join(os.path.dirname(__file__), "..")) + os.sep


class Recording:
    """Writes the watch's recording, once, in the process that was watched."""

    def __init__(self, watch: Watch, windows: Windows, folder: Path) -> None:
        self.watch = watch
        self.windows = windows
        self.path = folder / "plugins" / "graphprof" / WATCH_FILE
        self.pid = os.getpid()
        self.ended: dict[str, Any] | None = None
        self.written = False

    def program_ended(self, how: dict[str, Any]) -> None:
        """The main module has ended; what follows is interpreter shutdown."""
        if self.ended is None and os.getpid() == self.pid:
            self.ended = {**how, "at_s": self.watch.tree.now_s()}

    def write(self) -> None:
        """Close the windows and write the recording."""
        if self.written or os.getpid() != self.pid:
            return  # a forked child has nothing to say
        self.written = True
        self.windows.finish()
        record = self.watch.record()
        record["ended"] = self.ended
        record["environment"] = _environment()
        try:
            write_atomically(self.path, json.dumps(record, default=str).encode())
        except StorageError as error:
            print(f"graphprof: {error}", file=sys.stderr)


def main(argv: list[str]) -> NoReturn:
    """Run the program named by ``argv`` and end as it ends."""
    folder, window, as_module, target, *args = argv
    watch = Watch()
    windows = Windows(watch, Path(folder), float(window))
    recording = Recording(watch, windows, Path(folder))
    install(watch, windows.start)
    atexit.register(recording.write)
    _keep_on_hard_exit(recording)
    run_module = as_module == "module"
    try:
        code, module = (_load_module if run_module else _load_script)(target, args)
        sys.modules["__main__"] = module
        exec(code, module.__dict__)
    except SystemExit as stop:
        recording.program_ended({"how": "exit", "code": _code(stop)})
        raise
    except KeyboardInterrupt as stop:
        recording.program_ended({"how": "interrupted", "code": 130})
        raise _without_us(stop) from None
    except BaseException as error:
        recording.program_ended({"how": "raised", "code": 1, "error": type(error).__name__})
        _report(error)
        sys.exit(1)
    recording.program_ended({"how": "end", "code": 0})
    sys.exit(0)


def _load_script(target: str, args: list[str]) -> tuple[types.CodeType, types.ModuleType]:
    """The code of a script file (or of a folder or zip file with a ``__main__.py``)."""
    sys.argv = [target, *args]
    path = Path(target)
    if path.is_dir() or path.suffix == ".zip":
        sys.path[0] = target
        return _code_of("__main__", target, main_of=True)
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(os.path.realpath(target))
    absolute = os.path.abspath(target)  # as Python does for its main script
    with open(target, "rb") as file:
        code = compile(file.read(), absolute, "exec", dont_inherit=True)
    module = types.ModuleType("__main__")
    module.__file__ = absolute
    module.__builtins__ = builtins  # type: ignore[attr-defined]
    module.__loader__ = importlib.machinery.SourceFileLoader("__main__", absolute)
    return code, module


def _load_module(target: str, args: list[str]) -> tuple[types.CodeType, types.ModuleType]:
    """The code of a module, as ``python -m`` finds it."""
    sys.argv = [target, *args]
    return _code_of(target, target, main_of=False)


def _code_of(name: str, target: str, main_of: bool) -> tuple[types.CodeType, types.ModuleType]:
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
    code = loader.get_code(spec.name)
    assert isinstance(code, types.CodeType)
    module = types.ModuleType("__main__")
    module.__file__ = spec.origin
    module.__package__ = spec.parent
    module.__spec__ = spec
    module.__loader__ = loader
    module.__builtins__ = builtins  # type: ignore[attr-defined]
    if not main_of:
        sys.argv[0] = str(spec.origin)
    return code, module


def _keep_on_hard_exit(recording: Recording) -> None:
    """``os._exit`` runs no exit handlers: write before it."""
    leave = os._exit

    def _exit(status: int) -> NoReturn:
        recording.program_ended({"how": "exit", "code": status})
        recording.write()
        leave(status)

    os._exit = _exit


def _code(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    return stop.code if isinstance(stop.code, int) else 1


def _report(error: BaseException) -> None:
    """Print the traceback as Python would, through the program's own ``sys.excepthook``."""
    clean = _without_us(error)
    sys.excepthook(type(clean), clean, clean.__traceback__)


def _without_us(error: BaseException) -> BaseException:
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


def _environment() -> dict[str, Any]:
    found: dict[str, Any] = {
        "python": sys.version.split()[0],
        "platform": sys.platform,
        "cpus": os.cpu_count(),
    }
    for name in ("tensorflow", "keras", "numpy"):
        module = sys.modules.get(name)
        if module is not None:
            found[name] = getattr(module, "__version__", None)
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None:
        devices = tensorflow.config.list_logical_devices()
        found["devices"] = [device.name for device in devices]
        found["floatx"] = getattr(
            getattr(sys.modules.get("keras"), "config", None), "floatx", str
        )()
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
