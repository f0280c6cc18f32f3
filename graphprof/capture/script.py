"""``graphprof exec``, the child: an unmodified program, run under the watch.

``python -m graphprof.capture.script FOLDER WINDOW REPLAY? MODULE? TARGET ARGS...``. The program sees
what it would see if Python had started it: ``sys.argv``, ``sys.path[0]``, ``__main__``, its own
streams and exit code, tracebacks without frames of graphprof. The recording is written when the
program ends, however it ends.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from graphprof.capture import launching, sources
from graphprof.capture.instrument.install import install
from graphprof.capture.instrument.watch import Watch
from graphprof.capture.instrument.window import Windows
from graphprof.capture.replay import saving
from graphprof.errors import StorageError
from graphprof.session import write_atomically

WATCH_FILE = "watch.json"


class Recording:
    """Writes the watch's recording, once, in the process that was watched."""

    def __init__(self, watch: Watch, windows: Windows, folder: Path) -> None:
        self.watch = watch
        self.windows = windows
        self.path = folder / "plugins" / "graphprof" / WATCH_FILE
        self.pid = os.getpid()
        self.began_s = time.time()
        self.ended: dict[str, Any] | None = None
        self.written = False

    def program_ended(self, how: dict[str, Any]) -> None:
        """The main module has ended; what follows is interpreter shutdown."""
        if self.ended is None and os.getpid() == self.pid:
            self.ended = {**how, "at_s": self.watch.tree.now_s()}

    def save_replay(self) -> None:
        """Write down what could be run in other modes; never disturb how the program ends."""
        if not self.watch.replays.wanted or os.getpid() != self.pid:
            return
        self.windows.finish()
        try:
            self.watch.replay = saving.save(self.watch, self.path.parent / "replay")
        except Exception as error:  # odd states at the end of a program
            why = f"saving it failed with {type(error).__name__}: {error}"
            self.watch.replay = {"why_not": why, "cure": "Report this as a bug"}

    def write(self) -> None:
        """Close the windows and write the recording."""
        if self.written or os.getpid() != self.pid:
            return  # a forked child has nothing to say
        self.written = True
        self.windows.finish()
        record = self.watch.record()
        record["ended"] = self.ended
        record["environment"] = _environment()
        record["files"] = sources.hashes(self.began_s)
        try:
            write_atomically(self.path, json.dumps(record, default=str).encode())
        except StorageError as error:
            print(f"graphprof: {error}", file=sys.stderr)


def main(argv: list[str]) -> NoReturn:
    """Run the program named by ``argv`` and end as it ends."""
    folder, window, replay, as_module, target, *args = argv
    watch = Watch()
    watch.replays.wanted = replay == "replay"
    windows = Windows(watch, Path(folder), float(window))
    recording = Recording(watch, windows, Path(folder))
    install(watch, windows.start)
    atexit.register(recording.write)
    _keep_on_hard_exit(recording)
    run_module = as_module == "module"
    try:
        code, module = (launching.load_module if run_module else launching.load_script)(
            target, args
        )
        sys.modules["__main__"] = module
        exec(code, module.__dict__)
    except SystemExit as stop:
        code_of_exit = launching.exit_code(stop)
        recording.program_ended({"how": "exit", "code": code_of_exit})
        if code_of_exit == 0:
            recording.save_replay()
        raise
    except KeyboardInterrupt as stop:
        recording.program_ended({"how": "interrupted", "code": 130})
        raise launching.without_us(stop) from None
    except BaseException as error:
        recording.program_ended({"how": "raised", "code": 1, "error": type(error).__name__})
        launching.report(error)
        sys.exit(1)
    recording.program_ended({"how": "end", "code": 0})
    recording.save_replay()
    sys.exit(0)


def _keep_on_hard_exit(recording: Recording) -> None:
    """``os._exit`` runs no exit handlers: write before it."""
    leave = os._exit

    def _exit(status: int) -> NoReturn:
        recording.program_ended({"how": "exit", "code": status})
        recording.write()
        leave(status)

    os._exit = _exit


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
